/** What stream routes do to connections and datagrams, with a real Envoy on loopback. */
import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect as connectTcp, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAuthority, issueCertificate, waitFor, type KeyPair } from '../../test/fixtures/index.ts';
import { LocalGateway } from '../../controlplane/testing/localGateway.ts';

const cleanup: (() => unknown)[] = [];
const stops = (): void => {
  afterAll(async () => {
    for (const stop of cleanup.splice(0).toReversed()) await stop();
  });
};

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

/** Says its name to whoever connects, and sends back what it gets. */
async function tcpBackend(name: string): Promise<number> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => undefined).on('close', () => open.delete(socket));
    socket.write(`${name}\n`);
    socket.pipe(socket);
  });
  const port = await listen(server);
  cleanup.push(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return port;
}

/** The same, inside TLS. */
async function tlsBackend(name: string, pair: KeyPair): Promise<number> {
  const open = new Set<Socket>();
  const server = createTlsServer({ cert: pair.certificate, key: pair.key }, (socket) => {
    socket.on('error', () => undefined);
    socket.write(`${name} ${String(socket.servername)}\n`);
    socket.pipe(socket);
  });
  server.on('connection', (socket) => {
    open.add(socket);
    socket.on('error', () => undefined).on('close', () => open.delete(socket));
  });
  const port = await listen(server);
  cleanup.push(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return port;
}

/** Answers each datagram with its name, and with the length of what it got. */
async function udpBackend(name: string): Promise<number> {
  const socket = createSocket('udp4');
  socket.on('message', (message, { address, port }) => socket.send(`${name} ${message.length}`, port, address));
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  cleanup.push(() => socket.close());
  return socket.address().port;
}

/** The first line that comes, or that the connection was closed before. */
function firstLine(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    socket.setEncoding('utf8');
    socket.on('data', (part: string) => {
      text += part;
      if (text.includes('\n')) resolve(text.slice(0, text.indexOf('\n')));
    });
    socket.on('error', () => resolve('closed'));
    socket.on('close', () => resolve('closed'));
  });
}

async function tcp(port: number): Promise<string> {
  const socket = connectTcp(port, '127.0.0.1');
  const line = await firstLine(socket);
  socket.destroy();
  return line;
}

function openTls(port: number, servername: string | undefined): TLSSocket {
  return connectTls({
    port,
    host: '127.0.0.1',
    rejectUnauthorized: false,
    ...(servername === undefined ? {} : { servername }),
  });
}

/** Who answers, and the common name of who ended TLS. */
async function tls(port: number, servername: string | undefined): Promise<string> {
  const socket = openTls(port, servername);
  const line = await firstLine(socket);
  const subject = line === 'closed' ? '' : ` by ${String(socket.getPeerCertificate().subject?.CN)}`;
  socket.destroy();
  return `${line}${subject}`;
}

/** A client of a UDP port: one session. */
class Session {
  readonly #socket: DatagramSocket = createSocket('udp4');
  readonly #port: number;

