import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { credentials, status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createAuthority, issueCertificate, type KeyPair } from '../test/fixtures/index.ts';
import { type DiscoveryPeer, ResourceStore } from './index.ts';
import { startDiscovery, type TestDiscovery } from './testing/discovery.ts';
import { ProxyClient } from './testing/proxyClient.ts';
import { edsCluster, endpoints, listener, put, remove, routes } from './testing/resources.ts';

const cluster = edsCluster('a');
const clusterChanged = edsCluster('a', { connect_timeout: '2s' });
const assignment = endpoints('a', [80]);

const pem = (pair: KeyPair, ...trusted: KeyPair[]) => ({
  ca: Buffer.from(trusted.map((each) => each.certificate).join('')),
  cert: Buffer.from(pair.certificate),
  key: Buffer.from(pair.key),
});
const as = (client: KeyPair, trusted: KeyPair) =>
  credentials.createSsl(Buffer.from(trusted.certificate), Buffer.from(client.key), Buffer.from(client.certificate));

/** A resource of a megabyte. What is in it does not matter here. */
const large = (version: string) => ({ name: 'a', version, bytes: new Uint8Array(2 ** 20) });

let store: ResourceStore;
let discovery: TestDiscovery;
let proxy: ProxyClient;

beforeEach(async () => {
  store = new ResourceStore({ removalGraceMs: 0 });
  discovery = await startDiscovery(store);
  proxy = new ProxyClient(discovery.address);
});
afterEach(async () => {
  proxy.close();
  await discovery[Symbol.asyncDispose]();
  store.close();
});

/** What is left to say: nothing. */
async function nothingMore(): Promise<void> {
  await proxy.settled();
  expect(proxy.received).toEqual([]);
}

