/** What is known of a DataPlane right now, from all caches and from the process itself. */
import { isIP } from 'node:net';
import type { Service } from '../../api/core.ts';
import type { DataPlane } from '../../api/dataPlane.ts';
import type { Gateway, ListenerSet } from '../../api/gateway/index.ts';
import { gatewayGroup } from '../../api/gateway/index.ts';
import { labels } from '../../api/names.ts';
import { keyOf, objectKey, type ObjectKey, type OwnerReference } from '../../api/object.ts';
import type { CacheView } from '../../runtime/index.ts';
import type { Deployment, Pod } from '../kubernetes.ts';
import { labelValue } from '../names.ts';
import { isOwnedBy, type Topology } from '../topology.ts';
import { dataPlaneNames } from './names.ts';
import { proxyPorts } from './podTemplate.ts';
import type { DataPlaneSettings, DataPlaneSurroundings, ListenerPort } from './render.ts';
import {
  type DataPlaneObservation,
  dataPlaneStatus,
  type DataPlaneStatusContribution,
  type FleetConfiguration,
} from './status.ts';

export interface DataPlaneViewOptions {
  dataPlanes: CacheView<DataPlane>;
  gateways: CacheView<Gateway>;
  deployments: CacheView<Deployment>;
  services: CacheView<Service>;
  /** Indexed by {@link podsByDataPlane}. */
  pods: CacheView<Pod>;
  topology: () => Topology;
  configuration: (dataPlane: ObjectKey) => FleetConfiguration;
  /** Whether the first configuration was made since this process has started. */
  isSettled: (dataPlane: ObjectKey) => boolean;
  /** The ListenerSets that a Gateway has accepted; all of them once the configuration is settled. */
  listenerSets: (gateway: ObjectKey) => Iterable<ListenerSet>;
  settings: DataPlaneSettings;
}

/** Name of the index of Pods by the DataPlane that they are of. */
export const podsByDataPlane = 'dataPlane';

/** The value of a Pod in that index. */
export function dataPlaneOfPod(pod: Pod): string[] {
  const name = pod.metadata.labels?.[labels.dataPlane];
  return name === undefined ? [] : [keyOf(pod.metadata.namespace ?? '', name)];
}

const ownPorts = new Set<number>(Object.values(proxyPorts));

export class DataPlaneView {
  readonly #options: DataPlaneViewOptions;
  /** Why the objects of a DataPlane are not as they should be, by its key: what the reconciler met last. */
  readonly #problems = new Map<ObjectKey, NonNullable<DataPlaneObservation['problem']>>();

  constructor(options: DataPlaneViewOptions) {
    this.#options = options;
  }

  /** Notes what the reconciler met; undefined where all went well. */
  setProblem(key: ObjectKey, problem: DataPlaneObservation['problem']): void {
    if (problem === undefined) this.#problems.delete(key);
    else this.#problems.set(key, problem);
  }

  /** The Gateways whose listeners the proxies of a DataPlane have. */
  gatewaysOf(key: ObjectKey): Gateway[] {
    const scope = this.#options.topology().scopes.get(key);
    return [...(scope?.gateways ?? [])].flatMap((gateway) => this.#options.gateways.get(gateway) ?? []);
  }

  /** What the objects of a DataPlane are made of besides its spec. */
  surroundings(dataPlane: DataPlane): DataPlaneSurroundings {
    const key = keyOf(dataPlane.metadata.namespace ?? '', dataPlane.metadata.name);
    const gateways = this.gatewaysOf(key);
    const owner = this.#owner(dataPlane);
    const infrastructure = owner?.spec.infrastructure;
    return {
      settings: this.#options.settings,
      requestedAddresses: requestedAddressesOf(gateways),
      ports: this.#ports(key, gateways),
      ...(owner === undefined
        ? {}
        : {
            gateway: {
              name: owner.metadata.name,
              labels: { ...infrastructure?.labels },
              annotations: { ...infrastructure?.annotations },
            },
          }),
    };
  }

  /** Whether the Gateway that it was made for is gone: the garbage collector takes it, and no Pod is to change before. */
  isOrphaned(dataPlane: DataPlane): boolean {
    return gatewayReference(dataPlane) !== undefined && this.#owner(dataPlane) === undefined;
  }

  #owner(dataPlane: DataPlane): Gateway | undefined {
    const reference = gatewayReference(dataPlane);
    const gateway =
      reference === undefined
        ? undefined
        : this.#options.gateways.get(keyOf(dataPlane.metadata.namespace ?? '', reference.name));
    return gateway !== undefined && isOwnedBy(dataPlane, gateway) ? gateway : undefined;
  }

