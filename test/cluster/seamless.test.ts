/**
 * Nothing but 200: a steady client asks without a pause, WebSockets and downloads go on, while all that can change or fail
 * around them does. The order of the tests matters: what lasts is opened before the first and finished in the last.
 */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { systemNamespace } from '../../api/names.ts';
import { resources } from '../../controllers/resources.ts';
import { createAuthority, issueCertificate, type KeyPair, waitFor } from '../fixtures/index.ts';
import { component, controlsNode, kubectl } from './support/cluster.ts';
import { Download, EchoSocket, type LongLived } from './support/longLived.ts';
import { backend, echo, gateway, httpRoute, prefix, tlsSecret, upstream } from './support/objects.ts';
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
const steadyRoute = httpRoute({
  name: 'steady',
  parent: 'edge',
  hostnames: [hosts.steady],
  rules: [{ backendRefs: [backend('steady')] }],
});

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
  );
  const address = await scene().openGateway(gateway('edge', listeners), [80]);
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
    scene().applyGateway(gateway('edge', [...listeners, { name: 'more', port: 8080 }])),
  );
  await steady.during('a listener being removed', () => scene().applyGateway(gateway('edge', listeners)));
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
    await scene().apply(broken);
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

test.skipIf(!controlsNode)('the operator is killed', async () => {
  await steady.during('the death of the operator', async () => {
    await killOperator(scene().client);
    await expectChangeServed(3);
  });
});

test('the certificates between proxies and operator are replaced', async () => {
  const { client, namespace } = scene();
  const dataPlane = await scene().dataPlaneOf('edge');
  const secret = async () => (await scene().get(resources.secrets, `${dataPlane}-certificate`)).data ?? {};
  const decode = (value: string | undefined): string => Buffer.from(value ?? '', 'base64').toString();
  const before = decode((await secret())['tls.crt']);

  await steady.during('a new authority beside the old one', async () => {
    await client.delete(resources.secrets, { namespace: systemNamespace, name: 'sluice-certificate-authority' });
    await waitFor('the proxies to trust both authorities', async () => {
      return decode((await secret())['ca.crt']).split('BEGIN CERTIFICATE').length - 1 >= 2;
    });
    await untilMounted('ca.crt');
  });
  await steady.during('a new certificate of the proxies', async () => {
    await client.delete(resources.secrets, { namespace, name: `${dataPlane}-certificate` });
    await deleteOperator(client);
    await waitFor('the proxies to get another certificate', async () => {
      const found = await client.find(resources.secrets, { namespace, name: `${dataPlane}-certificate` });
      return found !== undefined && decode(found.data?.['tls.crt']) !== before;
    });
    await untilMounted('tls.crt');
  });
  // With what the proxies have now they are let in, and let the operator in.
  await steady.during('the proxies connecting anew', async () => {
    await deleteOperator(client);
    await expectChangeServed(4);
  });

  /** Until the file that a proxy reads is that of the Secret. */
  async function untilMounted(file: string): Promise<void> {
    const pods = ['--namespace', namespace, '--selector', `sluice.dev/data-plane=${dataPlane}`];
    // The kubelet brings Secrets up to date when it looks at a Pod: once a minute, and when the Pod changes.
    await kubectl(['annotate', 'pods', ...pods, '--overwrite', `test/look=${file}-${Date.now()}`]);
    const expected = decode((await secret())[file]);
    const name = (await kubectl(['get', 'pods', ...pods, '--output=name'])).trim();
    await waitFor(`${file} in the proxy's Pod`, async () => {
      const script = `process.stdout.write(require('fs').readFileSync('/etc/sluice/certificates/${file}'))`;
      const node = ['/usr/local/bin/node', '--eval', script];
      return (
        (await kubectl(['exec', '--namespace', namespace, name, '--container', 'shutdown-manager', '--', ...node])) ===
        expected
      );
    });
  }
});

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
