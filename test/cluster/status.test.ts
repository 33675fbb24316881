/** Status tells the truth, and nothing of others is lost. */
import { beforeAll, expect, test } from 'vitest';
import type { Condition } from '../../api/object.ts';
import type { Gateway, HTTPRoute } from '../../api/gateway/index.ts';
import { resources } from '../../controllers/resources.ts';
import { kubectl } from './support/cluster.ts';
import { backend, echo, gateway, httpRoute } from './support/objects.ts';
import { send } from './support/request.ts';
import { findCondition, ourParents, useScene } from './support/scene.ts';

const scene = useScene('status');
const listeners = [
  { name: 'http', port: 80 },
  { name: 'other', port: 81 },
];
/** Each state of the Gateway's status, from its creation on. */
const history: Gateway[] = [];
let address = '';

function route(name: string, listener = 'http'): HTTPRoute {
  const parent = { name: 'edge', sectionName: listener };
  return httpRoute({ name, parent, hostnames: [`${name}.example`], rules: [{ backendRefs: [backend('backend')] }] });
}

async function attachedRoutes(expected: Record<string, number>): Promise<void> {
  await scene().until(`attachedRoutes ${JSON.stringify(expected)}`, resources.gateways, 'edge', ({ status }) =>
    (status?.listeners ?? []).every((listener) => listener.attachedRoutes === expected[listener.name]),
  );
}

beforeAll(async () => {
  await scene().apply(...echo('backend'));
  const watching = new AbortController();
  const watch = scene()
    .client.watch<Gateway>(
      resources.gateways,
      { namespace: scene().namespace, timeoutSeconds: 300, idleTimeoutMs: 300_000, signal: watching.signal },
      (event) => {
        if (event.type === 'ADDED' || event.type === 'MODIFIED') history.push(event.object);
      },
    )
    .catch((error: unknown) => {
      if (!watching.signal.aborted) throw error;
    });
  address = await scene().openGateway(gateway('edge', listeners), [80]);
  await scene().untilAvailable('backend');
  watching.abort();
  await watch;
});

test('a Gateway is first accepted, then has an address, then is programmed', () => {
  const states = history.map(({ status }) => ({
    accepted: findCondition(status?.conditions, 'Accepted')?.status,
    programmed: findCondition(status?.conditions, 'Programmed')?.status,
    address: status?.addresses?.[0]?.value,
  }));
  const first = (isThere: (state: (typeof states)[number]) => boolean): number => states.findIndex(isThere);
  const accepted = first((state) => state.accepted === 'True');
  const programmed = first((state) => state.programmed === 'True');
  expect(accepted).toBeGreaterThan(0);
  expect(programmed).toBeGreaterThan(accepted);
  expect(states[programmed]?.address).toBe(address);
  // Nothing that was said is taken back on the way.
  expect(states.slice(accepted).filter((state) => state.accepted !== 'True')).toEqual([]);
  expect(states.slice(programmed).filter((state) => state.programmed !== 'True')).toEqual([]);
});

test('every condition is of the present generation and says what a reader needs', async () => {
  const edited = gateway('edge', [...listeners, { name: 'third', port: 82 }]);
  await scene().applyGateway(edited);
  await scene().applyGateway(gateway('edge', listeners));
  const { metadata, status } = await scene().get(resources.gateways, 'edge');
  expect(status?.listeners?.map(({ name }) => name)).toEqual(['http', 'other']);
  const conditions = [
    status?.conditions ?? [],
    ...(status?.listeners ?? []).map((listener) => listener.conditions),
  ].flat() as Condition[];
  expect(conditions.length).toBeGreaterThanOrEqual(8);
  for (const condition of conditions) {
    expect(condition.observedGeneration, JSON.stringify(condition)).toBe(metadata.generation);
    expect(condition.message, JSON.stringify(condition)).not.toBe('');
  }
  expect(conditions.map(({ type, status: value }) => [type, value])).toEqual(
    expect.arrayContaining([
      ['Accepted', 'True'],
      ['Programmed', 'True'],
      ['ResolvedRefs', 'True'],
      ['Conflicted', 'False'],
    ]),
  );
});

test('attachedRoutes counts the routes of each listener', async () => {
  await attachedRoutes({ http: 0, other: 0 });
  await scene().applyRoute(route('one'));
  await scene().applyRoute(route('two'));
  await scene().applyRoute(route('three', 'other'));
  await attachedRoutes({ http: 2, other: 1 });
  await scene().applyRoute(route('three'));
  await attachedRoutes({ http: 3, other: 0 });
  await scene().remove(route('three'), route('two'));
  await attachedRoutes({ http: 1, other: 0 });
  await scene().remove(route('one'));
  await attachedRoutes({ http: 0, other: 0 });
});