  /**
   * Ports of all listeners, each for TCP, UDP or both. Those that the Service has stay where there is no listener, because a
   * Service keeps its address that way, and while it is not known yet which ListenerSets have a part in it.
   */
  #ports(key: ObjectKey, gateways: readonly Gateway[]): ListenerPort[] {
    const ports = new Map<string, ListenerPort>();
    const add = (port: number, protocol: string | undefined): void => {
      const transport = protocol === 'UDP' ? 'UDP' : 'TCP';
      ports.set(`${port}/${transport}`, { port, protocol: transport });
    };
    for (const gateway of gateways) {
      const listenerSets = [...this.#options.listenerSets(objectKey(gateway))];
      for (const { spec } of [gateway, ...listenerSets]) {
        for (const { port, protocol } of spec.listeners ?? []) if (!ownPorts.has(port)) add(port, protocol);
      }
    }
    if (ports.size === 0 || !this.#options.isSettled(key)) {
      for (const { port, protocol } of this.#service(key)?.spec?.ports ?? []) add(port, protocol);
    }
    return [...ports.values()];
  }

  #service(key: ObjectKey): Service | undefined {
    const { namespace, service } = this.#names(key);
    const found = this.#options.services.get(keyOf(namespace, service));
    return found?.metadata.labels?.[labels.dataPlane] === undefined ? undefined : found;
  }

  #names(key: ObjectKey): ReturnType<typeof dataPlaneNames> & { namespace: string } {
    const [namespace = '', name = ''] = key.split('/');
    return { namespace, ...dataPlaneNames(name) };
  }

  /** How many proxies of a DataPlane are ready. */
  readyReplicas(key: ObjectKey): number {
    const { namespace, deployment } = this.#names(key);
    return this.#options.deployments.get(keyOf(namespace, deployment))?.status?.readyReplicas ?? 0;
  }

  /** The status that a DataPlane must have now. */
  status(dataPlane: DataPlane): DataPlaneStatusContribution {
    const key = keyOf(dataPlane.metadata.namespace ?? '', dataPlane.metadata.name);
    const { namespace, deployment } = this.#names(key);
    const gateways = this.gatewaysOf(key);
    const scope = this.#options.topology().scopes.get(key);
    const problem = this.#problems.get(key);
    const observed = this.#options.deployments.get(keyOf(namespace, deployment));
    const service = this.#service(key);
    const [requestedAddress] = requestedAddressesOf(gateways);
    return dataPlaneStatus(dataPlane, {
      isOfGateway: this.#owner(dataPlane) !== undefined,
      pods: this.#options.pods.byIndex(podsByDataPlane, keyOf(namespace, labelValue(dataPlane.metadata.name))),
      hasListeners: gateways.length > 0,
      configuration: this.#options.configuration(key),
      ...(problem === undefined ? {} : { problem }),
      ...(observed === undefined ? {} : { deployment: observed }),
      ...(service === undefined ? {} : { service }),
      ...(scope === undefined ? {} : { controlPlane: scope.controlPlane }),
      ...(requestedAddress === undefined ? {} : { requestedAddress }),
    });
  }
}

/** The addresses that the Gateways ask for, each once. A Service of type LoadBalancer can only ask for the first. */
export function requestedAddressesOf(gateways: readonly Gateway[]): string[] {
  const requested = gateways.flatMap(({ spec }) =>
    (spec.addresses ?? []).flatMap(({ type = 'IPAddress', value = '' }) =>
      type === 'IPAddress' && isIP(value) !== 0 ? [value] : [],
    ),
  );
  return [...new Set(requested)];
}

function gatewayReference({ metadata }: DataPlane): OwnerReference | undefined {
  return metadata.ownerReferences?.find(
    ({ controller, kind, apiVersion }) =>
      controller === true && kind === 'Gateway' && apiVersion.startsWith(`${gatewayGroup}/`),
  );
}