  constructor(port: number) {
    this.#port = port;
    cleanup.push(() => this.#socket.close());
  }

  send(size = 1): void {
    this.#socket.send(Buffer.alloc(size, 'x'), this.#port, '127.0.0.1');
  }

  async answer(): Promise<string> {
    const [message] = (await once(this.#socket, 'message')) as [Buffer];
    return String(message);
  }

  async ask(size = 1): Promise<string> {
    const answer = this.answer();
    this.send(size);
    return answer;
  }
}

async function shares(count: number, ask: () => Promise<string>): Promise<Record<string, number>> {
  const result: Record<string, number> = {};
  for (const answer of await Promise.all(Array.from({ length: count }, ask))) {
    const name = answer.split(' ')[0]!;
    result[name] = (result[name] ?? 0) + 1;
  }
  return result;
}

function gateway(listeners: string[]): string {
  return `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { namespace: default, name: edge, generation: 1 }
spec:
  gatewayClassName: sluice
  listeners:
${listeners.map((listener) => `    - ${listener}`).join('\n')}
`;
}

function route(kind: string, name: string, section: string, backends: string, more = ''): string {
  return `
---
apiVersion: gateway.networking.k8s.io/v1
kind: ${kind}
metadata: { namespace: default, name: ${name}, generation: 1, creationTimestamp: '2026-01-01T00:00:00Z' }
spec:
  parentRefs: [{ name: edge, sectionName: ${section} }]
  rules: [{ backendRefs: [${backends}] }]
  ${more}
`;
}

function backend(name: string, ports: number[], protocol: 'TCP' | 'UDP' = 'TCP'): string {
  return `
---
apiVersion: v1
kind: Service
metadata: { namespace: default, name: ${name} }
spec: { ports: [{ port: 1, protocol: ${protocol} }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { namespace: default, name: ${name}-1, labels: { kubernetes.io/service-name: ${name} } }
addressType: IPv4
endpoints: ${JSON.stringify(ports.map(() => ({ addresses: ['127.0.0.1'] })))}
ports: [${ports.map((port) => `{ port: ${port}, protocol: ${protocol} }`).join(', ')}]
`;
}

describe('TCPRoute', () => {
  stops();
  let edge: LocalGateway;

  beforeAll(async () => {
    edge = await LocalGateway.start(
      [1, 2, 3, 4],
      gateway([
        '{ name: weighted, port: 1, protocol: TCP }',
        '{ name: empty, port: 2, protocol: TCP }',
        '{ name: unused, port: 3, protocol: TCP }',
        '{ name: contended, port: 4, protocol: TCP }',
      ]) +
        backend('blue', [await tcpBackend('blue')]) +
        backend('green', [await tcpBackend('green')]) +
        backend('idle', []) +
        route(
          'TCPRoute',
          'weighted',
          'weighted',
          '{ name: blue, port: 1, weight: 5 }, { name: green, port: 1, weight: 2 }, { name: missing, port: 1, weight: 2 }, { name: idle, port: 1, weight: 1 }',
        ) +
        route('TCPRoute', 'empty', 'empty', '{ name: idle, port: 1 }') +
        route('TCPRoute', 'b', 'contended', '{ name: blue, port: 1 }') +
        route('TCPRoute', 'a', 'contended', '{ name: green, port: 1 }'),
    );
    cleanup.push(() => edge.stop());
    await edge.programmed('TCPRoute', ['default/weighted', 'default/empty', 'default/a']);
  });

  test('connections are shared by weight, and the share of invalid and empty backends is rejected', async () => {
    const found = await shares(600, () => tcp(edge.port(1)));
    // Chosen at random: five standard deviations are 61, 49 and 56.
    expect(found['blue']).toBeGreaterThan(300 - 61);
    expect(found['blue']).toBeLessThan(300 + 61);
    expect(found['green']).toBeGreaterThan(120 - 49);
    expect(found['green']).toBeLessThan(120 + 49);
    expect(found['closed']).toBeGreaterThan(180 - 56);
    expect(found['closed']).toBeLessThan(180 + 56);
  });

  test('without endpoints, and without a route, connections are rejected', async () => {
    expect(await tcp(edge.port(2))).toBe('closed');
    expect(await tcp(edge.port(3))).toBe('closed');
    expect(edge.condition('Gateway', 'default/edge', 'Programmed')?.status).toBe('True');
  });

  test('of two routes for one listener the first is served, and the other takes over when it goes', async () => {
    expect(await shares(50, () => tcp(edge.port(4)))).toEqual({ green: 50 });
    expect(edge.condition('TCPRoute', 'default/b', 'Accepted')?.status).toBe('True');
    expect(edge.condition('TCPRoute', 'default/b', 'sluice.dev/Programmed')).toMatchObject({
      status: 'False',
      reason: 'Overridden',
      message: expect.stringContaining('TCPRoute default/a') as string,
    });
    edge.apply([{ kind: 'TCPRoute', key: 'default/a', object: undefined }]);
    await edge.programmed('TCPRoute', ['default/b']);
    expect(await shares(50, () => tcp(edge.port(4)))).toEqual({ blue: 50 });
  });
});

describe('TLSRoute', () => {
  stops();
  let edge: LocalGateway;
  const toPlain = '{ name: plain, port: 1 }';
  const toSecure = '{ name: secure, port: 1 }';

  beforeAll(async () => {
    const authority = await createAuthority('streams');
    const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000) };
    const atGateway = await issueCertificate(authority, {
      commonName: 'gateway',
      dnsNames: ['*.example.com'],
      ...validity,
    });
    const atBackend = await issueCertificate(authority, {
      commonName: 'backend',
      dnsNames: ['*.example.com'],
      ...validity,
    });
    const certificateRefs = '[{ name: certificate }]';
    edge = await LocalGateway.start(
      [443],
      gateway([
        `{ name: passthrough, port: 443, protocol: TLS, hostname: '*.example.com', tls: { mode: Passthrough } }`,
        `{ name: terminate, port: 443, protocol: TLS, hostname: '*.secure.example.com', tls: { mode: Terminate, certificateRefs: ${certificateRefs} } }`,
        `{ name: unused, port: 443, protocol: TLS, hostname: unused.example.com, tls: { mode: Passthrough } }`,
        `{ name: https, port: 443, protocol: HTTPS, hostname: www.example.com, tls: { certificateRefs: ${certificateRefs} } }`,
      ]) +
        `
---
apiVersion: v1
kind: Secret
metadata: { namespace: default, name: certificate }
type: kubernetes.io/tls
data:
  tls.crt: ${Buffer.from(atGateway.certificate).toString('base64')}
  tls.key: ${Buffer.from(atGateway.key).toString('base64')}
` +
        backend('plain', [await tcpBackend('plain')]) +
        backend('secure', [await tlsBackend('secure', atBackend)]) +
        route(
          'TLSRoute',
          'again',
          'terminate',
          '{ name: secure-again, port: 1 }',
          'hostnames: [again.secure.example.com]',
        ) +
        backend('secure-again', [await tlsBackend('again', atBackend)]) +
        `
---
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: { namespace: default, name: again }
spec:
  targetRefs: [{ group: '', kind: Service, name: secure-again }]
  validation: { hostname: backend.example.com, caCertificateRefs: [{ group: '', kind: ConfigMap, name: authority }] }
---
apiVersion: v1
kind: ConfigMap
metadata: { namespace: default, name: authority }
data: { ca.crt: ${JSON.stringify(authority.certificate)} }
` +
        route('TLSRoute', 'wide', 'passthrough', toSecure, `hostnames: ['*.example.com']`) +
        route('TLSRoute', 'ended', 'terminate', toPlain, 'hostnames: [a.secure.example.com]') +
        route('TLSRoute', 'invalid', 'passthrough', '{ name: missing, port: 1 }', 'hostnames: [invalid.example.com]'),
      // Chains that change are closed after a second: a test need not wait for Envoy's ten minutes.
      ['--drain-time-s', '1'],
    );
    cleanup.push(() => edge.stop());
    await edge.programmed('TLSRoute', ['default/wide', 'default/ended']);
  });

  test('TLS is passed on, or ends at the gateway, by server name', async () => {
    expect(await tls(edge.port(443), 'a.example.com')).toBe('secure a.example.com by backend');
    expect(await tls(edge.port(443), 'deep.a.example.com')).toBe('secure deep.a.example.com by backend');
    expect(await tls(edge.port(443), 'a.secure.example.com')).toBe('plain by gateway');
  });

  test('TLS that ended at the gateway begins again where a BackendTLSPolicy asks for it', async () => {
    await edge.programmed('TLSRoute', ['default/again']);
    expect(await tls(edge.port(443), 'again.secure.example.com')).toBe('again backend.example.com by gateway');
  });

  test('a listener offers no application protocol of its own accord', async () => {
    const socket = connectTls({
      port: edge.port(443),
      host: '127.0.0.1',
      servername: 'a.secure.example.com',
      rejectUnauthorized: false,
      ALPNProtocols: ['h2'],
    });
    expect(await firstLine(socket)).toBe('plain');
    expect(socket.alpnProtocol).toBe(false);
    socket.destroy();
  });

  test('a server name that nothing serves is closed, and none falls to a broader listener', async () => {
    const { port } = { port: edge.port(443) };
    expect(await tls(port, 'a.example.org')).toBe('closed');
    expect(await tls(port, undefined)).toBe('closed');
    expect(await tls(port, 'b.secure.example.com')).toBe('closed');
    expect(await tls(port, 'unused.example.com')).toBe('closed');
    expect(await tls(port, 'invalid.example.com')).toBe('closed');
    const plain = connectTcp(port, '127.0.0.1').end('GET / HTTP/1.1\r\n\r\n');
    expect(await firstLine(plain)).toBe('closed');
  });

  test('a connection outlives edits of other routes and listeners, but not the end of its own', async () => {
    const socket = openTls(edge.port(443), 'long.example.com');
    expect(await firstLine(socket)).toBe('secure long.example.com');
    let received = '';
    let closed = false;
    socket.on('data', (part: string) => (received += part)).on('close', () => (closed = true));
    const other = openTls(edge.port(443), 'a.secure.example.com');
    let otherClosed = false;
    other.on('error', () => undefined).on('close', () => (otherClosed = true));
    expect(await firstLine(other)).toBe('plain');

    for (let edit = 0; edit < 20; edit++) {
      const weights = `${toPlain.replace('}', `, weight: ${edit + 1} }`)}, { name: idle, port: 1, weight: 1 }`;
      edge.applyYaml(
        route(
          'TLSRoute',
          'ended',
          'terminate',
          weights,
          `hostnames: [a.secure.example.com, n${edit}.secure.example.com]`,
        ) +
          route('TLSRoute', `more-${edit}`, 'passthrough', toSecure, `hostnames: [more-${edit}.example.com]`) +
          backend('idle', edit % 2 === 0 ? [] : [1]),
      );
      await edge.programmed('TLSRoute', ['default/ended', `default/more-${edit}`]);
      socket.write(`${edit}.`);
    }
    await waitFor('everything to come back', () => received === Array.from({ length: 20 }, (_, i) => `${i}.`).join(''));
    // The chain of the edited route was replaced, and its connections are closed when the drain time is over.
    await waitFor('the connection of the edited route to be closed', () => otherClosed);
    await waitFor(
      'replaced chains to be gone',
      async () => (await edge.envoy.stat('listener_manager.total_filter_chains_draining')) === 0,
    );
    expect(await edge.envoy.stat('listener_manager.listener_in_place_updated')).toBeGreaterThan(0);
    expect(closed).toBe(false);
    received = '';
    socket.write('still there');
    await waitFor('the connection to answer', () => received === 'still there');

    edge.apply([{ kind: 'TLSRoute', key: 'default/wide', object: undefined }]);
    await waitFor('the connection to be closed', () => closed);
  });
});

