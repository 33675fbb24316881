/** What the real Envoy does with what HTTPRoutes are translated to. */
import { createServer, request, type IncomingHttpHeaders, type IncomingMessage, type Server } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { Server as GrpcServer, ServerCredentials } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort, waitFor } from '../../test/fixtures/index.ts';
import { startGateway, type RunningGateway } from '../testing/gateway.ts';

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** What a backend saw of a request. */
interface Seen {
  backend: string;
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
}

const servers: Server[] = [];
let gateway: RunningGateway;
let authorizations: Seen[] = [];
let grpcAuthorizations: string[] = [];
const tries = new Map<string, number>();
const mirrored: Seen[] = [];

async function listen(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

function seen(name: string, incoming: IncomingMessage): Seen {
  return { backend: name, method: incoming.method ?? '', path: incoming.url ?? '', headers: incoming.headers };
}

/** Tells what it sees; `?fail=N` lets the first N tries of an `id` fail in the way of `how`. */
function backend(name: string): Server {
  const server = createServer((incoming, response) => {
    const url = new URL(incoming.url ?? '', 'http://backend');
    const id = url.searchParams.get('id') ?? '';
    const count = (tries.get(id) ?? 0) + 1;
    tries.set(id, count);
    if (count <= Number(url.searchParams.get('fail') ?? 0)) {
      const how = url.searchParams.get('how') ?? '500';
      if (how === 'reset') incoming.socket.destroy();
      else if (how !== 'hang') response.writeHead(Number(how)).end();
      return;
    }
    response.setHeader('content-type', 'application/json');
    if (url.searchParams.has('set')) response.setHeader('set-cookie', 'theirs=1; Max-Age=5');
    response.end(JSON.stringify(seen(name, incoming)));
  });
  server.on('upgrade', (_, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n');
    socket.pipe(socket);
  });
  return server;
}

function send(
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { method = 'GET', headers = {}, body } = options;
    const outgoing = request({ host: '127.0.0.1', port: gateway.ports[80], path, method, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
    });
    outgoing.on('error', reject).end(body);
  });
}

async function reached(path: string, headers: Record<string, string> = {}): Promise<Seen & { answer: Answer }> {
  const answer = await send(path, { headers });
  expect(answer).toMatchObject({ status: 200 });
  return { ...(JSON.parse(answer.body) as Seen), answer };
}

