/**
 * The way from the caches to the in-process control planes: each change of an object goes, in the same tick, to those whose
 * scope it is in. No queue is in between, because it would only add time: the translation itself coalesces.
 */
import type { ConfigMap, EndpointSlice, Namespace, Secret, Service } from '../api/core.ts';
import type {
  BackendTLSPolicy,
  Gateway,
  ListenerSet,
  ReferenceGrant,
  XBackend,
  XBackendTrafficPolicy,
} from '../api/gateway/index.ts';
import type { ServiceImport } from '../api/multicluster.ts';
import { labels } from '../api/names.ts';
import { type KubernetesObject, objectKey, type ObjectKey } from '../api/object.ts';
import { CertificateFeed } from '../controlplane/index.ts';
import { type CacheView, isShownOtherwise } from '../runtime/index.ts';
import {
  type AnyRoute,
  isRouteKind,
  listenerSetGateway,
  parentOf,
  type RouteKinds,
  type SourceChange,
  type SourceKind,
  type SourceKinds,
  wantsDefaultGateways,
} from '../translate/index.ts';
import { routesByListenerSet } from './caches.ts';
import type { FleetScope } from './topology.ts';

/** The caches of routes, each with the index {@link routesByListenerSet}. */
export interface RouteCaches {
  httpRoutes: CacheView<RouteKinds['HTTPRoute']>;
  grpcRoutes: CacheView<RouteKinds['GRPCRoute']>;
  tlsRoutes: CacheView<RouteKinds['TLSRoute']>;
  tcpRoutes: CacheView<RouteKinds['TCPRoute']>;
  udpRoutes: CacheView<RouteKinds['UDPRoute']>;
}

/** The caches that translations read. */
export interface FeedCaches extends RouteCaches {
  gateways: CacheView<Gateway>;
  listenerSets: CacheView<ListenerSet>;
  referenceGrants: CacheView<ReferenceGrant>;
  backendTLSPolicies: CacheView<BackendTLSPolicy>;
  services: CacheView<Service>;
  serviceImports: CacheView<ServiceImport>;
  xBackends: CacheView<XBackend>;
  xBackendTrafficPolicies: CacheView<XBackendTrafficPolicy>;
  endpointSlices: CacheView<EndpointSlice>;
  namespaces: CacheView<Namespace>;
  secrets: CacheView<Secret>;
  /** ConfigMaps of anybody, reduced to the certificates of authorities. */
  authorities: CacheView<ConfigMap>;
}

/** Kinds that are fed as they are, in the order in which a control plane that begins is given them: what others refer to first. */
const fedKinds = {
  Namespace: 'namespaces',
  ReferenceGrant: 'referenceGrants',
  Service: 'services',
  ServiceImport: 'serviceImports',
  XBackend: 'xBackends',
  EndpointSlice: 'endpointSlices',
  BackendTLSPolicy: 'backendTLSPolicies',
  XBackendTrafficPolicy: 'xBackendTrafficPolicies',
  Gateway: 'gateways',
  ListenerSet: 'listenerSets',
  HTTPRoute: 'httpRoutes',
  GRPCRoute: 'grpcRoutes',
  TLSRoute: 'tlsRoutes',
  TCPRoute: 'tcpRoutes',
  UDPRoute: 'udpRoutes',
} as const satisfies Record<
  Exclude<SourceKind, 'Secret' | 'ConfigMap' | 'Quarantine' | 'SessionTicketKeys'>,
  keyof FeedCaches
>;

type FedKind = keyof typeof fedKinds;

/** Takes changes: a control plane's `apply`. */
export type FeedSink = (changes: Iterable<SourceChange>) => void;

/** One control plane's share of the feed. */
export interface FeedSubscription {
  /** From now on this is what is fed: what came into the scope is fed, what left it is taken back. Undefined: nothing is. */
  setScope(scope: FleetScope | undefined): void;
  close(): void;
}

interface Subscriber {
  sink: FeedSink;
  scope: FleetScope | undefined;
  /** What was fed and not taken back, by kind. */
  fed: Map<SourceKind, Set<ObjectKey>>;
}

export class SourceFeed {
  readonly #caches: FeedCaches;
  readonly #subscribers = new Set<Subscriber>();
  readonly #certificates: CertificateFeed;
  readonly #unsubscribe: (() => void)[] = [];

  constructor(caches: FeedCaches) {
    this.#caches = caches;
    this.#certificates = new CertificateFeed((change) => this.#broadcast(change));
  }

  /** Begins to listen. The caches need not have synced, but whoever subscribes should wait for that. */
  start(): void {
    const { listenerSets, secrets, authorities } = this.#caches;
    for (const [kind, cache] of this.#fed()) this.#listen(kind, cache);
    this.#unsubscribe.push(
      // After the ListenerSet itself: routes that name it come and go with it.
      listenerSets.onChange(({ key, before, after }) => {
        if (gatewayOf(before) !== gatewayOf(after)) this.#tellRoutesOf(key);
      }),
      secrets.onChange(({ key, after }) => {
        // The certificates of proxies are no listener's.
        if (after?.metadata.labels?.[labels.dataPlane] === undefined) this.#certificates.set(key, after);
      }),
      authorities.onChange(({ key, after }) => {
        if (after?.metadata.labels?.[labels.dataPlane] === undefined) this.#certificates.setConfigMap(key, after);
      }),
    );
  }

