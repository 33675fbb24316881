/**
 * Nothing but 200: a steady client asks without a pause, WebSockets and downloads go on, while all that can change or fail
 * around them does. The order of the tests matters: what lasts is opened before the first and finished in the last.
 */
import { X509Certificate } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { systemNamespace } from '../../api/names.ts';
import { resources } from '../../controllers/resources.ts';
import { createAuthority, issueCertificate, type KeyPair, waitFor } from '../fixtures/index.ts';
import { component, controlsNode, kubectl } from './support/cluster.ts';
import { Download, EchoSocket, type LongLived } from './support/longLived.ts';
import { backend, echo, gateway, httpRoute, type Listener, prefix, tlsSecret, upstream } from './support/objects.ts';
import { deleteOperator, killOperator } from './support/operator.ts';
import { type Endpoint, send, untilAnswer } from './support/request.ts';
import { useScene } from './support/scene.ts';
import { SteadyClient } from './support/steadyClient.ts';

const scene = useScene('seamless');
const hosts = { steady: 'steady.example', sockets: 'sockets.example', downloads: 'downloads.example' };
const listeners = [
  { name: 'http', port: 80 },
  { name: 'https', port: 443, secrets: ['certificate'] },
];
/** Long enough for what lasts to be finished by the test, short enough to wait for the end of a proxy. */
const drainTimeout = '30s';
const infrastructure = { parametersRef: { group: 'sluice.dev', kind: 'GatewayConfiguration', name: 'drain' } };
const steadyRoute = httpRoute({
  name: 'steady',
  parent: 'edge',
  hostnames: [hosts.steady],
  rules: [{ backendRefs: [backend('steady')] }],
});

function edge(of: readonly Listener[]) {
  return gateway('edge', of, { infrastructure });
}

let authority: KeyPair;
let http: Endpoint;
let https: Endpoint;
let steady: SteadyClient;
const lasting: LongLived[] = [];

async function newCertificate(): Promise<KeyPair> {
  return await issueCertificate(authority, { commonName: 'edge', dnsNames: Object.values(hosts) });
}

/** A route of somebody else on the same Gateway. */
function other(index: number, edit: { path?: string; to?: string } = {}) {
  const { path = '/', to = 'stable' } = edit;
  return httpRoute({
    name: `other-${index}`,
    parent: 'edge',
    hostnames: [`other-${index}.example`],
    rules: [prefix(path, { backendRefs: [backend(to)] })],
  });
}

async function expectLasting(): Promise<void> {
  await Promise.all(lasting.map((each) => each.expectAlive()));
}

/** A change that is made now is served: whoever makes configuration works. */
async function expectChangeServed(index: number): Promise<void> {
  await scene().applyRoute(other(index));
  expect(await send({ ...http, host: `other-${index}.example` })).toMatchObject({ status: 200 });
  await scene().remove(other(index));
}

beforeAll(async () => {
  authority = await createAuthority('seamless');
  await scene().apply(
    ...echo('steady', { replicas: 2 }),
    ...echo('stable'),
    ...upstream('downloads'),
    tlsSecret('certificate', await newCertificate()),
    {
      apiVersion: 'sluice.dev/v1alpha1',
      kind: 'GatewayConfiguration',
      metadata: { name: 'drain' },
      spec: { dataPlane: { envoy: { drainTimeout } } },
    },
  );
  const address = await scene().openGateway(edge(listeners), [80]);
  http = { address, port: 80 };
  https = { address, port: 443, authorities: authority.certificate };
  await scene().untilAvailable('steady', 'stable', 'downloads');
  await scene().applyRoute(steadyRoute);
  for (const [name, service] of [
    ['sockets', 'stable'],
    ['downloads', 'downloads'],
  ] as const) {
    const rules = [{ backendRefs: [backend(service)] }];
    await scene().applyRoute(httpRoute({ name, parent: 'edge', hostnames: [hosts[name]], rules }));
  }
  for (const [scheme, to] of Object.entries({ http, https })) {
    lasting.push(await EchoSocket.open(`the WebSocket over ${scheme}`, { ...to, host: hosts.sockets }));
    lasting.push(await Download.open(`the download over ${scheme}`, { ...to, host: hosts.downloads }));
  }
  steady = new SteadyClient({
    targets: Object.entries({ http, https }).map(([name, to]) => ({ name, to: { ...to, host: hosts.steady } })),
  });
  await steady.goOn();
  steady.expectNone();
});

afterEach(expectLasting);

afterAll(async () => {
  await steady?.stop();
});

