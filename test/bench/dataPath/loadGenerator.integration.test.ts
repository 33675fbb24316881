/** The load generator against its own backends, and against servers that tell what it did. */
import { createServer, type Server } from 'node:https';
import { createServer as createPlainServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createAuthority, issueCertificate } from '../../fixtures/index.ts';
import { LoadGenerator } from './loadGenerator.ts';

const serverName = 'bench.example.com';
const stack = new AsyncDisposableStack();
let load: LoadGenerator;
let backend: string;

async function listen(server: Server | ReturnType<typeof createPlainServer>): Promise<string> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  stack.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

beforeAll(async () => {
  load = new LoadGenerator(undefined);
  stack.defer(() => load.stop());
  const ports = await load.backends();
  expect(ports['backend-a']).not.toBe(ports['backend-b']);
  backend = `127.0.0.1:${ports['backend-a']}`;
  await load.targets(Array.from({ length: 50 }, (_, index) => ({ host: `host-${index}`, path: `/path-${index}` })));
});

afterAll(() => stack.disposeAsync());

test('a closed loop counts what is answered, and asks for all targets', async () => {
  const seen = new Set<string>();
  const counting = await listen(
    createPlainServer((request, response) => {
      seen.add(`${request.headers.host}${request.url}`);
      response.setHeader('content-length', 2).end('ok');
    }),
  );
  const result = await load.run({ kind: 'closed', addresses: [counting], connections: 4, seconds: 0.5, warmup: 0.1 });
  expect(result.done).toBeGreaterThan(0);
  expect(result.total).toBeGreaterThan(result.done);
  expect(result.p99).toBeGreaterThanOrEqual(result.p50);
  expect(seen.size).toBe(50);
  expect(seen).toContain('host-7/path-7');
});

test('an open loop sends at the rate that is asked for, and no faster', async () => {
  const result = await load.run({
    kind: 'open',
    addresses: [backend],
    connections: 4,
    seconds: 0.5,
    warmup: 0.1,
    rate: 500,
  });
  expect(result.total).toBe(300);
  expect(result.done).toBeLessThanOrEqual(250);
  expect(result.done).toBeGreaterThan(240);
});

test('any answer but 200 is an error', async () => {
  const refusing = await listen(
    createPlainServer((_, response) => {
      response.statusCode = 404;
      response.setHeader('content-length', 0).end();
    }),
  );
  const job = { addresses: [refusing], connections: 1, seconds: 0.1, warmup: 0 } as const;
  await expect(load.run({ kind: 'closed', ...job, addresses: [refusing] })).rejects.toThrow(/\d+ × 404/);
  await expect(load.run({ kind: 'closed', ...job, addresses: ['127.0.0.1:1'] })).rejects.toThrow(/refused/);
});

test.each(['1.2', '1.3'] as const)('TLS %s: handshakes are full, and who connects again resumes', async (version) => {
  const authority = await createAuthority('bench');
  const { certificate, key } = await issueCertificate(authority, { commonName: serverName, dnsNames: [serverName] });
  const versions: (string | null)[] = [];
  let resumed = 0;
  const server = createServer({ cert: certificate, key }, (_, response) => {
    response.setHeader('content-length', 2).end('ok');
  });
  server.on('secureConnection', (socket) => {
    versions.push(socket.getProtocol());
    if (socket.isSessionReused()) resumed += 1;
  });
  const addresses = [await listen(server)];
  const tls = { serverName, version };

  const fresh = await load.run({ kind: 'handshakes', addresses, tls, connections: 2, seconds: 0.2 });
  expect(fresh.done).toBeGreaterThan(0);
  expect([fresh.resumed, resumed]).toEqual([0, 0]);
  expect(new Set(versions)).toEqual(new Set([`TLSv${version}`]));

  const again = await load.run({ kind: 'reconnects', addresses, tls, connections: 3, reconnects: 4 });
  expect([again.done, again.resumed, resumed]).toEqual([12, 12, 12]);
});
