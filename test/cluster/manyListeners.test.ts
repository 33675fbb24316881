/** As many listeners as a Gateway may have, and a ListenerSet for each of several namespaces: each serves what is its own. */
import { beforeAll, expect, test } from 'vitest';
import type { HTTPRoute, ListenerSet } from '../../api/gateway/index.ts';
import { gatewayGroup } from '../../api/gateway/index.ts';
import { resources } from '../../controllers/resources.ts';
import { createAuthority, issueCertificate, type KeyPair } from '../fixtures/index.ts';
import { gateway, httpRoute, type Listener, tlsSecret } from './support/objects.ts';
import { type Endpoint, send, untilAnswer } from './support/request.ts';
import { findCondition, isCurrent, type Scene, useScene } from './support/scene.ts';

const scene = useScene('many-listeners');
/** The most that the API lets a Gateway have. */
const most = 64;
const teams = ['team-a', 'team-b', 'team-c', 'team-d', 'team-e'];

/** By host name on one port, by server name on another, and by ports of their own. */
const listeners: Listener[] = Array.from({ length: most }, (_, index) => {
  const name = `listener-${index}`;
  const hostname = `${name}.example`;
  if (index < 32) return { name, port: 80, hostname };
  if (index < 48) return { name, port: 443, hostname, secrets: ['certificate'] };
  return { name, port: 9000 + index };
});

let authority: KeyPair;
let address = '';
const namespaces = new Map<string, Scene>();

/** Sends whoever asks to a place that names the route: it needs no backend. */
function telling(name: string, parent: Parameters<typeof httpRoute>[0]['parent']): HTTPRoute {
  return httpRoute({
    name,
    parent,
    rules: [
      {
        filters: [
          {
            type: 'RequestRedirect',
            requestRedirect: { path: { type: 'ReplaceFullPath', replaceFullPath: `/${name}` }, statusCode: 302 },
          },
        ],
      },
    ],
  });
}

function endpoint({ port, secrets }: Listener): Endpoint {
  return { address, port, ...(secrets === undefined ? {} : { authorities: authority.certificate }) };
}

async function routeAt(to: Endpoint, host: string): Promise<string | undefined> {
  const { status, headers } = await send({ ...to, host });
  return status === 302 ? new URL(headers.location ?? '').pathname.slice(1) : `status ${status}`;
}

function listenerSet(team: string, own: ListenerSet['spec']['listeners']): ListenerSet {
  return {
    apiVersion: `${gatewayGroup}/v1`,
    kind: 'ListenerSet',
    metadata: { name: team },
    spec: { parentRef: { name: 'shared', namespace: scene().namespace }, listeners: own },
  };
}

function ownListeners(team: string): ListenerSet['spec']['listeners'] {
  return [
    { name: 'by-name', port: 80, protocol: 'HTTP', hostname: `${team}.example` },
    { name: 'by-port', port: 9100 + teams.indexOf(team), protocol: 'HTTP' },
  ];
}

/** Routes of a team, each on one listener of its ListenerSet. */
function teamRoutes(team: string): HTTPRoute[] {
  return ['by-name', 'by-port'].map((sectionName) => {
    const route = telling(`${team}-${sectionName}`, team);
    const parentRef = { group: gatewayGroup, kind: 'ListenerSet', name: team, sectionName };
    return { ...route, spec: { ...route.spec, parentRefs: [parentRef] } };
  });
}

async function untilSetProgrammed(team: string): Promise<void> {
  await namespaces
    .get(team)!
    .until(`ListenerSet ${team} to be programmed`, resources.listenerSets, team, (set) =>
      isCurrent(set, set.status?.conditions, 'Programmed', 'True'),
    );
}

async function expectTeamServed(team: string): Promise<void> {
  const [, byPort] = ownListeners(team);
  expect(await routeAt({ address, port: 80 }, `${team}.example`)).toBe(`${team}-by-name`);
  expect(await routeAt({ address, port: byPort!.port }, 'any.example')).toBe(`${team}-by-port`);
}

beforeAll(async () => {
  authority = await createAuthority('many-listeners');
  const dnsNames = listeners.flatMap(({ hostname }) => hostname ?? []);
  await scene().apply(tlsSecret('certificate', await issueCertificate(authority, { commonName: 'wide', dnsNames })));
});

