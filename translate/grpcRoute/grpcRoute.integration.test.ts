/** GRPCRoutes through a real Envoy, with clients and servers of gRPC and of gRPC-Web. */
import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  Client,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  status,
  type ServiceError,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LocalGateway } from '../../controlplane/testing/localGateway.ts';
import { waitFor } from '../../test/fixtures/index.ts';

/** What a backend says of a request. */
interface Answer {
  backend: string;
  method: string;
  metadata: Record<string, string>;
}

const identity = (bytes: Buffer): Buffer => bytes;
const path = (method: string): string => `/test.${method.replace('.', '/')}`;

/** A gRPC server that answers every method of two services with what it saw. */
async function startBackend(name: string): Promise<{ server: Server; port: number; calls: Answer[] }> {
  const server = new Server();
  const calls: Answer[] = [];
  for (const service of ['Greeter', 'Keeper']) {
    const methods = ['Get', 'List'].map((method) => ({ method, path: path(`${service}.${method}`) }));
    const serializers = {
      requestSerialize: identity,
      requestDeserialize: identity,
      responseSerialize: identity,
      responseDeserialize: identity,
    };
    const definition = Object.fromEntries(
      methods.map(({ method, path: at }) => [
        method,
        { path: at, requestStream: false, responseStream: false, originalName: method, ...serializers },
      ]),
    );
    const implementation: UntypedServiceImplementation = Object.fromEntries(
      methods.map(({ method, path: at }) => [
        method,
        (received: { metadata: Metadata }, callback: (error: null, value: Buffer) => void) => {
          const metadata = Object.fromEntries(
            Object.entries(received.metadata.getMap()).map(([key, value]) => [key, value.toString()]),
          );
          const answer: Answer = { backend: name, method: at, metadata };
          calls.push(answer);
          callback(null, Buffer.from(JSON.stringify(answer)));
        },
      ]),
    );
    server.addService(definition, implementation);
  }
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return { server, port, calls };
}

const service = (name: string, port: number): string => `
---
apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: default}
spec: {ports: [{port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: ${name}-1, namespace: default, labels: {kubernetes.io/service-name: ${name}}}
addressType: IPv4
endpoints: [{addresses: [127.0.0.1]}]
ports: [{port: ${port}}]
`;

const route = (kind: 'GRPCRoute' | 'HTTPRoute', name: string, day: number, spec: string): string => `
---
apiVersion: gateway.networking.k8s.io/v1
kind: ${kind}
metadata: {name: ${name}, namespace: default, generation: 1, creationTimestamp: "2026-01-0${day}T00:00:00Z"}
spec: {parentRefs: [{name: edge}], ${spec}}
`;

let one: Awaited<ReturnType<typeof startBackend>>;
let two: Awaited<ReturnType<typeof startBackend>>;
let web: HttpServer;
let gateway: LocalGateway;
let client: Client;

interface Outcome {
  code: status;
  answer: Answer | undefined;
  headers: Record<string, unknown>;
}

/** One unary call. */
function call(host: string, method: string, headers: Record<string, string> = {}): Promise<Outcome> {
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(headers)) metadata.set(key, value);
  return new Promise((resolve) => {
    let initial: Record<string, unknown> = {};
    const outgoing = client.makeUnaryRequest(
      path(method),
      identity,
      identity,
      Buffer.from('{}'),
      metadata,
      { host },
      (error: ServiceError | null, value?: Buffer) => {
        const answer = value === undefined ? undefined : (JSON.parse(value.toString()) as Answer);
        resolve({ code: error?.code ?? status.OK, answer, headers: initial });
      },
    );
    outgoing.on('metadata', (received: Metadata) => (initial = received.getMap()));
  });
}

/** A plain HTTP/1.1 request. */
async function post(
  host: string,
  at: string,
  type: string,
  body: Buffer,
): Promise<{ response: IncomingMessage; body: Buffer }> {
  const headers = { host, 'content-type': type };
  const outgoing = request({ host: '127.0.0.1', port: gateway.port(80), method: 'POST', path: at, headers });
  outgoing.end(body);
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { response, body: Buffer.concat(chunks) };
}