const objects = `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge, namespace: default}
spec: {gatewayClassName: sluice, listeners: [{name: http, port: 80, protocol: HTTP}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: cors, namespace: default}
spec:
  parentRefs: [{name: edge}]
  rules:
  - matches: [{path: {type: PathPrefix, value: /cors/listed}}]
    filters:
    - type: CORS
      cors:
        allowOrigins: ["https://www.foo.com", "https://*.bar.com"]
        allowMethods: [GET, PUT]
        allowHeaders: [x-one]
        exposeHeaders: [x-two]
        allowCredentials: true
    backendRefs: [{name: a, port: 80}]
  - matches: [{path: {type: PathPrefix, value: /cors/wildcards}}]
    filters:
    - type: CORS
      cors: {allowOrigins: ["*"], allowMethods: ["*"], allowHeaders: ["*"], exposeHeaders: ["*"], allowCredentials: true, maxAge: 60}
    backendRefs: [{name: a, port: 80}]
  - matches: [{path: {type: PathPrefix, value: /cors/backend}}]
    backendRefs:
    - {name: a, port: 80, weight: 1, filters: [{type: CORS, cors: {allowOrigins: ["https://a.com"]}}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: auth, namespace: default}
spec:
  parentRefs: [{name: edge}]
  rules:
  - matches: [{path: {type: PathPrefix, value: /auth/http}}]
    filters:
    - type: ExternalAuth
      externalAuth:
        protocol: HTTP
        backendRef: {name: auth, port: 80}
        http: {path: /check, allowedHeaders: [X-Token], allowedResponseHeaders: [X-User]}
        forwardBody: {maxSize: 8}
    backendRefs: [{name: a, port: 80}]
  - matches: [{path: {type: PathPrefix, value: /auth/defaults}}]
    filters:
    - type: CORS
      cors: {allowOrigins: ["*"], allowMethods: ["*"]}
    - type: ExternalAuth
      externalAuth: {protocol: HTTP, backendRef: {name: auth, port: 80}, http: {}}
    backendRefs: [{name: a, port: 80}]
  - matches: [{path: {type: PathPrefix, value: /auth/grpc}}]
    filters:
    - type: ExternalAuth
      externalAuth: {protocol: GRPC, backendRef: {name: auth, port: 9000}, grpc: {allowedHeaders: [X-Token]}}
    backendRefs: [{name: a, port: 80}]
  - matches: [{path: {type: PathPrefix, value: /auth/gone}}]
    filters:
    - type: ExternalAuth
      externalAuth: {protocol: HTTP, backendRef: {name: gone, port: 80}, http: {}}
    backendRefs: [{name: a, port: 80}]
  - matches: [{path: {type: PathPrefix, value: /auth/absent}}]
    filters:
    - type: ExternalAuth
      externalAuth: {protocol: HTTP, backendRef: {name: absent, port: 80}, http: {}}
    backendRefs: [{name: a, port: 80}]
  - matches: [{path: {type: PathPrefix, value: /auth/redirect}}]
    filters:
    - type: ExternalAuth
      externalAuth: {protocol: HTTP, backendRef: {name: auth, port: 80}, http: {}}
    - type: RequestRedirect
      requestRedirect: {statusCode: 308, hostname: new.example.com}
  - matches: [{path: {type: PathPrefix, value: /auth/extension}}]
    filters: [{type: ExtensionRef, extensionRef: {group: example.com, kind: Thing, name: x}}]
    backendRefs: [{name: a, port: 80}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: sessions, namespace: default}
spec:
  parentRefs: [{name: edge}]
  rules:
  - matches: [{path: {type: PathPrefix, value: /session/cookie}}]
    sessionPersistence: {sessionName: stay}
    backendRefs: [{name: several, port: 80}]
  - matches: [{path: {type: PathPrefix, value: /session/permanent}}]
    sessionPersistence: {absoluteTimeout: 1h, cookieConfig: {lifetimeType: Permanent}}
    backendRefs: [{name: several, port: 80}]
  - matches: [{path: {type: PathPrefix, value: /session/short}}]
    sessionPersistence: {sessionName: short, absoluteTimeout: 5s}
    backendRefs: [{name: several, port: 80}]
  - matches: [{path: {type: PathPrefix, value: /session/header}}]
    sessionPersistence: {type: Header, sessionName: x-stay}
    backendRefs: [{name: several, port: 80}]
  - matches: [{path: {type: PathPrefix, value: /session/divided}}]
    sessionPersistence: {sessionName: stay}
    backendRefs: [{name: a, port: 80, weight: 1}, {name: b, port: 80, weight: 1}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: retries, namespace: default}
spec:
  parentRefs: [{name: edge}]
  rules:
  - matches: [{path: {type: PathPrefix, value: /retry/codes}}]
    retry: {codes: [500], attempts: 2, backoff: 1ms}
    backendRefs: [{name: a, port: 80}]
  - matches: [{path: {type: PathPrefix, value: /retry/slow}}]
    retry: {attempts: 1, backoff: 1ms}
    timeouts: {backendRequest: 1s}
    backendRefs: [{name: a, port: 80}]
  - matches: [{path: {type: PathPrefix, value: /retry/total}}]
    retry: {attempts: 1000, backoff: 1ms}
    timeouts: {request: 300ms, backendRequest: 100ms}
    backendRefs: [{name: a, port: 80}]
  - matches: [{path: {type: PathPrefix, value: /retry/none}}]
    timeouts: {backendRequest: 200ms}
    backendRefs: [{name: a, port: 80}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: division, namespace: default}
spec:
  parentRefs: [{name: edge}]
  rules:
  - matches: [{path: {type: PathPrefix, value: /divided}}]
    filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-by, value: rule}]}}]
    backendRefs:
    - {name: a, port: 80, weight: 2}
    - name: b
      port: 80
      weight: 1
      filters:
      - {type: URLRewrite, urlRewrite: {hostname: b.example.com, path: {type: ReplacePrefixMatch, replacePrefixMatch: /}}}
      - {type: RequestMirror, requestMirror: {backendRef: {name: mirror, port: 80}}}
      - {type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-by, value: backend}]}}
    - name: a
      port: 80
      weight: 1
      filters: [{type: RequestRedirect, requestRedirect: {statusCode: 307, path: {type: ReplaceFullPath, replaceFullPath: /moved}}}]
    - {name: absent, port: 80, weight: 1}
  - matches: [{path: {type: PathPrefix, value: /weighted}}]
    filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-by, value: rule}]}}]
    backendRefs:
    - {name: a, port: 80, filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-by, value: backend}]}}]}
    - {name: b, port: 80, weight: 0}
  - matches: [{path: {type: PathPrefix, value: /plain}}]
    backendRefs: [{name: a, port: 80}]
  - matches: [{path: {type: PathPrefix, value: /half}}]
    backendRefs: [{name: half, port: 80}]
`;