describe('subscriptions', () => {
  test('a first request without names means everything', async () => {
    store.update([put('cluster', cluster), put('cluster', edsCluster('b'))]);
    proxy.request('cluster');
    expect(await proxy.accept()).toMatchObject({
      type: 'cluster',
      resources: { a: cluster.version, b: edsCluster('b').version },
      removed: [],
    });
    await nothingMore();
  });

  test('so does the name *', async () => {
    store.update([put('cluster', cluster)]);
    proxy.request('cluster', { subscribe: ['*'] });
    expect(await proxy.accept()).toMatchObject({ resources: { a: cluster.version } });
    await nothingMore();
  });

  test('nothing to send is an answer, too: a start waits for it', async () => {
    store.update([]);
    proxy.request('cluster');
    expect(await proxy.accept()).toMatchObject({ type: 'cluster', resources: {}, removed: [] });
    proxy.request('listener');
    expect(await proxy.accept()).toMatchObject({ type: 'listener', resources: {}, removed: [] });
    await nothingMore();
  });

  test('a cold store says nothing until its first update', async () => {
    proxy.request('cluster');
    proxy.request('endpoint', { subscribe: ['a'] });
    await nothingMore();
    store.update([put('cluster', cluster), put('endpoint', assignment)]);
    expect(await proxy.accept()).toMatchObject({ type: 'cluster', resources: { a: cluster.version } });
    expect(await proxy.accept()).toMatchObject({ type: 'endpoint', resources: { a: assignment.version } });
  });

  test('named resources come to who asked for them', async () => {
    store.update([put('endpoint', assignment), put('endpoint', endpoints('b', [81]))]);
    proxy.request('endpoint', { subscribe: ['a'] });
    expect(await proxy.accept()).toMatchObject({ resources: { a: assignment.version }, removed: [] });
    store.update([put('endpoint', endpoints('b', [82]))]);
    await nothingMore();
  });

  test('a subscription can change in the request that acknowledges', async () => {
    store.update([put('endpoint', assignment), put('endpoint', endpoints('b', [81]))]);
    proxy.request('endpoint', { subscribe: ['a'] });
    const { nonce } = await proxy.next();
    proxy.request('endpoint', { nonce, subscribe: ['b'], unsubscribe: ['a'] });
    expect(await proxy.accept()).toMatchObject({ resources: { b: endpoints('b', [81]).version } });
    store.update([put('endpoint', endpoints('a', [90]))]);
    await nothingMore();
  });

  test('asking again is answered again, at the same version', async () => {
    store.update([put('endpoint', assignment)]);
    proxy.request('endpoint', { subscribe: ['a'] });
    await proxy.accept();
    proxy.request('endpoint', { subscribe: ['a'] });
    expect(await proxy.accept()).toMatchObject({ resources: { a: assignment.version } });
    await nothingMore();
  });

  test('asking again while the answer is under way is answered after it', async () => {
    store.update([put('endpoint', assignment)]);
    proxy.request('endpoint', { subscribe: ['a'] });
    const first = await proxy.next();
    proxy.request('endpoint', { unsubscribe: ['a'] });
    proxy.request('endpoint', { subscribe: ['a'] });
    await nothingMore();
    proxy.request('endpoint', { nonce: first.nonce });
    expect(await proxy.accept()).toMatchObject({ resources: { a: assignment.version } });
    await nothingMore();
  });

  test('a resource that does not exist is said to be removed, and sent when it comes', async () => {
    store.update([]);
    proxy.request('endpoint', { subscribe: ['a'] });
    expect(await proxy.accept()).toMatchObject({ resources: {}, removed: ['a'] });
    await nothingMore();
    store.update([put('endpoint', assignment)]);
    expect(await proxy.accept()).toMatchObject({ resources: { a: assignment.version }, removed: [] });
  });

  test('who unsubscribes hears no more of it', async () => {
    store.update([put('endpoint', assignment)]);
    proxy.request('endpoint', { subscribe: ['a', 'phantom'] });
    await proxy.accept();
    proxy.request('endpoint', { unsubscribe: ['a', 'phantom', 'never'] });
    await proxy.settled();
    store.update([put('endpoint', endpoints('a', [81]))]);
    await nothingMore();
  });

  test('who unsubscribes from everything and had names gets no wildcard back', async () => {
    store.update([put('cluster', cluster), put('cluster', edsCluster('b'))]);
    proxy.request('cluster', { subscribe: ['a'] });
    expect(await proxy.accept()).toMatchObject({ resources: { a: cluster.version } });
    proxy.request('cluster', { unsubscribe: ['a'] });
    proxy.request('cluster');
    await proxy.settled();
    store.update([put('cluster', clusterChanged)]);
    await nothingMore();
  });

  test('under a wildcard, who unsubscribes from a name is told whether to keep it', async () => {
    store.update([put('cluster', cluster)]);
    proxy.request('cluster', { subscribe: ['*', 'a', 'none'] });
    expect(await proxy.accept()).toMatchObject({ resources: { a: cluster.version }, removed: ['none'] });
    proxy.request('cluster', { unsubscribe: ['a', 'none'] });
    expect(await proxy.accept()).toMatchObject({ resources: { a: cluster.version }, removed: ['none'] });
    await nothingMore();
  });

  test('who unsubscribes from the wildcard keeps its names', async () => {
    store.update([put('cluster', cluster), put('cluster', edsCluster('b'))]);
    proxy.request('cluster', { subscribe: ['*', 'a'] });
    await proxy.accept();
    proxy.request('cluster', { unsubscribe: ['*'] });
    await proxy.settled();
    store.update([put('cluster', edsCluster('b', { connect_timeout: '3s' })), put('cluster', clusterChanged)]);
    expect(await proxy.accept()).toMatchObject({ resources: { a: clusterChanged.version } });
    await nothingMore();
  });

  test('endpoints, routes and secrets have no wildcard', async () => {
    store.update([put('endpoint', assignment)]);
    proxy.request('endpoint');
    await nothingMore();
  });
});