beforeAll(async () => {
  one = await startBackend('one');
  two = await startBackend('two');
  // Speaks HTTP/1.1 only.
  web = createServer((_, response) => response.end('web')).listen(0, '127.0.0.1');
  await once(web, 'listening');
  const { port: webPort } = web.address() as AddressInfo;
  gateway = await LocalGateway.start(
    [80],
    `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge, namespace: default, generation: 1}
spec: {gatewayClassName: sluice, listeners: [{name: http, port: 80, protocol: HTTP}]}
${service('one', one.port)}${service('two', two.port)}${service('web', webPort)}
${route(
  'GRPCRoute',
  'main',
  1,
  `hostnames: [main.example.com], rules: [
    {matches: [{method: {service: test.Greeter, method: Get}}], backendRefs: [{name: one, port: 80}]},
    {matches: [{method: {method: List}}], backendRefs: [{name: two, port: 80}]},
    {matches: [{headers: [{name: version, value: "2"}]}], backendRefs: [{name: two, port: 80}]}]`,
)}
${route(
  'GRPCRoute',
  'filters',
  1,
  `hostnames: [filters.example.com], rules: [{
    filters: [
      {type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-set, value: set}], remove: [x-removed]}},
      {type: ResponseHeaderModifier, responseHeaderModifier: {add: [{name: x-added, value: added}]}},
      {type: RequestMirror, requestMirror: {backendRef: {name: two, port: 80}}}],
    backendRefs: [{name: one, port: 80}]}]`,
)}
${route('GRPCRoute', 'invalid', 1, 'hostnames: [invalid.example.com], rules: [{backendRefs: [{name: absent, port: 80}]}]')}
${route('GRPCRoute', 'half', 1, 'hostnames: [half.example.com], rules: [{backendRefs: [{name: one, port: 80}, {name: absent, port: 80}]}]')}
${route('HTTPRoute', 'web', 1, 'hostnames: [web.example.com], rules: [{backendRefs: [{name: web, port: 80}]}]')}
`,
  );
  client = new Client(`127.0.0.1:${gateway.port(80)}`, credentials.createInsecure());
  await gateway.programmed('GRPCRoute', ['default/main', 'default/filters', 'default/invalid', 'default/half']);
  await gateway.programmed('HTTPRoute', ['default/web']);
});

afterAll(async () => {
  client.close();
  await gateway.stop();
  one.server.forceShutdown();
  two.server.forceShutdown();
  web.close();
});

