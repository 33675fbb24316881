/** A control plane, its xDS server and a real Envoy on loopback. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Gateway, HTTPRoute } from '../api/gateway/index.ts';
import { freePort, startEnvoy, waitFor, type EnvoyProcess } from '../test/fixtures/index.ts';
import type { SourceChange } from '../translate/index.ts';
import { DiscoveryServer, ResourceStore } from '../xds/index.ts';
import { bootstrapFiles, ControlPlane, Scheduler, type RouteReport, type StatusReport } from './index.ts';

const directory = mkdtempSync(join(tmpdir(), 'sluice-control-plane-'));
const logger = pino({ level: 'silent' });
const reports = new Map<string, StatusReport>();
let upstream: Server;
let upstreamPort: number;
let server: DiscoveryServer;
let store: ResourceStore;
let controlPlane: ControlPlane;
let envoy: EnvoyProcess;
let port: number;

function get(host: string, path = '/'): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, path, headers: { host } }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    outgoing.on('error', reject).end();
  });
}

function gateway(): Gateway {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    metadata: { namespace: 'default', name: 'edge', generation: 1 },
    spec: { gatewayClassName: 'sluice', listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }] },
  };
}

function route(name: string, rule: NonNullable<HTTPRoute['spec']['rules']>[number], generation = 1): SourceChange {
  const object: HTTPRoute = {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { namespace: 'default', name, generation },
    spec: { parentRefs: [{ name: 'edge' }], hostnames: [`${name}.example.com`], rules: [rule] },
  };
  return { kind: 'HTTPRoute', key: `default/${name}`, object };
}

const toApp = { backendRefs: [{ name: 'app', port: 80 }] };
// A script that is younger than Envoy's tables: the translation takes it for known.
const unknownScript = '/\\p{Garay}';

function routeReport(name: string): RouteReport | undefined {
  const found = reports.get(`HTTPRoute default/${name}`);
  return found?.kind === 'HTTPRoute' ? found : undefined;
}

function condition(name: string, type: string) {
  return routeReport(name)?.parents[0]?.conditions.find((candidate) => candidate.type === type);
}

beforeAll(async () => {
  upstream = createServer((_, response) => response.end('hello'));
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  upstreamPort = (upstream.address() as AddressInfo).port;
  port = await freePort();
  const readinessPort = await freePort();
  store = new ResourceStore();
  const socketPath = join(directory, 'xds.sock');
  server = new DiscoveryServer({ authenticate: () => ({ ok: 'edge' }), stores: () => store, logger });
  await server.listen(`unix:${socketPath}`);
  controlPlane = new ControlPlane({
    name: 'edge',
    translator: {
      binding: { address: '127.0.0.1', port: () => port },
      readiness: { address: '127.0.0.1', port: readinessPort },
    },
    store,
    scheduler: new Scheduler(),
    logger,
    onStatus: (changes) => {
      for (const { kind, key, report } of changes) {
        if (report === undefined) reports.delete(`${kind} ${key}`);
        else reports.set(`${kind} ${key}`, report);
      }
    },
  });
  controlPlane.apply([
    { kind: 'Gateway', key: 'default/edge', object: gateway() },
    {
      kind: 'Service',
      key: 'default/app',
      object: {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { namespace: 'default', name: 'app' },
        spec: { ports: [{ port: 80 }] },
      },
    },
    {
      kind: 'EndpointSlice',
      key: 'default/app-1',
      object: {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: { namespace: 'default', name: 'app-1', labels: { 'kubernetes.io/service-name': 'app' } },
        addressType: 'IPv4',
        endpoints: [{ addresses: ['127.0.0.1'] }],
        ports: [{ port: upstreamPort }],
      },
    },
    route('first', toApp),
  ]);
  controlPlane.synced();
  const bootstrap: Record<string, unknown> = JSON.parse(
    bootstrapFiles({
      nodeId: 'test',
      cluster: 'test',
      discovery: { socketPath },
      admin: { address: '127.0.0.1', port: 0 },
    })['bootstrap.json']!,
  );
  envoy = await startEnvoy({ bootstrap });
});

afterAll(async () => {
  await envoy.stop();
  controlPlane.close();
  await server.close({ graceMs: 0 });
  store.close();
  upstream.close();
  rmSync(directory, { recursive: true });
});

describe('ControlPlane', () => {
  test('serves a route and says so once the proxy acknowledged it', async () => {
    await waitFor(
      'the first route to be programmed',
      () => condition('first', 'sluice.dev/Programmed')?.status === 'True',
    );
    expect(await get('first.example.com')).toEqual({ status: 200, body: 'hello' });
    expect(condition('first', 'sluice.dev/Programmed')?.message).toBe('Acknowledged by 1 of 1 proxy');
    const edge = reports.get('Gateway default/edge');
    expect(edge?.kind === 'Gateway' && edge.listeners[0]?.attachedRoutes).toBe(1);
    expect(edge?.kind === 'Gateway' && edge.conditions.find(({ type }) => type === 'Programmed')?.status).toBe('True');
  });

  test('one route that Envoy refuses is named with its words, and holds up no other', async () => {
    const bad = route('bad', { matches: [{ path: { type: 'RegularExpression', value: unknownScript } }], ...toApp });
    controlPlane.apply([bad, route('second', toApp), route('third', toApp)]);
    await waitFor('the bad route to be refused', () => condition('bad', 'Accepted')?.status === 'False');
    expect(condition('bad', 'Accepted')?.message).toContain('invalid character class range');
    await waitFor('the others to be programmed', () =>
      ['second', 'third'].every((name) => condition(name, 'sluice.dev/Programmed')?.status === 'True'),
    );
    expect((await get('second.example.com')).status).toBe(200);
    expect((await get('third.example.com')).status).toBe(200);
    expect((await get('first.example.com')).status).toBe(200);

    controlPlane.apply([route('fourth', toApp)]);
    await waitFor(
      'a later route to be programmed',
      () => condition('fourth', 'sluice.dev/Programmed')?.status === 'True',
    );
    expect(condition('bad', 'Accepted')?.status).toBe('False');

    controlPlane.apply([route('bad', toApp, 2)]);
    await waitFor(
      'the mended route to be programmed',
      () => condition('bad', 'sluice.dev/Programmed')?.status === 'True',
    );
    expect((await get('bad.example.com')).status).toBe(200);
  });

  test('a removed object has no report any more', async () => {
    controlPlane.apply([{ kind: 'HTTPRoute', key: 'default/fourth', object: undefined }]);
    await waitFor('its report to go', () => routeReport('fourth') === undefined);
    await waitFor('its host to be unknown', async () => (await get('fourth.example.com')).status === 404);
  });
});