test("entries of other controllers in a route's parents stay as they are", async () => {
  await scene().applyRoute(route('shared'));
  const foreign = {
    parentRef: { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'elsewhere' },
    controllerName: 'example.com/other-controller',
    conditions: [
      {
        type: 'Accepted',
        status: 'True',
        reason: 'Accepted',
        message: 'theirs',
        observedGeneration: 1,
        lastTransitionTime: '2026-01-02T03:04:05Z',
      },
    ],
  };
  await scene().client.jsonPatch(
    resources.httpRoutes,
    { namespace: scene().namespace, name: 'shared' },
    [{ op: 'add', path: '/status/parents/0', value: foreign }],
    { subresource: 'status' },
  );
  // It is written again: for another generation, with another outcome, and when our Gateway is no longer a parent.
  const foreignIn = async (): Promise<unknown[]> =>
    ((await scene().get(resources.httpRoutes, 'shared')).status?.parents ?? []).filter(
      ({ controllerName }) => controllerName === foreign.controllerName,
    );
  await scene().applyRoute({ ...route('shared'), spec: { ...route('shared').spec, hostnames: ['edited.example'] } });
  expect(await foreignIn()).toEqual([foreign]);
  await scene().apply(route('shared', 'missing'));
  await scene().untilRouteCondition('shared', 'Accepted', 'False');
  expect(await foreignIn()).toEqual([foreign]);
  await scene().apply({ ...route('shared'), spec: { ...route('shared').spec, parentRefs: [{ name: 'elsewhere' }] } });
  await scene().until('our entry to go', resources.httpRoutes, 'shared', (found) => ourParents(found).length === 0);
  expect(await foreignIn()).toEqual([foreign]);
  await scene().remove(route('shared'));
});

test('what turns bad and good again is told in Events', async () => {
  await scene().applyRoute(route('told'));
  const about = { kind: 'HTTPRoute', name: 'told' };
  const broken = route('told');
  await scene().apply({ ...broken, spec: { ...broken.spec, rules: [{ backendRefs: [backend('nowhere')] }] } });
  await scene().untilRouteCondition('told', 'ResolvedRefs', 'False');
  const bad = await scene().untilEvent(
    about,
    ({ type, note }) => type === 'Warning' && note.includes('does not exist'),
  );
  expect(bad).toMatchObject({ reason: 'BackendNotFound', reportingController: 'sluice.dev/gateway-controller' });
  await scene().applyRoute(route('told'));
  await scene().untilEvent(about, ({ type, reason }) => type === 'Normal' && reason === 'ResolvedRefs');
  await scene().remove(route('told'));
});

test('a DataPlane is scaled with kubectl, and Programmed counts its proxies', async () => {
  const name = await scene().dataPlaneOf('edge');
  const scale = async (replicas: number): Promise<void> => {
    await kubectl(['scale', `--replicas=${replicas}`, '--namespace', scene().namespace, `dataplane/${name}`]);
    await scene().until(`${replicas} proxies with the configuration`, resources.dataPlanes, name, ({ status }) => {
      const { acknowledged, total } = status?.configuration ?? {};
      return (
        status?.readyReplicas === replicas &&
        status.replicas === replicas &&
        acknowledged === replicas &&
        total === replicas
      );
    });
  };
  await scale(2);
  const { items: pods } = await scene().client.list(resources.pods, {
    namespace: scene().namespace,
    labelSelector: (await scene().get(resources.dataPlanes, name)).status?.selector,
  });
  expect(pods.length).toBe(2);

  await scene().applyRoute(route('counted'));
  const programmed = await scene().untilRouteCondition('counted', 'sluice.dev/Programmed', 'True');
  expect(programmed.message).toBe('Acknowledged by 2 of 2 proxies');
  // An edit of the Gateway does not take the scale back.
  await scene().applyGateway(gateway('edge', [...listeners, { name: 'fourth', port: 84 }]));
  const { status } = await scene().get(resources.gateways, 'edge');
  expect(findCondition(status?.conditions, 'Programmed')?.message).toBe('Acknowledged by 2 of 2 proxies');
  expect((await scene().get(resources.deployments, name)).spec?.replicas).toBe(2);
  for (let i = 0; i < 10; i++)
    expect(await send({ address, port: 80, host: 'counted.example' })).toMatchObject({ status: 200 });

  await scale(1);
  expect(await send({ address, port: 80, host: 'counted.example' })).toMatchObject({ status: 200 });
  await scene().remove(route('counted'));
});
