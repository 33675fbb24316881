/** The shutdown manager with a real Envoy, and callers that must not lose a request. */
import { once } from 'node:events';
import {
  createServer,
  type IncomingMessage,
  request as httpRequest,
  type Server,
  type ServerResponse,
  Agent,
} from 'node:http';
import { connect } from 'node:net';
import { pino } from 'pino';
import { afterEach, expect, test } from 'vitest';
import { freePort, startEnvoy, waitFor, type EnvoyProcess } from '../test/fixtures/index.ts';
import { envoyAdmin, type EnvoyAdmin, ShutdownManager } from './index.ts';

const ends: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server listens on no port');
  return address.port;
}

async function upstream(handler: (request: IncomingMessage, response: ServerResponse) => void): Promise<number> {
  const server = createServer(handler);
  server.listen(0, '127.0.0.1');
  ends.push(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  return portOf(server);
}

const socketAddress = (port: number): object => ({ socket_address: { address: '127.0.0.1', port_value: port } });
const manager = (name: string, extra: object): object => ({
  filters: [
    {
      name: 'envoy.filters.network.http_connection_manager',
      typed_config: {
        '@type':
          'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
        stat_prefix: name,
        ...extra,
      },
    },
  ],
});
const router = {
  name: 'envoy.filters.http.router',
  typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
};

const tcpProxy = {
  name: 'envoy.filters.network.tcp_proxy',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
    stat_prefix: 'streams',
    cluster: 'upstream',
  },
};

/** An Envoy in front of an upstream, with a readiness listener as our proxies have it. */
async function proxy(
  upstreamPort: number,
): Promise<{ envoy: EnvoyProcess; port: number; streams: number; readiness: number }> {
  const [port, streams, readiness] = [await freePort(), await freePort(), await freePort()];
  const virtual_hosts = [
    {
      name: 'all',
      domains: ['*'],
      routes: [{ match: { prefix: '/' }, route: { cluster: 'upstream', timeout: '0s' } }],
    },
  ];
  const healthCheck = {
    name: 'envoy.filters.http.health_check',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.http.health_check.v3.HealthCheck',
      pass_through_mode: false,
      headers: [{ name: ':path', string_match: { exact: '/ready' } }],
    },
  };
  const envoy = await startEnvoy({
    arguments: ['--drain-time-s', '5'],
    bootstrap: {
      static_resources: {
        listeners: [
          {
            name: 'web',
            address: socketAddress(port),
            filter_chains: [manager('web', { route_config: { virtual_hosts }, http_filters: [router] })],
          },
          {
            name: 'streams',
            address: socketAddress(streams),
            filter_chains: [{ filters: [tcpProxy] }],
          },
          {
            name: 'readiness',
            address: socketAddress(readiness),
            filter_chains: [
              manager('readiness', { route_config: { virtual_hosts: [] }, http_filters: [healthCheck, router] }),
            ],
          },
        ],
        clusters: [
          {
            name: 'upstream',
            type: 'STATIC',
            load_assignment: {
              cluster_name: 'upstream',
              endpoints: [{ lb_endpoints: [{ endpoint: { address: socketAddress(upstreamPort) } }] }],
            },
          },
        ],
      },
    },
  });
  ends.push(() => envoy.stop());
  await envoy.ready();
  return { envoy, port, streams, readiness };
}

async function shutdownManager(admin: EnvoyAdmin, timeout: number): Promise<{ manager: ShutdownManager; url: string }> {
  const made = new ShutdownManager({
    admin,
    logger: pino({ level: 'silent' }),
    policy: { timeout, settle: 300, quiet: 1000 },
    interval: 50,
    patience: 200,
    linger: 200,
  });
  ends.push(() => admin.close());
  return { manager: made, url: `http://127.0.0.1:${await made.listen(0, '127.0.0.1')}` };
}

async function get(
  port: number,
  path: string,
  agent?: Agent,
): Promise<{ status: number; close: boolean; text: string }> {
  return await new Promise((resolve, reject) => {
    const outgoing = httpRequest(
      { host: '127.0.0.1', port, path, ...(agent === undefined ? {} : { agent }) },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (text += chunk));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, close: response.headers.connection === 'close', text }),
        );
        response.on('error', reject);
      },
    );
    outgoing.on('error', reject);
    outgoing.end();
  });
}