describe('UDPRoute', () => {
  stops();
  let edge: LocalGateway;

  beforeAll(async () => {
    edge = await LocalGateway.start(
      [53, 54],
      gateway(['{ name: dns, port: 53, protocol: UDP }', '{ name: unused, port: 54, protocol: UDP }']) +
        backend('blue', [await udpBackend('blue')], 'UDP') +
        backend('green', [await udpBackend('green')], 'UDP') +
        backend('idle', [], 'UDP') +
        route(
          'UDPRoute',
          'dns',
          'dns',
          '{ name: blue, port: 1, weight: 5 }, { name: green, port: 1, weight: 3 }, { name: missing, port: 1 }, { name: idle, port: 1 }',
        ),
    );
    cleanup.push(() => edge.stop());
    await edge.programmed('UDPRoute', ['default/dns']);
  });

  test('sessions are shared by weight, and the share of invalid backends is dropped', async () => {
    const found = { blue: 0, green: 0 };
    const sessions = Array.from({ length: 200 }, () => new Session(edge.port(53)));
    for (const session of sessions) {
      void session.answer().then((answer) => found[answer.startsWith('blue') ? 'blue' : 'green']++);
      session.send();
    }
    let dropped = 0;
    await waitFor('every datagram to be answered or dropped', async () => {
      // The system says at once that nobody listens.
      dropped = await edge.envoy.stat('cluster.udp/53.udp.sess_rx_errors');
      return found.blue + found.green + dropped === 200;
    });
    // In turn: the shares are exact, but for where the turn began.
    expect(Math.abs(found.blue - 100)).toBeLessThanOrEqual(2);
    expect(Math.abs(found.green - 60)).toBeLessThanOrEqual(2);
    expect(Math.abs(dropped - 40)).toBeLessThanOrEqual(2);
  });

  test('without a route datagrams are dropped', async () => {
    new Session(edge.port(54)).send();
    await waitFor(
      'Envoy to have nowhere to send it',
      async () => (await edge.envoy.stat('cluster.udp/54.upstream_cx_none_healthy')) > 0,
    );
    expect(edge.condition('Gateway', 'default/edge', 'Programmed')?.status).toBe('True');
  });

  test('large datagrams arrive whole', async () => {
    edge.applyYaml(route('UDPRoute', 'dns', 'dns', '{ name: blue, port: 1 }'));
    await waitFor('the other endpoints to be gone', async () => {
      return (await edge.envoy.stat('cluster.udp/53.membership_total')) === 1;
    });
    expect(await new Session(edge.port(53)).ask(20_000)).toBe('blue 20000');
  });

  test('a session keeps its endpoint when weights, routes and backends change', async () => {
    const session = new Session(edge.port(53));
    expect(await session.ask()).toBe('blue 1');
    edge.applyYaml(
      route('UDPRoute', 'dns', 'dns', '{ name: blue, port: 1, weight: 1 }, { name: green, port: 1, weight: 1000 }'),
    );
    await waitFor('new sessions to go elsewhere', async () => {
      const found = await shares(10, () => new Session(edge.port(53)).ask());
      return (found['green'] ?? 0) >= 9;
    });
    expect(await session.ask()).toBe('blue 1');
    // Another route takes over the listener, with an endpoint of the first among its own.
    edge.applyYaml(route('UDPRoute', 'a', 'dns', '{ name: green, port: 1, weight: 1000 }, { name: blue, port: 1 }'));
    await edge.programmed('UDPRoute', ['default/a']);
    expect(await session.ask()).toBe('blue 1');
    edge.apply([{ kind: 'UDPRoute', key: 'default/a', object: undefined }]);
    await edge.programmed('UDPRoute', ['default/dns']);
    expect(await session.ask()).toBe('blue 1');
  });
});

test('a proxy that binds IPv6 serves both address families', async () => {
  const edge = await LocalGateway.start(
    [53],
    gateway(['{ name: udp, port: 53, protocol: UDP }', '{ name: tcp, port: 53, protocol: TCP }']) +
      backend('stream', [await tcpBackend('stream')]) +
      backend('datagram', [await udpBackend('datagram')], 'UDP') +
      route('TCPRoute', 'stream', 'tcp', '{ name: stream, port: 1 }') +
      route('UDPRoute', 'datagram', 'udp', '{ name: datagram, port: 1 }'),
    [],
    '::',
  );
  try {
    await edge.programmed('TCPRoute', ['default/stream']);
    await edge.programmed('UDPRoute', ['default/datagram']);
    for (const host of ['127.0.0.1', '::1']) {
      expect(await firstLine(connectTcp(edge.port(53), host))).toBe('stream');
      const client = createSocket(host === '::1' ? 'udp6' : 'udp4');
      const answer = once(client, 'message') as Promise<[Buffer]>;
      client.send('?', edge.port(53), host);
      expect(String((await answer)[0])).toBe('datagram 1');
      client.close();
    }
  } finally {
    await edge.stop();
    for (const stop of cleanup.splice(0).toReversed()) await stop();
  }
});
