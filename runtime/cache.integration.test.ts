import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type KubeApiServerConnection, sharedKubeApiServer, startKubeApiServer } from '../test/fixtures/index.ts';
import { waitFor } from '../test/fixtures/waitFor.ts';
import { Cache, type CacheOptions } from './cache.ts';
import type { Client } from './client.ts';
import { defineResource } from './resource.ts';
import { FaultProxy } from './testing/faultProxy.ts';
import { accessTo, clientOf, type ConfigMap, configMap, configMaps, logger, Witness } from './testing/fixtures.ts';

/** Short, so that a test need not wait; what is tested does not depend on it. */
const tuning = { backoff: { initialMs: 20, maximumMs: 200 } };

let server: KubeApiServerConnection;
let namespace: string;
let proxy: FaultProxy;
let admin: Client & AsyncDisposable;
let client: Client & AsyncDisposable;
const running: Cache<ConfigMap>[] = [];

beforeEach(async () => {
  server = sharedKubeApiServer();
  namespace = await server.createNamespace('cache');
  proxy = await FaultProxy.start(server);
  admin = clientOf(accessTo(server));
  client = clientOf(proxy.access);
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((cache) => cache.stop()));
  await client.close();
  await admin.close();
  await proxy.stop();
});

function startCache(options: Partial<CacheOptions<ConfigMap>> = {}): Cache<ConfigMap> {
  const cache = new Cache({ client, resource: configMaps, namespace, logger, tuning, ...options });
  running.push(cache);
  cache.start();
  return cache;
}

