import { expect, test } from 'vitest';
import type { ConfigMap, EndpointSlice, Namespace, Secret, Service } from '../api/core.ts';
import type {
  BackendTLSPolicy,
  Gateway,
  GRPCRoute,
  HTTPRoute,
  ListenerSet,
  ReferenceGrant,
  TCPRoute,
  TLSRoute,
  UDPRoute,
  XBackend,
  XBackendTrafficPolicy,
} from '../api/gateway/index.ts';
import type { ServiceImport } from '../api/multicluster.ts';
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
  /** The one index that the feed asks for: routes by the ListenerSets that they name, which are of their namespace here. */
  byIndex(_: string, value: string): T[] {
    return this.list().filter((object) =>
      JSON.stringify(object).includes(`"kind":"ListenerSet","name":"${value.split('/')[1]}"`),
    );
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
    listenerSets: new HandFedCache<ListenerSet>(resources.listenerSets),
    httpRoutes: new HandFedCache<HTTPRoute>(resources.httpRoutes),
    grpcRoutes: new HandFedCache<GRPCRoute>(resources.grpcRoutes),
    tlsRoutes: new HandFedCache<TLSRoute>(resources.tlsRoutes),
    tcpRoutes: new HandFedCache<TCPRoute>(resources.tcpRoutes),
    udpRoutes: new HandFedCache<UDPRoute>(resources.udpRoutes),
    backendTLSPolicies: new HandFedCache<BackendTLSPolicy>(resources.backendTLSPolicies),
    serviceImports: new HandFedCache<ServiceImport>(resources.serviceImports),
    xBackends: new HandFedCache<XBackend>(resources.xBackends),
    xBackendTrafficPolicies: new HandFedCache<XBackendTrafficPolicy>(resources.xBackendTrafficPolicies),
    authorities: new HandFedCache<ConfigMap>(resources.configMaps),
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

test('an object that its definition shows otherwise is fed', () => {
  const { caches, subscription, take } = setUp();
  subscription.setScope(scope(['shop/web']));
  const route = httpRoute('shop', 'a', ['web'], 'x');
  const shown = { ...route, metadata: { ...route.metadata, uid: 'u', resourceVersion: '7' } };
  caches.httpRoutes.set(shown);
  take();
  caches.httpRoutes.set({ ...shown, spec: { ...shown.spec, rules: [] } });
  expect(take()).toEqual(['+HTTPRoute shop/a']);
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

test('a ListenerSet is fed with its Gateway, and routes that name it come and go with it', () => {
  const { caches, subscription, take } = setUp();
  const set = (parent: string): ListenerSet => ({
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'ListenerSet',
    metadata: { namespace: 'shop', name: 'more' },
    spec: { parentRef: { name: parent }, listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }] },
  });
  const route: GRPCRoute = {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'GRPCRoute',
    metadata: { namespace: 'shop', name: 'calls' },
    spec: { parentRefs: [{ kind: 'ListenerSet', name: 'more' }] },
  };
  subscription.setScope(scope(['shop/web']));
  caches.grpcRoutes.set(route);
  expect(take()).toEqual([]);
  caches.listenerSets.set(set('other'));
  expect(take()).toEqual([]);
  caches.listenerSets.set(set('web'), 2);
  expect(take()).toEqual(['+GRPCRoute shop/calls', '+ListenerSet shop/more']);
  caches.listenerSets.set(set('other'), 3);
  expect(take()).toEqual(['-GRPCRoute shop/calls', '-ListenerSet shop/more']);
  caches.listenerSets.set(set('web'), 4);
  take();
  caches.listenerSets.delete(set('web'));
  expect(take()).toEqual(['-GRPCRoute shop/calls', '-ListenerSet shop/more']);
});

test('routes of every kind, policies and backends are fed', () => {
  const { caches, subscription, take } = setUp();
  subscription.setScope(scope(['shop/web']));
  const { spec } = httpRoute('shop', 'a', ['web'], 'x');
  const parentRefs = spec.parentRefs ?? [];
  const rules = [{ backendRefs: [{ name: 'x', port: 80 }] }];
  const of = (kind: string) => ({ apiVersion: 'x', kind, metadata: { namespace: 'shop', name: 'a' } });
  caches.tlsRoutes.set({ ...of('TLSRoute'), spec: { parentRefs, hostnames: ['a.example'], rules } });
  caches.tcpRoutes.set({ ...of('TCPRoute'), spec: { parentRefs, rules } });
  caches.udpRoutes.set({ ...of('UDPRoute'), spec: { parentRefs, rules } });
  caches.serviceImports.set({ ...of('ServiceImport'), spec: { type: 'ClusterSetIP', ports: [] } });
  caches.authorities.set({ ...of('ConfigMap'), data: {} });
  expect(take()).toEqual([
    '+ConfigMap shop/a',
    '+ServiceImport shop/a',
    '+TCPRoute shop/a',
    '+TLSRoute shop/a',
    '+UDPRoute shop/a',
  ]);
});
