/**
 * Gateway API to Envoy, incrementally: objects in, Envoy resources and statuses out. Pure: no I/O and no clock.
 *
 *     ListenerSet ─► listenerSets ─┐
 *     Gateway ───────────────────► gateways ─► ports ──┬───────► listeners, tables, secrets
 *     Route ─► attachments ─► candidates ─► acceptances┤             ▲
 *        └──► translations ──────┴────────► placements ─► virtualHosts
 *                                                └───────► clusters ─► endpoints
 */
import { objectKey, type ObjectKey } from '../api/object.ts';
import type { EncodedResource, ResourceChange, ResourceType } from '../api/resource.ts';
import {
  deriveBackends,
  deriveClusters,
  deriveGateways,
  deriveListeners,
  derivePolicyStatuses,
  deriveRoutes,
  deriveStatuses,
  deriveVirtualHosts,
  indexSources,
  makeSources,
  virtualHostKey,
  type GatewayStage,
  type RouteStage,
  type Sources,
  type VirtualHostStage,
} from './collections/index.ts';
import {
  clientCertificateName,
  inPrecedence,
  listenerName,
  readinessListener,
  readinessListenerName,
  secretName,
  type Binding,
} from './envoy/index.ts';
import type { Inspection } from './explain/index.ts';
import { Graph, type Collection, type SourceCollection } from './incremental/index.ts';
import {
  isRouteKind,
  parseRouteId,
  routeId,
  type AnyRoute,
  type SourceChange,
  type SourceKind,
  type SourceKinds,
} from './sources.ts';
import type { StatusContribution } from './status/index.ts';
import { deriveStreamResources, type StreamCollections } from './streamRoute/index.ts';

export interface TranslatorOptions {
  binding: Binding;
  /** Where the listener binds that shows that a proxy is configured. */
  readiness: { address: string; port: number };
  /** TCP ports of listeners that cannot be bound, because the proxies use them. */
  reservedPorts?: readonly number[];
  /** The file, where the proxies run, with the authorities that the system trusts. Default: where the images of Envoy have it. */
  systemAuthorities?: string | undefined;
}

/** What changed since the output was last taken. */
export interface TranslationOutput {
  resources: ResourceChange[];
  /** `contribution` is undefined where the translation has nothing to say any more. */
  statuses: { kind: StatusContribution['kind']; key: ObjectKey; contribution: StatusContribution | undefined }[];
  /** Defects of the translation itself, each isolated to one object: for the log. */
  faults: { where: string; error: unknown }[];
}

/** The collections that `inspect` reads. */
type Inspected = Pick<GatewayStage, 'gateways' | 'ports'> &
  Pick<RouteStage, 'acceptances' | 'translations'> &
  Pick<VirtualHostStage, 'placementsByHost'> &
  Pick<StreamCollections, 'leaderAt'>;

export class Translator {
  private readonly graph = new Graph();
  private readonly sources: Sources;
  private readonly outputs: {
    type: ResourceType;
    /** The name of the resource of an entry. */
    nameOf: (key: string) => string;
    collection: Collection<EncodedResource>;
    changed: Set<string>;
  }[];
  private readonly statuses: {
    identify: (key: string) => { kind: StatusContribution['kind']; key: ObjectKey };
    collection: Collection<StatusContribution>;
    changed: Set<string>;
  }[];
  private readonly routeStatuses: Collection<StatusContribution>;
  private readonly insides: Inspected;
  private readonly reported = new Set<string>();

  constructor(options: TranslatorOptions) {
    const { graph } = this;
    const sources = makeSources(graph);
    this.sources = sources;
    const indexes = indexSources(sources);
    const backends = deriveBackends(graph, sources, indexes);
    const gateways = deriveGateways(graph, sources, indexes, backends, options.reservedPorts ?? []);
    const routes = deriveRoutes(graph, sources, backends, gateways);
    const virtualHosts = deriveVirtualHosts(graph, gateways, routes);
    const streams = deriveStreamResources(graph, {
      acceptances: routes.acceptances,
      streams: routes.streams,
      ports: gateways.ports,
      addresses: backends.addressesOf,
      reads: backends.addressReads,
    });
    const clusters = deriveClusters(graph, sources, backends, routes, virtualHosts, streams, options.systemAuthorities);
    const listeners = deriveListeners(graph, sources, backends, gateways, streams, options.binding);
    const policyStatuses = derivePolicyStatuses(graph, sources, backends, routes);
    const statuses = deriveStatuses(graph, sources, gateways, routes, virtualHosts, listeners, streams);

    this.outputs = (
      [
        ['cluster', clusters.clusters, asIs],
        ['cluster', streams.udpClusters, asIs],
        ['endpoint', clusters.endpointSets, asIs],
        ['endpoint', streams.udpEndpoints, asIs],
        ['listener', listeners.listeners, listenerName],
        ['route', virtualHosts.routeConfigurations, asIs],
        ['secret', listeners.secrets, secretName],
        ['secret', clusters.clientCertificates, clientCertificateName],
        ['secret', clusters.backendAuthorities, asIs],
        ['secret', listeners.clientAuthorities, asIs],
        ['secret', gateways.ticketKeys, asIs],
      ] as const
    ).map(([type, collection, nameOf]) => ({ type, nameOf, collection, changed: collection.track() }));
    this.routeStatuses = statuses.routeStatuses;
    this.insides = { ...gateways, ...routes, ...virtualHosts, leaderAt: streams.leaderAt };
    this.statuses = [
      ...(
        [
          ['Gateway', statuses.gatewayStatuses],
          ['ListenerSet', statuses.listenerSetStatuses],
          ['BackendTLSPolicy', policyStatuses.tlsPolicyStatuses],
          ['XBackendTrafficPolicy', policyStatuses.trafficPolicyStatuses],
          ['XBackend', policyStatuses.backendStatuses],
        ] as const
      ).map(([kind, collection]) => ({
        identify: (key: string) => ({ kind, key }),
        collection,
        changed: collection.track(),
      })),
      { identify: parseRouteId, collection: statuses.routeStatuses, changed: statuses.routeStatuses.track() },
    ];
    const readiness = readinessListener(options.readiness.address, options.readiness.port);
    this.constant = [{ type: 'listener', name: readinessListenerName, resource: readiness }];
  }