test('readiness fails at once, a request in flight is waited for, and the preStop hook is held until then', async () => {
  let answer: (() => void) | undefined;
  const { envoy, port, readiness } = await proxy(
    await upstream((request, response) => {
      if (request.url === '/slow') answer = () => response.end('at last');
      else response.end('ok');
    }),
  );
  const { manager: shutdown, url } = await shutdownManager(envoyAdmin(envoy.adminUrl), 60_000);
  expect((await get(readiness, '/ready')).status).toBe(200);
  const slow = get(port, '/slow');
  await waitFor('the request to be in flight', () => answer !== undefined);

  let released = false;
  const drained = shutdown.drain();
  const hook = fetch(`${url}/drain`).then((response) => {
    released = true;
    return response.status;
  });
  await waitFor('readiness to fail', async () => (await get(readiness, '/ready')).status === 503);
  // Callers that do not know yet are served, and asked to go.
  await waitFor('a caller to be asked to go', async () => {
    const { status, close } = await get(port, '/');
    expect(status).toBe(200);
    return close;
  });
  expect(released).toBe(false);
  answer?.();
  expect((await slow).text).toBe('at last');
  expect(await hook).toBe(200);
  await drained;
});

test('a steady caller on one connection is not cut off while it asks', async () => {
  const { envoy, port } = await proxy(await upstream((_request, response) => response.end('ok')));
  const { manager: shutdown } = await shutdownManager(envoyAdmin(envoy.adminUrl), 60_000);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  ends.push(() => agent.destroy());
  let asking = true;
  let drained = false;
  let whileDraining = 0;
  const caller = (async (): Promise<void> => {
    while (asking) {
      const { status, close } = await get(port, '/', agent);
      expect(status).toBe(200);
      if (drained) throw new Error('the drain ended although requests came');
      // As a client that finds another proxy behind the Service.
      if (close) whileDraining += 1;
      if (whileDraining === 3) asking = false;
    }
  })();
  const end = shutdown.drain().then(() => {
    drained = true;
    return drained;
  });
  await caller;
  expect(whileDraining).toBe(3);
  agent.destroy();
  expect(await end).toBe(true);
});

test('a stream is waited for although nothing goes through it', async () => {
  const { envoy, streams } = await proxy(await upstream((_request, response) => response.end('ok')));
  const seen = envoyAdmin(envoy.adminUrl);
  let looks = 0;
  const admin: EnvoyAdmin = {
    ...seen,
    traffic: () => {
      looks += 1;
      return seen.traffic();
    },
  };
  const { manager: shutdown } = await shutdownManager(admin, 60_000);
  const socket = connect(streams, '127.0.0.1');
  await waitFor('the stream to be open', async () => (await seen.traffic()).streams === 1);
  let drained = false;
  const end = shutdown.drain().then(() => (drained = true));
  // Many more looks than it takes at a connection on which nothing happens.
  await waitFor('the manager to look on', () => looks > 60);
  expect(drained).toBe(false);
  socket.destroy();
  await end;
});

test('what never ends is cut off at the timeout', async () => {
  let waiting = false;
  const { envoy, port } = await proxy(
    await upstream(() => {
      waiting = true;
    }),
  );
  const { manager: shutdown, url } = await shutdownManager(envoyAdmin(envoy.adminUrl), 1500);
  const never = get(port, '/').catch((error: unknown) => error);
  await waitFor('the request to be in flight', () => waiting);
  const hook = fetch(`${url}/drain`);
  await shutdown.drain();
  expect(await (await hook).text()).toBe('drained\n');
  await envoy.stop();
  expect(await never).toBeInstanceOf(Error);
});

test('without a drain the hook does not hang, and starts none', async () => {
  const { envoy, readiness } = await proxy(await upstream((_request, response) => response.end('ok')));
  const { manager: shutdown, url } = await shutdownManager(envoyAdmin(envoy.adminUrl), 1000);
  const response = await fetch(`${url}/drain`);
  expect(response.status).toBe(503);
  expect(await response.text()).toContain('not being deleted');
  expect((await get(readiness, '/ready')).status).toBe(200);
  await shutdown.drain();
});

test('an Envoy that has ended by itself is not waited for', async () => {
  const { envoy } = await proxy(await upstream((_request, response) => response.end('ok')));
  const { manager: shutdown } = await shutdownManager(envoyAdmin(envoy.adminUrl), 600_000);
  await envoy.stop();
  await shutdown.drain();
});