beforeAll(async () => {
  const a = await listen(backend('a'));
  const b = await listen(backend('b'));
  const several = [await listen(backend('s1')), await listen(backend('s2')), await listen(backend('s3'))];
  const auth = await listen(
    createServer((incoming, response) => {
      authorizations.push(seen('auth', incoming));
      response.setHeader('x-user', 'ann').setHeader('x-more', 'more').setHeader('content-type', 'text/x-auth');
      response.writeHead(incoming.url?.includes('deny') ? 401 : 200).end('from the service');
    }),
  );
  const mirror = await listen(
    createServer((incoming, response) => {
      mirrored.push(seen('mirror', incoming));
      response.end();
    }),
  );
  grpc.register(
    '/envoy.service.auth.v3.Authorization/Check',
    (call: { request: Buffer }, done: (error: null, answer: Buffer) => void) => {
      const text = call.request.toString('latin1');
      grpcAuthorizations.push(text);
      // CheckResponse.status with the code OK, and with PERMISSION_DENIED.
      done(null, Buffer.from(text.includes('deny') ? '0a020807' : '0a00', 'hex'));
    },
    (bytes: Buffer) => bytes,
    (bytes: Buffer) => bytes,
    'unary',
  );
  const grpcPort = await new Promise<number>((resolve, reject) => {
    grpc.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    );
  });
  gateway = await startGateway(objects, [80], {
    'a:80': [a],
    'b:80': [b],
    'several:80': several,
    'auth:80': [auth],
    'auth:9000': [grpcPort],
    'mirror:80': [mirror],
    'gone:80': [],
    'half:80': [a, await freePort()],
  });
});

const grpc = new GrpcServer();

afterAll(async () => {
  await gateway.envoy.stop();
  for (const server of servers) server.close().closeAllConnections();
  grpc.forceShutdown();
});

