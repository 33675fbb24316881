import { once } from 'node:events';
import {
  createSecureServer,
  type Http2SecureServer,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { createServer, type Server } from 'node:https';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { afterEach, expect, test } from 'vitest';
import { createAuthority, issueCertificate } from '../test/fixtures/certificates.ts';
import { waitFor } from '../test/fixtures/waitFor.ts';
import { Client, type WatchEvent } from './client.ts';
import { ClusterAccess } from './clusterAccess.ts';
import { type ConfigMap, configMap, configMaps } from './testing/fixtures.ts';

const authority = await createAuthority('authority');
const { certificate: cert, key } = await issueCertificate(authority, {
  commonName: 'kube-apiserver',
  ipAddresses: ['127.0.0.1'],
});
const list = JSON.stringify({ items: [], metadata: { resourceVersion: '1' } });
const endings: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const end of endings.splice(0).toReversed()) await end();
});

async function clientOf(server: Http2SecureServer | Server): Promise<Client> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = new Client({
    access: new ClusterAccess(
      {
        name: 'test',
        server: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
        caData: Buffer.from(authority.certificate).toString('base64'),
        skipTLSVerify: false,
      },
      { name: 'test' },
    ),
    fieldOwner: 'tests',
    logger: pino({ level: 'silent' }),
  });
  endings.push(async () => {
    await client.close();
    server.close();
  });
  return client;
}

/** Opens a watch, and resolves once the server has taken it. */
async function watch(client: Client): Promise<WatchEvent<ConfigMap>[]> {
  const events: WatchEvent<ConfigMap>[] = [];
  const stop = new AbortController();
  const opened = Promise.withResolvers<void>();
  const ended = client
    .watch(
      configMaps,
      { timeoutSeconds: 600, idleTimeoutMs: 600_000, signal: stop.signal, onOpen: opened.resolve },
      (event) => events.push(event),
    )
    .catch((error: unknown) => {
      if (!stop.signal.aborted) throw error;
    });
  endings.push(async () => {
    stop.abort();
    await ended;
  });
  await opened.promise;
  return events;
}

test('after a GOAWAY new requests go over a new connection at once, and open watches go on', async () => {
  const server = createSecureServer({ cert, key });
  const sessions: ServerHttp2Session[] = [];
  const watches: ServerHttp2Stream[] = [];
  server.on('session', (session) => sessions.push(session));
  server.on('stream', (stream, headers) => {
    stream.respond({ ':status': 200, 'content-type': 'application/json' });
    if (String(headers[':path']).includes('watch=true')) watches.push(stream);
    else stream.end(list);
  });
  const client = await clientOf(server);
  const events = await watch(client);
  expect(sessions).toHaveLength(1);

  sessions[0]!.goaway(0);
  // The client closes its side of the session when it has read it.
  await waitFor('the GOAWAY to be sent', () => sessions[0]!.closed);
  const answers = Promise.all(Array.from({ length: 20 }, () => client.list(configMaps)));
  expect(await answers).toHaveLength(20);
  await watch(client);
  expect(sessions).toHaveLength(2);

  watches[0]!.write(`${JSON.stringify({ type: 'ADDED', object: configMap('default', 'late') })}\n`);
  await waitFor('an event on the old connection', () => events.length === 1);
});

test('over HTTP/1.1 no request waits behind a watch', async () => {
  const watches: ServerResponse[] = [];
  const server = createServer({ cert, key }, (request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    if (request.url?.includes('watch=true') === true) {
      watches.push(response);
      response.flushHeaders();
    } else response.end(list);
  });
  const client = await clientOf(server);
  await watch(client);
  await watch(client);
  expect(await client.list(configMaps)).toEqual({ items: [], resourceVersion: '1' });
  expect(watches).toHaveLength(2);
});

test('a server that is away is told as such at once, and met again when it is back', async () => {
  const server = createSecureServer({ cert, key });
  server.on('stream', (stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/json' });
    stream.end(list);
  });
  const client = await clientOf(server);
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  await expect(client.list(configMaps)).rejects.toMatchObject({
    reason: 'Unreachable',
    message: expect.stringContaining('ECONNREFUSED'),
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  expect(await client.list(configMaps)).toEqual({ items: [], resourceVersion: '1' });
});
