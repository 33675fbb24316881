/** The discovery server with a real Envoy: what callers see. */
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { X509Certificate } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  createAuthority,
  type EnvoyProcess,
  freePort,
  issueCertificate,
  type KeyPair,
  startEnvoy,
  waitFor,
} from '../test/fixtures/index.ts';
import { ResourceStore, type ServerCertificate } from './index.ts';
import { startDiscovery, type TestDiscovery } from './testing/discovery.ts';
import { bootstrap, writeSecretFiles } from './testing/envoyBootstrap.ts';
import {
  certificateSecret,
  edsCluster,
  endpoints,
  listener,
  put,
  remove,
  routeConfiguration,
  routes,
  trustSecret,
  upstreamTls,
} from './testing/resources.ts';

/** An upstream that says its name; HTTPS with `tls`. */
async function startUpstream(name: string, tls?: KeyPair): Promise<{ port: number; stop: () => void }> {
  const answer: http.RequestListener = (_request, response) => response.end(name);
  const server =
    tls === undefined ? http.createServer(answer) : https.createServer({ cert: tls.certificate, key: tls.key }, answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the upstream has no port');
  const stop = (): void => {
    server.close();
    server.closeAllConnections();
  };
  return { port: address.port, stop };
}

const serialNumber = ({ certificate }: KeyPair): string => new X509Certificate(certificate).serialNumber.toLowerCase();

/** One request over a kept connection: status and body; status 0 where there was no answer. */
class Caller {
  readonly #agent = new http.Agent({ keepAlive: true });
  readonly #port: number;

  constructor(port: number) {
    this.#port = port;
  }

  async get(host: string): Promise<{ status: number; body: string }> {
    return await new Promise((resolve) => {
      const fail = (error: Error): void => resolve({ status: 0, body: error.message });
      http
        .get({ host: '127.0.0.1', port: this.#port, agent: this.#agent, headers: { Host: host } }, (response) => {
          let body = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => (body += chunk));
          response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
          response.on('error', fail);
        })
        .on('error', fail);
    });
  }

  /** Calls without a pause until `stop`, which tells how often each answer came. */
  steady(host: string): { stop: () => Promise<Map<string, number>> } {
    const answers = new Map<string, number>();
    const stopped = new AbortController();
    const done = (async () => {
      while (!stopped.signal.aborted) {
        // oxlint-disable-next-line no-await-in-loop -- one caller
        const { status, body } = await this.get(host);
        const answer = status === 200 ? body : `${status} ${body}`;
        answers.set(answer, (answers.get(answer) ?? 0) + 1);
      }
      return answers;
    })();
    return {
      stop: () => {
        stopped.abort();
        return done;
      },
    };
  }

  close(): void {
    this.#agent.destroy();
  }
}

let store: ResourceStore;
let port: number;
let caller: Caller;
let a: { port: number; stop: () => void };
let b: { port: number; stop: () => void };
const open: (AsyncDisposable | Disposable)[] = [];

beforeEach(async () => {
  store = new ResourceStore({ removalGraceMs: 100 });
  port = await freePort();
  caller = new Caller(port);
  [a, b] = await Promise.all([startUpstream('a'), startUpstream('b')]);
});

afterEach(async () => {
  for (const each of open.splice(0).toReversed()) {
    // oxlint-disable-next-line no-await-in-loop -- in this order
    if (Symbol.asyncDispose in each) await each[Symbol.asyncDispose]();
    else each[Symbol.dispose]();
  }
  store.close();
  caller.close();
  a.stop();
  b.stop();
});

/** Adds to what `afterEach` ends. */
function use<Resource extends AsyncDisposable | Disposable>(resource: Resource): Resource {
  open.push(resource);
  return resource;
}

/** The proxy has acknowledged everything that the store has. */
async function programmed(envoy: EnvoyProcess): Promise<void> {
  await waitFor('the proxy to acknowledge', () => store.proxies()[0]?.acknowledged === store.revision, {
    signal: envoy.exited,
  });
}

