/**
 * Gateway API to Envoy, incrementally: objects in, Envoy resources and statuses out. Pure: no I/O and no clock.
 *
 *     ListenerSet ─► listenerSets ─┐
 *     Gateway ───────────────────► gateways ─► ports ──┬───────► listeners, tables, secrets
 *     Route ─► attachments ─► candidates ─► acceptances┤             ▲
 *        └──► translations ──────┴────────► placements ─► virtualHosts
 *                                                └───────► clusters ─► endpoints
 */
import { hash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { serviceNameLabel } from '../api/core.ts';
import type { GRPCRoute, HTTPRoute } from '../api/gateway/index.ts';
import { keyOf, objectKey, type ObjectKey } from '../api/object.ts';
import type { EncodedResource, ResourceChange, ResourceType } from '../api/resource.ts';
import { parseClusterName } from './backend/index.ts';
import { sameResource } from './encoding/index.ts';
import {
  backendProtocol,
  cluster,
  endpointAddresses,
  endpoints,
  inPrecedence,
  listener,
  readinessListener,
  readinessListenerName,
  routeConfiguration,
  secret,
  secretName,
  listenerName,
  virtualHost,
  type Binding,
} from './envoy/index.ts';
import { sameBytes } from './encoding/index.ts';
import {
  attachedListeners,
  attachRoute,
  contend,
  judge,
  listenerId,
  planGateway,
  planListenerSet,
  planPort,
  portKey,
  rivalKeys,
  tableName,
  withoutLost,
  type AttachedListener,
  type GatewayPlan,
  type ListenerOwner,
  type ListenerPlan,
  type ParentAttachment,
  type PortPlan,
} from './gateway/index.ts';
import { translateGrpcRoute } from './grpcRoute/index.ts';
import { mostSpecific } from './httpRoute/hostname.ts';
import type { Inspection } from './explain/index.ts';
import type { ListenerContext } from './httpRoute/rewrite.ts';
import type { RankedRoute } from './httpRoute/rule.ts';
import { translateRoute, type TranslatedRoute } from './httpRoute/route.ts';
import { Graph, type Collection, type Index, type Reader, type SourceCollection } from './incremental/index.ts';
import {
  isRouteKind,
  parseRouteId,
  routeId,
  type AnyRoute,
  type RouteKind,
  type SourceChange,
  type SourceKind,
  type SourceKinds,
} from './sources.ts';
import {
  gatewayContribution,
  isListenerSetAccepted,
  listenerContribution,
  listenerSetContribution,
  refusedParents,
  routeContribution,
  translationFailed,
  type ListenerContribution,
  type Served,
  type StatusContribution,
} from './status/index.ts';

export interface TranslatorOptions {
  binding: Binding;
  /** Where the listener binds that shows that a proxy is configured. */
  readiness: { address: string; port: number };
  /** TCP ports of listeners that cannot be bound, because the proxies use them. */
  reservedPorts?: readonly number[];
}

/** What changed since the output was last taken. */
export interface TranslationOutput {
  resources: ResourceChange[];
  /** `contribution` is undefined where the translation has nothing to say any more. */
  statuses: { kind: StatusContribution['kind']; key: ObjectKey; contribution: StatusContribution | undefined }[];
  /** Defects of the translation itself, each isolated to one object: for the log. */
  faults: { where: string; error: unknown }[];
}

/** Where a route stands: in which virtual hosts, with which routes. */
interface Placement {
  seniority: string;
  /** Routes for each virtual host, by `virtualHostKey`. */
  hosts: Map<string, readonly RankedRoute[]>;
  clusters: readonly string[];
  fingerprint: string;
}

const separator = '|';

function virtualHostKey(table: string, hostname: string): string {
  return `${table}${separator}${hostname}`;
}

/** The collections that `inspect` reads. */
interface Inspected {
  gateways: Collection<GatewayPlan>;
  ports: Collection<PortPlan>;
  acceptances: Collection<readonly ParentAttachment[]>;
  translations: Collection<TranslatedRoute>;
  placementsByHost: Index<Placement>;
}

export class Translator {
  private readonly graph = new Graph();
  private readonly sources: {
    [Kind in Exclude<SourceKind, RouteKind>]: SourceCollection<SourceKinds[Kind]>;
  } & {
    /** Routes of all kinds, by `routeId`. */
    Route: SourceCollection<AnyRoute>;
  };
  private readonly outputs: { type: ResourceType; collection: Collection<EncodedResource>; changed: Set<string> }[];
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
    const sources = {
      Gateway: graph.source<SourceKinds['Gateway']>('Gateway'),
      ListenerSet: graph.source<SourceKinds['ListenerSet']>('ListenerSet'),
      Route: graph.source<AnyRoute>('Route'),
      ReferenceGrant: graph.source<SourceKinds['ReferenceGrant']>('ReferenceGrant'),
      Service: graph.source<SourceKinds['Service']>('Service'),
      EndpointSlice: graph.source<SourceKinds['EndpointSlice']>('EndpointSlice'),
      Secret: graph.source<SourceKinds['Secret']>('Secret'),
      ConfigMap: graph.source<SourceKinds['ConfigMap']>('ConfigMap'),
      BackendTLSPolicy: graph.source<SourceKinds['BackendTLSPolicy']>('BackendTLSPolicy'),
      ServiceImport: graph.source<SourceKinds['ServiceImport']>('ServiceImport'),
      XBackend: graph.source<SourceKinds['XBackend']>('XBackend'),
      XBackendTrafficPolicy: graph.source<SourceKinds['XBackendTrafficPolicy']>('XBackendTrafficPolicy'),
      Namespace: graph.source<SourceKinds['Namespace']>('Namespace'),
      Quarantine: graph.source<SourceKinds['Quarantine']>('Quarantine'),
    };
    this.sources = sources;
    const grantsByNamespace = sources.ReferenceGrant.index('by namespace', (grant) => [grant.metadata.namespace ?? '']);
    const slicesByService = sources.EndpointSlice.index('by Service', (slice) => {
      const service = slice.metadata.labels?.[serviceNameLabel];
      return service === undefined ? [] : [keyOf(slice.metadata.namespace ?? '', service)];
    });
    const backends = { services: sources.Service, grantsByNamespace };

    const reservedPorts = new Set(options.reservedPorts);
    const listenerSets = graph.derive(
      'listenerSets',
      sources.ListenerSet,
      [sources.Gateway, sources.Namespace],
      (reader, listenerSet) =>
        planListenerSet(reader, { gateways: sources.Gateway, namespaces: sources.Namespace }, listenerSet),
      { equals: isDeepStrictEqual },
    );
    const listenerSetsByGateway = listenerSets.index('by Gateway', ({ gateway }) => [gateway]);
    const gateways = graph.derive(
      'gateways',
      sources.Gateway,
      [listenerSets, listenerSetsByGateway, sources.Secret, grantsByNamespace],
      (reader, gateway, key) =>
        planGateway(
          reader,
          { secrets: sources.Secret, grantsByNamespace, reservedPorts },
          gateway,
          reader.group(listenerSetsByGateway, key).map(({ value }) => value),
        ),
      { equals: isDeepStrictEqual },
    );
    const gatewaysByPort = gateways.index('by port', ({ listeners }) => new Set(listeners.map(portKey)));
    const ports = graph.deriveGroups('ports', gatewaysByPort, [], (_, members, key) => planPort(key, members), {
      equals: isDeepStrictEqual,
    });

    const attachments = graph.derive(
      'attachments',
      sources.Route,
      [gateways, listenerSets, sources.Namespace],
      (reader, route, id) =>
        attachRoute(reader, { gateways, listenerSets, namespaces: sources.Namespace }, parseRouteId(id).kind, route),
      { equals: isDeepStrictEqual },
    );
    const translations = graph.derive(
      'translations',
      sources.Route,
      [attachments, sources.Service, grantsByNamespace, sources.Quarantine],
      (reader, route, id): TranslatedRoute | undefined => {
        if (reader.get(attachments, id) === undefined) return undefined;
        const { kind } = parseRouteId(id);
        const quarantine = reader.get(sources.Quarantine, id);
        if (kind === 'GRPCRoute') return translateGrpcRoute(reader, backends, route as GRPCRoute, quarantine);
        return kind === 'HTTPRoute' ? translateRoute(reader, backends, route as HTTPRoute, quarantine) : undefined;
      },
      // Without its own translation a route is served no more: what it was may be what its author took away.
      { fallback: () => undefined },
    );
    // A listener may let in a route that cannot be served at all.
    const candidates = graph.derive(
      'candidates',
      attachments,
      [translations],
      (reader, parents, id) => {
        const translation = reader.get(translations, id);
        return refusedParents(parents, translation === undefined ? translationFailed : translation.unusable);
      },
      { equals: isDeepStrictEqual },
    );
    const candidatesByHostname = candidates.index('by listener, kind and hostname', rivalKeys);
    const contenders = graph.derive(
      'contenders',
      candidates,
      [candidatesByHostname, sources.Route],
      (reader, parents, id) => contend(reader, candidatesByHostname, parents, id, reader.get(sources.Route, id)),
      { equals: isDeepStrictEqual },
    );
    const contendersByListener = contenders.index('by listener', ({ hostnames }) => hostnames.keys());
    const verdicts = graph.deriveGroups('verdicts', contendersByListener, [], (_, members, id) => judge(id, members), {
      equals: isDeepStrictEqual,
    });
    // The last word on what is accepted.
    const acceptances = graph.derive(
      'acceptances',
      candidates,
      [contenders, verdicts],
      (reader, parents, id) => withoutLost(reader, verdicts, reader.get(contenders, id), parents, id),
      { equals: isDeepStrictEqual },
    );
    const acceptancesByListener = acceptances.index('by listener', (parents) =>
      attachedListeners(acceptedParents(parents)).keys(),
    );
    const placements = graph.derive('placements', acceptances, [translations, ports], (reader, parents, key) => {
      const translation = reader.get(translations, key);
      if (translation === undefined) return undefined;
      const hosts = new Map<string, readonly RankedRoute[]>();
      for (const { listener: on, hostnames } of attachedListeners(acceptedParents(parents)).values()) {
        const plan = reader.get(ports, portKey(on));
        if (plan === undefined || !plan.listeners.some((served) => listenerId(served) === listenerId(on))) continue;
        const table = plan.tables.find(({ name }) => name === tableName(on));
        if (table === undefined) continue;
        const routes = translation.routes(contextOf(on));
        for (const hostname of hostnames) {
          // A hostname belongs to the most specific listener of its port alone: listeners are isolated.
          if (mostSpecific(table.hostnames, hostname) === on.hostname)
            hosts.set(virtualHostKey(table.name, hostname), routes);
        }
      }
      return {
        seniority: translation.seniority,
        hosts,
        clusters: translation.clusters,
        fingerprint: fingerprintOf(hosts),
      };
    });
    const placementsByHost = placements.index('by virtual host', ({ hosts }) => hosts.keys());
    const placementsByCluster = placements.index('by cluster', ({ hosts, clusters }) =>
      hosts.size === 0 ? [] : clusters,
    );

    const virtualHosts = graph.deriveGroups(
      'virtualHosts',
      placementsByHost,
      [],
      (_, members, key) => {
        const [table, hostname] = key.split(separator) as [string, string];
        const groups = members.map(({ value }) => ({ seniority: value.seniority, routes: value.hosts.get(key)! }));
        return virtualHost(table, hostname, groups);
      },
      { equals: (before, after) => sameBytes(before.field, after.field) },
    );
    const virtualHostsByTable = virtualHosts.index('by table', ({ table }) => [table]);
    const portsByTable = ports.index('by table', ({ tables }) => tables.map(({ name }) => name));
    const routeConfigurations = graph.deriveGroups(
      'routeConfigurations',
      portsByTable,
      [virtualHosts, virtualHostsByTable],
      (reader, members, name) => {
        const hostnames = members.flatMap(
          ({ value }) => value.tables.find((table) => table.name === name)?.hostnames ?? [],
        );
        const absent = hostnames.filter(
          (hostname) => reader.get(virtualHosts, virtualHostKey(name, hostname)) === undefined,
        );
        return routeConfiguration(name, reader.group(virtualHostsByTable, name), absent);
      },
      { equals: sameResource },
    );

    const listeners = graph.derive('listeners', ports, [], (_, plan) => listener(plan, options.binding), {
      equals: sameResource,
    });
    const portsBySecret = ports.index('by Secret', (plan) => new Set(plan.listeners.flatMap(({ secrets }) => secrets)));
    const secrets = graph.deriveKeys(
      'secrets',
      portsBySecret,
      [sources.Secret],
      (reader, key) => {
        const certificate = reader.get(sources.Secret, key)?.certificate;
        return certificate === undefined ? undefined : secret(key, certificate);
      },
      { equals: sameResource },
    );

    const clusters = graph.deriveKeys(
      'clusters',
      placementsByCluster,
      [sources.Service],
      (reader, name) => {
        const backend = parseClusterName(name)!;
        const service = reader.get(sources.Service, keyOf(backend.namespace, backend.name));
        const port = service?.spec?.ports?.find((candidate) => candidate.port === backend.port);
        return cluster(name, backendProtocol(port));
      },
      { equals: sameResource },
    );
    const endpointSets = graph.derive(
      'endpoints',
      clusters,
      [sources.Service, slicesByService],
      (reader, _, name) => {
        const backend = parseClusterName(name)!;
        const key = keyOf(backend.namespace, backend.name);
        const slices = reader.group(slicesByService, key).map(({ value }) => value);
        return endpoints(name, endpointAddresses(reader.get(sources.Service, key), backend.port, slices));
      },
      { equals: sameResource },
    );

    const listenerStatuses = (
      reader: Reader,
      plan: GatewayPlan,
      owner: Pick<ListenerOwner, 'kind' | 'key'>,
    ): { listeners: ListenerContribution[]; fingerprint: string } => {
      const own = plan.listeners.filter((one) => one.owner.kind === owner.kind && one.owner.key === owner.key);
      const versions = own.flatMap((one) => [
        reader.get(listeners, portKey(one))?.version ?? '',
        ...one.secrets.map((name) => reader.get(secrets, name)?.version ?? ''),
      ]);
      const contributions = own.map((one) => {
        const port = reader.get(ports, portKey(one));
        return listenerContribution(one, port, reader.count(acceptancesByListener, listenerId(one)));
      });
      return { listeners: contributions, fingerprint: versions.join(' ') };
    };
    const listenerSetStatuses = graph.derive(
      'listenerSetStatuses',
      listenerSets,
      [sources.ListenerSet, gateways, ports, acceptancesByListener, listeners, secrets],
      (reader, plan, key): StatusContribution => {
        const gateway = reader.get(gateways, plan.gateway);
        const { listeners: said, fingerprint } =
          gateway === undefined ? { listeners: [], fingerprint: '' } : listenerStatuses(reader, gateway, plan.owner);
        return listenerSetContribution(
          plan,
          reader.get(sources.ListenerSet, key)?.metadata.generation,
          said,
          fingerprint,
        );
      },
      { equals: isDeepStrictEqual },
    );
    const gatewayStatuses = graph.derive(
      'gatewayStatuses',
      gateways,
      [sources.Gateway, listenerSets, ports, acceptancesByListener, listeners, secrets],
      (reader, plan, key): StatusContribution => {
        const { listeners: said, fingerprint } = listenerStatuses(reader, plan, { kind: 'Gateway', key });
        const attached = plan.listenerSets.filter((set) => {
          const setPlan = reader.get(listenerSets, set);
          if (setPlan === undefined) return false;
          return isListenerSetAccepted(setPlan, listenerStatuses(reader, plan, setPlan.owner).listeners);
        });
        return gatewayContribution(
          plan,
          reader.get(sources.Gateway, key)?.metadata.generation,
          said,
          attached.length,
          fingerprint,
        );
      },
      { equals: isDeepStrictEqual },
    );
    const isServed = (reader: Reader, on: ListenerPlan): boolean =>
      reader.get(ports, portKey(on))?.listeners.some((served) => listenerId(served) === listenerId(on)) === true;
    const routeStatuses = graph.derive(
      'routeStatuses',
      acceptances,
      [sources.Route, translations, placements, ports],
      (reader, parents, id): StatusContribution => {
        const { kind, key } = parseRouteId(id);
        const placement = reader.get(placements, id);
        const served = (parent: ParentAttachment): Served => {
          const on = parent.listeners.filter(({ listener: one }) => isServed(reader, one));
          const tables = new Set(
            on.flatMap(({ listener: one, hostnames }) => {
              const table = tableName(one);
              return hostnames.some((hostname) => placement?.hosts.has(virtualHostKey(table, hostname))) ? table : [];
            }),
          );
          return { byListener: on.length > 0, resources: [...tables].map((name) => ({ type: 'route', name })) };
        };
        return routeContribution(
          kind,
          key,
          reader.get(sources.Route, id)?.metadata.generation,
          parents,
          reader.get(translations, id),
          served,
          placement?.fingerprint ?? '',
        );
      },
      { equals: isDeepStrictEqual },
    );

    this.outputs = (
      [
        ['cluster', clusters],
        ['endpoint', endpointSets],
        ['listener', listeners],
        ['route', routeConfigurations],
        ['secret', secrets],
      ] as const
    ).map(([type, collection]) => ({ type, collection, changed: collection.track() }));
    this.routeStatuses = routeStatuses;
    this.insides = { gateways, ports, acceptances, translations, placementsByHost };
    this.statuses = [
      ...(
        [
          ['Gateway', gatewayStatuses],
          ['ListenerSet', listenerSetStatuses],
        ] as const
      ).map(([kind, collection]) => ({
        identify: (key: string) => ({ kind, key }),
        collection,
        changed: collection.track(),
      })),
      { identify: parseRouteId, collection: routeStatuses, changed: routeStatuses.track() },
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
    for (const { type, collection, changed } of this.outputs) {
      for (const key of changed) {
        resources.push({ type, name: resourceName(type, key), resource: collection.get(key) });
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
    const { gateways, ports, acceptances, translations, placementsByHost } = this.insides;
    return {
      gateways: new Map(gateways.list()),
      ports: new Map(ports.list()),
      parents: new Map(acceptances.list()),
      findings: (id) => translations.get(id)?.findings ?? [],
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

function acceptedParents(parents: readonly ParentAttachment[]): ParentAttachment[] {
  return parents.filter(({ accepted }) => accepted.status === 'True');
}

function contextOf(on: AttachedListener['listener']): ListenerContext {
  return { scheme: on.protocol === 'HTTPS' ? 'https' : 'http', port: on.port };
}

function resourceName(type: ResourceType, key: string): string {
  if (type === 'listener') return listenerName(key);
  if (type === 'secret') return secretName(key);
  return key;
}

function fingerprintOf(hosts: Placement['hosts']): string {
  const parts: Buffer[] = [];
  for (const [host, routes] of hosts) {
    parts.push(Buffer.from(host));
    for (const { bytes } of routes) parts.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  }
  return hash('sha1', Buffer.concat(parts), 'base64url');
}

/** A source change for an object as it was read. */
export function sourceChange<Kind extends Exclude<SourceKind, 'Secret' | 'ConfigMap' | 'Quarantine'>>(
  kind: Kind,
  object: SourceKinds[Kind],
): SourceChange {
  return { kind, key: objectKey(object), object } as SourceChange;
}