describe('CORS', () => {
  const preflight = (path: string, origin: string, headers?: string): Promise<Answer> =>
    send(path, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'PUT',
        ...(headers === undefined ? {} : { 'access-control-request-headers': headers }),
      },
    });

  test.each(['https://www.foo.com', 'https://www.foo.com:443', 'https://a.bar.com', 'https://b.a.bar.com'])(
    'an allowed origin is answered: %s',
    async (origin) => {
      const { status, headers, body } = await preflight('/cors/listed', origin);
      expect({ status, body }).toEqual({ status: 200, body: '' });
      expect(headers).toMatchObject({
        'access-control-allow-origin': origin,
        'access-control-allow-methods': 'GET, PUT',
        'access-control-allow-headers': 'x-one',
        'access-control-expose-headers': 'x-two',
        'access-control-allow-credentials': 'true',
        'access-control-max-age': '5',
      });
    },
  );

  test.each([
    'https://foo.com',
    'http://www.foo.com',
    'https://bar.com',
    'https://www.foo.com:8443',
    'https://xbar.com',
  ])('another origin is not: %s', async (origin) => {
    const { status, headers } = await preflight('/cors/listed', origin);
    expect(status).toBe(200);
    expect(headers).not.toHaveProperty('access-control-allow-origin');
    const simple = await reached('/cors/listed', { origin });
    expect(simple.answer.headers).not.toHaveProperty('access-control-allow-origin');
  });

  test('with credentials no header says `*`', async () => {
    const { headers } = await preflight('/cors/wildcards', 'https://x.com', 'x-1, x-2');
    expect(headers).toMatchObject({
      'access-control-allow-origin': 'https://x.com',
      'access-control-allow-methods': 'PUT',
      'access-control-allow-headers': 'x-1, x-2',
      'access-control-max-age': '60',
    });
    expect(headers).not.toHaveProperty('access-control-expose-headers');
  });

  test('a filter on a backendRef', async () => {
    const { headers } = await preflight('/cors/backend', 'https://a.com');
    expect(headers).toMatchObject({ 'access-control-allow-origin': 'https://a.com' });
  });

  test('where there is no filter, requests are passed on as they are', async () => {
    const { answer } = await reached('/plain', { origin: 'https://a.com' });
    expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
  });
});

describe('external authorization', () => {
  test('the service sees what it may see, and what it says reaches the backend', async () => {
    authorizations = [];
    const answer = await send('/auth/http/x?q=1', {
      method: 'POST',
      headers: { 'x-token': 't', 'x-secret': 's', authorization: 'basic', 'content-type': 'text/plain' },
      body: 'small',
    });
    const { headers } = JSON.parse(answer.body) as Seen;
    expect(headers).toMatchObject({ 'x-user': 'ann', 'x-secret': 's', 'content-type': 'text/plain' });
    expect(headers).not.toHaveProperty('x-more');
    const [check] = authorizations;
    expect(check).toMatchObject({ method: 'POST', path: '/check/auth/http/x?q=1' });
    expect(check?.headers).toMatchObject({ 'x-token': 't', authorization: 'basic', 'content-length': '5' });
    expect(check?.headers).not.toHaveProperty('x-secret');
  });

  test('what it denies is answered in its words', async () => {
    expect(await send('/auth/http/deny')).toMatchObject({ status: 401, body: 'from the service' });
  });

  test('a body that is too large is refused', async () => {
    expect(await send('/auth/http', { method: 'POST', body: 'much too large' })).toMatchObject({ status: 413 });
  });

  test('without a list all headers of the service reach the backend, but not what it says of its own answer', async () => {
    authorizations = [];
    const answer = await send('/auth/defaults', {
      method: 'POST',
      headers: { 'content-type': 'text/plain' },
      body: 'b',
    });
    const { headers } = JSON.parse(answer.body) as Seen;
    expect(headers).toMatchObject({
      'x-user': 'ann',
      'x-more': 'more',
      'content-type': 'text/plain',
      'content-length': '1',
    });
    expect(authorizations[0]?.headers).toMatchObject({ 'content-length': '0' });
  });

  test('a browser that asks whether it may ask needs no authorization', async () => {
    authorizations = [];
    const answer = await send('/auth/defaults', {
      method: 'OPTIONS',
      headers: { origin: 'https://a.com', 'access-control-request-method': 'PUT' },
    });
    expect(answer).toMatchObject({ status: 200, headers: { 'access-control-allow-methods': 'PUT' } });
    expect(authorizations).toEqual([]);
  });

  test('by gRPC', async () => {
    grpcAuthorizations = [];
    await reached('/auth/grpc/x', { 'x-token': 'token-value', 'x-secret': 'secret-value' });
    expect(grpcAuthorizations[0]).toContain('token-value');
    expect(grpcAuthorizations[0]).not.toContain('secret-value');
    expect((await send('/auth/grpc/deny')).status).toBe(403);
  });

  test.each([
    ['/auth/gone', 403],
    ['/auth/absent', 500],
    ['/auth/extension', 500],
  ])('without its service nothing passes: %s', async (path, status) => {
    expect((await send(path)).status).toBe(status);
  });

  test('goes before a redirect', async () => {
    expect(await send('/auth/redirect')).toMatchObject({ status: 308 });
    expect(await send('/auth/redirect/deny')).toMatchObject({ status: 401 });
  });
});