/** Envoy with one listener whose only route leads to `a`. */
async function serving(options: { tls?: { directory: string }; discovery?: TestDiscovery } = {}): Promise<{
  discovery: TestDiscovery;
  envoy: EnvoyProcess;
}> {
  const discovery = options.discovery ?? use(await startDiscovery(store));
  store.update([
    put('cluster', edsCluster('a')),
    put('endpoint', endpoints('a', [a.port])),
    put('listener', listener('http', port, 'routes')),
    put('route', routes('routes', { 'a.test': 'a' })),
  ]);
  const envoy = use(await startEnvoy({ bootstrap: bootstrap(discovery.port, options.tls) }));
  await programmed(envoy);
  // Listeners open on the workers a moment after they are acknowledged.
  await waitFor('the listener', async () => (await caller.get('a.test')).status !== 0, { signal: envoy.exited });
  return { discovery, envoy };
}

describe('Envoy', () => {
  test('serves', async () => {
    const { envoy } = await serving();
    expect(await caller.get('a.test')).toEqual({ status: 200, body: 'a' });
    expect(await caller.get('b.test')).toMatchObject({ status: 404 });
    expect(store.proxies()).toMatchObject([{ id: 'envoy', acknowledged: 1, rejections: [] }]);
    await envoy.ready();
  });

  test('starts without anything to serve, once the store is warm', async () => {
    const discovery = use(await startDiscovery(store));
    const envoy = use(await startEnvoy({ bootstrap: bootstrap(discovery.port) }));
    await waitFor('the proxy', () => store.proxies().length === 1, { signal: envoy.exited });
    expect(await envoy.admin('/server_info')).toContain('INITIALIZING');
    store.update([]);
    await programmed(envoy);
    await envoy.ready();
  });

  test('changes its cluster, its routes and its endpoints under a caller that gets nothing but 200', async () => {
    const { envoy } = await serving();
    const steady = caller.steady('a.test');
    for (let round = 0; round < 20; round++) {
      const name = `round-${round}`;
      const upstream = round % 2 === 0 ? b : a;
      // A new cluster, the switch to it and the removal of the old one: all at once.
      store.update([
        put('route', routes('routes', { 'a.test': name })),
        put('cluster', edsCluster(name)),
        put('endpoint', endpoints(name, [upstream.port])),
        ...(round === 0
          ? [remove('cluster', 'a'), remove('endpoint', 'a')]
          : [remove('cluster', `round-${round - 1}`), remove('endpoint', `round-${round - 1}`)]),
      ]);
      // oxlint-disable no-await-in-loop -- one after the other is the point
      await programmed(envoy);
      // In place: the cluster warms again while the old one serves.
      store.update([put('cluster', edsCluster(name, { connect_timeout: '2s' }))]);
      await programmed(envoy);
      store.update([put('endpoint', endpoints(name, [a.port, b.port]))]);
      await programmed(envoy);
      // oxlint-enable no-await-in-loop
    }
    const clusters = (): Promise<number> => envoy.stat('cluster_manager.active_clusters');
    await waitFor('the old clusters to go', async () => (await clusters()) === 2, { signal: envoy.exited }); // and `xds`
    const answers = await steady.stop();
    expect([...answers.keys()].toSorted()).toEqual(['a', 'b']);
    expect(await envoy.stat('cluster_manager.warming_clusters')).toBe(0);
    expect(envoy.log()).not.toContain('timed out');
  });

  test('is told of endpoints that are not there, so that its start does not wait for them', async () => {
    const discovery = use(await startDiscovery(store));
    store.update([
      put('cluster', edsCluster('a')),
      put('listener', listener('http', port, 'routes')),
      put('route', routes('routes', { 'a.test': 'a' })),
    ]);
    const envoy = use(await startEnvoy({ bootstrap: bootstrap(discovery.port) }));
    await programmed(envoy);
    await waitFor('the listener', async () => (await caller.get('a.test')).status === 503, { signal: envoy.exited });
    store.update([put('endpoint', endpoints('a', [a.port]))]);
    await programmed(envoy);
    expect(await caller.get('a.test')).toEqual({ status: 200, body: 'a' });
    expect(envoy.log()).not.toContain('timed out');
  });

  test('routes to a cluster that needs a secret only when it has that', async () => {
    const { envoy, discovery } = await serving();
    const authority = await createAuthority('upstream');
    const certificate = await issueCertificate(authority, { commonName: 'tls', dnsNames: ['tls.test'] });
    const upstream = await startUpstream('tls', certificate);
    use({ [Symbol.dispose]: upstream.stop });
    store.update([
      put('route', routes('routes', { 'a.test': 'a', 'tls.test': 'tls' })),
      put('cluster', edsCluster('tls', upstreamTls('trust', 'tls.test'))),
      put('endpoint', endpoints('tls', [upstream.port])),
      put('secret', trustSecret('trust', authority.certificate)),
    ]);
    await programmed(envoy);
    const order = discovery.pushes.slice(-4).map(({ type }) => type);
    expect(order).toEqual(['cluster', 'endpoint', 'secret', 'route']);
    expect(await envoy.stat('cluster_manager.warming_clusters')).toBe(0);
    expect(await caller.get('tls.test')).toEqual({ status: 200, body: 'tls' });
  });

  test('serves HTTPS with a certificate that comes over SDS', async () => {
    const { envoy } = await serving();
    const authority = await createAuthority('CA');
    const tlsPort = await freePort();
    store.update([
      put('listener', listener('https', tlsPort, 'routes', { secret: 'certificate' })),
      put('secret', certificateSecret('certificate', await issueCertificate(authority, { commonName: 'a.test' }))),
    ]);
    await programmed(envoy);
    await waitFor('the listener', async () => (await envoy.admin('/listeners')).includes(String(tlsPort)), {
      signal: envoy.exited,
    });
    expect(await envoy.stat('listener_manager.total_listeners_warming')).toBe(0);
  });
});

