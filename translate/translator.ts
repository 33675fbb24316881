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
import { multiclusterServiceNameLabel } from '../api/multicluster.ts';
import type { GRPCRoute, HTTPRoute } from '../api/gateway/index.ts';
import { keyOf, objectKey, type ObjectKey } from '../api/object.ts';
import type { EncodedResource, ResourceChange, ResourceType } from '../api/resource.ts';
import {
  addressKey,
  backendContribution,
  byClientCertificate,
  clusterSetAddresses,
  missingTarget,
  parseClusterName,
  planCluster,
  planXBackend,
  servicePort,
  type BackendCollections,
} from './backend/index.ts';
import { planBackendTLSPolicy } from './backendTLSPolicy/index.ts';
import { planBackendTrafficPolicy } from './backendTrafficPolicy/index.ts';
import { authorityBundle } from './certificate/index.ts';
import { sameResource } from './encoding/index.ts';
import {
  authoritiesSecret,
  backendAuthoritiesName,
  clientAuthoritiesName,
  clientCertificateName,
  cluster,
  endpointAddresses,
  endpoints,
  inPrecedence,
  listener,
  parseAuthoritiesName,
  readinessListener,
  readinessListenerName,
  routeConfiguration,
  secret,
  secretName,
  sessionTicketKeys,
  listenerName,
  virtualHost,
  udpListener,
  type Binding,
  type EndpointAddress,
} from './envoy/index.ts';
import { sameBytes } from './encoding/index.ts';
import {
  attachedListeners,
  attachRoute,
  defaultScope,
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
import { backendsOf, policyContribution, type PolicyTarget, type RouteReach } from './policy/index.ts';
import {
  isRouteKind,
  parseRouteId,
  routeId,
  sessionTicketKeysName,
  type AnyRoute,
  type RouteKind,
  type SourceChange,
  type SourceKind,
  type SourceKinds,
} from './sources.ts';
import { deriveStreamResources, deriveStreams, isStreamKind, type StreamCollections } from './streamRoute/index.ts';
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
  leaderAt: StreamCollections['leaderAt'];
}

