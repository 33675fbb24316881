import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';

import { afterEach, expect, test } from 'vitest';

import { freePort } from '../test/fixtures/ports.ts';
import { parsePortMapping, PortBook, type PortBookOptions } from './portBook.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

function book(options: Partial<PortBookOptions> = {}): PortBook {
  const made = new PortBook({
    address: '127.0.0.1',
    mapping: new Map(),
    auto: false,
    onChange: () => undefined,
    interval: 5,
    ...options,
  });
  closing.push(() => made.close());
  return made;
}

const tcp = (...ports: number[]): Set<string> => new Set(ports.map((port) => `tcp/${port}`));

async function occupy(): Promise<{ port: number; server: Server }> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => server.close());
  return { port: (server.address() as AddressInfo).port, server };
}

test('flags', () => {
  expect(parsePortMapping('80=8080')).toEqual([80, 8080]);
  for (const text of ['80', '80=', '=80', '80=0', '80=65536', '80:8080']) {
    expect(() => parsePortMapping(text)).toThrow('cannot be read; write LISTENERPORT=BINDPORT');
  }
});

test('a free port is bound as it is', async () => {
  const port = await freePort();
  const ports = book();
  await ports.need(tcp(port));
  expect([ports.bound(port, 'tcp'), ports.fault(`tcp/${port}`)]).toEqual([port, undefined]);
});

test('a port that is in use is a sentence, and is taken when it is free again', async () => {
  const { port, server } = await occupy();
  let changed = (): void => undefined;
  const change = new Promise<void>((resolve) => {
    changed = resolve;
  });
  const ports = book({ mapping: new Map([[80, port]]), onChange: () => changed() });
  await ports.need(tcp(80));
  expect(ports.fault('tcp/80')).toBe(
    `Port ${port} is in use by another process: end it, or choose another one with --port 80=PORT or --ports auto`,
  );
  server.close();
  await change;
  expect([ports.bound(80, 'tcp'), ports.fault('tcp/80')]).toEqual([port, undefined]);
});

test('two listener ports cannot have one port', async () => {
  const port = await freePort();
  const ports = book({ mapping: new Map([[80, port]]) });
  await ports.need(tcp(80, port));
  expect(ports.fault('tcp/80')).toBeUndefined();
  expect(ports.fault(`tcp/${port}`)).toBe(
    `Port ${port} is bound for listener port 80 already: choose another one with --port ${port}=PORT`,
  );
});

test('UDP has ports of its own', async () => {
  const { port } = await occupy();
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  closing.push(() => socket.close());
  const taken = socket.address().port;
  const ports = book({ mapping: new Map([[53, taken]]) });
  await ports.need(new Set([`udp/${port}`, 'udp/53', 'tcp/53']));
  // What a TCP server has is free for UDP, and the other way round.
  expect([ports.bound(port, 'udp'), ports.fault(`udp/${port}`)]).toEqual([port, undefined]);
  expect([ports.bound(53, 'tcp'), ports.fault('tcp/53')]).toEqual([taken, undefined]);
  expect(ports.fault('udp/53')).toBe(
    `UDP port ${taken} is in use by another process: end it, or choose another one with --port 53=PORT or --ports auto`,
  );
  const automatic = book({ auto: true });
  await automatic.need(new Set([`udp/${taken}`, `udp/${port}`]));
  expect(automatic.bound(taken, 'udp')).not.toBe(taken);
  expect(automatic.bound(port, 'udp')).toBe(port);
});

test('an address that this machine does not have', async () => {
  const ports = book({ address: '192.0.2.1' });
  await ports.need(tcp(8080));
  expect(ports.fault('tcp/8080')).toBe(
    'Port 8080 cannot be bound because this machine does not have the address 192.0.2.1: correct --address',
  );
});

test('free ports are found, and stay', async () => {
  const { port: taken } = await occupy();
  const ports = book({ auto: true });
  await ports.need(tcp(80, taken));
  const [first, second] = [ports.bound(80, 'tcp'), ports.bound(taken, 'tcp')];
  expect(first).toBeGreaterThan(1024);
  expect(second).not.toBe(taken);
  expect(second).not.toBe(first);
  await ports.need(tcp(80, taken, 81));
  expect([ports.bound(80, 'tcp'), ports.bound(taken, 'tcp')]).toEqual([first, second]);
});

test('a port below 1024 without the right to it', async () => {
  const script = `
    import { PortBook } from ${JSON.stringify(path.join(import.meta.dirname, 'portBook.ts'))};
    const ports = new PortBook({ address: '127.0.0.1', mapping: new Map(), auto: false, onChange: () => undefined });
    await ports.need(new Set(['tcp/81']));
    ports.close();
    console.log(ports.fault('tcp/81'));
  `;
  const node = [process.execPath, '--input-type=module-typescript', '-e', script];
  // Root has the right, unless it gives it up.
  const command =
    process.getuid?.() === 0
      ? ['setpriv', '--bounding-set', '-net_bind_service', '--inh-caps', '-net_bind_service', ...node]
      : node;
  const { stdout } = await promisify(execFile)(command[0]!, command.slice(1));
  // Where the system lets everyone bind every port, there is nothing to complain of.
  const first = Number(await readFile('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8').catch(() => '1024'));
  expect(stdout.trim()).toBe(
    first <= 81
      ? 'undefined'
      : 'Port 81 needs rights that this user lacks (it is below 1024): choose another one with --port 81=PORT or --ports auto',
  );
});