test("others' routes are added, edited, reordered and removed", async () => {
  const indices = Array.from({ length: 12 }, (_, index) => index);
  await steady.during("others' routes being added", () =>
    Promise.all(indices.map((index) => scene().applyRoute(other(index)))),
  );
  await steady.during("others' routes being edited", () =>
    Promise.all(indices.map((index) => scene().applyRoute(other(index, { path: '/edited', to: 'steady' })))),
  );
  const rules = ['/a', '/b', '/c'].map((path) => prefix(path, { backendRefs: [backend('stable')] }));
  await steady.during("others' rules being reordered", async () => {
    const route = (order: typeof rules) =>
      httpRoute({ name: 'other-0', parent: 'edge', hostnames: ['other-0.example'], rules: order });
    await scene().applyRoute(route(rules));
    await scene().applyRoute(route(rules.toReversed()));
  });
  await steady.during("others' routes being removed", async () => {
    await scene().remove(...indices.map((index) => other(index)));
    await untilAnswer(
      '404 for a route that was removed',
      { ...http, host: 'other-11.example' },
      ({ status }) => status === 404,
    );
  });
});

test('its own route is edited, reordered and led elsewhere', async () => {
  const edit = async (rules: Parameters<typeof httpRoute>[0]['rules']): Promise<void> =>
    await scene().applyRoute(httpRoute({ name: 'steady', parent: 'edge', hostnames: [hosts.steady], rules }));
  const all = { backendRefs: [backend('steady')] };
  const special = prefix('/special', { backendRefs: [backend('stable')] });
  await steady.during('rules being added and reordered', async () => {
    await edit([all, special]);
    await edit([special, all]);
  });
  await steady.during('a switch to another backend', () => edit([{ backendRefs: [backend('stable')] }]));
  await steady.during('a division between two backends', () =>
    edit([{ backendRefs: [backend('stable'), backend('steady')] }]),
  );
  await steady.during('a switch back', () => scene().applyRoute(steadyRoute));
});

test('endpoints come and go', async () => {
  const deployment = ['--namespace', scene().namespace, 'deployment/steady'];
  const scale = async (replicas: number): Promise<void> => {
    await kubectl(['scale', `--replicas=${replicas}`, ...deployment]);
    await scene().untilAvailable('steady');
    // Until those that end have ended: they must not be asked up to the last moment.
    await waitFor(`${replicas} Pods of the backend`, async () => {
      const { items } = await scene().client.list(resources.pods, {
        namespace: scene().namespace,
        labelSelector: 'app=steady',
      });
      return items.length === replicas;
    });
  };
  await steady.during('the backend being scaled up', () => scale(4));
  await steady.during('the backend being scaled down', () => scale(1));
  await steady.during('the backend being rolled', async () => {
    await kubectl(['rollout', 'restart', ...deployment]);
    await scale(1);
  });
});

test('the certificate of the Gateway is replaced', async () => {
  const to = { ...https, host: hosts.steady };
  const { serialNumber: before } = await send(to);
  await steady.during('a new certificate', async () => {
    await scene().apply(tlsSecret('certificate', await newCertificate()));
    await untilAnswer('the new certificate', to, ({ serialNumber }) => serialNumber !== before);
  });
});

test('listeners are added and removed', async () => {
  await steady.during('a listener being added', () =>
    scene().applyGateway(edge([...listeners, { name: 'more', port: 8080 }])),
  );
  await steady.during('a listener being removed', () => scene().applyGateway(edge(listeners)));
});

test('a route is broken and mended', async () => {
  const good = other(1);
  const broken = httpRoute({
    name: 'other-1',
    parent: 'edge',
    hostnames: ['other-1.example'],
    rules: [
      { matches: [{ path: { type: 'RegularExpression', value: '/(?=look)' } }], backendRefs: [backend('stable')] },
    ],
  });
  await scene().applyRoute(good);
  await steady.during('a broken route', async () => {
    await scene().applyUnjudged(broken);
    await scene().untilRouteCondition('other-1', 'Accepted', 'False');
  });
  await steady.during('its mending', async () => {
    await scene().applyRoute(good);
    expect(await send({ ...http, host: 'other-1.example' })).toMatchObject({ status: 200 });
  });
  await scene().remove(good);
});

test('the operator Pod is deleted without grace', async () => {
  await steady.during('the end of the operator', async () => {
    await deleteOperator(scene().client);
    await expectChangeServed(2);
  });
});

test.skipIf(!controlsNode)('the operator is killed, and starts again while there is no API server', async () => {
  await steady.during('the death of operator and API server', async () => {
    await killOperator(scene().client, {
      before: () => component('kill', 'kube-apiserver'),
      async after() {
        // An operator that knows nothing must not take anything from the proxies.
        await steady.goOn(200);
        await component('start', 'kube-apiserver');
      },
    });
    await expectChangeServed(3);
  });
});