describe('pushes', () => {
  beforeEach(async () => {
    store.update([put('endpoint', assignment)]);
    proxy.request('endpoint', { subscribe: ['a', 'b'] });
    await proxy.accept();
  });

  test('changes coalesce until the answer', async () => {
    store.update([put('endpoint', endpoints('a', [1]))]);
    const first = await proxy.next();
    store.update([put('endpoint', endpoints('a', [2]))]);
    store.update([put('endpoint', endpoints('b', [3]))]);
    store.update([put('endpoint', endpoints('a', [4]))]);
    await nothingMore();
    proxy.request('endpoint', { nonce: first.nonce });
    expect(await proxy.accept()).toMatchObject({
      resources: { a: endpoints('a', [4]).version, b: endpoints('b', [3]).version },
    });
    await nothingMore();
  });

  test('updates of one tick are one push', async () => {
    store.update([put('endpoint', endpoints('a', [1]))]);
    store.update([put('endpoint', endpoints('b', [1]))]);
    expect(await proxy.accept()).toMatchObject({ resources: { a: expect.anything(), b: expect.anything() } });
  });

  test('a change back to what the proxy has is no push', async () => {
    store.update([put('endpoint', endpoints('a', [1]))]);
    store.update([put('endpoint', assignment)]);
    await nothingMore();
  });

  test('what comes back while another version is under way is sent after it', async () => {
    store.update([put('endpoint', endpoints('a', [1]))]);
    const first = await proxy.next();
    store.update([put('endpoint', assignment)]);
    proxy.request('endpoint', { nonce: first.nonce });
    expect(await proxy.accept()).toMatchObject({ resources: { a: assignment.version } });
    await nothingMore();
  });

  test('an answer to an older response is not one, but its subscriptions count', async () => {
    store.update([put('endpoint', endpoints('a', [1]))]);
    const first = await proxy.next();
    store.update([put('endpoint', endpoints('a', [2])), put('endpoint', endpoints('c', [3]))]);
    proxy.request('endpoint', { nonce: 'stale', subscribe: ['c'] });
    await nothingMore();
    proxy.request('endpoint', { nonce: first.nonce });
    expect(await proxy.accept()).toMatchObject({
      resources: { a: endpoints('a', [2]).version, c: endpoints('c', [3]).version },
    });
  });

  test('a proxy that does not read has one response per type waiting for it, however much changes', async () => {
    proxy.pause();
    const before = discovery.pushes.length;
    for (let change = 1; change <= 50; change++) {
      store.update([put('endpoint', large(`v${change}`))]);
      // oxlint-disable-next-line no-await-in-loop -- each one in a tick of its own
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(discovery.pushes.length - before).toBe(1);
    proxy.resume();
    await proxy.accept();
    expect(await proxy.accept()).toMatchObject({ resources: { a: 'v50' } });
    await nothingMore();
  });
});

describe('reconnection', () => {
  test('what the proxy states to have is not sent, what changed or went is', async () => {
    store.update([
      put('cluster', cluster),
      put('cluster', edsCluster('b', { connect_timeout: '5s' })),
      put('endpoint', assignment),
      put('endpoint', endpoints('b', [82])),
    ]);
    proxy.request('cluster', {
      initial: { a: cluster.version, b: edsCluster('b').version, gone: 'x' },
    });
    proxy.request('endpoint', {
      subscribe: ['a', 'b', 'gone'],
      initial: { a: assignment.version, b: endpoints('b', [81]).version, gone: 'x' },
    });
    expect(await proxy.accept()).toMatchObject({
      type: 'cluster',
      resources: { b: edsCluster('b', { connect_timeout: '5s' }).version },
      removed: ['gone'],
    });
    expect(await proxy.accept()).toMatchObject({
      type: 'endpoint',
      resources: { b: endpoints('b', [82]).version },
      removed: [],
    });
    // Envoy would have unsubscribed from its endpoints by now. This one did not, so it is told.
    expect(await proxy.accept()).toMatchObject({ type: 'endpoint', resources: {}, removed: ['gone'] });
    await nothingMore();
  });

  test('a wildcard that has everything gets an empty answer', async () => {
    store.update([put('cluster', cluster)]);
    proxy.request('cluster', { initial: { a: cluster.version } });
    expect(await proxy.accept()).toMatchObject({ resources: {}, removed: [] });
    await nothingMore();
  });

  test('endpoints of a changed cluster are sent though the proxy has them: it warms the cluster until they come', async () => {
    store.update([put('cluster', clusterChanged), put('endpoint', assignment)]);
    proxy.request('cluster', { initial: { a: cluster.version } });
    expect(await proxy.next()).toMatchObject({ resources: { a: clusterChanged.version } });
    proxy.request('endpoint', { subscribe: ['a'], initial: { a: assignment.version } });
    expect(await proxy.accept()).toMatchObject({ type: 'endpoint', resources: { a: assignment.version } });
  });

  test('the second stream of a proxy stands for itself', async () => {
    store.update([put('listener', listener('l', 80, 'r'))]);
    proxy.request('listener');
    await proxy.accept();
    await proxy.settled();
    using second = new ProxyClient(discovery.address);
    second.request('listener');
    const response = await second.next();
    expect(response).toMatchObject({ resources: { l: expect.anything() } });
    expect(store.proxies()).toMatchObject([{ id: 'proxy', acknowledged: 0 }]);
    second.request('listener', { nonce: response.nonce });
    await second.settled();
    expect(store.proxies()).toMatchObject([{ id: 'proxy', acknowledged: 1 }]);
  });
});

describe('peers', () => {
  test('a stream for which there is no store is told to come again', async () => {
    await using without = await startDiscovery(store, { stores: () => undefined });
    using early = new ProxyClient(without.address);
    early.request('cluster');
    expect(await early.ended()).toMatchObject({ code: status.UNAVAILABLE, details: expect.stringContaining('any') });
  });

  test('who is refused hears why', async () => {
    await using strict = await startDiscovery(store, { authenticate: () => ({ error: 'not one of ours' }) });
    using stranger = new ProxyClient(strict.address);
    stranger.request('cluster');
    expect(await stranger.ended()).toMatchObject({ code: status.PERMISSION_DENIED, details: 'not one of ours' });
    expect(store.proxies()).toEqual([]);
  });

  test('a store that closes ends its streams', async () => {
    store.update([]);
    proxy.request('cluster');
    await proxy.accept();
    store.close();
    expect(await proxy.ended()).toMatchObject({ code: status.UNAVAILABLE });
    expect(store.proxies()).toEqual([]);
    expect(() => store.update([])).toThrow('closed');
  });

  test('a server that closes ends its streams and gives its port free', async () => {
    store.update([]);
    proxy.request('cluster');
    await proxy.accept();
    await discovery.server.close({ graceMs: 10_000 });
    expect(await proxy.ended()).toMatchObject({ code: status.UNAVAILABLE });
    await using again = await startDiscovery(store, { port: discovery.port });
    using other = new ProxyClient(again.address);
    other.request('cluster');
    await other.accept();
  });

  test('an address in use is an error that says so', async () => {
    await expect(startDiscovery(store, { port: discovery.port })).rejects.toThrow(
      `cannot listen on 127.0.0.1:${discovery.port}`,
    );
  });

  test('over a unix socket there is no address and no name', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'sluice-xds-'));
    const peers: DiscoveryPeer[] = [];
    await using local = await startDiscovery(store, {
      authenticate: (peer) => {
        peers.push(peer);
        return { ok: 'any' };
      },
    });
    await local.server.listen(`unix:${join(directory, 'xds.sock')}`);
    using client = new ProxyClient(`unix:${join(directory, 'xds.sock')}`, { id: 'local' });
    store.update([]);
    client.request('cluster');
    await client.accept();
    expect(peers).toEqual([{ address: '', uris: [] }]);
    expect(store.proxies()).toMatchObject([{ id: 'local', address: '' }]);
    rmSync(directory, { recursive: true });
  });
});

