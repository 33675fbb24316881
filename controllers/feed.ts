/**
 * The way from the caches to the in-process control planes: each change of an object goes, in the same tick, to those whose
 * scope it is in. No queue is in between, because it would only add time: the translation itself coalesces.
 */
import type { EndpointSlice, Namespace, Secret, Service } from '../api/core.ts';
import type { Gateway, HTTPRoute, ReferenceGrant } from '../api/gateway/index.ts';
import { labels } from '../api/names.ts';
import type { KubernetesObject, ObjectKey } from '../api/object.ts';
import { CertificateFeed } from '../controlplane/index.ts';
import type { CacheView } from '../runtime/index.ts';
import { parentGateway, sourceChange, type SourceChange, type SourceKind } from '../translate/index.ts';
import type { FleetScope } from './topology.ts';

/** The caches that translations read. */
export interface FeedCaches {
  gateways: CacheView<Gateway>;
  httpRoutes: CacheView<HTTPRoute>;
  referenceGrants: CacheView<ReferenceGrant>;
  services: CacheView<Service>;
  endpointSlices: CacheView<EndpointSlice>;
  secrets: CacheView<Secret>;
  namespaces: CacheView<Namespace>;
}

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
    const { gateways, httpRoutes, referenceGrants, services, endpointSlices, secrets, namespaces } = this.#caches;
    this.#listen(gateways, (object) => sourceChange('Gateway', object));
    this.#listen(httpRoutes, (object) => sourceChange('HTTPRoute', object));
    this.#listen(referenceGrants, (object) => sourceChange('ReferenceGrant', object));
    this.#listen(services, (object) => sourceChange('Service', object));
    this.#listen(endpointSlices, (object) => sourceChange('EndpointSlice', object));
    this.#listen(namespaces, (object) => sourceChange('Namespace', object));
    this.#unsubscribe.push(
      secrets.onChange(({ key, after }) => {
        // The certificates of proxies are no listener's.
        if (after?.metadata.labels?.[labels.dataPlane] === undefined) this.#certificates.set(key, after);
      }),
    );
  }

  stop(): void {
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
    this.#certificates.close();
  }

  #listen<T extends KubernetesObject>(cache: CacheView<T>, toChange: (object: T) => SourceChange): void {
    this.#unsubscribe.push(
      cache.onChange(({ before, after }) => {
        // A status that changed is nothing to translate.
        if (before !== undefined && after !== undefined && sameInput(before, after)) return;
        if (after !== undefined) this.#broadcast(toChange(after));
        else if (before !== undefined) this.#broadcast({ ...toChange(before), object: undefined });
      }),
    );
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
      const admitted = admit(subscriber, change);
      if (admitted !== undefined) subscriber.sink([admitted]);
    }
  }

  /** What must be fed and taken back, so that all that is in the scope was fed and nothing else. */
  #difference(subscriber: Subscriber): SourceChange[] {
    const result: SourceChange[] = [];
    for (const change of this.#everything()) {
      const wasFed = subscriber.fed.get(change.kind)?.has(change.key) === true;
      const admitted = admit(subscriber, change);
      if (admitted !== undefined && !(wasFed && admitted.object !== undefined)) result.push(admitted);
    }
    return result;
  }

  *#everything(): Iterable<SourceChange> {
    const { gateways, httpRoutes, referenceGrants, services, endpointSlices, namespaces } = this.#caches;
    for (const object of namespaces.list()) yield sourceChange('Namespace', object);
    for (const object of referenceGrants.list()) yield sourceChange('ReferenceGrant', object);
    yield* this.#certificates.current();
    for (const object of services.list()) yield sourceChange('Service', object);
    for (const object of endpointSlices.list()) yield sourceChange('EndpointSlice', object);
    for (const object of gateways.list()) yield sourceChange('Gateway', object);
    for (const object of httpRoutes.list()) yield sourceChange('HTTPRoute', object);
  }
}

/** The change as a subscriber is to see it: the object, its removal where it left the scope, or nothing. */
function admit(subscriber: Subscriber, change: SourceChange): SourceChange | undefined {
  let fed = subscriber.fed.get(change.kind);
  if (fed === undefined) subscriber.fed.set(change.kind, (fed = new Set()));
  if (change.object !== undefined && isInScope(subscriber.scope, change)) {
    fed.add(change.key);
    return change;
  }
  return fed.delete(change.key) ? { ...change, object: undefined } : undefined;
}

function isInScope(scope: FleetScope | undefined, change: SourceChange): boolean {
  if (scope === undefined) return false;
  const namespace = change.key.split('/')[0] ?? '';
  if (scope.namespaces !== undefined && !scope.namespaces.has(namespace)) return false;
  if (change.kind === 'Gateway') return scope.gateways.has(change.key);
  if (change.kind !== 'HTTPRoute') return true;
  // Of thousands of routes each control plane gets those that name one of its Gateways.
  return (change.object?.spec.parentRefs ?? []).some((parent) => {
    const gateway = parentGateway(parent, namespace);
    return gateway !== undefined && scope.gateways.has(gateway);
  });
}

/**
 * Whether two versions of an object differ in nothing that a translation reads. Kinds without a generation always differ,
 * and so do an object and one of its name that was made after it, which begins to count anew.
 */
function sameInput({ metadata: before }: KubernetesObject, { metadata: after }: KubernetesObject): boolean {
  return before.generation !== undefined && before.generation === after.generation && before.uid === after.uid;
}
