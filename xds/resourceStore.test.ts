/** What a store says of its proxies, and in which order they get things. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ResourceType } from '../api/resource.ts';
import { waitFor } from '../test/fixtures/index.ts';
import { ResourceStore } from './index.ts';
import { startDiscovery, type TestDiscovery } from './testing/discovery.ts';
import { ProxyClient, type Received } from './testing/proxyClient.ts';
import {
  certificateSecret,
  edsCluster,
  endpoints,
  listener,
  put,
  remove,
  routes,
  staticCluster,
} from './testing/resources.ts';

const hour = 3_600_000;
const http = listener('l', 80, 'r');

let store: ResourceStore;
let discovery: TestDiscovery;
let proxy: ProxyClient;

async function start(removalGraceMs: number): Promise<void> {
  store = new ResourceStore({ removalGraceMs });
  discovery = await startDiscovery(store);
  proxy = new ProxyClient(discovery.address);
}

beforeEach(() => start(hour));
afterEach(async () => {
  proxy.close();
  await discovery[Symbol.asyncDispose]();
  store.close();
});

const acknowledged = (): number | undefined => store.proxies()[0]?.acknowledged;

/** Says yes to everything until there is nothing more to say. */
async function acceptAll(): Promise<Received[]> {
  const accepted: Received[] = [];
  await proxy.settled();
  while (proxy.received.length > 0) {
    // oxlint-disable no-await-in-loop -- one after the other is the point
    accepted.push(await proxy.accept());
    await proxy.settled();
    // oxlint-enable no-await-in-loop
  }
  return accepted;
}

/** A proxy with a listener, a route table and the clusters `names`, with everything acknowledged. */
async function established(...names: string[]): Promise<void> {
  const hosts = Object.fromEntries(names.map((name) => [`${name}.test`, name]));
  store.update([
    ...names.flatMap((name) => [put('cluster', edsCluster(name)), put('endpoint', endpoints(name, [80]))]),
    put('listener', http),
    put('route', routes('r', hosts)),
  ]);
  proxy.request('cluster');
  proxy.request('endpoint', { subscribe: names });
  proxy.request('listener');
  proxy.request('route', { subscribe: ['r'] });
  await acceptAll();
}

const nothingMore = async (): Promise<void> => {
  await proxy.settled();
  expect(proxy.received).toEqual([]);
};

describe('revisions', () => {
  test('count updates, with changes or without', () => {
    expect(store.revision).toBe(0);
    expect(store.update([put('cluster', edsCluster('a'))])).toBe(1);
    expect(store.update([])).toBe(2);
    expect(store.revision).toBe(2);
  });

  test('an update that cannot be read changes nothing', () => {
    const broken = { name: 'a', version: '1', bytes: Buffer.from([0x0f]) };
    expect(() => store.update([put('endpoint', endpoints('a', [80])), put('cluster', broken)])).toThrow(RangeError);
    expect(store.revision).toBe(0);
    expect(store.current('endpoint', 'a')).toBeUndefined();
  });
});