describe('TLS', () => {
  const identity = 'spiffe://sluice.dev/ns/a/dataplane/b';
  let authority: KeyPair;
  let certificate: KeyPair;

  beforeEach(async () => {
    authority = await createAuthority('one');
    certificate = await issueCertificate(authority, { commonName: 'server', ipAddresses: ['127.0.0.1'] });
  });

  test('a peer is who its certificate says', async () => {
    const peers: DiscoveryPeer[] = [];
    await using secure = await startDiscovery(store, {
      tls: () => pem(certificate, authority),
      authenticate: (peer) => {
        peers.push(peer);
        return { ok: 'any' };
      },
    });
    const client = await issueCertificate(authority, { commonName: 'proxy', uris: [identity] });
    using trusted = new ProxyClient(secure.address, { id: 'someone else', credentials: as(client, authority) });
    store.update([]);
    trusted.request('cluster');
    await trusted.accept();
    expect(peers).toEqual([{ address: expect.stringMatching(/^127\.0\.0\.1:\d+$/), uris: [identity] }]);
  });

  test.each(['without a certificate', 'with a certificate of another authority'])(
    'a peer %s does not get in',
    async (how) => {
      await using secure = await startDiscovery(store, { tls: () => pem(certificate, authority) });
      const foreign = await issueCertificate(await createAuthority('one'), { commonName: 'proxy', uris: [identity] });
      using stranger = new ProxyClient(secure.address, {
        credentials:
          how === 'without a certificate'
            ? credentials.createSsl(Buffer.from(authority.certificate))
            : as(foreign, authority),
      });
      store.update([]);
      stranger.request('cluster');
      expect(await stranger.ended()).toMatchObject({ code: status.UNAVAILABLE });
      expect(store.proxies()).toEqual([]);
    },
  );

  test('certificate and authority are replaced under open streams', async () => {
    let current = pem(certificate, authority);
    await using secure = await startDiscovery(store, { tls: () => current });
    const oldClient = await issueCertificate(authority, { commonName: 'proxy', uris: [identity] });
    using before = new ProxyClient(secure.address, { credentials: as(oldClient, authority) });
    store.update([]);
    before.request('cluster');
    await before.accept();

    const next = await createAuthority('two');
    const nextCertificate = await issueCertificate(next, { commonName: 'server', ipAddresses: ['127.0.0.1'] });
    const newClient = await issueCertificate(next, { commonName: 'proxy', uris: [identity] });
    current = pem(nextCertificate, authority, next); // both authorities for a while
    secure.server.reloadCertificate();
    using after = new ProxyClient(secure.address, { id: 'after', credentials: as(newClient, next) });
    after.request('cluster');
    await after.accept();
    using late = new ProxyClient(secure.address, { id: 'late', credentials: as(oldClient, next) });
    late.request('cluster');
    await late.accept();

    current = pem(nextCertificate, next); // the old one goes
    secure.server.reloadCertificate();
    using tooLate = new ProxyClient(secure.address, { id: 'too late', credentials: as(oldClient, next) });
    tooLate.request('cluster');
    expect(await tooLate.ended()).toMatchObject({ code: status.UNAVAILABLE });

    store.update([put('cluster', cluster)]);
    expect(await before.accept()).toMatchObject({ resources: { a: cluster.version } });
    expect(await late.accept()).toMatchObject({ resources: { a: cluster.version } });
  });

  test('a pair that does not match is refused, and what was in use goes on', async () => {
    let current = pem(certificate, authority);
    await using secure = await startDiscovery(store, { tls: () => current });
    const other = await issueCertificate(authority, { commonName: 'server', ipAddresses: ['127.0.0.1'] });
    current = { ...current, key: Buffer.from(other.key) };
    expect(() => secure.server.reloadCertificate()).toThrow('key');
    using client = new ProxyClient(secure.address, {
      credentials: as(await issueCertificate(authority, { commonName: 'proxy' }), authority),
    });
    store.update([]);
    client.request('cluster');
    await client.accept();
  });
});