describe('session persistence', () => {
  const cookieOf = ({ answer }: { answer: Answer }): string => answer.headers['set-cookie']?.[0] ?? '';

  test.each(['/session/cookie', '/session/permanent', '/session/divided'])('by a cookie: %s', async (path) => {
    for (let round = 0; round < 5; round++) {
      const first = await reached(path);
      const [cookie = ''] = cookieOf(first).split(';');
      for (let i = 0; i < 5; i++) {
        const again = await reached(`${path}/more`, { cookie: `other=1; ${cookie}` });
        expect(again.backend).toBe(first.backend);
        expect(cookieOf(again)).toBe('');
      }
    }
  });

  test('the cookie is for its path, for HTTP only, and ends as it should', async () => {
    expect(cookieOf(await reached('/session/cookie'))).toMatch(
      /^stay=[^;]+; Path=\/session\/cookie; SameSite=Strict; HttpOnly$/,
    );
    expect(cookieOf(await reached('/session/permanent'))).toMatch(
      /^sluice-session-[0-9a-f]{8}=[^;]+; Max-Age=3600; Path=/,
    );
  });

  test('a session cookie with a timeout ends with the browser, and by the clock of the gateway', async () => {
    const [cookie = ''] = (await reached('/session/short')).answer.headers['set-cookie'] ?? [];
    expect(cookie).toMatch(/^short=[^;]+; Path=\/session\/short; SameSite=Strict; HttpOnly$/);
    const [value = ''] = cookie.split(';');
    expect(cookieOf(await reached('/session/short', { cookie: value }))).toBe('');
    await waitFor(
      'the session to end',
      async () => cookieOf(await reached('/session/short', { cookie: value })) !== '',
    );
  });

  test('other cookies are left as they are', async () => {
    const { answer } = await reached('/session/short?set=1');
    expect(answer.headers['set-cookie']).toContain('theirs=1; Max-Age=5');
    expect(answer.headers['set-cookie']).toHaveLength(2);
  });

  test('by a header', async () => {
    const first = await reached('/session/header');
    const session = String(first.answer.headers['x-stay']);
    for (let i = 0; i < 5; i++) {
      expect((await reached('/session/header', { 'x-stay': session })).backend).toBe(first.backend);
    }
  });

  test('a session that nobody knows is given a new endpoint', async () => {
    await reached('/session/header', { 'x-stay': Buffer.from('192.0.2.1:80').toString('base64') });
    await reached('/session/header', { 'x-stay': 'garbage' });
    await reached('/session/cookie', { cookie: 'stay=garbage' });
  });
});

describe('retries', () => {
  const outcome = async (path: string): Promise<{ status: number; tries: number }> => {
    const id = path;
    const { status } = await send(`${path}&id=${encodeURIComponent(id)}`);
    return { status, tries: tries.get(id) ?? 0 };
  };

  test.each([
    ['/retry/codes?fail=2&how=500', { status: 200, tries: 3 }],
    ['/retry/codes?fail=9&how=500', { status: 500, tries: 3 }],
    ['/retry/codes?fail=9&how=503', { status: 503, tries: 1 }],
    ['/retry/codes?fail=2&how=reset', { status: 200, tries: 3 }],
    ['/retry/slow?fail=1&how=hang', { status: 200, tries: 2 }],
    ['/retry/slow?fail=9&how=hang', { status: 504, tries: 2 }],
    ['/retry/none?fail=9&how=hang', { status: 504, tries: 1 }],
    ['/retry/none?fail=9&how=500', { status: 500, tries: 1 }],
  ])('%s', async (path, expected) => {
    expect(await outcome(path)).toEqual(expected);
  });

  test('what did not reach one endpoint goes to another, whatever the route says', async () => {
    for (let i = 0; i < 20; i++) expect((await reached('/half')).backend).toBe('a');
  });

  test('all tries together take no longer than the request may', async () => {
    const { status, tries: made } = await outcome('/retry/total?fail=1000&how=hang');
    expect(status).toBe(504);
    expect(made).toBeLessThan(10);
  });
});

