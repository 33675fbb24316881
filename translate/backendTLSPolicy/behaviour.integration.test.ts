/** What the real Envoy does with what policies on TLS are translated to: towards backends, and towards clients. */
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createSecureServer } from 'node:http2';
import { request as secureRequest } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAuthority, issueCertificate, type KeyPair } from '../../test/fixtures/index.ts';
import { sessionTicketKeysName, type SourceChange } from '../index.ts';
import { startGateway, type RunningGateway } from '../testing/gateway.ts';

/** What a backend saw of a request. */
interface Seen {
  serverName: string | false;
  application: string | false;
  /** The common name of the certificate that the proxy showed. */
  client: string | undefined;
}

const servers: Server[] = [];
let gateway: RunningGateway;
let authority: KeyPair;
let stranger: KeyPair;
let client: KeyPair;
let strangersClient: KeyPair;
/** Bytes that came to a port on which nothing but TLS may come. */
let plain = 0;

async function listen(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

function backend({ certificate, key }: KeyPair): Server {
  const answer = (incoming: Pick<IncomingMessage, 'socket'>, response: Pick<ServerResponse, 'end'>): void => {
    const socket = incoming.socket as TLSSocket & { servername?: string };
    const seen: Seen = {
      serverName: socket.servername ?? false,
      application: socket.alpnProtocol ?? false,
      client: socket.getPeerCertificate().subject?.CN as string | undefined,
    };
    response.end(JSON.stringify(seen));
  };
  const options = { cert: certificate, key, requestCert: true, rejectUnauthorized: false, allowHTTP1: true };
  // One server for both versions: the application protocol decides.
  return createSecureServer(options, (incoming, response) => answer(incoming as never, response as never));
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

function configMap(name: string, { certificate }: KeyPair): string {
  return `
---
apiVersion: v1
kind: ConfigMap
metadata: {name: ${name}, namespace: default}
binaryData: {ca.crt: ${base64(certificate)}}`;
}

function secret(name: string, { certificate, key }: KeyPair): string {
  return `
---
apiVersion: v1
kind: Secret
metadata: {name: ${name}, namespace: default}
data: {tls.crt: ${base64(certificate)}, tls.key: ${base64(key)}}`;
}

function policy(name: string, validation: string): string {
  return `
---
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {name: ${name}, namespace: default}
spec: {targetRefs: [{group: "", kind: Service, name: ${name}}], validation: ${validation}}`;
}

const ca = (name: string): string => `caCertificateRefs: [{group: "", kind: ConfigMap, name: ${name}}]`;

/** The backends, by name and path, with what their policies say. */
const policies: Record<string, string> = {
  hostname: `{hostname: app.example.com, ${ca('ca')}}`,
  'other-hostname': `{hostname: other.example.com, ${ca('ca')}}`,
  'other-authority': `{hostname: app.example.com, ${ca('other')}}`,
  uri: `{hostname: sni.example.com, ${ca('ca')}, subjectAltNames: [{type: URI, uri: "spiffe://example.com/app"}]}`,
  'other-uri': `{hostname: app.example.com, ${ca('ca')}, subjectAltNames: [{type: URI, uri: "spiffe://example.com/b"}]}`,
  wildcard: `{hostname: sni.example.com, ${ca('ca')}, subjectAltNames: [{type: Hostname, hostname: "*.example.com"}]}`,
  'one-of': `{hostname: sni.example.com, ${ca('ca')}, subjectAltNames: [{type: Hostname, hostname: a.example.org}, {type: Hostname, hostname: app.example.com}]}`,
  system: '{hostname: app.example.com, wellKnownCACertificates: System}',
  invalid: `{hostname: app.example.com, ${ca('absent')}}`,
};

function objects(server: KeyPair): string {
  const rules = [...Object.keys(policies), 'h2'].map(
    (name) => `
  - matches: [{path: {type: Exact, value: /${name}}}]
    backendRefs: [{name: ${name}, port: 443}]`,
  );
  const listener = (name: string, port: number): string =>
    `{name: ${name}, port: ${port}, protocol: HTTPS, tls: {certificateRefs: [{name: server}]}}`;
  return `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge, namespace: default}
spec:
  gatewayClassName: sluice
  tls:
    backend: {clientCertificateRef: {name: client}}
    frontend:
      default: {validation: {${ca('ca')}}}
      perPort:
      - {port: 1443, tls: {validation: {mode: AllowInsecureFallback, ${ca('ca')}}}}
      - {port: 2443, tls: {}}
  listeners: [{name: http, port: 80, protocol: HTTP}, ${listener('strict', 443)}, ${listener('fallback', 1443)}, ${listener('nobody', 2443)}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: app, namespace: default}
spec:
  parentRefs: [{name: edge}]
  rules:${rules.join('')}${Object.entries(policies)
    .map(([name, validation]) => policy(name, validation))
    .join(
      '',
    )}${policy('h2', policies['hostname']!)}${configMap('ca', authority)}${configMap('other', stranger)}${secret('client', client)}${secret('server', server)}
`;
}

async function send(path: string): Promise<{ status: number; seen: Seen | undefined }> {
  const answer = await request(`http://127.0.0.1:${gateway.ports[80]}${path}`);
  const text = await answer.body.text();
  const seen = answer.statusCode === 200 ? (JSON.parse(text) as Seen) : undefined;
  return { status: answer.statusCode, seen };
}

/** The status that a client gets over TLS; an error where its connection fails. */
function sendSecurely(port: number, shown: KeyPair | undefined): Promise<number> {
  return new Promise((resolve, reject) => {
    const credentials = shown === undefined ? {} : { cert: shown.certificate, key: shown.key };
    const options = { host: '127.0.0.1', port: gateway.ports[port], path: '/hostname', agent: false as const };
    const outgoing = secureRequest({ ...options, rejectUnauthorized: false, ...credentials }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0));
    });
    outgoing.on('error', reject).end();
  });
}