test('the certificates between proxies and operator are replaced, and their authority', async () => {
  const { client, namespace } = scene();
  const dataPlane = await scene().dataPlaneOf('edge');
  const authoritySecret = { namespace: systemNamespace, name: 'sluice-certificate-authority' };
  const certificateSecret = { namespace, name: `${dataPlane}-certificate` };
  const read = async (file: string): Promise<string> => {
    const secret = await client.find(resources.secrets, certificateSecret);
    return Buffer.from(secret?.data?.[file] ?? '', 'base64').toString();
  };
  /** Does what changes a file of the proxies, and waits until Envoy uses what it has become. */
  const untilUsed = async (file: string, change: () => Promise<unknown>): Promise<void> => {
    const before = await read(file);
    const loads = await proxyMetric(dataPlane, 'envoy_cluster_client_ssl_socket_factory_ssl_context_update_by_sds');
    await change();
    await waitFor(`another ${file} for the proxies`, async () => !['', before].includes(await read(file)));
    // The kubelet brings Secrets up to date when it looks at a Pod: once a minute, and when the Pod changes.
    const pods = ['--namespace', namespace, '--selector', `sluice.dev/data-plane=${dataPlane}`];
    await kubectl(['annotate', 'pods', ...pods, '--overwrite', `example.com/look=${crypto.randomUUID()}`]);
    await waitFor(`the proxies to load ${file}`, async () => {
      const now = await proxyMetric(dataPlane, 'envoy_cluster_client_ssl_socket_factory_ssl_context_update_by_sds');
      return now > loads;
    });
  };

  // What an earlier run that was cut off may have left.
  await client.mergePatch(resources.secrets, authoritySecret, { data: { 'next.crt': null, 'next.key': null } });
  await steady.during('a new authority being trusted beside the old one', () =>
    untilUsed('ca.crt', () => client.delete(resources.secrets, authoritySecret)),
  );
  await steady.during('the new authority in place of the old one', async () => {
    // As the operator does it in the days that follow.
    const { data = {} } = await client.get(resources.secrets, authoritySecret);
    const promoted = {
      'tls.crt': data['next.crt'],
      'tls.key': data['next.key'],
      'next.crt': null,
      'next.key': null,
      'previous.crt': null,
    };
    await untilUsed('tls.crt', () => client.mergePatch(resources.secrets, authoritySecret, { data: promoted }));
  });
  const expiry = new X509Certificate(await read('tls.crt')).validToDate.getTime() / 1000;
  expect(
    await proxyMetric(dataPlane, 'envoy_cluster_ssl_certificate_expiration_unix_time_seconds', 'xds-certificate'),
  ).toBe(expiry);
  // With what the proxies have now they are let in, and let the operator in.
  await steady.during('the proxies connecting anew', async () => {
    await deleteOperator(client);
    await expectChangeServed(4);
  });
});

/** A metric of the only proxy, of the given certificate where it has one for each. */
async function proxyMetric(dataPlane: string, name: string, certificate?: string): Promise<number> {
  const pods = ['--namespace', scene().namespace, '--selector', `sluice.dev/data-plane=${dataPlane}`];
  const address = await kubectl(['get', 'pods', ...pods, '--output=jsonpath={.items[0].status.podIP}']);
  const { body } = await send({ address, port: 19_001, host: 'metrics', path: '/stats/prometheus' });
  const line = body
    .split('\n')
    .find((each) => each.startsWith(name) && (certificate === undefined || each.includes(`"${certificate}"`)));
  if (line === undefined) throw new Error(`The proxy of ${dataPlane} has no metric ${name}`);
  return Number(line.split(' ').at(-1));
}

test.skipIf(!controlsNode)('the API server restarts', async () => {
  await steady.during('a restart of the API server', async () => {
    await component('restart', 'kube-apiserver');
    await waitFor('the API server to take a change', async () => {
      await scene().apply(other(5));
      return true;
    });
    await expectChangeServed(5);
  });
});

test('the proxies are rolled', async () => {
  const dataPlane = await scene().dataPlaneOf('edge');
  const pods = async () =>
    (
      await scene().client.list(resources.pods, {
        namespace: scene().namespace,
        labelSelector: `sluice.dev/data-plane=${dataPlane}`,
      })
    ).items;
  const before = new Set((await pods()).map(({ metadata }) => metadata.name));
  await steady.during('a roll of the proxies', async () => {
    const deployment = ['--namespace', scene().namespace, `deployment/${dataPlane}`];
    await kubectl(['rollout', 'restart', ...deployment]);
    await kubectl(['rollout', 'status', '--timeout=90s', ...deployment]);
    await waitFor('the old proxy to be told to end', async () =>
      (await pods()).every(({ metadata }) => !before.has(metadata.name) || metadata.deletionTimestamp !== undefined),
    );
  });
  // What was open on the old proxy is served to its end, and then the proxy goes.
  await expectLasting();
  await Promise.all(lasting.splice(0).map((each) => each.finish()));
  await steady.during('the end of the old proxy', () =>
    waitFor(
      'the old proxy to be gone',
      async () => (await pods()).every(({ metadata }) => !before.has(metadata.name)),
      {
        milliseconds: 90_000,
      },
    ),
  );
  expect((await pods()).length).toBe(1);
});

test('over all of it, not one answer was anything but 200', () => {
  expect(steady.answers).toBeGreaterThan(1000);
  steady.expectNone();
});
