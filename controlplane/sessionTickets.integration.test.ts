/** Two proxies of one fleet: a client resumes on one the session that it began on the other. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type SecureVersion } from 'node:tls';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createAuthority, freePort, issueCertificate, startEnvoy, waitFor } from '../test/fixtures/index.ts';
import { readCertificate, sessionTicketKeysName, type SourceChange } from '../translate/index.ts';
import { DiscoveryServer, ResourceStore } from '../xds/index.ts';
import { bootstrapFiles, ControlPlane, Scheduler } from './index.ts';

interface Proxy {
  port: number;
  setKeys(keys: readonly Uint8Array[]): Promise<void>;
}

const directory = mkdtempSync(join(tmpdir(), 'sluice-session-tickets-'));
const stack = new AsyncDisposableStack();
stack.defer(() => rmSync(directory, { recursive: true }));
const serverName = 'edge.example.com';
const first = randomBytes(80);
const second = randomBytes(80);
let proxies: [Proxy, Proxy];

/** A proxy with a control plane of its own, as each of two replicas of the operator has proxies. */
async function startProxy(name: string, objects: SourceChange[]): Promise<Proxy> {
  const port = await freePort();
  const readinessPort = await freePort();
  const logger = pino({ level: 'silent' });
  const store = new ResourceStore();
  const server = new DiscoveryServer({ authenticate: () => ({ ok: name }), stores: () => store, logger });
  const socketPath = join(directory, `${name}.sock`);
  await server.listen(`unix:${socketPath}`);
  const controlPlane = new ControlPlane({
    name,
    translator: {
      binding: { address: '127.0.0.1', port: () => port },
      readiness: { address: '127.0.0.1', port: readinessPort },
    },
    store,
    scheduler: new Scheduler(),
    logger,
    onStatus: () => undefined,
  });
  controlPlane.apply(objects);
  controlPlane.synced();
  const files = bootstrapFiles({
    nodeId: name,
    cluster: 'test',
    discovery: { socketPath },
    admin: { address: '127.0.0.1', port: 0 },
  });
  const envoy = await startEnvoy({ bootstrap: JSON.parse(files['bootstrap.json']!) as Record<string, unknown> });
  stack.defer(async () => {
    await envoy.stop();
    controlPlane.close();
    await server.close({ graceMs: 0 });
    store.close();
  });
  return {
    port,
    async setKeys(keys) {
      const revision = store.revision;
      controlPlane.apply([ticketKeys(keys)]);
      await waitFor('the proxy to acknowledge the keys', () => {
        const [proxy] = store.proxies();
        return Promise.resolve(store.revision > revision && proxy?.acknowledged === store.revision);
      });
    },
  };
}

function ticketKeys(keys: readonly Uint8Array[]): SourceChange {
  return { kind: 'SessionTicketKeys', key: sessionTicketKeysName, object: { keys } };
}

/** Connects, asks once, because with TLS 1.3 the ticket comes with the first answer, and disconnects. */
function visit(
  { port }: Proxy,
  version: SecureVersion,
  session?: Buffer,
): Promise<{ isResumed: boolean; session: Buffer | undefined }> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: '127.0.0.1',
      port,
      servername: serverName,
      rejectUnauthorized: false,
      minVersion: version,
      maxVersion: version,
      ...(session === undefined ? {} : { session }),
    });
    let ticket: Buffer | undefined;
    socket.on('error', reject).on('session', (data) => (ticket = data));
    socket.on('secureConnect', () => socket.write(`GET / HTTP/1.1\r\nhost: ${serverName}\r\n\r\n`));
    socket.once('data', () => {
      resolve({ isResumed: socket.isSessionReused(), session: ticket });
      socket.destroy();
    });
  });
}

beforeAll(async () => {
  const certificate = await issueCertificate(await createAuthority('test'), {
    commonName: serverName,
    dnsNames: [serverName],
  });
  const data = {
    'tls.crt': Buffer.from(certificate.certificate).toString('base64'),
    'tls.key': Buffer.from(certificate.key).toString('base64'),
  };
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace: 'default', name: 'edge' },
    data,
  } as const;
  const objects: SourceChange[] = [
    { kind: 'Secret', key: 'default/edge', object: readCertificate(secret, undefined, Date.now()) },
    {
      kind: 'Gateway',
      key: 'default/edge',
      object: {
        apiVersion: 'gateway.networking.k8s.io/v1',
        kind: 'Gateway',
        metadata: { namespace: 'default', name: 'edge', generation: 1 },
        spec: {
          gatewayClassName: 'sluice',
          listeners: [{ name: 'https', port: 443, protocol: 'HTTPS', tls: { certificateRefs: [{ name: 'edge' }] } }],
        },
      },
    },
    ticketKeys([first, second]),
  ];
  proxies = [await startProxy('one', objects), await startProxy('other', objects)];
});

afterAll(() => stack.disposeAsync());

test.each(['TLSv1.2', 'TLSv1.3'] as const)(
  '%s: sessions outlive a proxy and a rotation, not their key',
  async (version) => {
    const [one, other] = proxies;
    const begun = await visit(one, version);
    expect(begun.isResumed).toBe(false);
    expect((await visit(other, version, begun.session)).isResumed).toBe(true);

    // One is told of the rotation before the other.
    await one.setKeys([second, first]);
    expect((await visit(one, version, begun.session)).isResumed).toBe(true);
    const newer = await visit(one, version);
    expect((await visit(other, version, newer.session)).isResumed).toBe(true);

    await one.setKeys([randomBytes(80)]);
    expect((await visit(one, version, begun.session)).isResumed).toBe(false);
    await one.setKeys([first, second]);
  },
);