describe('a refusal', () => {
  test('keeps what was good, is told in the words of Envoy and ends when it is mended', async () => {
    const { envoy } = await serving();
    const bad = routeConfiguration(
      { name: 'routes', virtual_hosts: ['x', 'y'].map((name) => ({ name, domains: ['a.test'] })) },
      [],
    );
    store.update([put('route', bad)]);
    await programmed(envoy);
    expect(store.proxies()[0]?.rejections).toEqual([
      {
        type: 'route',
        names: ['routes'],
        message: expect.stringContaining('Only unique values for domains are permitted'),
        revision: 2,
      },
    ]);
    expect(await caller.get('a.test')).toEqual({ status: 200, body: 'a' });
    store.update([put('route', routes('routes', { 'a.test': 'a', 'b.test': 'a' }))]);
    await programmed(envoy);
    expect(store.proxies()[0]?.rejections).toEqual([]);
    expect(await caller.get('b.test')).toEqual({ status: 200, body: 'a' });
  });

  test('of one cluster, in part or as a whole, keeps nothing from the others', async () => {
    const { envoy } = await serving();
    store.update([
      put('cluster', edsCluster('refused', { lb_policy: 'CLUSTER_PROVIDED' })),
      put('cluster', edsCluster('broken', { connect_timeout: '0s' })), // fails the whole response
      ...['b', 'c', 'd'].flatMap((name) => [
        put('cluster', edsCluster(name)),
        put('endpoint', endpoints(name, [b.port])),
      ]),
      put('route', routes('routes', { 'a.test': 'a', 'b.test': 'b', 'c.test': 'c', 'x.test': 'refused' })),
    ]);
    await programmed(envoy);
    const { rejections } = store.proxies()[0]!;
    expect(rejections.toSorted((left, right) => left.names[0]!.localeCompare(right.names[0]!))).toEqual([
      {
        type: 'cluster',
        names: ['broken'],
        message: expect.stringMatching(/^Proto constraint.*ConnectTimeout/),
        revision: 2,
      },
      { type: 'cluster', names: ['refused'], message: expect.stringContaining('LB specified'), revision: 2 },
    ]);
    expect(await caller.get('c.test')).toEqual({ status: 200, body: 'b' });
    expect(await caller.get('a.test')).toEqual({ status: 200, body: 'a' });
    expect(await caller.get('x.test')).toMatchObject({ status: 503 });
  });

  test('of one secret among several is told, and the others are used', async () => {
    const { envoy } = await serving();
    const authority = await createAuthority('authority');
    const good = await issueCertificate(authority, { commonName: 'a.test', dnsNames: ['a.test'] });
    const names = ['first', 'second', 'refused', 'third', 'fourth'];
    const ports = await Promise.all(names.map(() => freePort()));
    store.update([
      ...names.map((name, index) => put('listener', listener(name, ports[index]!, 'routes', { secret: name }))),
      ...names.map((name) =>
        put(
          'secret',
          certificateSecret(name, name === 'refused' ? { ...good, certificate: `\uFEFF${good.certificate}` } : good),
        ),
      ),
    ]);
    await programmed(envoy);
    expect(store.proxies()[0]?.rejections).toMatchObject([
      { type: 'secret', names: ['refused'], message: expect.stringContaining('certificate chain') },
    ]);
    store.update([put('secret', certificateSecret('refused', good))]);
    await programmed(envoy);
    expect(store.proxies()[0]?.rejections).toEqual([]);
  });

  test('of a listener whose port is taken leaves the others alone', async () => {
    const { envoy } = await serving();
    store.update([put('listener', listener('second', port, 'routes'))]);
    await programmed(envoy);
    expect(store.proxies()[0]?.rejections).toMatchObject([
      { type: 'listener', names: ['second'], message: expect.stringContaining('duplicate address') },
    ]);
    expect(await caller.get('a.test')).toEqual({ status: 200, body: 'a' });
  });
});