describe('backends with filters of their own', () => {
  test('each gets its share, and what it gets is as its filters say', async () => {
    const counts = { a: 0, b: 0, redirect: 0, invalid: 0 };
    const total = 500;
    for (let i = 0; i < total; i++) {
      const answer = await send('/divided/x', { headers: { host: 'www.example.com' } });
      if (answer.status === 307) {
        counts.redirect++;
        expect(answer.headers.location).toContain('/moved');
        continue;
      }
      if (answer.status === 500) {
        counts.invalid++;
        continue;
      }
      const { backend: name, path, headers } = JSON.parse(answer.body) as Seen;
      if (name === 'a') {
        counts.a++;
        expect({ path, host: headers.host, by: headers['x-by'] }).toEqual({
          path: '/divided/x',
          host: 'www.example.com',
          by: 'rule',
        });
      } else {
        counts.b++;
        expect({ path, host: headers.host, by: headers['x-by'] }).toEqual({
          path: '/x',
          host: 'b.example.com',
          by: 'backend',
        });
      }
    }
    // Seven standard deviations: once in 10^11 runs it is more.
    const near = (share: number): [number, number] => {
      const margin = 7 * Math.sqrt(total * share * (1 - share));
      return [total * share - margin, total * share + margin];
    };
    for (const [count, share] of [
      [counts.a, 0.4],
      [counts.b, 0.2],
      [counts.redirect, 0.2],
      [counts.invalid, 0.2],
    ] as const) {
      const [least, most] = near(share);
      expect(count).toBeGreaterThan(least);
      expect(count).toBeLessThan(most);
    }
    expect(mirrored.length).toBeGreaterThan(0);
    expect(mirrored.length).toBeLessThanOrEqual(counts.b);
  });

  test('the backend has the last word on a header', async () => {
    expect((await reached('/weighted')).headers).toMatchObject({ 'x-by': 'backend' });
  });
});

describe('clients', () => {
  test('HTTP/2 without TLS', async () => {
    const session = connectHttp2(`http://127.0.0.1:${gateway.ports[80]}`);
    const stream = session.request({ ':path': '/plain' });
    const status = await new Promise((resolve, reject) => {
      stream.on('response', (headers) => resolve(headers[':status'])).on('error', reject);
    });
    expect(status).toBe(200);
    session.destroy();
  });

  test('WebSockets, over HTTP/1.1 and over HTTP/2', async () => {
    const echoed = new Promise<string>((resolve, reject) => {
      request({
        host: '127.0.0.1',
        port: gateway.ports[80],
        path: '/plain',
        headers: { connection: 'upgrade', upgrade: 'websocket' },
      })
        .on('upgrade', (_, socket) =>
          socket
            .once('data', (data: Buffer) => {
              resolve(data.toString());
              socket.destroy();
            })
            .write('over one'),
        )
        .on('error', reject)
        .end();
    });
    expect(await echoed).toBe('over one');

    const session = connectHttp2(`http://127.0.0.1:${gateway.ports[80]}`);
    await new Promise((resolve) => session.once('remoteSettings', resolve));
    const stream = session.request({
      ':method': 'CONNECT',
      ':protocol': 'websocket',
      ':path': '/plain',
      ':scheme': 'http',
      ':authority': 'a',
    });
    const overTwo = new Promise<string>((resolve, reject) => {
      stream.once('data', (data: Buffer) => resolve(data.toString())).on('error', reject);
    });
    stream.write('over two');
    expect(await overTwo).toBe('over two');
    session.destroy();
  });
});