beforeAll(async () => {
  authority = await createAuthority('authority');
  stranger = await createAuthority('stranger');
  client = await issueCertificate(authority, { commonName: 'client', dnsNames: ['client.example.com'] });
  strangersClient = await issueCertificate(stranger, { commonName: 'stranger', dnsNames: ['client.example.com'] });
  const names = { dnsNames: ['app.example.com'], uris: ['spiffe://example.com/app'] };
  const server = await issueCertificate(authority, { commonName: 'server', ...names });
  const port = await listen(backend(server));
  const trap = createServer();
  trap.on('connection', (socket) => socket.on('data', () => plain++));
  const trapped = await listen(trap);
  const backends: Record<string, number[]> = { 'h2:443:kubernetes.io/h2c': [port] };
  for (const name of Object.keys(policies)) backends[`${name}:443`] = [name === 'invalid' ? trapped : port];
  const tickets: SourceChange = {
    kind: 'SessionTicketKeys',
    key: sessionTicketKeysName,
    object: { keys: [randomBytes(80)] },
  };
  gateway = await startGateway(objects(server), [80, 443, 1443, 2443], backends, Date.now(), [tickets]);
});

afterAll(async () => {
  await gateway?.envoy.stop();
  for (const server of servers) server.close();
});

describe('towards backends', () => {
  test('the hostname is asked for and verified, and the certificate of the Gateway is shown', async () => {
    const { status, seen } = await send('/hostname');
    expect(status).toBe(200);
    expect(seen).toEqual({ serverName: 'app.example.com', application: 'http/1.1', client: 'client' });
  });

  test('HTTP/2 is agreed on where the port says so', async () => {
    expect(await send('/h2')).toMatchObject({
      status: 200,
      seen: { application: 'h2', serverName: 'app.example.com' },
    });
  });

  test.each(['uri', 'wildcard', 'one-of'])('other names that are verified: %s', async (name) => {
    expect(await send(`/${name}`)).toMatchObject({ status: 200, seen: { serverName: 'sni.example.com' } });
  });

  test.each(['other-hostname', 'other-authority', 'other-uri', 'system'])(
    '503 where it does not hold: %s',
    async (name) => {
      expect(await send(`/${name}`)).toMatchObject({ status: 503 });
    },
  );

  test('503, and not a byte, where the policy is invalid', async () => {
    expect(await send('/invalid')).toMatchObject({ status: 503 });
    expect(plain).toBe(0);
  });
});

describe('towards clients', () => {
  test('a valid certificate is let in, no or any other is not', async () => {
    expect(await sendSecurely(443, client)).toBe(200);
    await expect(sendSecurely(443, undefined)).rejects.toThrow(/certificate required|ECONNRESET|socket hang up/);
    await expect(sendSecurely(443, strangersClient)).rejects.toThrow(/unknown ca|ECONNRESET|socket hang up/i);
  });

  test('all are let in where the Gateway says so', async () => {
    for (const shown of [client, undefined, strangersClient]) expect(await sendSecurely(1443, shown)).toBe(200);
  });

  test.each([
    ['no certificate', 1443, (): KeyPair | undefined => undefined],
    ['no certificate', 2443, (): KeyPair | undefined => undefined],
    ['a certificate of a stranger', 1443, (): KeyPair | undefined => strangersClient],
  ] as const)('a session that began with %s on port %i is none on a stricter one', async (_, port, shown) => {
    const session = await ticket(port, shown());
    expect(await resume(port, session)).toEqual({ resumed: true, status: 200 });
    await expect(resume(443, session)).rejects.toThrow(/handshake failure|certificate required|ECONNRESET|ended/);
  });
});

/** A connection over TLS 1.2, where a session is there when the handshake is done. */
function connectTo(port: number, options: ConnectionOptions): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const target = { host: '127.0.0.1', port: gateway.ports[port]!, rejectUnauthorized: false, ...options };
    const socket = connect({ ...target, maxVersion: 'TLSv1.2' }, () => resolve(socket));
    socket.on('error', reject);
  });
}

async function ticket(port: number, shown: KeyPair | undefined): Promise<Buffer> {
  const socket = await connectTo(port, shown === undefined ? {} : { cert: shown.certificate, key: shown.key });
  const session = socket.getSession()!;
  socket.destroy();
  return session;
}

async function resume(port: number, session: Buffer): Promise<{ resumed: boolean; status: number }> {
  const socket = await connectTo(port, { session });
  const resumed = socket.isSessionReused();
  const answer = await new Promise<string>((resolve, reject) => {
    socket.once('data', (data) => resolve(data.toString())).once('error', reject);
    socket.once('end', () => reject(new Error('the connection ended')));
    socket.write('GET /hostname HTTP/1.1\r\nhost: a\r\n\r\n');
  });
  socket.destroy();
  return { resumed, status: Number(answer.split(' ')[1]) };
}