describe('what a proxy has acknowledged', () => {
  test('is nothing before it has its listeners', async () => {
    store.update([put('cluster', staticCluster('a', [80])), put('listener', http)]);
    proxy.request('cluster');
    await proxy.accept();
    await proxy.settled();
    expect(store.proxies()).toMatchObject([
      { id: 'proxy', address: expect.stringContaining('127.0.0.1:'), acknowledged: 0, rejections: [] },
    ]);
    proxy.request('listener');
    const response = await proxy.next();
    proxy.request('route', { subscribe: ['r'] });
    proxy.request('listener', { nonce: response.nonce });
    await proxy.settled();
    expect(acknowledged()).toBe(0); // the routes of the listener are not there
    await proxy.accept();
    await proxy.settled();
    expect(acknowledged()).toBe(1);
  });

  test('is the revision before the oldest change without an answer', async () => {
    await established('a');
    expect(acknowledged()).toBe(1);
    store.update([put('endpoint', endpoints('a', [81]))]);
    store.update([]);
    const first = await proxy.next();
    store.update([put('endpoint', endpoints('a', [82]))]);
    expect([acknowledged(), store.revision]).toEqual([1, 4]);
    proxy.request('endpoint', { nonce: first.nonce });
    await proxy.settled();
    expect(acknowledged()).toBe(3);
    await proxy.accept();
    await proxy.settled();
    expect(acknowledged()).toBe(4);
  });

  test('is the current revision where an update does not concern it', async () => {
    await established('a');
    store.update([put('endpoint', endpoints('elsewhere', [80])), put('secret', certificateSecret('s', keyPair))]);
    await nothingMore();
    expect(acknowledged()).toBe(2);
  });

  test('does not grow by asking for what it was not sent yet', async () => {
    await established('a');
    store.update([put('listener', listener('l', 81, 'r2')), put('route', routes('r2', { 'a.test': 'a' }))]);
    const response = await proxy.next();
    store.update([]);
    proxy.request('route', { subscribe: ['r2'] });
    proxy.request('listener', { nonce: response.nonce });
    const second = await proxy.next();
    await proxy.settled();
    expect(acknowledged()).toBe(1);
    proxy.request('route', { nonce: second.nonce });
    await proxy.settled();
    expect(acknowledged()).toBe(3);
  });

  test('does not wait for removals that wait for their window', async () => {
    await established('a', 'b');
    store.update([remove('cluster', 'b'), remove('endpoint', 'b'), put('route', routes('r', { 'a.test': 'a' }))]);
    await acceptAll();
    expect(acknowledged()).toBe(2);
  });

  test('is told in the tick in which it changes', async () => {
    await established('a');
    const told: unknown[] = [];
    const stop = store.onAcknowledgement(() => told.push(store.proxies().map((each) => each.acknowledged)));
    store.update([put('endpoint', endpoints('a', [81]))]);
    await proxy.accept();
    await proxy.settled();
    expect(told).toEqual([[2]]);
    store.update([put('endpoint', endpoints('a', [82]))]);
    await proxy.refuse('no');
    await proxy.settled();
    expect(told).toEqual([[2], [3]]);
    proxy.disconnect();
    await waitFor('the disconnection', () => told.length === 3);
    expect(told[2]).toEqual([]);
    stop();
    proxy.request('cluster');
    await proxy.next();
    expect(told.length).toBe(3);
  });
});

const keyPair = { certificate: 'c', key: 'k' };