export class Translator {
  private readonly graph = new Graph();
  private readonly sources: {
    [Kind in Exclude<SourceKind, RouteKind>]: SourceCollection<SourceKinds[Kind]>;
  } & {
    /** Routes of all kinds, by `routeId`. */
    Route: SourceCollection<AnyRoute>;
  };
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
      SessionTicketKeys: graph.source<SourceKinds['SessionTicketKeys']>('SessionTicketKeys'),
      Quarantine: graph.source<SourceKinds['Quarantine']>('Quarantine'),
    };
    this.sources = sources;
    const grantsByNamespace = sources.ReferenceGrant.index('by namespace', (grant) => [grant.metadata.namespace ?? '']);
    const slicesByService = sources.EndpointSlice.index('by Service', (slice) => {
      const service = slice.metadata.labels?.[serviceNameLabel];
      return service === undefined ? [] : [keyOf(slice.metadata.namespace ?? '', service)];
    });
    const slicesByServiceImport = sources.EndpointSlice.index('by ServiceImport', (slice) => {
      const service = slice.metadata.labels?.[multiclusterServiceNameLabel];
      return service === undefined ? [] : [keyOf(slice.metadata.namespace ?? '', service)];
    });
    const trusted = { configMaps: sources.ConfigMap, secrets: sources.Secret, grantsByNamespace };
    const tlsPolicies = graph.derive(
      'tlsPolicies',
      sources.BackendTLSPolicy,
      [sources.ConfigMap, sources.Secret, grantsByNamespace],
      (reader, policy) => planBackendTLSPolicy(reader, trusted, policy),
      { equals: isDeepStrictEqual },
    );
    const tlsPoliciesByTarget = tlsPolicies.index('by target', ({ targets }) => targets.map((target) => target.key));
    const trafficPolicies = graph.derive(
      'trafficPolicies',
      sources.XBackendTrafficPolicy,
      [],
      (_, policy) => planBackendTrafficPolicy(policy),
      { equals: isDeepStrictEqual },
    );
    const trafficPoliciesByTarget = trafficPolicies.index('by target', ({ targets }) =>
      targets.map((target) => target.key),
    );
    const xBackends = graph.derive(
      'xBackends',
      sources.XBackend,
      [sources.ConfigMap, sources.Secret, grantsByNamespace],
      (reader, backend) => planXBackend(reader, trusted, backend),
      { equals: isDeepStrictEqual },
    );
    const backends: BackendCollections = {
      services: sources.Service,
      serviceImports: sources.ServiceImport,
      backends: xBackends,
      grantsByNamespace,
      tlsPoliciesByTarget,
    };

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
      [listenerSets, listenerSetsByGateway, sources.Secret, sources.ConfigMap, grantsByNamespace],
      (reader, gateway, key) =>
        planGateway(
          reader,
          { ...trusted, reservedPorts },
          gateway,
          reader.group(listenerSetsByGateway, key).map(({ value }) => value),
        ),
      { equals: isDeepStrictEqual },
    );
    const gatewaysByPort = gateways.index('by port', ({ listeners }) => new Set(listeners.map(portKey)));
    const ticketKeys = graph.derive('ticketKeys', sources.SessionTicketKeys, [], (_, keys) => sessionTicketKeys(keys), {
      equals: sameResource,
    });
    const ports = graph.deriveGroups(
      'ports',
      gatewaysByPort,
      [ticketKeys],
      (reader, members, key) => planPort(key, members, reader.get(ticketKeys, sessionTicketKeysName) !== undefined),
      { equals: isDeepStrictEqual },
    );

    const defaultGateways = gateways.index('default', ({ isDefault }) => (isDefault ? [defaultScope] : []));
    const attachments = graph.derive(
      'attachments',
      sources.Route,
      [gateways, defaultGateways, listenerSets, sources.Namespace],
      (reader, route, id) =>
        attachRoute(
          reader,
          { gateways, defaultGateways, listenerSets, namespaces: sources.Namespace },
          parseRouteId(id).kind,
          route,
        ),
      { equals: isDeepStrictEqual },
    );
    const translations = graph.derive(
      'translations',
      sources.Route,
      [
        attachments,
        sources.Service,
        sources.ServiceImport,
        xBackends,
        tlsPoliciesByTarget,
        trafficPoliciesByTarget,
        grantsByNamespace,
        sources.Quarantine,
      ],
      (reader, route, id): TranslatedRoute | undefined => {
        const parents = reader.get(attachments, id);
        if (parents === undefined) return undefined;
        const { kind } = parseRouteId(id);
        if (kind !== 'HTTPRoute' && kind !== 'GRPCRoute') return undefined;
        const quarantine = reader.get(sources.Quarantine, id);
        const shown = parents.flatMap(({ listeners: on }) => on.map((one) => one.listener.clientCertificate));
        return byClientCertificate(shown, (clientCertificate) => {
          const collections = { ...backends, trafficPoliciesByTarget, clientCertificate };
          return kind === 'GRPCRoute'
            ? translateGrpcRoute(reader, collections, route as GRPCRoute, quarantine)
            : translateRoute(reader, collections, route as HTTPRoute, quarantine);
        });
      },
      // Without its own translation a route is served no more: what it was may be what its author took away.
      { fallback: () => undefined },
    );
    const streams = deriveStreams(graph, {
      attachments,
      routes: sources.Route,
      quarantine: sources.Quarantine,
      backends,
      reads: [sources.Service, sources.ServiceImport, xBackends, tlsPoliciesByTarget, grantsByNamespace],
    });
    // A listener may let in a route that cannot be served at all.
    const candidates = graph.derive(
      'candidates',
      attachments,
      [translations, streams],
      (reader, parents, id) => {
        const translation = reader.get(translations, id) ?? reader.get(streams, id);
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
          if (mostSpecific([...table.hostnames, ...table.misdirected], hostname) === on.hostname)
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
    const addressesOf = (reader: Reader, name: string): EndpointAddress[] => {
      const address = parseClusterName(name)!;
      const port = servicePort(reader, backends, address);
      const key = addressKey(address);
      const isImport = address.kind === 'ServiceImport';
      const slices = reader.group(isImport ? slicesByServiceImport : slicesByService, key).map(({ value }) => value);
      const spec = isImport ? reader.get(sources.ServiceImport, key)?.spec : reader.get(sources.Service, key)?.spec;
      const found = endpointAddresses(port, spec?.ipFamilies ?? [], slices);
      const virtual =
        isImport && slices.length === 0 ? clusterSetAddresses(reader.get(sources.ServiceImport, key), port) : [];
      return [...found, ...virtual];
    };
    const addressReads = [sources.Service, sources.ServiceImport, slicesByService, slicesByServiceImport];
    const streamResources = deriveStreamResources(graph, {
      acceptances,
      streams,
      ports,
      addresses: addressesOf,
      reads: addressReads,
    });
    const routeClusters = graph.derive(
      'routeClusters',
      acceptances,
      [placements, streamResources.clusters],
      (reader, _, id) => {
        const placement = reader.get(placements, id);
        return placement === undefined || placement.hosts.size === 0
          ? reader.get(streamResources.clusters, id)
          : placement.clusters;
      },
      { equals: isDeepStrictEqual },
    );
    const routesByCluster = routeClusters.index('by cluster', (names) => names);

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
        const tables = members.flatMap(({ value }) => value.tables.filter((table) => table.name === name));
        const absent = tables
          .flatMap(({ hostnames }) => hostnames)
          .filter((hostname) => reader.get(virtualHosts, virtualHostKey(name, hostname)) === undefined);
        const misdirected = tables.flatMap((table) => table.misdirected);
        return routeConfiguration(name, reader.group(virtualHostsByTable, name), absent, misdirected);
      },
      { equals: sameResource },
    );

    const listeners = graph.derive(
      'listeners',
      ports,
      [streamResources.chainsByPort],
      (reader, plan, key) =>
        plan.mode === 'udp'
          ? udpListener(plan, options.binding)
          : listener(
              plan,
              options.binding,
              reader.group(streamResources.chainsByPort, key).map(({ value }) => value),
            ),
      { equals: sameResource },
    );
    const portsBySecret = ports.index('by Secret', (plan) => new Set(plan.listeners.flatMap(({ secrets }) => secrets)));
    const secrets = graph.deriveKeys(
      'secrets',
      portsBySecret,
      [sources.Secret],
      (reader, key) => {
        const certificate = reader.get(sources.Secret, key)?.certificate;
        return certificate === undefined ? undefined : secret(secretName(key), certificate);
      },
      { equals: sameResource },
    );

    const clusterPlans = graph.deriveKeys(
      'clusterPlans',
      routesByCluster,
      [sources.Service, sources.ServiceImport, xBackends, tlsPoliciesByTarget, trafficPoliciesByTarget],
      (reader, name) => planCluster(reader, { ...backends, trafficPoliciesByTarget }, name),
      { equals: isDeepStrictEqual },
    );
    const clusters = graph.derive('clusters', clusterPlans, [], (_, plan) => cluster(plan), { equals: sameResource });
    const clientCertificates = graph.deriveKeys(
      'clientCertificates',
      clusterPlans.index('by client certificate', ({ tls }) =>
        tls?.clientCertificate === undefined ? [] : [tls.clientCertificate],
      ),
      [sources.Secret],
      (reader, key) => {
        const certificate = reader.get(sources.Secret, key)?.certificate;
        return certificate === undefined ? undefined : secret(clientCertificateName(key), certificate);
      },
      { equals: sameResource },
    );
    const trustedBy = (reader: Reader, name: string): EncodedResource | undefined => {
      const bundle = authorityBundle(reader, trusted, parseAuthoritiesName(name));
      return bundle === undefined ? undefined : authoritiesSecret(name, bundle);
    };
    const backendAuthorities = graph.deriveKeys(
      'backendAuthorities',
      clusterPlans.index('by authorities', ({ tls }) =>
        tls === undefined || tls.authorities === 'System' ? [] : [backendAuthoritiesName(tls.authorities)],
      ),
      [sources.ConfigMap, sources.Secret],
      trustedBy,
      { equals: sameResource },
    );
    const clientAuthorities = graph.deriveKeys(
      'clientAuthorities',
      ports.index('by authorities of clients', (plan) =>
        plan.listeners.flatMap(({ clientValidation }) =>
          clientValidation === undefined ? [] : clientAuthoritiesName(clientValidation.authorities),
        ),
      ),
      [sources.ConfigMap, sources.Secret],
      trustedBy,
      { equals: sameResource },
    );
    const endpointSets = graph.derive(
      'endpoints',
      clusterPlans,
      addressReads,
      (reader, { hostname, blocked }, name) =>
        hostname === undefined && blocked === undefined ? endpoints(name, addressesOf(reader, name)) : undefined,
      { equals: sameResource },
    );

    const reaches = graph.derive(
      'reaches',
      acceptances,
      [sources.Route],
      (reader, parents, id): RouteReach | undefined => {
        const route = reader.get(sources.Route, id);
        const reached = acceptedParents(parents).map(({ gateway }) => gateway);
        if (route === undefined || reached.length === 0) return undefined;
        return { gateways: [...new Set(reached)].toSorted(), backends: backendsOf(route) };
      },
      { equals: isDeepStrictEqual },
    );
    const reachByBackend = reaches.index('by backend', (reach) => reach.backends);
    const absent = (reader: Reader, target: PolicyTarget): string | undefined =>
      missingTarget(reader, backends, target);
    const tlsPolicyStatuses = graph.derive(
      'tlsPolicyStatuses',
      tlsPolicies,
      [tlsPoliciesByTarget, reachByBackend, sources.Service, sources.ServiceImport, xBackends],
      (reader, plan): StatusContribution | undefined =>
        policyContribution(
          'BackendTLSPolicy',
          reader,
          { policiesByTarget: tlsPoliciesByTarget, reachByBackend },
          plan,
          (target) => absent(reader, target),
          { refused: plan.refused, others: [plan.resolvedRefs] },
        ),
      { equals: isDeepStrictEqual },
    );
    const trafficPolicyStatuses = graph.derive(
      'trafficPolicyStatuses',
      trafficPolicies,
      [trafficPoliciesByTarget, reachByBackend, sources.Service, sources.ServiceImport, xBackends],
      (reader, plan): StatusContribution | undefined =>
        policyContribution(
          'XBackendTrafficPolicy',
          reader,
          { policiesByTarget: trafficPoliciesByTarget, reachByBackend },
          plan,
          (target) => absent(reader, target),
          { refused: plan.refused, others: [] },
        ),
      { equals: isDeepStrictEqual },
    );
    const backendStatuses = graph.derive(
      'backendStatuses',
      xBackends,
      [reachByBackend],
      (reader, plan): StatusContribution | undefined => backendContribution(reader, reachByBackend, plan),
      { equals: isDeepStrictEqual },
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
        ...(one.clientValidation === undefined
          ? []
          : [reader.get(clientAuthorities, clientAuthoritiesName(one.clientValidation.authorities))?.version ?? '']),
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
      [sources.ListenerSet, gateways, ports, acceptancesByListener, listeners, secrets, clientAuthorities],
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
      [sources.Gateway, listenerSets, ports, acceptancesByListener, listeners, secrets, clientAuthorities],
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
      [sources.Route, translations, placements, streams, ...streamResources.statusReads, ports],
      (reader, parents, id): StatusContribution => {
        const { kind, key } = parseRouteId(id);
        const isStream = isStreamKind(kind);
        const placement = reader.get(placements, id);
        const served = (parent: ParentAttachment): Served => {
          const on = parent.listeners.filter(({ listener: one }) => isServed(reader, one));
          if (isStream) return streamResources.served(reader, id, parent, on.length > 0);
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
          isStream ? reader.get(streams, id) : reader.get(translations, id),
          served,
          isStream ? streamResources.fingerprint(reader, id) : (placement?.fingerprint ?? ''),
        );
      },
      { equals: isDeepStrictEqual },
    );

    this.outputs = (
      [
        ['cluster', clusters, asIs],
        ['cluster', streamResources.udpClusters, asIs],
        ['endpoint', endpointSets, asIs],
        ['endpoint', streamResources.udpEndpoints, asIs],
        ['listener', listeners, listenerName],
        ['route', routeConfigurations, asIs],
        ['secret', secrets, secretName],
        ['secret', clientCertificates, clientCertificateName],
        ['secret', backendAuthorities, asIs],
        ['secret', clientAuthorities, asIs],
        ['secret', ticketKeys, asIs],
      ] as const
    ).map(([type, collection, nameOf]) => ({ type, nameOf, collection, changed: collection.track() }));
    this.routeStatuses = routeStatuses;
    this.insides = {
      gateways,
      ports,
      acceptances,
      translations,
      placementsByHost,
      leaderAt: streamResources.leaderAt,
    };
    this.statuses = [
      ...(
        [
          ['Gateway', gatewayStatuses],
          ['ListenerSet', listenerSetStatuses],
          ['BackendTLSPolicy', tlsPolicyStatuses],
          ['XBackendTrafficPolicy', trafficPolicyStatuses],
          ['XBackend', backendStatuses],
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

function acceptedParents(parents: readonly ParentAttachment[]): ParentAttachment[] {
  return parents.filter(({ accepted }) => accepted.status === 'True');
}

function contextOf(on: AttachedListener['listener']): ListenerContext {
  const { port, clientCertificate } = on;
  return { scheme: on.protocol === 'HTTPS' ? 'https' : 'http', port, clientCertificate };
}

function asIs(name: string): string {
  return name;
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
export function sourceChange<
  Kind extends Exclude<SourceKind, 'Secret' | 'ConfigMap' | 'SessionTicketKeys' | 'Quarantine'>,
>(kind: Kind, object: SourceKinds[Kind]): SourceChange {
  return { kind, key: objectKey(object), object } as SourceChange;
}