describe('removal', () => {
  test('of a listener is told at once', async () => {
    store.update([put('listener', listener('l', 80, 'r'))]);
    proxy.request('listener');
    await proxy.accept();
    store.update([remove('listener', 'l')]);
    expect(await proxy.accept()).toMatchObject({ type: 'listener', resources: {}, removed: ['l'] });
    await nothingMore();
  });

  test('of a cluster comes after the routes without it', async () => {
    const both = routes('r', { 'a.test': 'a', 'b.test': 'b' });
    const one = routes('r', { 'a.test': 'a' });
    store.update([
      ...['a', 'b'].flatMap((name) => [put('cluster', edsCluster(name)), put('endpoint', endpoints(name, [80]))]),
      put('route', both),
    ]);
    proxy.request('cluster');
    await proxy.accept();
    proxy.request('endpoint', { subscribe: ['a', 'b'] });
    await proxy.accept();
    proxy.request('route', { subscribe: ['r'] });
    await proxy.accept();
    await proxy.settled();
    store.update([remove('cluster', 'b'), remove('endpoint', 'b'), put('route', one)]);
    const response = await proxy.next();
    expect(response).toMatchObject({ type: 'route', resources: { r: one.version } });
    await nothingMore();
    proxy.request('route', { nonce: response.nonce });
    expect(await proxy.accept()).toMatchObject({ type: 'cluster', removed: ['b'] });
    expect(await proxy.accept()).toMatchObject({ type: 'endpoint', removed: ['b'] });
    await nothingMore();
  });
});