describe('refusals', () => {
  test('stand, in the words of Envoy, until other content of that name is accepted', async () => {
    await established('a');
    store.update([put('route', routes('r', { 'a.test': 'a', '': 'a' }))]);
    await proxy.refuse('duplicate domain');
    await proxy.settled();
    const rejection = { type: 'route', names: ['r'], message: 'duplicate domain', revision: 2 };
    expect(store.proxies()).toMatchObject([{ acknowledged: 2, rejections: [rejection] }]);

    store.update([put('endpoint', endpoints('a', [81]))]); // others go on
    expect(await proxy.accept()).toMatchObject({ type: 'endpoint' });
    await nothingMore(); // and the same content is not tried again
    expect(store.proxies()).toMatchObject([{ acknowledged: 3, rejections: [rejection] }]);

    store.update([put('route', routes('r', { 'a.test': 'a', 'b.test': 'a' }))]);
    await proxy.accept();
    await proxy.settled();
    expect(store.proxies()).toMatchObject([{ acknowledged: 4, rejections: [] }]);
  });

  test('end when the store goes back to what the proxy has', async () => {
    await established('a');
    store.update([put('route', routes('r', { '': 'a' }))]);
    await proxy.refuse('no');
    store.update([put('route', routes('r', { 'a.test': 'a' }))]);
    await nothingMore();
    expect(store.proxies()).toMatchObject([{ acknowledged: 3, rejections: [] }]);
  });

  test('end when the resource goes', async () => {
    await established('a');
    store.update([put('cluster', edsCluster('bad'))]);
    await proxy.refuse('Error adding/updating cluster(s) bad: no');
    await proxy.settled();
    expect(store.proxies()[0]?.rejections).toHaveLength(1);
    store.update([remove('cluster', 'bad')]);
    await nothingMore();
    expect(store.proxies()).toMatchObject([{ acknowledged: 3, rejections: [] }]);
  });

  test('of a part name that part; the rest counts as accepted and is sent once more, to be noted', async () => {
    await established('a');
    store.update(['b', 'bad', 'c', 'worse'].map((name) => put('cluster', edsCluster(name))));
    await proxy.refuse('Error adding/updating cluster(s) bad: is bad, worse: is worse');
    expect(await proxy.accept()).toMatchObject({
      resources: { b: edsCluster('b').version, c: edsCluster('c').version },
    });
    await nothingMore();
    expect(store.proxies()[0]?.rejections).toEqual([
      { type: 'cluster', names: ['bad'], message: 'is bad', revision: 2 },
      { type: 'cluster', names: ['worse'], message: 'is worse', revision: 2 },
    ]);
  });

  test('of a whole are narrowed down to the culprit', async () => {
    const names = ['a', 'b', 'c', 'bad', 'd', 'e', 'f'];
    store.update(names.map((name) => put('endpoint', endpoints(name, [80]))));
    proxy.request('endpoint', { subscribe: names });
    const accepted: string[] = [];
    for (let pushes = 0; accepted.length < names.length - 1 || store.proxies()[0]?.rejections.length !== 1; pushes++) {
      if (pushes > 8) throw new Error(`no end of it: ${JSON.stringify(accepted)}`);
      // oxlint-disable no-await-in-loop -- one after the other is the point
      const response = await proxy.next();
      const error = 'bad' in response.resources ? { error: 'Proto constraint validation failed' } : {};
      if (!('bad' in response.resources)) accepted.push(...Object.keys(response.resources));
      proxy.request('endpoint', { nonce: response.nonce, ...error });
      await proxy.settled();
      // oxlint-enable no-await-in-loop
    }
    expect(accepted.toSorted()).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
    expect(store.proxies()[0]?.rejections).toMatchObject([
      { names: ['bad'], message: 'Proto constraint validation failed' },
    ]);
    await nothingMore();
  });

  test('are forgotten with the stream, and tried again on the next one', async () => {
    await established('a');
    store.update([put('route', routes('r', { '': 'a' }))]);
    await proxy.refuse('no');
    await proxy.settled();
    proxy.disconnect();
    proxy.request('route', { subscribe: ['r'], initial: { r: routes('r', { 'a.test': 'a' }).version } });
    expect(await proxy.next()).toMatchObject({ resources: { r: routes('r', { '': 'a' }).version } });
    await waitFor('the old stream to go', () => store.proxies()[0]?.rejections.length === 0);
  });
});