describe('a restart of the server', () => {
  test('is not felt, and nothing is sent again', async () => {
    const { envoy, discovery } = await serving();
    const steady = caller.steady('a.test');
    await discovery.server.close({ graceMs: 5000 });
    expect(store.proxies()).toEqual([]);

    // Another process: another store, with the same content.
    const content = (['cluster', 'endpoint', 'listener', 'route'] as const).flatMap((type) =>
      [...store.names(type)].map((name) => put(type, store.current(type, name)!.resource)),
    );
    store.close();
    store = new ResourceStore({ removalGraceMs: 100 });
    const again = use(await startDiscovery(store, { port: discovery.port }));
    await waitFor('the proxy to come back', () => store.proxies().length === 1, { signal: envoy.exited });
    expect(store.proxies()).toMatchObject([{ acknowledged: 0 }]); // a cold store says nothing
    store.update(content);
    await programmed(envoy);
    expect(again.pushes.every(({ resources, removed }) => resources === 0 && removed === 0)).toBe(true);
    expect(again.pushes.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(200);

    store.update([
      put('cluster', edsCluster('b')),
      put('endpoint', endpoints('b', [b.port])),
      put('route', routes('routes', { 'a.test': 'b' })),
    ]);
    await programmed(envoy);
    expect((await caller.get('a.test')).body).toBe('b');
    expect([...(await steady.stop()).keys()].toSorted()).toEqual(['a', 'b']);
  });

  test('with a change while it was away sends the change', async () => {
    const { envoy, discovery } = await serving();
    const steady = caller.steady('a.test');
    await discovery.server.close({ graceMs: 5000 });
    store.update([
      put('cluster', edsCluster('a', { connect_timeout: '2s' })),
      put('cluster', edsCluster('b')),
      put('endpoint', endpoints('b', [b.port])),
      put('route', routes('routes', { 'a.test': 'a', 'b.test': 'b' })),
    ]);
    const again = use(await startDiscovery(store, { port: discovery.port }));
    await waitFor('the proxy to come back', () => store.proxies().length === 1, { signal: envoy.exited });
    await programmed(envoy);
    expect(await caller.get('b.test')).toEqual({ status: 200, body: 'b' });
    expect([...(await steady.stop()).keys()]).toEqual(['a']);
    expect(again.pushes.find(({ type }) => type === 'cluster')).toMatchObject({ resources: 2 });
    expect(envoy.log()).not.toContain('timed out');
  });
});

describe('mutual TLS', () => {
  const identity = 'spiffe://sluice.dev/ns/default/dataplane/one';
  let directory: string;
  let volume: string;
  let authority: KeyPair;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'sluice-xds-'));
    volume = join(directory, 'volume');
    mkdirSync(volume);
    for (const file of ['ca.crt', 'tls.crt', 'tls.key']) symlinkSync(join('..data', file), join(volume, file));
    writeSecretFiles({ directory }, volume);
    authority = await createAuthority('one');
  });
  afterEach(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  /** Puts files in place as the kubelet does: in a directory of their own, to which a link changes over at once. */
  const place = (pair: KeyPair, ...authorities: KeyPair[]): void => {
    const files = mkdtempSync(`${volume}/..`);
    writeFileSync(join(files, 'ca.crt'), authorities.map(({ certificate }) => certificate).join('\n'));
    writeFileSync(join(files, 'tls.crt'), pair.certificate);
    writeFileSync(join(files, 'tls.key'), pair.key);
    symlinkSync(basename(files), join(volume, '..link'));
    renameSync(join(volume, '..link'), join(volume, '..data'));
  };
  const client = (from: KeyPair): Promise<KeyPair> => issueCertificate(from, { commonName: 'proxy', uris: [identity] });
  const server = (from: KeyPair): Promise<KeyPair> =>
    issueCertificate(from, { commonName: 'server', ipAddresses: ['127.0.0.1'] });
  const pem = (pair: KeyPair, ...trusted: KeyPair[]): ServerCertificate => ({
    ca: Buffer.from(trusted.map(({ certificate }) => certificate).join('\n')),
    cert: Buffer.from(pair.certificate),
    key: Buffer.from(pair.key),
  });

  test('certificates and authorities of both sides are replaced, and no stream is lost for it', async () => {
    let current = pem(await server(authority), authority);
    const seen: string[][] = [];
    const discovery = use(
      await startDiscovery(store, {
        tls: () => current,
        authenticate: ({ uris }) => {
          seen.push(uris);
          return uris.includes(identity) ? { ok: identity } : { error: 'unknown' };
        },
        stores: (key) => (key === identity ? store : undefined),
      }),
    );
    place(await client(authority), authority);
    const { envoy } = await serving({ tls: { directory }, discovery });
    expect(seen).toEqual([[identity]]);
    const { connectedAt } = store.proxies()[0]!;
    const steady = caller.steady('a.test');

    const next = await createAuthority('two');
    const both = [authority, next];
    // Both sides trust both authorities, then both have certificates of the new one, then nobody trusts the old one.
    const steps: { proxy: KeyPair; server: KeyPair; trusted: KeyPair[] }[] = [
      { proxy: await client(authority), server: await server(authority), trusted: both },
      { proxy: await client(next), server: await server(next), trusted: both },
      { proxy: await client(next), server: await server(next), trusted: [next] },
    ];
    for (const step of steps) {
      current = pem(step.server, ...step.trusted);
      discovery.server.reloadCertificate();
      place(step.proxy, ...step.trusted);
      const inUse = new Set([step.proxy, ...step.trusted].map(serialNumber));
      // oxlint-disable-next-line no-await-in-loop -- one after the other is the point
      await waitFor(
        'Envoy to take the new files',
        async () => {
          const serials = (await envoy.admin('/certs')).matchAll(/"serial_number": "([0-9a-f]+)"/g);
          return isDeepStrictEqual(new Set([...serials].map(([, serial]) => serial)), inUse);
        },
        { signal: envoy.exited },
      );
    }

    store.update([put('route', routes('routes', { 'a.test': 'a', 'b.test': 'a' }))]);
    await programmed(envoy);
    expect(store.proxies()[0]?.connectedAt).toEqual(connectedAt); // still the first stream

    // A new connection uses what is new on both sides.
    await discovery.server.close({ graceMs: 5000 });
    use(
      await startDiscovery(store, {
        port: discovery.port,
        tls: () => current,
        authenticate: ({ uris }) => (uris.includes(identity) ? { ok: identity } : { error: 'unknown' }),
      }),
    );
    await waitFor('the proxy to come back', () => store.proxies().length === 1, { signal: envoy.exited });
    store.update([put('route', routes('routes', { 'a.test': 'a', 'c.test': 'a' }))]);
    await programmed(envoy);
    expect(await caller.get('c.test')).toEqual({ status: 200, body: 'a' });
    expect([...(await steady.stop()).keys()]).toEqual(['a']);
  });

  test('a proxy of another DataPlane gets nothing', async () => {
    const refused: string[][] = [];
    const certificate = await server(authority);
    const discovery = use(
      await startDiscovery(store, {
        tls: () => pem(certificate, authority),
        authenticate: ({ uris }) => {
          refused.push(uris);
          return { error: `${uris.join()} has no part in this` };
        },
      }),
    );
    place(
      await issueCertificate(authority, { commonName: 'proxy', uris: ['spiffe://sluice.dev/ns/evil/dataplane/one'] }),
      authority,
    );
    store.update([put('cluster', edsCluster('confidential'))]);
    const envoy = use(await startEnvoy({ bootstrap: bootstrap(discovery.port, { directory }) }));
    await waitFor('Envoy to try', () => refused.length > 1, { signal: envoy.exited });
    expect(refused[0]).toEqual(['spiffe://sluice.dev/ns/evil/dataplane/one']);
    expect(store.proxies()).toEqual([]);
    expect(await envoy.admin('/config_dump')).not.toContain('confidential');
  });
});