describe('a GRPCRoute', () => {
  test('chooses by service, method and header', async () => {
    expect(await call('main.example.com', 'Greeter.Get')).toMatchObject({
      code: status.OK,
      answer: { backend: 'one' },
    });
    expect(await call('main.example.com', 'Greeter.List')).toMatchObject({ answer: { backend: 'two' } });
    expect(await call('main.example.com', 'Keeper.List')).toMatchObject({ answer: { backend: 'two' } });
    expect(await call('main.example.com', 'Keeper.Get', { version: '2' })).toMatchObject({
      answer: { backend: 'two' },
    });
  });

  test('answers UNIMPLEMENTED to what it does not match', async () => {
    expect((await call('main.example.com', 'Keeper.Get')).code).toBe(status.UNIMPLEMENTED);
    expect((await call('unknown.example.com', 'Greeter.Get')).code).toBe(status.UNIMPLEMENTED);
  });

  test('is none for requests that are not gRPC', async () => {
    const { response } = await post('main.example.com', '/test.Greeter/Get', 'application/json', Buffer.from('{}'));
    expect(response.statusCode).toBe(404);
  });

  test('answers UNAVAILABLE for a backend that is invalid', async () => {
    expect((await call('invalid.example.com', 'Greeter.Get')).code).toBe(status.UNAVAILABLE);
    const codes = new Set<status>();
    await waitFor('both backends to be chosen', async () => {
      codes.add((await call('half.example.com', 'Greeter.Get')).code);
      return codes.size === 2;
    });
    expect([...codes].toSorted((a, b) => a - b)).toEqual([status.OK, status.UNAVAILABLE]);
  });

  test('modifies headers and mirrors', async () => {
    const before = two.calls.length;
    const { code, answer, headers } = await call('filters.example.com', 'Greeter.Get', { 'x-removed': 'there' });
    expect(code).toBe(status.OK);
    expect(answer).toMatchObject({ backend: 'one', metadata: { 'x-set': 'set' } });
    expect(answer?.metadata['x-removed']).toBeUndefined();
    expect(headers['x-added']).toBe('added');
    await waitFor('the mirrored call', () => two.calls.length > before);
  });

  test('serves clients of gRPC-Web', async () => {
    const message = Buffer.from('{}');
    const frame = Buffer.alloc(5 + message.length);
    frame.writeUInt32BE(message.length, 1);
    message.copy(frame, 5);
    const { response, body } = await post('main.example.com', '/test.Greeter/Get', 'application/grpc-web+proto', frame);
    expect(response.statusCode).toBe(200);
    expect(response.headers['content-type']).toBe('application/grpc-web+proto');
    const length = body.readUInt32BE(1);
    expect(JSON.parse(body.subarray(5, 5 + length).toString())).toMatchObject({ backend: 'one' });
    const trailer = body.subarray(5 + length);
    expect(trailer[0]).toBe(0x80);
    expect(trailer.subarray(5).toString()).toContain('grpc-status:0');
  });
});

test('a Service port is spoken to in HTTP/1.1 for an HTTPRoute and in HTTP/2 for a GRPCRoute, at once', async () => {
  gateway.applyYaml(
    route('HTTPRoute', 'to-grpc', 2, 'hostnames: [http.example.com], rules: [{backendRefs: [{name: one, port: 80}]}]'),
  );
  await gateway.programmed('HTTPRoute', ['default/to-grpc']);
  expect((await post('web.example.com', '/', 'text/plain', Buffer.from(''))).body.toString()).toBe('web');
  // A gRPC server takes no HTTP/1.1, which shows that it is spoken to in HTTP/1.1.
  expect((await post('http.example.com', '/', 'text/plain', Buffer.from(''))).response.statusCode).toBe(502);
  expect(await call('main.example.com', 'Greeter.Get')).toMatchObject({ code: status.OK });
});

test('of an HTTPRoute and a GRPCRoute that ask for one hostname the older is served, and the other once it is gone', async () => {
  const rival = (kind: 'GRPCRoute' | 'HTTPRoute', day: number, backend: string): string =>
    route(
      kind,
      'rival',
      day,
      `hostnames: ["*.rival.example.com"], rules: [{backendRefs: [{name: ${backend}, port: 80}]}]`,
    );
  gateway.applyYaml(rival('HTTPRoute', 3, 'web') + rival('GRPCRoute', 2, 'one'));
  await gateway.programmed('GRPCRoute', ['default/rival']);
  expect(gateway.condition('HTTPRoute', 'default/rival', 'Accepted')).toMatchObject({
    status: 'False',
    reason: 'HostnameConflict',
  });
  expect((await call('a.rival.example.com', 'Greeter.Get')).code).toBe(status.OK);
  expect((await post('a.rival.example.com', '/', 'text/plain', Buffer.from(''))).response.statusCode).toBe(404);

  gateway.apply([{ kind: 'GRPCRoute', key: 'default/rival', object: undefined }]);
  await gateway.programmed('HTTPRoute', ['default/rival']);
  expect(gateway.condition('HTTPRoute', 'default/rival', 'Accepted')?.status).toBe('True');
  expect((await post('a.rival.example.com', '/', 'text/plain', Buffer.from(''))).body.toString()).toBe('web');
});