describe('order', () => {
  const types = (received: Received[]): ResourceType[] => received.map(({ type }) => type);

  test('a route comes after its new cluster and the endpoints of that are acknowledged', async () => {
    await established('a');
    store.update([
      put('route', routes('r', { 'a.test': 'a', 'b.test': 'b' })),
      put('cluster', edsCluster('b')),
      put('endpoint', endpoints('b', [81])),
    ]);
    const cluster = await proxy.next();
    expect(cluster).toMatchObject({ type: 'cluster', resources: { b: expect.anything() } });
    proxy.request('endpoint', { subscribe: ['b'] });
    const assignment = await proxy.next();
    expect(assignment).toMatchObject({ type: 'endpoint' });
    proxy.request('cluster', { nonce: cluster.nonce });
    await nothingMore();
    proxy.request('endpoint', { nonce: assignment.nonce });
    expect(await proxy.accept()).toMatchObject({ type: 'route' });
    await nothingMore();
  });

  test('a listener waits for its clusters, too', async () => {
    await established('a');
    store.update([
      put('listener', { ...listener('tcp', 90, 'r'), clusters: () => ['b'] }),
      put('cluster', staticCluster('b', [81])),
    ]);
    const cluster = await proxy.next();
    expect(cluster.type).toBe('cluster');
    await nothingMore();
    proxy.request('cluster', { nonce: cluster.nonce });
    expect(await proxy.accept()).toMatchObject({ type: 'listener' });
  });

  test('a route whose clusters are warm does not wait for those of others', async () => {
    await established('a');
    store.update([put('cluster', edsCluster('b')), put('endpoint', endpoints('b', [81]))]);
    await proxy.next();
    store.update([put('route', routes('r', { 'c.test': 'a' }))]);
    expect(await proxy.accept()).toMatchObject({ type: 'route' });
  });

  test('a refused cluster does not hold up a route', async () => {
    await established('a');
    store.update([put('cluster', edsCluster('b')), put('route', routes('r', { 'a.test': 'a', 'b.test': 'b' }))]);
    await proxy.refuse('Error adding/updating cluster(s) b: no');
    expect(await proxy.accept()).toMatchObject({ type: 'route' });
  });

  test('a cluster without endpoints does not hold up a route once the proxy knows that there are none', async () => {
    await established('a');
    store.update([put('cluster', edsCluster('b')), put('route', routes('r', { 'b.test': 'b' }))]);
    await proxy.accept();
    proxy.request('endpoint', { subscribe: ['b'] });
    expect(await proxy.accept()).toMatchObject({ type: 'endpoint', removed: ['b'] });
    expect(await proxy.accept()).toMatchObject({ type: 'route' });
  });

  test('a stream of new clusters does not starve routes', async () => {
    await established('a');
    const hosts: Record<string, string> = { 'a.test': 'a' };
    const add = (name: string): string => {
      hosts[`${name}.test`] = name;
      const table = routes('r', hosts);
      store.update([put('cluster', staticCluster(name, [80])), put('route', table)]);
      return table.version;
    };
    const first = add('b1');
    for (let count = 2; count <= 3; count++) {
      // Each time that the proxy has a cluster, the table needs the next one already.
      // oxlint-disable no-await-in-loop -- one after the other is the point
      const cluster = await proxy.next();
      expect(cluster.type).toBe('cluster');
      add(`b${count}`);
      proxy.request('cluster', { nonce: cluster.nonce });
      if (count === 2) {
        const pushes = [await proxy.next(), await proxy.next()];
        expect(pushes).toMatchObject([{ type: 'cluster' }, { type: 'route', resources: { r: first } }]);
        proxy.request('route', { nonce: pushes[1]!.nonce });
        await proxy.settled();
        expect(acknowledged()).toBe(2);
        proxy.received.unshift(pushes[0]!);
      }
      // oxlint-enable no-await-in-loop
    }
    await acceptAll();
    expect(acknowledged()).toBe(4);
  });

  test('endpoints follow a cluster that changes in place: Envoy does not ask for them', async () => {
    await established('a');
    store.update([put('cluster', edsCluster('a', { connect_timeout: '2s' }))]);
    const cluster = await proxy.next();
    expect(cluster).toMatchObject({ type: 'cluster' });
    // Envoy acknowledges the cluster only after that.
    expect(await proxy.accept()).toMatchObject({ type: 'endpoint', resources: { a: endpoints('a', [80]).version } });
    proxy.request('cluster', { nonce: cluster.nonce });
    await nothingMore();
    expect(acknowledged()).toBe(2);
  });

  test('a cluster that warms for long does not keep the next ones away', async () => {
    await established('a');
    store.update([put('cluster', edsCluster('slow')), put('endpoint', endpoints('slow', [81]))]);
    const slow = await proxy.next();
    proxy.request('endpoint', { subscribe: ['slow'] });
    await proxy.accept(); // so it has handled the cluster, though it does not say so
    store.update([put('cluster', staticCluster('b', [82]))]);
    expect(await proxy.next()).toMatchObject({ type: 'cluster', resources: { b: expect.anything() } });
    proxy.request('cluster', { nonce: slow.nonce });
    await proxy.settled();
    expect(acknowledged()).toBe(2);
  });

  test('a removed cluster that comes back in its window was never gone', async () => {
    await established('a', 'b');
    store.update([remove('cluster', 'b'), remove('endpoint', 'b'), put('route', routes('r', { 'a.test': 'a' }))]);
    expect(types(await acceptAll())).toEqual(['route']);
    store.update([
      put('cluster', edsCluster('b')),
      put('endpoint', endpoints('b', [80])),
      put('route', routes('r', { 'a.test': 'a', 'b.test': 'b' })),
    ]);
    expect(types(await acceptAll())).toEqual(['route']);
  });

  test('endpoints in their window are still there for who asks', async () => {
    await established('a', 'b');
    store.update([remove('cluster', 'b'), remove('endpoint', 'b')]);
    proxy.request('endpoint', { subscribe: ['b'] });
    expect(await proxy.accept()).toMatchObject({ resources: { b: endpoints('b', [80]).version } });
  });

  test('a proxy that comes with a cluster that the store does not know keeps it for a window', async () => {
    await established('a');
    proxy.disconnect();
    proxy.request('cluster', { initial: { a: edsCluster('a').version, old: 'x' } });
    proxy.request('endpoint', { subscribe: ['a', 'old'], initial: { a: endpoints('a', [80]).version, old: 'x' } });
    proxy.request('listener', { initial: { l: http.version } });
    expect(await acceptAll()).toMatchObject([
      { type: 'cluster', resources: {}, removed: [] },
      { type: 'listener', resources: {}, removed: [] },
    ]);
    await nothingMore();
    expect(acknowledged()).toBe(1);
  });
});

