/** A client of TLS that comes back resumes its session, whichever proxy of the DataPlane it meets. */
import { connect, type SecureVersion } from 'node:tls';
import { beforeAll, expect, test } from 'vitest';
import { resources } from '../../controllers/resources.ts';
import { createAuthority, issueCertificate, waitFor } from '../fixtures/index.ts';
import { kubectl } from './support/cluster.ts';
import { backend, echo, gateway, httpRoute, tlsSecret } from './support/objects.ts';
import { deleteOperator } from './support/operator.ts';
import { send } from './support/request.ts';
import { useScene } from './support/scene.ts';

const scene = useScene('sessions');
const host = 'sessions.example';
const visits = 40;
let address = '';
let authorities = '';
let dataPlane = '';

interface Visit {
  isResumed: boolean;
  session: Buffer | undefined;
}

/** Connects, asks once, because with TLS 1.3 the ticket comes with the first answer, and disconnects. */
function visit(version: SecureVersion, session?: Buffer): Promise<Visit> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: address,
      port: 443,
      servername: host,
      ca: authorities,
      minVersion: version,
      maxVersion: version,
      ...(session === undefined ? {} : { session }),
    });
    let ticket: Buffer | undefined;
    socket.on('error', reject).on('session', (data) => (ticket = data));
    socket.on('secureConnect', () => socket.write(`GET / HTTP/1.1\r\nhost: ${host}\r\n\r\n`));
    socket.once('data', (data: Buffer) => {
      // Asked before the connection ends: it is forgotten with it.
      const isResumed = socket.isSessionReused();
      socket.destroy();
      const status = data.toString('latin1').split(' ')[1];
      if (status === '200') resolve({ isResumed, session: ticket });
      else reject(new Error(`The answer has status ${status}`));
    });
  });
}

/** The share of visits that resume the session of the one before. */
async function resumptions(version: SecureVersion): Promise<number> {
  let last = await visit(version);
  let resumed = 0;
  for (let index = 0; index < visits; index++) {
    const next = await visit(version, last.session);
    if (next.isResumed) resumed += 1;
    last = { ...next, session: next.session ?? last.session };
  }
  return resumed / visits;
}

/** What each proxy has counted of the connections of its listeners. */
async function countedByProxies(counter: 'ssl_handshake' | 'ssl_session_reused'): Promise<number[]> {
  const { items } = await scene().client.list(resources.pods, {
    namespace: scene().namespace,
    labelSelector: `sluice.dev/data-plane=${dataPlane}`,
  });
  const running = items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  return await Promise.all(
    running.map(async ({ status }) => {
      const { body } = await send({
        address: (status as { podIP?: string }).podIP ?? '',
        port: 19_001,
        host: 'metrics',
        path: '/stats/prometheus',
      });
      return body
        .split('\n')
        .filter((line) => line.startsWith(`envoy_listener_${counter}{`))
        .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
    }),
  );
}

beforeAll(async () => {
  const authority = await createAuthority('sessions');
  authorities = authority.certificate;
  const certificate = await issueCertificate(authority, { commonName: host, dnsNames: [host] });
  await scene().apply(...echo('backend'), tlsSecret('certificate', certificate), {
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'GatewayConfiguration',
    metadata: { name: 'two' },
    spec: { dataPlane: { deployment: { replicas: 2 }, envoy: { drainTimeout: '5s' } } },
  });
  const listeners = [
    { name: 'http', port: 80 },
    { name: 'https', port: 443, secrets: ['certificate'] },
  ];
  const infrastructure = { parametersRef: { group: 'sluice.dev', kind: 'GatewayConfiguration', name: 'two' } };
  address = await scene().openGateway(gateway('edge', listeners, { infrastructure }), [80]);
  await scene().untilAvailable('backend');
  await scene().applyRoute(
    httpRoute({ name: 'all', parent: 'edge', hostnames: [host], rules: [{ backendRefs: [backend('backend')] }] }),
  );
  dataPlane = await scene().dataPlaneOf('edge');
  // Until the Service leads to both.
  await waitFor('both proxies to have connections', async () => {
    await visit('TLSv1.3');
    const counts = await countedByProxies('ssl_handshake');
    return counts.length === 2 && counts.every((count) => count > 0);
  });
});

test.each(['TLSv1.2', 'TLSv1.3'] as const)('with %s sessions are resumed on either proxy', async (version) => {
  const before = await countedByProxies('ssl_session_reused');
  expect(await resumptions(version)).toBe(1);
  const after = await countedByProxies('ssl_session_reused');
  // Both have had their share: it was not one proxy that answered all the time.
  for (const [index, count] of after.entries()) expect(count).toBeGreaterThan(before[index]!);
});

test('a session outlives the operator, and the proxies that it began on', async () => {
  const before = await visit('TLSv1.3');
  await deleteOperator(scene().client);
  const deployment = ['--namespace', scene().namespace, `deployment/${dataPlane}`];
  await kubectl(['rollout', 'restart', ...deployment]);
  await kubectl(['rollout', 'status', '--timeout=90s', ...deployment]);
  // The old proxies are out of the Service, and then gone.
  await waitFor(
    'the old proxies to be gone',
    async () => {
      const { items } = await scene().client.list(resources.pods, {
        namespace: scene().namespace,
        labelSelector: `sluice.dev/data-plane=${dataPlane}`,
      });
      return items.length === 2;
    },
    { milliseconds: 90_000 },
  );
  expect((await visit('TLSv1.3', before.session)).isResumed).toBe(true);
});
