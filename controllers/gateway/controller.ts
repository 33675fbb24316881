/**
 * The Gateway controller: gives each Gateway of our classes a DataPlane and a ControlPlane of its own, or none where it is
 * attached to a pair that exists; and says where the Gateway is reached.
 */
import { isIP } from 'node:net';
import type { ControlPlane } from '../../api/controlPlane.ts';
import type { DataPlane } from '../../api/dataPlane.ts';
import { type Gateway, gatewayGroup } from '../../api/gateway/index.ts';
import { apiVersion, labels, managedBy } from '../../api/names.ts';
import type { KubernetesObject, ObjectKey } from '../../api/object.ts';
import { ApiError, type Cache, type CacheView, isTransient, type Reconcile } from '../../runtime/index.ts';
import { ownerReference } from '../dataPlane/render.ts';
import type { DataPlaneView } from '../dataPlane/index.ts';
import { labelValue } from '../names.ts';
import { OwnershipError, type OwnedObjects } from '../ownedObjects.ts';
import type { GatewayInfrastructureStatus } from '../status/index.ts';
import { type GatewayAttachment, ownPairKey, type Topology } from '../topology.ts';
import type { GatewayParameters } from './parameters.ts';

export interface GatewayReconcilerOptions {
  gateways: Cache<Gateway>;
  dataPlanes: Cache<DataPlane>;
  controlPlanes: Cache<ControlPlane>;
  owned: OwnedObjects;
  topology: () => Topology;
  infrastructure: GatewayInfrastructure;
}

/** The reconciler of Gateways. */
export function gatewayReconciler(options: GatewayReconcilerOptions): Reconcile {
  const { gateways, dataPlanes, controlPlanes, owned, topology, infrastructure } = options;
  return async (key, { signal }) => {
    const cached = gateways.get(key);
    if (cached === undefined) {
      infrastructure.forget(key);
      return undefined;
    }
    const gateway: Gateway = { ...cached, apiVersion: `${gatewayGroup}/v1`, kind: 'Gateway' };
    if (gateway.metadata.deletionTimestamp !== undefined) return undefined;
    const attachment = topology().attachments.get(key);
    const pair = ownPairKey(gateway);
    let failure: string | undefined;
    if (attachment?.own === true && attachment.parameters !== undefined) {
      try {
        await owned.apply(dataPlanes, gateway, renderDataPlane(gateway, attachment.parameters), signal);
        await owned.apply(controlPlanes, gateway, renderControlPlane(gateway, attachment.parameters), signal);
      } catch (error) {
        failure = failureOf(error);
        if (failure === undefined) throw error;
      }
    } else if (attachment === undefined || (attachment.problem === undefined && attachment.controlPlane !== pair)) {
      // It is another controller's now, or is served elsewhere.
      await owned.delete(controlPlanes, gateway, pair, signal);
      await owned.delete(dataPlanes, gateway, pair, signal);
    }
    infrastructure.setFailure(key, failure);
    infrastructure.publish(key);
    return failure === undefined ? undefined : { requeueAfter: 15_000 };
  };
}

/** What an API server refuses, as a sentence; undefined for a fault that may pass. */
function failureOf(error: unknown): string | undefined {
  if (error instanceof OwnershipError) return error.message;
  if (isTransient(error) || !(error instanceof ApiError)) return undefined;
  return `The API server refuses the DataPlane or ControlPlane of this Gateway: ${error.message}`;
}

function pairMetadata(gateway: Gateway): KubernetesObject['metadata'] {
  const [namespace = '', name = ''] = ownPairKey(gateway).split('/');
  const infrastructure = gateway.spec.infrastructure;
  return {
    namespace,
    name,
    labels: {
      ...infrastructure?.labels,
      [labels.name]: 'sluice',
      [labels.instance]: labelValue(name),
      [labels.managedBy]: managedBy,
      [labels.gatewayName]: labelValue(gateway.metadata.name),
    },
    ...(infrastructure?.annotations === undefined ? {} : { annotations: infrastructure.annotations }),
    ownerReferences: [ownerReference(gateway)],
  };
}

/** The DataPlane of a Gateway: only what the configuration sets, so that the rest has its defaults and other owners. */
export function renderDataPlane(gateway: Gateway, { templates }: GatewayParameters): KubernetesObject {
  return { apiVersion, kind: 'DataPlane', metadata: pairMetadata(gateway), spec: templates.dataPlane ?? {} };
}

/** The ControlPlane of a Gateway. */
export function renderControlPlane(gateway: Gateway, { templates }: GatewayParameters): KubernetesObject {
  const metadata = pairMetadata(gateway);
  return {
    apiVersion,
    kind: 'ControlPlane',
    metadata,
    spec: { dataPlaneRef: { name: metadata.name }, ...templates.controlPlane },
  };
}