const expiredEvent = { type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' } };
const initialLists = (): number =>
  proxy.requests.filter((request) => request.query.get('sendInitialEvents') === 'true').length;
const named = (name: string, data: Record<string, string> = {}): ConfigMap => configMap(namespace, name, data);
const key = (name: string): string => `${namespace}/${name}`;

describe.each([
  ['WatchList', true],
  ['list and watch', false],
])('by %s', (_, watchList) => {
  const options = { tuning: { ...tuning, watchList, pageSize: 3 } };

  test('a cache reads what exists and follows each change, in order', async () => {
    for (let i = 0; i < 7; i++) await admin.create(configMaps, named(`first-${i}`));
    const cache = startCache(options);
    expect(cache.hasSynced()).toBe(false);
    const witness = new Witness(cache);
    await cache.whenSynced();
    expect(cache.size).toBe(7);
    expect(proxy.requests.some((request) => request.query.get('sendInitialEvents') === 'true')).toBe(watchList);
    expect(proxy.requests.filter((request) => request.query.get('limit') === '3').length).toBe(watchList ? 0 : 3);

    const object = await admin.create(configMaps, named('a', { value: '1' }));
    await admin.update(configMaps, { ...object, data: { value: '2' } });
    await admin.delete(configMaps, object.metadata);
    await waitFor('the delete', () => witness.of(object).includes('deleted'));
    expect(witness.of(object)).toEqual(['added', 'changed', 'deleted']);
    expect(cache.get(key('a'))).toBeUndefined();
    expect(cache.size).toBe(7);
    expect(witness.contradictions).toEqual([]);
  });

  test('objects carry their kind and no managedFields', async () => {
    await admin.create(configMaps, named('a', { value: '1' }));
    const cache = startCache({ ...options, transform: (object) => ({ ...object, data: {} }) });
    await cache.whenSynced();
    const object = cache.get(key('a'))!;
    expect(object).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap', data: {} });
    expect(object.metadata).not.toHaveProperty('managedFields');
    expect(object.metadata.resourceVersion).toMatch(/^\d+$/);
  });

  test('a cache of metadata only gets nothing else, in lists and events', async () => {
    await admin.create(configMaps, named('a', { value: '1' }));
    const cache = startCache({ ...options, metadataOnly: true });
    await cache.whenSynced();
    await admin.create(configMaps, named('b', { value: '1' }));
    await waitFor('the event', () => cache.size === 2);
    for (const name of ['a', 'b']) {
      expect(cache.get(key(name))).toEqual({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: expect.objectContaining({ name, namespace }),
      });
    }
  });

  test('a delete that happened while the watch was refused with 410 is delivered', async () => {
    const doomed = await admin.create(configMaps, named('doomed'));
    const reborn = await admin.create(configMaps, named('reborn'));
    const kept = await admin.create(configMaps, named('kept'));
    const cache = startCache(options);
    const witness = new Witness(cache);
    await cache.whenSynced();
    await waitFor('the watch', () => proxy.watchesOf('configmaps').length === 1);

    proxy.onRequest = () => ({ status: 500, body: 'out of order' });
    proxy.breakConnections();
    await waitFor('the failure', () => cache.lastError !== undefined);
    await admin.delete(configMaps, doomed.metadata);
    await admin.delete(configMaps, reborn.metadata);
    await admin.create(configMaps, named('reborn'));
    // The next watch is told that its resource version is too old.
    proxy.onRequest = (request) =>
      request.isWatch &&
      request.query.get('sendInitialEvents') === null &&
      request.query.get('resourceVersion') !== null &&
      !relisted()
        ? { status: 410, body: JSON.stringify({ kind: 'Status', code: 410, reason: 'Expired', message: 'too old' }) }
        : undefined;
    const before = proxy.requests.length;
    const relisted = (): boolean =>
      proxy.requests
        .slice(before)
        .some((request) => request.query.get('sendInitialEvents') === 'true' || request.query.get('limit') !== null);

    await waitFor(
      'the deletes',
      () => witness.of(doomed).includes('deleted') && witness.of(reborn).includes('deleted'),
    );
    await waitFor('the new object', () => witness.of(reborn).length === 3);
    expect(relisted()).toBe(true);
    expect(witness.of(doomed)).toEqual(['added', 'deleted']);
    expect(witness.of(reborn)).toEqual(['added', 'deleted', 'added']);
    expect(witness.of(kept)).toEqual(['added']);
    await waitFor('no error', () => cache.lastError === undefined);
    expect(witness.contradictions).toEqual([]);
  });

  test('a watch cut in the middle of a line goes on where it was', async () => {
    const cache = startCache(options);
    const witness = new Witness(cache);
    await cache.whenSynced();
    for (const how of ['reset', 'end'] as const) {
      const [watch] = await waitFor(
        'the watch',
        () => proxy.watchesOf('configmaps').length === 1 && proxy.watchesOf('configmaps'),
      );
      watch!.cutNextChunk(how);
      const object = await admin.create(configMaps, named(`cut-by-${how}`, { text: 'ä€😀'.repeat(100) }));
      await waitFor('the event', () => witness.of(object).length === 1);
      expect(cache.get(key(`cut-by-${how}`))!.data).toEqual({ text: 'ä€😀'.repeat(100) });
    }
    expect(proxy.requests.filter((request) => request.query.get('sendInitialEvents') === 'true').length).toBe(
      watchList ? 1 : 0,
    );
    expect(proxy.requests.filter((request) => request.query.get('limit') !== null).length).toBe(watchList ? 0 : 1);
    expect(witness.contradictions).toEqual([]);
  });
});

test('an ERROR event of 410 in a running watch leads to a new list', async () => {
  const cache = startCache();
  const witness = new Witness(cache);
  await cache.whenSynced();
  const [watch] = await waitFor(
    'the watch',
    () => proxy.watchesOf('configmaps').length === 1 && proxy.watchesOf('configmaps'),
  );
  watch!.write(
    `${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' } })}\n`,
  );
  await waitFor('the second list', () => initialLists() === 2);
  const object = await admin.create(configMaps, named('after'));
  await waitFor('the event', () => witness.of(object).length === 1);
  expect(cache.lastError).toBeUndefined();
});

test('a line that is no JSON makes a new watch and loses nothing', async () => {
  const cache = startCache();
  const witness = new Witness(cache);
  await cache.whenSynced();
  const [watch] = await waitFor(
    'the watch',
    () => proxy.watchesOf('configmaps').length === 1 && proxy.watchesOf('configmaps'),
  );
  watch!.write('{"type":"ADDED","object":{"metadata":\n');
  const object = await admin.create(configMaps, named('after'));
  await waitFor('the event', () => witness.of(object).length === 1);
});

test('bookmarks move the place where the next watch goes on', async () => {
  const cache = startCache();
  await cache.whenSynced();
  const [watch] = await waitFor(
    'the watch',
    () => proxy.watchesOf('configmaps').length === 1 && proxy.watchesOf('configmaps'),
  );
  // Something else moves the resource version of the whole store.
  const other = await admin.create(configMaps, configMap('default', `${namespace}-other`));
  const { resourceVersion } = other.metadata;
  watch!.write(
    `${JSON.stringify({ type: 'BOOKMARK', object: { kind: 'ConfigMap', apiVersion: 'v1', metadata: { resourceVersion } } })}\n`,
  );
  watch!.end();
  const next = await waitFor('the next watch', () =>
    proxy.requests.find((request) => request.query.get('resourceVersion') === resourceVersion),
  );
  expect(next.query.get('allowWatchBookmarks')).toBe('true');
  await admin.delete(configMaps, other.metadata);
});

test('a server that answers 500 to everything empties nothing, is told, and is tried until it works', async () => {
  const object = await admin.create(configMaps, named('a'));
  const cache = startCache();
  const witness = new Witness(cache);
  await cache.whenSynced();
  proxy.onRequest = () => ({
    status: 500,
    body: JSON.stringify({ kind: 'Status', code: 500, reason: 'InternalError', message: 'etcd has no leader' }),
  });
  proxy.breakConnections();
  await waitFor(
    'the API server’s words',
    () => cache.lastError?.message === `configmaps cannot be read in namespace ${namespace}: etcd has no leader`,
  );
  const tried = proxy.requests.length;
  await waitFor('more attempts', () => proxy.requests.length > tried + 3);
  expect(cache.get(key('a'))).toBeDefined();
  expect(cache.hasSynced()).toBe(true);
  proxy.onRequest = () => undefined;
  await admin.delete(configMaps, object.metadata);
  await waitFor('the delete', () => cache.get(key('a')) === undefined);
  expect(witness.of(object)).toEqual(['added', 'deleted']);
  expect(cache.lastError).toBeUndefined();
});

test('a list that breaks off in the middle replaces nothing', async () => {
  for (let i = 0; i < 5; i++) await admin.create(configMaps, named(`object-${i}`));
  const cache = startCache({ tuning: { ...tuning, watchList: false, pageSize: 2 } });
  const witness = new Witness(cache);
  await cache.whenSynced();
  const [watch] = await waitFor(
    'the watch',
    () => proxy.watchesOf('configmaps').length === 1 && proxy.watchesOf('configmaps'),
  );
  let failures = 0;
  proxy.onRequest = (request) =>
    request.query.get('continue') !== null && failures++ < 3 ? { status: 500, body: 'no' } : undefined;
  watch!.write(`${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } })}\n`);
  await waitFor('the failures', () => failures > 3);
  const last = await admin.create(configMaps, named('last'));
  await waitFor('the event', () => witness.of(last).length === 1);
  expect(witness.changes.length).toBe(6);
});

test('a list whose continue token expires is read again in one piece', async () => {
  for (let i = 0; i < 5; i++) await admin.create(configMaps, named(`object-${i}`));
  let expired = 0;
  proxy.onRequest = (request) =>
    request.query.get('continue') !== null && expired++ === 0
      ? {
          status: 410,
          body: JSON.stringify({
            kind: 'Status',
            code: 410,
            reason: 'Expired',
            message: 'The provided continue parameter is too old',
          }),
        }
      : undefined;
  const { items } = await client.list(configMaps, { namespace, pageSize: 2 });
  expect(expired).toBe(1);
  expect(items.map((item) => item.metadata.name)).toEqual([0, 1, 2, 3, 4].map((i) => `object-${i}`));
});

test('a user without rights is told so in the words of the API server, and heard when that changes', async () => {
  await admin.create(configMaps, named('a'));
  const name = `reader-of-${namespace}`;
  await using reader = clientOf(accessTo(server, await server.issueClient({ name })));
  const cache = startCache({ client: reader });
  const message = await waitFor('the refusal', () => cache.lastError?.message);
  expect(message).toBe(
    `configmaps cannot be read in namespace ${namespace}: configmaps is forbidden: User "${name}" cannot ` +
      `${message.includes('cannot watch') ? 'watch' : 'list'} resource "configmaps" in API group "" in the namespace "${namespace}". ` +
      `Allow get, list and watch in the operator's RBAC role.`,
  );
  expect(cache.notReady()).toBe(message);
  const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
  await server.request('POST', `${rbac}/roles`, {
    metadata: { name: 'reader' },
    rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list', 'watch'] }],
  });
  await server.request('POST', `${rbac}/rolebindings`, {
    metadata: { name: 'reader' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reader' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name }],
  });
  await cache.whenSynced();
  expect(cache.size).toBe(1);
  expect(cache.lastError).toBeUndefined();
  expect(cache.notReady()).toBeUndefined();
});

test('a kind that is not served is told so; an optional one counts as synced and is read once it is served', async () => {
  const group = `${namespace}.example`;
  const widgets = defineResource({ group, version: 'v1', kind: 'Widget', plural: 'widgets', namespaced: true });
  const required = new Cache({ client, resource: widgets, logger, tuning });
  const optional = new Cache({ client, resource: widgets, logger, tuning, optional: true });
  required.start();
  optional.start();
  try {
    await optional.whenSynced();
    expect(optional.served).toBe(false);
    expect(optional.lastError).toBeUndefined();
    await waitFor('the error', () => required.lastError);
    expect(required.hasSynced()).toBe(false);
    expect(required.lastError!.message).toBe(
      `The API server does not serve Widget in ${group}/v1: install the CustomResourceDefinition widgets.${group} with that version.`,
    );
    expect(await client.serves(widgets)).toBe(false);
    await server.request('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
      metadata: { name: `widgets.${group}` },
      spec: {
        group,
        names: { kind: 'Widget', plural: 'widgets' },
        scope: 'Namespaced',
        versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
      },
    });
    await required.whenSynced();
    const widget = { apiVersion: `${group}/v1`, kind: 'Widget', metadata: { name: 'a', namespace } };
    await waitFor(
      'a widget',
      async () => (await client.find(widgets, key('a'))) ?? (await client.create(widgets, widget)),
    );
    await waitFor('both', () => required.size === 1 && optional.size === 1);
    expect(optional.served).toBe(true);
    expect(await client.serves(widgets)).toBe(true);
  } finally {
    await Promise.all([required.stop(), optional.stop()]);
    await server.request('DELETE', `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.${group}`);
  }
});

test('a cache stops at once, whatever it does', async () => {
  await admin.create(configMaps, named('a'));
  for (const watchList of [true, false]) {
    const cache = startCache({ tuning: { ...tuning, watchList } });
    await cache.stop();
    expect(cache.hasSynced()).toBe(false);
    cache.start();
    await cache.whenSynced();
    await cache.stop();
    expect(cache.get(key('a'))).toBeDefined();
  }
});

test('an API server without WatchList is listed and watched', async () => {
  await using own = await startKubeApiServer({ flags: ['--feature-gates=WatchList=false'] });
  await using direct = clientOf(accessTo(own));
  await using through = await FaultProxy.start(own);
  await using proxied = clientOf(through.access);
  await direct.create(configMaps, configMap('default', 'a'));
  const cache = startCache({ client: proxied, namespace: 'default' });
  await cache.whenSynced();
  expect(cache.get('default/a')).toBeDefined();
  expect(through.requests.filter((request) => request.query.get('sendInitialEvents') === 'true').length).toBe(1);
  const object = await direct.create(configMaps, configMap('default', 'b'));
  await waitFor('the event', () => cache.get('default/b')?.metadata.uid === object.metadata.uid);
  expect(cache.lastError).toBeUndefined();
  await cache.stop();
});

test('whatever fails in whatever order, the changes told add up to the truth', async () => {
  const cache = startCache({ tuning: { backoff: { initialMs: 5, maximumMs: 20 }, pageSize: 3 } });
  const witness = new Witness(cache);
  await cache.whenSynced();
  const living = new Map<string, ConfigMap>();
  const deleted: ConfigMap[] = [];
  const faults = [
    () => proxy.breakConnections(),
    () => proxy.watchesOf('configmaps').forEach((watch) => watch.cutNextChunk('reset')),
    () => proxy.watchesOf('configmaps').forEach((watch) => watch.cutNextChunk('end')),
    () => proxy.watchesOf('configmaps').forEach((watch) => watch.write(`${JSON.stringify(expiredEvent)}\n`)),
    () => proxy.watchesOf('configmaps').forEach((watch) => watch.end()),
    () => (proxy.onRequest = () => (Math.random() < 0.5 ? { status: 500, body: 'no' } : undefined)),
    () =>
      (proxy.onRequest = () =>
        Math.random() < 0.5 ? { status: 410, body: JSON.stringify(expiredEvent.object) } : undefined),
    () => (proxy.onRequest = () => undefined),
  ];
  for (let i = 0; i < 400; i++) {
    const name = `object-${Math.floor(Math.random() * 12)}`;
    const object = living.get(name);
    if (object === undefined) {
      living.set(name, await admin.create(configMaps, named(name, { step: String(i) })));
    } else if (Math.random() < 0.5) {
      await admin.delete(configMaps, object.metadata);
      deleted.push(object);
      living.delete(name);
    } else {
      living.set(name, await admin.update(configMaps, { ...object, data: { step: String(i) } }));
    }
    if (Math.random() < 0.2) faults[Math.floor(Math.random() * faults.length)]!();
  }
  proxy.onRequest = () => undefined;
  const versions = (objects: Iterable<ConfigMap>): string[] =>
    [...objects]
      .map(({ metadata }) => `${metadata.name} ${metadata.resourceVersion}`)
      .toSorted((a, b) => a.localeCompare(b));
  await waitFor('the truth', () => versions(cache.list()).join() === versions(living.values()).join());
  expect(versions(witness.state.values())).toEqual(versions(living.values()));
  expect(witness.contradictions).toEqual([]);
  // Each object that was ever told of, and is gone, was told to be gone: once.
  const uidsOf = (objects: (ConfigMap | undefined)[]): string[] =>
    objects
      .flatMap((object) => (object === undefined ? [] : [object.metadata.uid!]))
      .toSorted((a, b) => a.localeCompare(b));
  const added = new Set(uidsOf(witness.changes.map(({ before, after }) => (before === undefined ? after : undefined))));
  const told = uidsOf(witness.changes.map(({ before, after }) => (after === undefined ? before : undefined)));
  expect(told).toEqual(uidsOf(deleted).filter((uid) => added.has(uid)));
  expect(proxy.requests.length).toBeGreaterThan(10);
});

test.each(['kill', 'terminate'] as const)(
  'the API server stops (%s) and starts again: nothing is lost or emptied',
  async (how) => {
    // As it stops in order it lets watches run for the request timeout.
    await using own = await startKubeApiServer({ flags: ['--request-timeout=5s'] });
    await using direct = clientOf(accessTo(own));
    const kept = await direct.create(configMaps, configMap('default', 'kept'));
    const doomed = await direct.create(configMaps, configMap('default', 'doomed'));
    const cache = startCache({ client: direct, namespace: 'default' });
    const witness = new Witness(cache);
    await cache.whenSynced();
    await own[how]();
    await waitFor('the failure', () => cache.lastError);
    expect(cache.lastError!.message).toContain(`The API server at ${own.url} cannot be reached`);
    expect(cache.size).toBeGreaterThanOrEqual(2);
    await own.restart();
    // Through another connection, and as early as possible: the cache may not watch yet.
    await own.request('DELETE', '/api/v1/namespaces/default/configmaps/doomed');
    const born = await direct.create(configMaps, configMap('default', 'born'));
    await waitFor('both changes', () => witness.of(doomed).includes('deleted') && witness.of(born).includes('added'));
    expect(witness.of(doomed)).toEqual(['added', 'deleted']);
    expect(witness.of(kept)).toEqual(['added']);
    await waitFor('no error', () => cache.lastError === undefined);
    expect(witness.contradictions).toEqual([]);
    await cache.stop();
  },
);

test('the best version that is served is read, and a better one once it is served', async () => {
  const group = `${namespace}.example`;
  const gadgets = defineResource({ group, version: 'v1', kind: 'Gadget', plural: 'gadgets', namespaced: true });
  const beta = { ...gadgets, version: 'v1beta1' };
  const definition = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/gadgets.${group}`;
  const install = async (served: readonly string[]): Promise<void> => {
    const versions = ['v1', 'v1beta1', 'v1alpha1'].map((name) => ({
      name,
      served: served.includes(name),
      storage: name === 'v1beta1',
      schema: { openAPIV3Schema: { type: 'object' } },
    }));
    const spec = { group, names: { kind: 'Gadget', plural: 'gadgets' }, scope: 'Namespaced', versions };
    const { status } = await server.request('PATCH', `${definition}?fieldManager=tests`, {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: `gadgets.${group}` },
      spec,
    });
    expect(status).toBeLessThan(300);
  };
  await install(['v1beta1', 'v1alpha1']);
  // Long pauses: what is served anew is read because it is said that it may be.
  const patient = { backoff: { initialMs: 600_000, maximumMs: 600_000 } };
  const cache = new Cache({
    client,
    resource: gadgets,
    logger,
    tuning: patient,
    optional: true,
    otherVersions: ['v1beta1', 'v1alpha1'],
  });
  try {
    await waitFor('the definition', () => client.serves(beta));
    await waitFor(
      'a gadget',
      async () =>
        (await client.find(beta, key('a'))) ??
        (await client.create(beta, {
          apiVersion: `${group}/v1beta1`,
          kind: 'Gadget',
          metadata: { name: 'a', namespace },
        })),
    );
    const seen: string[] = [];
    cache.onServed(() => seen.push(`${cache.served} ${cache.resource.version}`));
    cache.start();
    await cache.whenSynced();
    expect(cache.get(key('a'))).toMatchObject({ apiVersion: `${group}/v1beta1` });

    await install(['v1', 'v1beta1']);
    await waitFor('the better version', async () => {
      cache.reconsider();
      return cache.get(key('a'))?.apiVersion === `${group}/v1`;
    });
    expect(seen).toEqual(['true v1beta1', 'true v1']);
    // Nothing better: nothing is read again.
    const before = proxy.requests.length;
    cache.reconsider();
    await client.get(configMaps, (await admin.create(configMaps, named('fence'))).metadata);
    expect(proxy.requests.slice(before).every(({ isWatch }) => !isWatch)).toBe(true);

    await server.request('DELETE', definition);
    await waitFor('the objects to go', () => cache.size === 0);
    await waitFor('the definition to go', async () => (await server.request('GET', definition)).status === 404);
    await waitFor('the kind to be missed', () => cache.served === false);
    await install(['v1alpha1']);
    await waitFor('the kind to be back', async () => {
      cache.reconsider();
      return cache.served;
    });
    expect(cache.resource.version).toBe('v1alpha1');
  } finally {
    await cache.stop();
    await server.request('DELETE', definition);
  }
});

test('objects are read again where their definition shows other fields of them', async () => {
  const group = `${namespace}.example`;
  const gauges = defineResource({ group, version: 'v1', kind: 'Gauge', plural: 'gauges', namespaced: true });
  const definition = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/gauges.${group}`;
  const install = async (fields: readonly string[]): Promise<void> => {
    const properties = Object.fromEntries(fields.map((field) => [field, { type: 'string' }]));
    const schema = { openAPIV3Schema: { type: 'object', properties } };
    const { status } = await server.request('PATCH', `${definition}?fieldManager=tests`, {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: `gauges.${group}` },
      spec: {
        group,
        names: { kind: 'Gauge', plural: 'gauges' },
        scope: 'Namespaced',
        versions: [{ name: 'v1', served: true, storage: true, schema }],
      },
    });
    expect(status).toBeLessThan(300);
  };
  await install(['kept', 'experimental']);
  const cache = new Cache({ client, resource: gauges, logger, tuning });
  try {
    await waitFor('the definition', () => client.serves(gauges));
    const gauge = {
      apiVersion: `${group}/v1`,
      kind: 'Gauge',
      metadata: { name: 'a', namespace },
      kept: 'x',
      experimental: 'y',
    };
    await waitFor('a gauge', async () => (await client.find(gauges, key('a'))) ?? (await client.create(gauges, gauge)));
    const witness = new Witness(cache);
    cache.start();
    await cache.whenSynced();
    const before = cache.get(key('a'))!;
    expect(before).toMatchObject({ kept: 'x', experimental: 'y' });
    await install(['kept']);
    cache.relist();
    const after = await waitFor('the object without the field', () => {
      const object = cache.get(key('a'))!;
      return !('experimental' in object) && object;
    });
    expect(after).toMatchObject({ kept: 'x' });
    expect(after.metadata.resourceVersion).toBe(before.metadata.resourceVersion);
    expect(witness.of(after)).toEqual(['added', 'changed']);
    // It is there again with its definition, as it was stored.
    await install(['kept', 'experimental']);
    cache.relist();
    await waitFor('the object with the field', () => 'experimental' in cache.get(key('a'))!);
  } finally {
    await cache.stop();
    await server.request('DELETE', definition);
  }
});
