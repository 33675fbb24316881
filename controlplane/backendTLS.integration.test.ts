/** TLS towards backends with a control plane, its xDS server and a real Envoy: no change costs a caller an error. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import type { TLSSocket } from 'node:tls';
import { join } from 'node:path';
import { pino } from 'pino';
import { request } from 'undici';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ConfigMap, Secret } from '../api/core.ts';
import {
  createAuthority,
  freePort,
  issueCertificate,
  startEnvoy,
  waitFor,
  type EnvoyProcess,
  type KeyPair,
} from '../test/fixtures/index.ts';
import { readAuthorityConfigMap, readCertificate, type SourceChange } from '../translate/index.ts';
import { DiscoveryServer, ResourceStore } from '../xds/index.ts';
import { bootstrapFiles, ControlPlane, Scheduler, type StatusReport } from './index.ts';

const directory = mkdtempSync(join(tmpdir(), 'sluice-backend-tls-'));
const logger = pino({ level: 'silent' });
const reports = new Map<string, StatusReport>();
let authorities: KeyPair[];
/** The names in the certificates that the proxy showed. */
const seen = new Set<string>();
let backend: Server;
let backendPort: number;
let server: DiscoveryServer;
let store: ResourceStore;
let controlPlane: ControlPlane;
let envoy: EnvoyProcess;
let port: number;

const metadata = (name: string, generation = 1) => ({ namespace: 'default', name, generation });

function source(kind: SourceChange['kind'], name: string, fields: object, generation = 1): SourceChange {
  return { kind, key: `default/${name}`, object: { ...fields, metadata: metadata(name, generation) } } as never;
}

function authority(name: string, pairs: readonly KeyPair[]): SourceChange {
  const data = { 'ca.crt': pairs.map(({ certificate }) => certificate).join('\n') };
  const configMap: ConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: metadata(name), data };
  return { kind: 'ConfigMap', key: `default/${name}`, object: readAuthorityConfigMap(configMap, Date.now()) };
}

function clientCertificate({ certificate, key }: KeyPair): SourceChange {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const data = { 'tls.crt': base64(certificate), 'tls.key': base64(key) };
  const secret: Secret = { apiVersion: 'v1', kind: 'Secret', metadata: metadata('client'), data };
  return { kind: 'Secret', key: 'default/client', object: readCertificate(secret, undefined, Date.now()) };
}

/** A Service of its own with TLS by an authority of its own, so that its cluster and its secrets are new to the proxy. */
function service(name: string): SourceChange[] {
  const slice = {
    addressType: 'IPv4',
    endpoints: [{ addresses: ['127.0.0.1'] }],
    ports: [{ port: backendPort }],
  };
  const object = { ...slice, metadata: { ...metadata(`${name}-1`), labels: { 'kubernetes.io/service-name': name } } };
  return [
    source('Service', name, { spec: { ports: [{ port: 443 }] } }),
    { kind: 'EndpointSlice', key: `default/${name}-1`, object } as never,
    authority(`${name}-ca`, [authorities[0]!]),
    source('BackendTLSPolicy', name, {
      spec: {
        targetRefs: [{ group: '', kind: 'Service', name }],
        validation: {
          hostname: 'app.example.com',
          caCertificateRefs: [{ group: '', kind: 'ConfigMap', name: `${name}-ca` }],
        },
      },
    }),
  ];
}

function route(to: string, generation: number): SourceChange {
  const spec = { parentRefs: [{ name: 'edge' }], rules: [{ backendRefs: [{ name: to, port: 443 }] }] };
  return source('HTTPRoute', 'app', { spec }, generation);
}

async function programmed(generation: number): Promise<void> {
  await waitFor(`generation ${generation} to be programmed`, () => {
    const report = reports.get('HTTPRoute default/app');
    if (report?.kind !== 'HTTPRoute' || report.generation !== generation) return false;
    return report.parents[0]?.conditions.find(({ type }) => type === 'sluice.dev/Programmed')?.status === 'True';
  });
}

