/**
 * Two controllers side by side: a GatewayClass of somebody else, a Gateway of it, and routes that stand on both. The other
 * controller is played by this test: it writes what such a one writes, as often as it likes.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Gateway, HTTPRoute, RouteParentStatus } from '../../api/gateway/index.ts';
import { resources } from '../../controllers/resources.ts';
import { isConflict } from '../../runtime/index.ts';
import { waitFor } from '../fixtures/index.ts';
import { backend, echo, gateway, httpRoute } from './support/objects.ts';
import { send } from './support/request.ts';
import { findCondition, isCurrent, ourParents, useScene } from './support/scene.ts';

const scene = useScene('two-controllers');
const theirController = 'example.com/other-controller';
const edits = 25;
let address = '';

function theirClass(): string {
  return scene().namespace; // cluster-wide, and unique
}

function shared(index: number): HTTPRoute {
  const route = httpRoute({
    name: 'shared',
    parent: 'ours',
    hostnames: ['shared.example'],
    rules: [{ matches: [{ path: { type: 'PathPrefix', value: `/${index}` } }], backendRefs: [backend('backend')] }],
  });
  return { ...route, spec: { ...route.spec, parentRefs: [{ name: 'ours' }, { name: 'theirs' }] } };
}

function theirEntry({ metadata }: HTTPRoute): RouteParentStatus {
  return {
    parentRef: { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'theirs' },
    controllerName: theirController,
    conditions: ['Accepted', 'ResolvedRefs'].map((type) => ({
      type,
      status: 'True',
      reason: type,
      message: `written by the other controller for generation ${metadata.generation}`,
      observedGeneration: metadata.generation ?? 0,
      lastTransitionTime: '2026-01-02T03:04:05Z',
    })),
  };
}

function theirs(route: HTTPRoute): RouteParentStatus[] {
  return (route.status?.parents ?? []).filter(({ controllerName }) => controllerName === theirController);
}

/** What a controller does that knows that `parents` is an atomic list: reads, changes its own entry, writes. */
async function writeTheirs(): Promise<void> {
  await waitFor('the other controller to write its entry', async () => {
    const route = await scene().get(resources.httpRoutes, 'shared');
    const others = (route.status?.parents ?? []).filter(({ controllerName }) => controllerName !== theirController);
    try {
      await scene().client.updateStatus(resources.httpRoutes, {
        ...route,
        status: { parents: [theirEntry(route), ...others] },
      });
      return true;
    } catch (error) {
      if (isConflict(error)) return false;
      throw error;
    }
  });
}

beforeAll(async () => {
  const { client } = scene();
  await client.create(resources.gatewayClasses, {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'GatewayClass',
    metadata: { name: theirClass() },
    spec: { controllerName: theirController },
  });
  await scene().apply(...echo('backend'));
  const theirGateway = gateway('theirs', [{ name: 'http', port: 80 }]);
  await scene().apply({ ...theirGateway, spec: { ...theirGateway.spec, gatewayClassName: theirClass() } });
  address = await scene().openGateway(gateway('ours', [{ name: 'http', port: 80 }]), [80]);
  await scene().untilAvailable('backend');
});

afterAll(async () => {
  await scene().client.delete(resources.gatewayClasses, theirClass());
});

test('a route that both serve has an entry of each, whoever writes first and last', async () => {
  await scene().apply(shared(0));
  await writeTheirs();
  for (let index = 1; index <= edits; index++) {
    await scene().apply(shared(index));
    // Now before ours, now after it, now at the same time.
    if (index % 3 === 0) await scene().untilRouteCondition('shared', 'Accepted', 'True');
    await writeTheirs();
  }
  const route = await scene().until('our entry for the last edit', resources.httpRoutes, 'shared', (candidate) => {
    const [ours, ...more] = ourParents(candidate);
    return more.length === 0 && isCurrent(candidate, ours?.conditions, 'sluice.dev/Programmed', 'True');
  });
  expect(ourParents(route).map(({ parentRef }) => parentRef.name)).toEqual(['ours']);
  expect(theirs(route)).toEqual([theirEntry(route)]);
  expect(await send({ address, port: 80, host: 'shared.example', path: `/${edits}` })).toMatchObject({ status: 200 });
});

test('of their Gateway and their class we say nothing', async () => {
  // Our own Gateway is judged after theirs was made: had we something to say of it, it would be said.
  const theirGateway = await scene().get(resources.gateways, 'theirs');
  const saidByUs = (status: Gateway['status']): unknown[] =>
    (status?.conditions ?? []).filter(({ status: value }) => value !== 'Unknown');
  expect(saidByUs(theirGateway.status)).toEqual([]);
  expect(theirGateway.status?.addresses ?? []).toEqual([]);
  const { items } = await scene().client.list(resources.dataPlanes, { namespace: scene().namespace });
  expect(items.map(({ metadata }) => metadata.ownerReferences?.[0]?.name)).toEqual(['ours']);
  const gatewayClass = await scene().client.get(resources.gatewayClasses, theirClass());
  expect(findCondition(gatewayClass.status?.conditions, 'Accepted')?.status ?? 'Unknown').toBe('Unknown');
});

test('what they write into the status of their Gateway stays', async () => {
  const found = await scene().get(resources.gateways, 'theirs');
  const status: Gateway['status'] = {
    addresses: [{ type: 'IPAddress', value: '192.0.2.1' }],
    conditions: [
      {
        type: 'Programmed',
        status: 'True',
        reason: 'Programmed',
        message: 'theirs',
        observedGeneration: found.metadata.generation ?? 0,
        lastTransitionTime: '2026-01-02T03:04:05Z',
      },
    ],
  };
  await scene().client.updateStatus(resources.gateways, { ...found, status });
  await scene().applyRoute({ ...shared(0), spec: { ...shared(0).spec, parentRefs: [{ name: 'ours' }] } });
  const after = await scene().get(resources.gateways, 'theirs');
  expect(after.status).toEqual(status);
});

test('a route that leaves our Gateway keeps their entry alone', async () => {
  await scene().apply({ ...shared(1), spec: { ...shared(1).spec, parentRefs: [{ name: 'theirs' }] } });
  await writeTheirs();
  const route = await scene().until(
    'our entry to go',
    resources.httpRoutes,
    'shared',
    (candidate) => ourParents(candidate).length === 0,
  );
  expect(theirs(route)).toEqual([theirEntry(route)]);
});