describe('removal', () => {
  beforeEach(async () => {
    proxy.close();
    await discovery[Symbol.asyncDispose]();
    await start(1);
    await established('a', 'b');
  });

  test('of a cluster waits for every proxy', async () => {
    using second = new ProxyClient(discovery.address, { id: 'second' });
    second.request('route', { subscribe: ['r'] });
    await second.accept();
    store.update([remove('cluster', 'b'), remove('endpoint', 'b'), put('route', routes('r', { 'a.test': 'a' }))]);
    expect(await proxy.accept()).toMatchObject({ type: 'route' });
    await second.next();
    await nothingMore();
    second.request('route', { nonce: '3' });
    await second.settled();
    await nothingMore(); // that was not an answer
    second.disconnect();
    expect(await proxy.accept()).toMatchObject({ type: 'cluster', removed: ['b'] });
    expect(await proxy.accept()).toMatchObject({ type: 'endpoint', removed: ['b'] });
    expect(acknowledged()).toBe(2);
  });

  test('of a cluster that only the proxy knows waits while it refuses the routes without that cluster', async () => {
    proxy.disconnect();
    const initial = { a: edsCluster('a').version, b: edsCluster('b').version, old: 'x' };
    proxy.request('route', { subscribe: ['r'], initial: { r: 'sends traffic to old' } });
    await proxy.refuse('no');
    proxy.request('cluster', { initial });
    const known = endpoints('a', [80]).version;
    proxy.request('endpoint', { subscribe: ['a'], initial: { a: known } });
    expect(await acceptAll()).toMatchObject([{ type: 'cluster', removed: [] }]);
    store.update([put('route', routes('r', { 'c.test': 'a' }))]);
    expect(await proxy.accept()).toMatchObject({ type: 'route' });
    expect(await proxy.accept()).toMatchObject({ type: 'cluster', removed: ['old'] });
  });

  test('of a cluster waits while the routes without it are refused: the last good ones need it', async () => {
    store.update([remove('cluster', 'b'), remove('endpoint', 'b'), put('route', routes('r', { '': 'a' }))]);
    await proxy.refuse('no');
    await nothingMore();
    store.update([put('route', routes('r', { 'a.test': 'a' }))]);
    expect(await proxy.accept()).toMatchObject({ type: 'route' });
    expect(await proxy.accept()).toMatchObject({ type: 'cluster', removed: ['b'] });
  });
});
