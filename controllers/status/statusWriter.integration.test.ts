/** The status writer against a real API server: nothing is lost, nothing of others is overwritten, nothing is written twice. */
import { Counter, Registry } from 'prom-client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Gateway, HTTPRoute } from '../../api/gateway/index.ts';
import { controllerName } from '../../api/names.ts';
import type { RouteReport } from '../../controlplane/index.ts';
import { Cache } from '../../runtime/index.ts';
import { waitFor } from '../../test/fixtures/index.ts';
import { resources } from '../resources.ts';
import { type GatewaySays, gatewayStatusKind, routeStatusKind } from '../statusKinds.ts';
import { gateway, httpRoute } from '../testing/objects.ts';
import { testLogger, World } from '../testing/world.ts';
import { StatusWriter } from './statusWriter.ts';
import type { StatusSink } from './statusWriter.ts';

let world: World;
let cache: Cache<HTTPRoute>;
let writer: StatusWriter;
let routes: StatusSink<RouteReport>;
const writes = new Counter({
  name: 'writes',
  help: 'writes',
  labelNames: ['kind', 'result'],
  registers: [new Registry()],
});

beforeAll(async () => {
  world = await World.create({ gatewayApi: 'experimental' });
  cache = new Cache({ client: world.client, resource: resources.httpRoutes, logger: testLogger() });
  cache.start();
  await cache.whenSynced();
  writer = new StatusWriter({
    client: world.client,
    logger: testLogger(),
    now: () => new Date(),
    writes,
    onTransition: () => undefined,
    holdMs: 50,
  });
  routes = writer.register(routeStatusKind(cache, () => true));
  writer.start();
});
afterAll(async () => {
  await writer.stop();
  await cache.stop();
  await world.close();
});

const says = (message: string, settled = true): RouteReport => ({
  kind: 'HTTPRoute',
  key: '',
  generation: 1,
  parents: [
    {
      parentRef: { name: 'web' },
      gateway: '',
      conditions: [{ type: 'Accepted', status: 'True', reason: 'Accepted', message }],
    },
  ],
  settled,
});
const messageOf = (route: HTTPRoute | undefined): string | undefined =>
  route?.status?.parents.find((parent) => parent.controllerName === controllerName)?.conditions[0]?.message;
async function successes(): Promise<number> {
  return (await writes.get()).values.find(({ labels }) => labels.result === 'success')?.value ?? 0;
}

test('what was said last is what is written, however fast and interleaved it is said', async () => {
  const namespace = await world.namespace('many');
  const names = Array.from({ length: 20 }, (_, index) => `route-${index}`);
  await world.apply(...names.map((name) => httpRoute(namespace, name, ['web'], 'x')));
  await waitFor('the cache to have all', () => names.every((name) => cache.get(`${namespace}/${name}`) !== undefined));
  for (let round = 0; round < 40; round++) {
    // Every third waits for more, as for an acknowledgement: also the last one.
    for (const name of names) routes.contribute(`${namespace}/${name}`, 'one', says(`round ${round}`, round % 3 !== 0));
    await new Promise((resolve) => {
      setTimeout(resolve, round % 7);
    });
  }
  await waitFor('the last word to be written', () =>
    names.every((name) => messageOf(cache.get(`${namespace}/${name}`)) === 'round 39'),
  );
});

test("a conflict is read again, and the other controller's entry stays", async () => {
  const namespace = await world.namespace('conflict');
  const key = `${namespace}/all`;
  await world.apply(httpRoute(namespace, 'all', ['web'], 'x'));
  await waitFor('the cache to have it', () => cache.get(key) !== undefined);
  for (let round = 0; round < 20; round++) {
    const theirs = {
      parentRef: { name: 'theirs' },
      controllerName: 'example.com/other',
      conditions: [
        {
          type: 'Accepted',
          status: 'True',
          reason: `Round${round}`,
          message: '',
          lastTransitionTime: '2026-01-01T00:00:00Z',
        },
      ],
    };
    // Both write at the same time, each whole lists.
    const theirWrite = (async (): Promise<void> => {
      await waitFor('the other controller to have written', async () => {
        const { metadata, status } = await world.client.get(resources.httpRoutes, key);
        const parents = [
          ...(status?.parents ?? []).filter((parent) => parent.controllerName !== theirs.controllerName),
          theirs,
        ];
        const written = { metadata: { resourceVersion: metadata.resourceVersion }, status: { parents } };
        await world.client.mergePatch(resources.httpRoutes, key, written, { subresource: 'status' });
        return true;
      });
    })();
    routes.contribute(key, 'one', says(`round ${round}`));
    await theirWrite;
    const both = await world.until(
      'entries of both',
      resources.httpRoutes,
      key,
      (route) => messageOf(route) === `round ${round}`,
    );
    expect(
      both.status?.parents.find((parent) => parent.controllerName === theirs.controllerName)?.conditions,
    ).toMatchObject([{ reason: `Round${round}` }]);
  }
});