  /** Resources that are there whatever the objects are, until they were taken. */
  private constant: ResourceChange[];

  /** Whether there is something to translate or to take. */
  get hasWork(): boolean {
    return this.graph.hasWork || this.constant.length > 0;
  }

  /** Takes note of changes; `step` works on them. */
  apply(changes: Iterable<SourceChange>): void {
    for (const { kind, key, object } of changes) {
      if (isRouteKind(kind)) this.sources.Route.set(routeId(kind, key), object as AnyRoute | undefined);
      else (this.sources[kind] as SourceCollection<unknown>).set(key, object);
    }
  }

  /**
   * Translates until it is done or out of time.
   * @returns whether it is done: the output is then consistent
   */
  step(outOfTime: () => boolean): boolean {
    return this.graph.step(outOfTime);
  }

  /** What changed since the last call. Only after `step` returned true. */
  takeOutput(): TranslationOutput {
    const resources: ResourceChange[] = this.constant;
    this.constant = [];
    for (const { type, nameOf, collection, changed } of this.outputs) {
      for (const key of changed) {
        resources.push({ type, name: nameOf(key), resource: collection.get(key) });
      }
      changed.clear();
    }
    const statuses: TranslationOutput['statuses'] = [];
    for (const { identify, collection, changed } of this.statuses) {
      for (const id of changed) statuses.push({ ...identify(id), contribution: collection.get(id) });
      changed.clear();
    }
    return { resources, statuses, faults: this.takeFaults() };
  }

  /** The ids of the routes that stand in a table: those whose virtual hosts proxies may have refused. */
  routesIn(table: string): string[] {
    const ids: string[] = [];
    for (const [id, contribution] of this.routeStatuses.list()) {
      if (!('parents' in contribution)) continue;
      const stands = contribution.parents.some(({ resources }) =>
        resources.some(({ type, name }) => type === 'route' && name === table),
      );
      if (stands) ids.push(id);
    }
    return ids;
  }

  /** What stands where and why, as of the last step that was done: for whoever explains it. */
  inspect(): Inspection {
    const { gateways, ports, acceptances, translations, placementsByHost, leaderAt } = this.insides;
    return {
      gateways: new Map(gateways.list()),
      ports: new Map(ports.list()),
      parents: new Map(acceptances.list()),
      findings: (id) => translations.get(id)?.findings ?? [],
      route: (id) => this.sources.Route.get(id),
      streamOf: (port, hostname) => {
        const leader = leaderAt({ port, hostname });
        return leader === undefined ? undefined : { route: leader.route, ...leader.target };
      },
      routesOf: (table, hostname) => {
        const key = virtualHostKey(table, hostname);
        const groups = placementsByHost
          .members(key)
          .map(({ key: id, value }) => ({ id, seniority: value.seniority, routes: value.hosts.get(key)! }));
        return inPrecedence(groups).map(({ group, route: { rule, match } }) => ({ route: group.id, rule, match }));
      },
    };
  }

  private takeFaults(): TranslationOutput['faults'] {
    const faults = [...this.graph.faults].filter(([where]) => !this.reported.has(where));
    this.reported.clear();
    for (const where of this.graph.faults.keys()) this.reported.add(where);
    return faults.map(([where, error]) => ({ where, error }));
  }
}

function asIs(name: string): string {
  return name;
}

/** A source change for an object as it was read. */
export function sourceChange<
  Kind extends Exclude<SourceKind, 'Secret' | 'ConfigMap' | 'SessionTicketKeys' | 'Quarantine'>,
>(kind: Kind, object: SourceKinds[Kind]): SourceChange {
  return { kind, key: objectKey(object), object } as SourceChange;
}
