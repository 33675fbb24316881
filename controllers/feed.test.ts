import { expect, test } from 'vitest';
import type { EndpointSlice, Namespace, Secret, Service } from '../api/core.ts';
import type { Gateway, HTTPRoute, ReferenceGrant } from '../api/gateway/index.ts';
import { type KubernetesObject, objectKey } from '../api/object.ts';
import type { CacheView, Change, ChangeListener, Resource } from '../runtime/index.ts';
import type { SourceChange } from '../translate/index.ts';
import { SourceFeed } from './feed.ts';
import { resources } from './resources.ts';
import { gateway, httpRoute } from './testing/objects.ts';
import type { FleetScope } from './topology.ts';

/** A cache without an API server behind it: changes are made by hand. */
class HandFedCache<T extends KubernetesObject> implements CacheView<T> {
  readonly resource: Resource<T>;
  readonly name: string;
  readonly #objects = new Map<string, T>();
  readonly #listeners = new Set<ChangeListener<T>>();

  constructor(resource: Resource<T>) {
    this.resource = resource;
    this.name = resource.plural;
  }

  set(object: T, generation = 1): void {
    const after = { ...object, metadata: { ...object.metadata, generation } };
    const before = this.#objects.get(objectKey(object));
    this.#objects.set(objectKey(object), after);
    this.#tell({ key: objectKey(object), after, ...(before === undefined ? {} : { before }) });
  }

  delete(object: T): void {
    const before = this.#objects.get(objectKey(object));
    this.#objects.delete(objectKey(object));
    if (before !== undefined) this.#tell({ key: objectKey(object), before });
  }

  #tell(change: Change<T>): void {
    for (const listener of this.#listeners) listener(change);
  }

  get size(): number {
    return this.#objects.size;
  }
  get(key: string): T | undefined {
    return this.#objects.get(key);
  }
  list(): T[] {
    return [...this.#objects.values()];
  }
  keys(): IteratorObject<string> {
    return this.#objects.keys();
  }
  byIndex(): T[] {
    return [];
  }
  hasSynced(): boolean {
    return true;
  }
  async whenSynced(): Promise<void> {}
  onChange(listener: ChangeListener<T>): () => void {
    for (const [key, after] of this.#objects) listener({ key, after });
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

function setUp() {
  const caches = {
    gateways: new HandFedCache<Gateway>(resources.gateways),
    httpRoutes: new HandFedCache<HTTPRoute>(resources.httpRoutes),
    referenceGrants: new HandFedCache<ReferenceGrant>(resources.referenceGrants),
    services: new HandFedCache<Service>(resources.services),
    endpointSlices: new HandFedCache<EndpointSlice>(resources.endpointSlices),
    secrets: new HandFedCache<Secret>(resources.secrets),
    namespaces: new HandFedCache<Namespace>(resources.namespaces),
  };
  const feed = new SourceFeed(caches);
  feed.start();
  const fed: string[] = [];
  const subscription = feed.subscribe((changes: Iterable<SourceChange>) => {
    for (const { kind, key, object } of changes) fed.push(`${object === undefined ? '-' : '+'}${kind} ${key}`);
  });
  return { caches, subscription, take: () => fed.splice(0).toSorted((one, other) => (one < other ? -1 : 1)) };
}

const scope = (gateways: string[], namespaces?: string[]): FleetScope => ({
  controlPlane: 'shop/web',
  gateways: new Set(gateways),
  namespaces: namespaces === undefined ? undefined : new Set(namespaces),
});
const service = (namespace: string, name: string): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { namespace, name },
});

test('nothing is fed without a scope, and all that is in it when there is one', () => {
  const { caches, subscription, take } = setUp();
  caches.gateways.set(gateway('shop', 'web', [80]));
  caches.gateways.set(gateway('shop', 'other', [80]));
  caches.httpRoutes.set(httpRoute('shop', 'a', ['web'], 'x'));
  caches.httpRoutes.set(httpRoute('shop', 'b', ['other'], 'x'));
  caches.services.set(service('shop', 'x'));
  expect(take()).toEqual([]);
  subscription.setScope(scope(['shop/web']));
  expect(take()).toEqual(['+Gateway shop/web', '+HTTPRoute shop/a', '+Service shop/x']);
  subscription.setScope(scope(['shop/web']));
  expect(take()).toEqual([]);
});

test('what leaves the scope is taken back, and what comes into it is fed', () => {
  const { caches, subscription, take } = setUp();
  caches.gateways.set(gateway('shop', 'web', [80]));
  caches.gateways.set(gateway('shop', 'other', [80]));
  caches.httpRoutes.set(httpRoute('shop', 'a', ['web'], 'x'));
  caches.httpRoutes.set(httpRoute('shop', 'b', ['other'], 'x'));
  caches.services.set(service('shop', 'x'));
  caches.services.set(service('elsewhere', 'y'));
  subscription.setScope(scope(['shop/web']));
  take();
  subscription.setScope(scope(['shop/other'], ['shop']));
  expect(take()).toEqual([
    '+Gateway shop/other',
    '+HTTPRoute shop/b',
    '-Gateway shop/web',
    '-HTTPRoute shop/a',
    '-Service elsewhere/y',
  ]);
  subscription.setScope(undefined);
  expect(take()).toEqual(['-Gateway shop/other', '-HTTPRoute shop/b', '-Service shop/x']);
});

test('a route is followed as its parents change', () => {
  const { caches, subscription, take } = setUp();
  subscription.setScope(scope(['shop/web']));
  caches.httpRoutes.set(httpRoute('shop', 'a', ['other'], 'x'));
  expect(take()).toEqual([]);
  caches.httpRoutes.set(httpRoute('shop', 'a', ['other', 'web'], 'x'), 2);
  expect(take()).toEqual(['+HTTPRoute shop/a']);
  caches.httpRoutes.set(httpRoute('shop', 'a', ['other'], 'x'), 3);
  expect(take()).toEqual(['-HTTPRoute shop/a']);
  caches.httpRoutes.delete(httpRoute('shop', 'a', ['other'], 'x'));
  expect(take()).toEqual([]);
});

test('a status that changed is not fed', () => {
  const { caches, subscription, take } = setUp();
  subscription.setScope(scope(['shop/web']));
  caches.httpRoutes.set(httpRoute('shop', 'a', ['web'], 'x'));
  take();
  caches.httpRoutes.set({ ...httpRoute('shop', 'a', ['web'], 'x'), status: { parents: [] } });
  expect(take()).toEqual([]);
});

test("the certificates of proxies are nobody's", () => {
  const { caches, subscription, take } = setUp();
  subscription.setScope(scope(['shop/web']));
  const secret: Secret = { apiVersion: 'v1', kind: 'Secret', metadata: { namespace: 'shop', name: 's' } };
  caches.secrets.set(secret);
  caches.secrets.set({
    ...secret,
    metadata: { ...secret.metadata, name: 'p', labels: { 'sluice.dev/data-plane': 'web' } },
  });
  expect(take()).toEqual(['+Secret shop/s']);
});
