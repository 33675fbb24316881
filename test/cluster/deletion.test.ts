/** What a Gateway brought goes with it, and what it said of others as well. */
import { beforeAll, expect, test } from 'vitest';
import { resources } from '../../controllers/resources.ts';
import type { KubernetesObject } from '../../api/object.ts';
import type { Resource } from '../../runtime/index.ts';
import { waitFor } from '../fixtures/index.ts';
import { backend, echo, gateway, httpRoute } from './support/objects.ts';
import { send } from './support/request.ts';
import { ourParents, useScene } from './support/scene.ts';

const scene = useScene('deletion');
const kinds: Resource[] = [
  resources.deployments,
  resources.services,
  resources.secrets,
  resources.configMaps,
  resources.serviceAccounts,
  resources.pods,
  resources.endpointSlices,
  resources.dataPlanes,
  resources.controlPlanes,
];

/** Everything in the namespace of the kinds that a Gateway brings, as `Kind name`. */
async function contents(): Promise<string[]> {
  const names: string[] = [];
  for (const kind of kinds) {
    const { items } = await scene().client.list<KubernetesObject>(kind, { namespace: scene().namespace });
    names.push(...items.map(({ metadata }) => `${kind.kind} ${metadata.name}`));
  }
  return names.toSorted();
}

/** Until the namespace holds no more than it did before. */
async function untilOnly(expected: readonly string[]): Promise<void> {
  let left: string[] = [];
  await waitFor(
    'nothing to be left',
    async () => {
      left = (await contents()).filter((name) => !expected.includes(name));
      if (left.length > 0) throw new Error(`There are still: ${left.join(', ')}`);
      return true;
    },
    { intervalMilliseconds: 200, milliseconds: 100_000 },
  );
}

let before: string[] = [];

beforeAll(async () => {
  await scene().apply(...echo('backend'));
  await scene().untilAvailable('backend');
  await waitFor('the objects that every namespace has', async () =>
    (await contents()).includes('ServiceAccount default'),
  );
  before = await contents();
});

test('a Gateway that is deleted leaves nothing behind, and its routes are told', async () => {
  const kept = gateway('kept', [{ name: 'http', port: 80 }]);
  const deleted = gateway('deleted', [{ name: 'http', port: 80 }]);
  const keptAddress = await scene().openGateway(kept, [80]);
  const withKept = await contents();
  await scene().applyGateway(deleted);
  const rules = [{ backendRefs: [backend('backend')] }];
  const route = httpRoute({ name: 'both', parent: 'kept', hostnames: ['both.example'], rules });
  await scene().applyRoute({ ...route, spec: { ...route.spec, parentRefs: [{ name: 'kept' }, { name: 'deleted' }] } });
  // The kinds that the architecture promises, so that this test notices when it looks for the wrong ones.
  const brought = (await contents()).filter((name) => !withKept.includes(name)).map((name) => name.split(' ')[0]!);
  expect(new Set(brought)).toEqual(
    new Set([
      'ConfigMap',
      'ControlPlane',
      'DataPlane',
      'Deployment',
      'EndpointSlice',
      'Pod',
      'Secret',
      'Service',
      'ServiceAccount',
    ]),
  );

  await scene().remove(deleted);
  await scene().until('the entry of the Gateway to leave the route', resources.httpRoutes, 'both', (found) => {
    return ourParents(found).every(({ parentRef }) => parentRef.name === 'kept');
  });
  await untilOnly(withKept);
  // The other one was not touched.
  expect(await send({ address: keptAddress, port: 80, host: 'both.example' })).toMatchObject({ status: 200 });

  await scene().remove(kept);
  await scene().until(
    'no entry to be left in the route',
    resources.httpRoutes,
    'both',
    (found) => ourParents(found).length === 0,
  );
  await untilOnly(before);
});

test('a DataPlane and a ControlPlane of their own go likewise', async () => {
  const metadata = { name: 'alone' };
  const dataPlane = { apiVersion: 'sluice.dev/v1alpha1', kind: 'DataPlane', metadata };
  const controlPlane = {
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'ControlPlane',
    metadata,
    spec: { dataPlaneRef: { name: 'alone' } },
  };
  await scene().apply(dataPlane);
  const unnamed = await scene().untilCondition(
    resources.dataPlanes,
    'alone',
    'Programmed',
    'False',
    ({ reason }) => reason === 'NoControlPlane',
  );
  expect(unnamed.message).toContain('Create one with this name in dataPlaneRef');
  await scene().untilCondition(resources.dataPlanes, 'alone', 'Ready', 'True');
  await scene().apply(controlPlane);
  await scene().untilCondition(resources.dataPlanes, 'alone', 'Programmed', 'True');
  await scene().untilCondition(resources.controlPlanes, 'alone', 'Programmed', 'True');
  await scene().remove(controlPlane);
  await scene().untilCondition(
    resources.dataPlanes,
    'alone',
    'Programmed',
    'False',
    ({ reason }) => reason === 'NoControlPlane',
  );
  await scene().remove(dataPlane);
  await untilOnly(before);
});