export interface GatewayInfrastructureOptions {
  gateways: CacheView<Gateway>;
  dataPlanes: CacheView<DataPlane>;
  topology: () => Topology;
  view: DataPlaneView;
  contribute: (key: ObjectKey, status: GatewayInfrastructureStatus | undefined) => void;
}

/** Says of each Gateway where it is reached, or why not. */
export class GatewayInfrastructure {
  readonly #options: GatewayInfrastructureOptions;
  readonly #failures = new Map<ObjectKey, string>();

  constructor(options: GatewayInfrastructureOptions) {
    this.#options = options;
  }

  /** Notes why the DataPlane or ControlPlane of a Gateway could not be written; undefined where they were. */
  setFailure(key: ObjectKey, failure: string | undefined): void {
    if (failure === undefined) this.#failures.delete(key);
    else this.#failures.set(key, failure);
  }

  /** What was noted last. */
  failure(key: ObjectKey): string | undefined {
    return this.#failures.get(key);
  }

  forget(key: ObjectKey): void {
    this.#failures.delete(key);
    this.#options.contribute(key, undefined);
  }

  /** Contributes what is known now. Cheap: it reads caches only. */
  publish(key: ObjectKey): void {
    const { gateways, topology, contribute } = this.#options;
    const gateway = gateways.get(key);
    const attachment = topology().attachments.get(key);
    if (gateway === undefined || attachment === undefined) {
      contribute(key, undefined);
      return;
    }
    contribute(key, this.#status(gateway, key, attachment));
  }

  #status(gateway: Gateway, key: ObjectKey, attachment: GatewayAttachment): GatewayInfrastructureStatus {
    const { dataPlanes, topology, view } = this.#options;
    const base = { generation: gateway.metadata.generation };
    const unsupported = unsupportedAddress(gateway);
    const refusal =
      attachment.problem === undefined
        ? unsupported === undefined
          ? undefined
          : { reason: 'UnsupportedAddress', message: unsupported }
        : { reason: 'InvalidParameters', message: attachment.problem };
    const state =
      attachment.controlPlane === undefined ? undefined : topology().controlPlanes.get(attachment.controlPlane);
    const dataPlane = state !== undefined && 'dataPlane' in state ? dataPlanes.get(state.dataPlane) : undefined;
    const pending = (reason: string, message: string): GatewayInfrastructureStatus => ({
      ...base,
      addresses: [],
      ...(refusal === undefined ? {} : { refusal }),
      pending: { reason, message },
    });
    const failure = this.#failures.get(key);
    if (dataPlane === undefined) {
      if (failure !== undefined) return pending('NoResources', failure);
      if (state !== undefined && 'taken' in state) {
        return pending(
          'NoResources',
          `ControlPlane ${attachment.controlPlane} configures nothing, because DataPlane ${state.taken} is configured by ${state.by}.`,
        );
      }
      return pending('Pending', 'The DataPlane of this Gateway is being created.');
    }
    const { addresses = [], conditions, readyReplicas = 0 } = view.status(dataPlane);
    const ready = conditions.find(({ type }) => type === 'Ready');
    const requested = gateway.spec.addresses?.filter(({ value }) => value !== undefined && value !== '') ?? [];
    const missing = requested.find(({ value }) => !addresses.some((address) => address.value === value));
    const name = `${dataPlane.metadata.namespace}/${dataPlane.metadata.name}`;
    const told = {
      ...base,
      addresses,
      ...(refusal === undefined ? {} : { refusal }),
    };
    const notRunning = ready?.reason === 'Pending' ? 'Pending' : 'NoResources';
    if (addresses.length === 0) {
      const reason = ready?.reason === 'AddressPending' || ready?.status === 'True' ? 'AddressNotAssigned' : notRunning;
      return {
        ...told,
        pending: {
          reason: requested.length > 0 && reason === 'AddressNotAssigned' ? 'AddressNotUsable' : reason,
          message: failure ?? ready?.message ?? '',
        },
      };
    }
    if (missing !== undefined) {
      return {
        ...told,
        pending: {
          reason: 'AddressNotUsable',
          message: `The address ${missing.value} was asked for, and the Service of DataPlane ${name} got ${addresses.map(({ value }) => value).join(', ')}. Ask for one that the load balancer of this cluster has and nobody else uses; a Service of type LoadBalancer has one address only.`,
        },
      };
    }
    // One proxy that serves is enough: a rollout or a failing Pod does not take the Gateway away.
    if (readyReplicas === 0) return { ...told, pending: { reason: notRunning, message: ready?.message ?? '' } };
    return told;
  }
}

function unsupportedAddress(gateway: Gateway): string | undefined {
  for (const { type = 'IPAddress', value = '' } of gateway.spec.addresses ?? []) {
    if (type !== 'IPAddress')
      return `Addresses of type ${type} cannot be asked for. Use IPAddress, or leave the address to the load balancer.`;
    if (value !== '' && isIP(value) === 0) return `${value} is no IP address.`;
  }
  return undefined;
}
