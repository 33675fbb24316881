/**
 * Many edits in a row while clients ask without a pause: over connections that they keep, over new ones, and over WebSockets
 * that none of it may end. One edit of each kind, with all that can fail around it, is in seamless.test.ts.
 */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createAuthority, issueCertificate, type KeyPair } from '../fixtures/index.ts';
import { EchoSocket } from './support/longLived.ts';
import { backend, echo, gateway, httpRoute, type Listener, prefix, tlsSecret } from './support/objects.ts';
import { type Endpoint, send, untilAnswer } from './support/request.ts';
import { useScene } from './support/scene.ts';
import { SteadyClient } from './support/steadyClient.ts';

const scene = useScene('under-load');
const hosts = { steady: 'steady.example', edited: 'edited.example', sockets: 'sockets.example' };
const edits = 200;
const rounds = 15;

let authority: KeyPair;
let http: Endpoint;
let https: Endpoint;
let steady: SteadyClient;
const sockets: EchoSocket[] = [];

const base: readonly Listener[] = [
  { name: 'http', port: 80 },
  { name: 'https', port: 443, secrets: ['certificate'] },
];

async function newCertificate(...more: string[]): Promise<KeyPair> {
  return await issueCertificate(authority, { commonName: 'edge', dnsNames: [...Object.values(hosts), ...more] });
}

/** The route that is edited: each edit has another order of rules, another path and another backend. */
function edited(index: number) {
  const services = ['one', 'other'];
  const to = services[index % 2]!;
  const rules = [
    prefix(`/edit-${index}`, {
      filters: [
        { type: 'ResponseHeaderModifier', responseHeaderModifier: { set: [{ name: 'x-edit', value: `${index}` }] } },
      ],
      backendRefs: [backend(to)],
    }),
    { backendRefs: [backend(to), backend(services[(index + 1) % 2]!, { weight: index % 3 })] },
  ];
  return httpRoute({
    name: 'edited',
    parent: 'edge',
    hostnames: [hosts.edited],
    rules: index % 4 < 2 ? rules : rules.toReversed(),
  });
}

beforeAll(async () => {
  authority = await createAuthority('under-load');
  await scene().apply(
    ...echo('one'),
    ...echo('other'),
    tlsSecret('certificate', await newCertificate()),
    tlsSecret('more', await newCertificate('more.example')),
  );
  const address = await scene().openGateway(gateway('edge', base), [80]);
  http = { address, port: 80 };
  https = { address, port: 443, authorities: authority.certificate };
  await scene().untilAvailable('one', 'other');
  await scene().applyRoute(edited(0));
  for (const [name, service] of [
    ['steady', 'one'],
    ['sockets', 'other'],
  ] as const) {
    const rules = [{ backendRefs: [backend(service)] }];
    await scene().applyRoute(httpRoute({ name, parent: 'edge', hostnames: [hosts[name]], rules }));
  }
  for (const [scheme, to] of Object.entries({ http, https }))
    sockets.push(await EchoSocket.open(`the WebSocket over ${scheme}`, { ...to, host: hosts.sockets }));
  steady = new SteadyClient({
    targets: Object.entries({ http, https }).flatMap(([scheme, to]) =>
      [hosts.steady, hosts.edited].map((host) => ({ name: `${scheme}://${host}`, to: { ...to, host } })),
    ),
    kept: 2,
  });
  await steady.goOn();
  steady.expectNone();
});

// What was open before the first edit is open after the last: no filter chain was replaced.
afterEach(async () => {
  await Promise.all(sockets.map((socket) => socket.expectAlive()));
});

afterAll(async () => {
  await Promise.all(sockets.map((socket) => socket.finish()));
  await steady?.stop();
});

test(`a route is edited ${edits} times`, async () => {
  await steady.during(`${edits} edits of a route`, async () => {
    for (let index = 1; index < edits; index++) await scene().apply(edited(index));
    await scene().applyRoute(edited(edits));
  });
  const answer = await send({ ...http, host: hosts.edited, path: `/edit-${edits}` });
  expect(answer).toMatchObject({ status: 200, headers: { 'x-edit': `${edits}` }, echo: { service: 'one' } });
  // Of the edit before, nothing is left.
  expect((await send({ ...http, host: hosts.edited, path: `/edit-${edits - 1}` })).headers['x-edit']).toBeUndefined();
});

test('a route is edited, and each edit is served when its status says so', async () => {
  await steady.during('edits that are waited for', async () => {
    for (let index = 0; index < rounds; index++) {
      await scene().applyRoute(edited(index));
      const { headers } = await send({ ...https, host: hosts.edited, path: `/edit-${index}` });
      expect(headers['x-edit']).toBe(`${index}`);
    }
  });
});

test('listeners are added and removed, on ports of their own and beside others', async () => {
  const beside: Listener[] = [
    { name: 'more', port: 443, hostname: 'more.example', secrets: ['more'] },
    { name: 'wild', port: 443, hostname: '*.wild.example', secrets: ['more'] },
    { name: 'plain', port: 80, hostname: 'plain.example' },
    { name: 'apart', port: 8080 },
  ];
  const route = httpRoute({
    name: 'more',
    parent: { name: 'edge', sectionName: 'more' },
    rules: [{ backendRefs: [backend('other')] }],
  });
  await scene().apply(route);
  await steady.during('listeners being added and removed', async () => {
    for (let index = 0; index < rounds; index++) {
      // One more, then one less, of those beside: each combination comes by.
      const some = beside.filter((_, position) => (index & (1 << position)) !== 0);
      await scene().applyGateway(gateway('edge', [...base, ...some]));
    }
  });
  await steady.during('all listeners', async () => {
    await scene().applyGateway(gateway('edge', [...base, ...beside]));
    await untilAnswer('the listener beside others', { ...https, host: 'more.example' }, ({ status }) => status === 200);
  });
  await steady.during('the listeners of the start', async () => {
    await scene().applyGateway(gateway('edge', base));
  });
  await scene().remove(route);
});

test('certificates are replaced', async () => {
  const to = { ...https, host: hosts.steady };
  const served = new Set<string | undefined>();
  await steady.during('certificates being replaced', async () => {
    for (let index = 0; index < rounds; index++) {
      await scene().apply(tlsSecret('certificate', await newCertificate()));
      const { serialNumber } = await untilAnswer(
        `certificate ${index}`,
        to,
        (answer) => !served.has(answer.serialNumber),
      );
      served.add(serialNumber);
    }
  });
  expect(served.size).toBe(rounds);
});

test('over all of it, not one answer was anything but 200', () => {
  expect(steady.answers).toBeGreaterThan(1000);
  steady.expectNone();
});