  *#fed(): Iterable<[FedKind, CacheView]> {
    for (const [kind, name] of Object.entries(fedKinds) as [FedKind, (typeof fedKinds)[FedKind]][])
      yield [kind, this.#caches[name]];
  }

  stop(): void {
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
    this.#certificates.close();
  }

  #listen(kind: FedKind, cache: CacheView): void {
    this.#unsubscribe.push(
      cache.onChange(({ key, before, after }) => {
        // A status that changed is nothing to translate.
        if (before !== undefined && after !== undefined && sameInput(before, after)) return;
        this.#broadcast(changeOf(kind, key, after));
      }),
    );
  }

  #tellRoutesOf(listenerSet: ObjectKey): void {
    for (const [kind, cache] of this.#fed()) {
      if (!isRouteKind(kind)) continue;
      for (const route of cache.byIndex(routesByListenerSet, listenerSet))
        this.#broadcast(changeOf(kind, objectKey(route), route));
    }
  }

  /** Adds a control plane, to which nothing is fed until it has a scope. */
  subscribe(sink: FeedSink): FeedSubscription {
    const subscriber: Subscriber = { sink, scope: undefined, fed: new Map() };
    this.#subscribers.add(subscriber);
    return {
      setScope: (scope) => {
        subscriber.scope = scope;
        const changes = this.#difference(subscriber);
        if (changes.length > 0) sink(changes);
      },
      close: () => {
        this.#subscribers.delete(subscriber);
      },
    };
  }

  #broadcast(change: SourceChange): void {
    for (const subscriber of this.#subscribers) {
      const admitted = this.#admit(subscriber, change);
      if (admitted !== undefined) subscriber.sink([admitted]);
    }
  }

  /** What must be fed and taken back, so that all that is in the scope was fed and nothing else. */
  #difference(subscriber: Subscriber): SourceChange[] {
    const result: SourceChange[] = [];
    for (const change of this.#everything()) {
      const wasFed = subscriber.fed.get(change.kind)?.has(change.key) === true;
      const admitted = this.#admit(subscriber, change);
      if (admitted !== undefined && !(wasFed && admitted.object !== undefined)) result.push(admitted);
    }
    return result;
  }

  *#everything(): Iterable<SourceChange> {
    // Certificates before what needs them, but their order makes no difference to what comes out.
    yield* this.#certificates.current();
    for (const [kind, cache] of this.#fed())
      for (const object of cache.list()) yield changeOf(kind, objectKey(object), object);
  }

  /** The change as a subscriber is to see it: the object, its removal where it left the scope, or nothing. */
  #admit(subscriber: Subscriber, change: SourceChange): SourceChange | undefined {
    let fed = subscriber.fed.get(change.kind);
    if (fed === undefined) subscriber.fed.set(change.kind, (fed = new Set()));
    if (change.object !== undefined && this.#isInScope(subscriber.scope, change)) {
      fed.add(change.key);
      return change;
    }
    return fed.delete(change.key) ? { ...change, object: undefined } : undefined;
  }

  #isInScope(scope: FleetScope | undefined, change: SourceChange): boolean {
    if (scope === undefined) return false;
    const namespace = change.key.split('/')[0] ?? '';
    if (scope.namespaces !== undefined && !scope.namespaces.has(namespace)) return false;
    if (change.kind === 'Gateway') return scope.gateways.has(change.key);
    const has = (gateway: ObjectKey | undefined): boolean => gateway !== undefined && scope.gateways.has(gateway);
    if (change.kind === 'ListenerSet') return has(gatewayOf(change.object));
    if (!isRouteKind(change.kind)) return true;
    // Of thousands of routes each control plane gets those that name one of its Gateways, or a ListenerSet of one.
    const route = change.object as AnyRoute | undefined;
    // Which Gateways are default ones can change with each of them.
    if (route !== undefined && wantsDefaultGateways(route)) return true;
    return (route?.spec.parentRefs ?? []).some((reference) => {
      const parent = parentOf(reference, namespace);
      if (parent?.kind !== 'ListenerSet') return has(parent?.key);
      const listenerSet = this.#caches.listenerSets.get(parent.key);
      return has(gatewayOf(listenerSet));
    });
  }
}

function changeOf(kind: FedKind, key: ObjectKey, object: KubernetesObject | undefined): SourceChange {
  // The table of caches holds objects of the kind that they are listed under.
  return { kind, key, object: object as SourceKinds[FedKind] | undefined } as SourceChange;
}

function gatewayOf(listenerSet: ListenerSet | undefined): ObjectKey | undefined {
  return listenerSet === undefined ? undefined : listenerSetGateway(listenerSet);
}

/**
 * Whether two versions of an object differ in nothing that a translation reads. Kinds without a generation always differ,
 * and so do an object and one of its name that was made after it, which begins to count anew, and one whose definition has
 * changed.
 */
function sameInput(before: KubernetesObject, after: KubernetesObject): boolean {
  return (
    before.metadata.generation !== undefined &&
    before.metadata.generation === after.metadata.generation &&
    before.metadata.uid === after.metadata.uid &&
    !isShownOtherwise({ key: '', before, after })
  );
}