test('what is there already is not written, and what someone spoils is', async () => {
  const namespace = await world.namespace('quiet');
  const key = `${namespace}/all`;
  await world.apply(httpRoute(namespace, 'all', ['web'], 'x'));
  await waitFor('the cache to have it', () => cache.get(key) !== undefined);
  const atFirst = await successes();
  routes.contribute(key, 'one', says('good'));
  await waitFor('it to be written', async () => messageOf(cache.get(key)) === 'good' && (await successes()) > atFirst);
  const before = await successes();
  routes.contribute(key, 'one', says('good'));
  routes.refresh(key);
  await world.client.mergePatch(resources.httpRoutes, key, { metadata: { labels: { touched: 'yes' } } });
  await waitFor('the cache to have the label', () => cache.get(key)?.metadata.labels !== undefined);
  await world.client.mergePatch(resources.httpRoutes, key, { status: { parents: [] } }, { subresource: 'status' });
  await waitFor(
    'the cache to have it empty',
    () => cache.get(key)?.status?.parents.length === 0 || messageOf(cache.get(key)) === 'good',
  );
  await world.until('it to be repaired', resources.httpRoutes, key, (route) => messageOf(route) === 'good');
  await waitFor('the repair to be counted', async () => (await successes()) > before);
  expect(await successes()).toBe(before + 1);
});

test('what several say of one route is joined, and goes when nobody says it', async () => {
  const namespace = await world.namespace('several');
  const key = `${namespace}/all`;
  await world.apply(httpRoute(namespace, 'all', ['web'], 'x'));
  await waitFor('the cache to have it', () => cache.get(key) !== undefined);
  const other: RouteReport = {
    ...says('other'),
    parents: [{ ...says('other').parents[0]!, parentRef: { name: 'api' } }],
  };
  routes.contribute(key, 'one', says('one'));
  routes.contribute(key, 'two', other);
  await world.until('both', resources.httpRoutes, key, ({ status }) => status?.parents.length === 2);
  routes.contribute(key, 'one', undefined);
  await world.until(
    'the other alone',
    resources.httpRoutes,
    key,
    ({ status }) => status?.parents.length === 1 && status.parents[0]?.parentRef.name === 'api',
  );
  routes.contribute(key, 'two', undefined);
  await world.until('none', resources.httpRoutes, key, ({ status }) => status?.parents.length === 0);
});

test('a number of routes that changes is written a little later, in one write with what comes meanwhile', async () => {
  const namespace = await world.namespace('counts');
  const key = `${namespace}/web`;
  const gateways = new Cache<Gateway>({ client: world.client, resource: resources.gateways, logger: testLogger() });
  gateways.start();
  await gateways.whenSynced();
  const other = new StatusWriter({
    client: world.client,
    logger: testLogger(),
    now: () => new Date(),
    writes,
    onTransition: () => undefined,
    // Until the end of the test: what is held back is written by what is not.
    minorHoldMs: 600_000,
  });
  const sink = other.register(gatewayStatusKind(gateways));
  other.start();
  try {
    await world.apply(gateway(namespace, 'web', [80]));
    await waitFor('the cache', () => gateways.get(key));
    const translation = (attachedRoutes: number, message = ''): GatewaySays => ({
      translation: {
        generation: 1,
        conditions: [{ type: 'Accepted', status: 'True', reason: 'Accepted', message }],
        listeners: [{ name: 'http-80', supportedKinds: [], attachedRoutes, conditions: [] }],
        settled: true,
      },
    });
    const writesOfGateways = async (): Promise<number> =>
      (await writes.get()).values.find(({ labels }) => labels.kind === 'Gateway' && labels.result === 'success')
        ?.value ?? 0;
    const attached = async (): Promise<number | undefined> =>
      (await world.client.get(resources.gateways, key)).status?.listeners?.[0]?.attachedRoutes;
    const initially = await writesOfGateways();
    sink.contribute(key, 'infrastructure', { infrastructure: { generation: 1, addresses: [] } });
    sink.contribute(key, 'translation', translation(0));
    await waitFor('the first write', async () => (await attached()) === 0);
    // It is counted when its answer is there, which may be after it can be read.
    await waitFor('the first write to be counted', async () => (await writesOfGateways()) > initially);
    const before = await writesOfGateways();
    for (let count = 1; count <= 20; count++) sink.contribute(key, 'translation', translation(count));
    // What is said again does not end the wait.
    sink.contribute(key, 'infrastructure', { infrastructure: { generation: 1, addresses: [] } });
    await world.client.get(resources.gateways, key);
    expect(await writesOfGateways()).toBe(before);
    sink.contribute(key, 'translation', translation(20, 'another'));
    await waitFor('the number', async () => (await attached()) === 20);
    await waitFor('the second write to be counted', async () => (await writesOfGateways()) > before);
    expect(await writesOfGateways()).toBe(before + 1);
    sink.contribute(key, 'translation', translation(21, 'another'));
  } finally {
    await other.stop();
    await gateways.stop();
  }
  // The end of a writer holds nothing back.
  expect((await world.client.get(resources.gateways, key)).status?.listeners?.[0]?.attachedRoutes).toBe(21);
});