test(`${most} listeners of a Gateway each serve their route`, async () => {
  address = await scene().openGateway(gateway('wide', listeners), [80]);
  for (const { name } of listeners) await scene().apply(telling(name, { name: 'wide', sectionName: name }));
  await scene().until('a route on each listener', resources.gateways, 'wide', ({ status }) =>
    listeners.every(({ name }) => {
      const found = status?.listeners?.find((one) => one.name === name);
      return found?.attachedRoutes === 1 && findCondition(found.conditions, 'Programmed')?.status === 'True';
    }),
  );
  const last = listeners.at(-1)!;
  await untilAnswer(
    'the last route to be served',
    { ...endpoint(last), host: 'any.example' },
    ({ headers }) => headers.location?.endsWith(last.name) === true,
  );
  for (const listener of listeners) {
    expect(await routeAt(endpoint(listener), listener.hostname ?? 'any.example'), listener.name).toBe(listener.name);
  }
  // A host name of one listener is no other's.
  expect(await routeAt({ address, port: 80 }, 'listener-40.example')).toBe('status 404');
});

test('a listener fewer and one changed leave the others as they are', async () => {
  const fewer = listeners
    .slice(1)
    .map((one) => (one.name === 'listener-1' ? { ...one, hostname: 'new.example' } : one));
  await scene().applyGateway(gateway('wide', fewer));
  const http = { address, port: 80 };
  await untilAnswer('the new host name', { ...http, host: 'new.example' }, ({ status }) => status === 302);
  expect(await routeAt(http, 'new.example')).toBe('listener-1');
  expect(await routeAt(http, 'listener-0.example')).toBe('status 404');
  expect(await routeAt(http, 'listener-1.example')).toBe('status 404');
  for (const listener of fewer.slice(1))
    expect(await routeAt(endpoint(listener), listener.hostname ?? 'any.example'), listener.name).toBe(listener.name);
});

test('a ListenerSet of each namespace serves the routes of that namespace', async () => {
  const shared = gateway('shared', [{ name: 'own', port: 80, hostname: 'own.example' }], {
    allowedListeners: { namespaces: { from: 'All' } },
  });
  await scene().apply(telling('own', 'shared'));
  address = await scene().openGateway(shared, [80]);
  for (const team of teams) {
    const namespace = await scene().another(team);
    namespaces.set(team, namespace);
    await namespace.apply(listenerSet(team, ownListeners(team)));
    for (const route of teamRoutes(team)) await namespace.apply(route);
  }
  for (const team of teams) {
    await untilSetProgrammed(team);
    for (const { metadata } of teamRoutes(team))
      await namespaces.get(team)!.untilRouteCondition(metadata.name, 'sluice.dev/Programmed', 'True');
    // The ports of a new listener are the Service's to open, and then the node's.
    await untilAnswer(
      `the port of ${team}`,
      { address, port: ownListeners(team)[1]!.port, host: 'any.example' },
      ({ status }) => status === 302,
    );
  }
  for (const team of teams) await expectTeamServed(team);
  expect(await routeAt({ address, port: 80 }, 'own.example')).toBe('own');
  const { status } = await scene().get(resources.gateways, 'shared');
  expect(status?.attachedListenerSets).toBe(teams.length);
  // Routes of ListenerSets are counted there, and not on the Gateway.
  expect(status?.listeners?.map(({ name, attachedRoutes }) => ({ name, attachedRoutes }))).toEqual([
    { name: 'own', attachedRoutes: 1 },
  ]);
});

test('a ListenerSet that wants what another has is told so, and takes nothing from it', async () => {
  const [first, second] = teams as [string, string];
  const wanted = { name: 'wanted', port: 80, protocol: 'HTTP', hostname: `${first}.example` } as const;
  await namespaces.get(second)!.apply(listenerSet(second, [...ownListeners(second), wanted]));
  await namespaces
    .get(second)!
    .until('the conflict to be told', resources.listenerSets, second, ({ status }) =>
      (status?.listeners ?? []).some(
        ({ name, conditions }) => name === 'wanted' && findCondition(conditions, 'Conflicted')?.status === 'True',
      ),
    );
  for (const team of teams) await expectTeamServed(team);
  await namespaces.get(second)!.apply(listenerSet(second, ownListeners(second)));
  await untilSetProgrammed(second);
});

test('a ListenerSet that goes takes its own listeners along', async () => {
  const [gone, ...others] = teams as [string, ...string[]];
  await namespaces.get(gone)!.remove(listenerSet(gone, ownListeners(gone)));
  await untilAnswer(
    'its listener to be gone',
    { address, port: 80, host: `${gone}.example` },
    ({ status }) => status === 404,
  );
  await scene().until(
    'one ListenerSet fewer',
    resources.gateways,
    'shared',
    ({ status }) => status?.attachedListenerSets === others.length,
  );
  for (const team of others) await expectTeamServed(team);
});