/** Sends requests as long as `until` takes, and counts the answers. */
async function steadily(until: () => Promise<void>): Promise<Map<string, number>> {
  const answers = new Map<string, number>();
  const over = new AbortController();
  const client = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const answer = await request(`http://127.0.0.1:${port}/`);
      const text = await answer.body.text();
      const key = answer.statusCode === 200 ? '200' : `${answer.statusCode}: ${text}`;
      answers.set(key, (answers.get(key) ?? 0) + 1);
    }
  };
  const clients = [client(), client(), client()];
  try {
    await until();
  } finally {
    over.abort();
    await Promise.all(clients);
  }
  return answers;
}

function serve(by: KeyPair): Promise<KeyPair> {
  return issueCertificate(by, { commonName: 'app', dnsNames: ['app.example.com'] });
}

beforeAll(async () => {
  authorities = [await createAuthority('first'), await createAuthority('second')];
  const own = await serve(authorities[0]!);
  const ca = authorities.map(({ certificate }) => certificate);
  const options = { cert: own.certificate, key: own.key, ca, requestCert: true, rejectUnauthorized: true };
  // Every request comes over a connection of its own, so that every one is verified.
  backend = createServer(options, ({ socket }, response) => {
    seen.add(String((socket as TLSSocket).getPeerCertificate().subject.CN));
    response.setHeader('connection', 'close').end('hello');
  });
  await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve));
  backendPort = (backend.address() as AddressInfo).port;
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
      for (const { kind, key, report } of changes) if (report !== undefined) reports.set(`${kind} ${key}`, report);
    },
  });
  const listeners = [{ name: 'http', port: 80, protocol: 'HTTP' }];
  const tls = { backend: { clientCertificateRef: { name: 'client' } } };
  controlPlane.apply([
    source('Gateway', 'edge', { spec: { gatewayClassName: 'sluice', listeners, tls } }),
    clientCertificate(await issueCertificate(authorities[0]!, { commonName: 'client' })),
    ...service('app-0'),
    route('app-0', 1),
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
  await programmed(1);
});

afterAll(async () => {
  await envoy?.stop();
  controlPlane.close();
  await server.close({ graceMs: 0 });
  store.close();
  backend.close();
  backend.closeAllConnections();
  rmSync(directory, { recursive: true });
});

test('a route moves from backend to backend, each with certificates that the proxy has not seen', async () => {
  const answers = await steadily(async () => {
    for (let generation = 2; generation <= 20; generation++) {
      controlPlane.apply([...service(`app-${generation}`), route(`app-${generation}`, generation)]);
      await programmed(generation);
    }
  });
  expect([...answers.keys()]).toEqual(['200']);
});

test('authorities and certificates of both sides are replaced', async () => {
  const answers = await steadily(async () => {
    const [first, second] = authorities as [KeyPair, KeyPair];
    const change = async (...changes: SourceChange[]): Promise<void> => {
      const before = store.revision;
      controlPlane.apply(changes);
      await waitFor('the proxy to have it', () => {
        const { revision } = store;
        return revision > before && store.proxies().every(({ acknowledged }) => acknowledged >= revision);
      });
    };
    for (let round = 0; round < 6; round++) {
      const [from, to] = round % 2 === 0 ? [first, second] : [second, first];
      await change(authority('app-20-ca', [from, to]));
      const own = await serve(to);
      backend.setSecureContext({ cert: own.certificate, key: own.key, ca: authorities.map((one) => one.certificate) });
      await change(clientCertificate(await issueCertificate(to, { commonName: `client-${round}` })));
      await change(authority('app-20-ca', [to]));
      await waitFor('the backend to see the new certificate', () => seen.has(`client-${round}`));
    }
  });
  expect([...answers.keys()]).toEqual(['200']);
});
