import { afterEach, beforeEach, expect, test } from 'vitest';
import { type KubeApiServerConnection, sharedKubeApiServer, startKubeApiServer } from '../test/fixtures/index.ts';
import { waitFor } from '../test/fixtures/waitFor.ts';
import type { Client } from './client.ts';
import { leases } from './leaderElection.ts';
import { Manager, type ManagerOptions } from './manager.ts';
import { defineResource } from './resource.ts';
import { FaultProxy } from './testing/faultProxy.ts';
import { accessTo, clientOf, configMap, configMaps, logger } from './testing/fixtures.ts';

const loopback = { host: '127.0.0.1', port: 0 };

let server: KubeApiServerConnection;
let namespace: string;
let client: Client & AsyncDisposable;
const managers: Manager[] = [];

beforeEach(async () => {
  server = sharedKubeApiServer();
  namespace = await server.createNamespace('manager');
  client = clientOf(accessTo(server));
});

afterEach(async () => {
  await Promise.all(managers.splice(0).map((manager) => manager.stop()));
  await client.close();
});

function managerOf(options: Partial<ManagerOptions> = {}): Manager {
  const manager = new Manager({
    client,
    logger,
    health: loopback,
    metrics: loopback,
    gracePeriodMs: 1000,
    cacheTuning: { backoff: { initialMs: 20, maximumMs: 200 } },
    ...options,
  });
  managers.push(manager);
  return manager;
}

const election = (identity: string): NonNullable<ManagerOptions['leaderElection']> => ({
  namespace,
  name: 'manager',
  identity,
  leaseDurationMs: 3000,
  renewDeadlineMs: 2000,
  retryPeriodMs: 100,
});

async function ready(manager: Manager): Promise<{ status: number; text: string }> {
  const response = await fetch(`http://127.0.0.1:${manager.healthPort}/readyz`);
  return { status: response.status, text: await response.text() };
}

/** A controller that gives each ConfigMap `x` a ConfigMap `x-copy` that it owns, with the same data. */
function copier(manager: Manager, reconciled: string[] = []) {
  const sources = manager.cache(configMaps, { namespace, labelSelector: 'copy=please' });
  const copies = manager.cache(configMaps, { namespace, labelSelector: 'copy=made' });
  const made = manager.controller({
    name: 'copier',
    for: sources,
    owns: [copies],
    async reconcile(key, { signal }) {
      reconciled.push(key);
      const source = sources.get(key);
      if (source === undefined) return;
      const { name, uid } = source.metadata;
      await manager.client.apply(
        configMaps,
        {
          metadata: {
            namespace,
            name: `${name}-copy`,
            labels: { copy: 'made' },
            ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name, uid: uid!, controller: true }],
          },
          data: source.data ?? {},
        },
        { signal },
      );
    },
  });
  return { sources, copies, controller: made };
}

async function createSource(name: string, data: Record<string, string>): Promise<void> {
  const object = configMap(namespace, name, data);
  await client.create(configMaps, { ...object, metadata: { ...object.metadata, labels: { copy: 'please' } } });
}

const copyOf = async (name: string): Promise<Record<string, string> | undefined> =>
  (await client.find(configMaps, `${namespace}/${name}-copy`))?.data;

test('a controller brings the world in line and keeps it there', async () => {
  await createSource('early', { value: '1' });
  const manager = managerOf();
  copier(manager);
  await manager.start();
  expect(manager.isLeader()).toBe(true);
  await waitFor('the copy of what was there', async () => (await copyOf('early'))?.['value'] === '1');
  await createSource('late', { value: '2' });
  await waitFor('the copy of what came', async () => (await copyOf('late'))?.['value'] === '2');
  await client.mergePatch(configMaps, `${namespace}/late-copy`, { data: { value: 'meddled' } });
  await waitFor('the mended copy', async () => (await copyOf('late'))?.['value'] === '2');
  await client.delete(configMaps, `${namespace}/early-copy`);
  await waitFor('the copy made again', async () => (await copyOf('early'))?.['value'] === '1');
  expect(await ready(manager)).toEqual({ status: 200, text: 'ok\n' });
  const metrics = await (await fetch(`http://127.0.0.1:${manager.metricsPort}/metrics`)).text();
  expect(metrics).toMatch(/controller_runtime_reconcile_total\{controller="copier",result="success"\} \d+/);
  expect(metrics).toContain('workqueue_depth{name="copier"} 0');
  await manager.stop();
  await createSource('too-late', {});
  expect(await copyOf('too-late')).toBeUndefined();
});

test('readiness says in the words of the API server which cache is missing', async () => {
  const manager = managerOf();
  const gadgets = defineResource({
    group: 'nowhere.example',
    version: 'v1',
    kind: 'Gadget',
    plural: 'gadgets',
    namespaced: true,
  });
  manager.cache(gadgets);
  const reconciled: string[] = [];
  copier(manager, reconciled);
  await createSource('a', {});
  await manager.start();
  await waitFor('the reason', async () => {
    const { status, text } = await ready(manager);
    return (
      status === 503 &&
      text.includes(
        '[-]cache gadgets.nowhere.example failed: The API server does not serve Gadget in nowhere.example/v1: install the CustomResourceDefinition gadgets.nowhere.example with that version.\n',
      ) &&
      text.includes(`[+]cache configmaps ${namespace} copy=please ok\n`)
    );
  });
  // No reconciliation runs on half of the knowledge.
  expect(reconciled).toEqual([]);
});

test('readiness says that the Lease is forbidden, and all is well once it is granted', async () => {
  const user = await server.issueClient({ name: `${namespace}-candidate` });
  await using restricted = clientOf(accessTo(server, user));
  const manager = managerOf({ client: restricted, leaderElection: election('candidate') });
  await manager.start();
  const words = `[-]leader failed: The Lease ${namespace}/manager cannot be had: leases.coordination.k8s.io "manager" is forbidden: User "${namespace}-candidate" cannot get`;
  await waitFor('the reason', async () => {
    const { status, text } = await ready(manager);
    return (
      status === 503 &&
      text.includes(words) &&
      text.includes("Allow get, create and update in the operator's RBAC role.")
    );
  });
  expect(manager.isLeader()).toBe(false);

  const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
  const metadata = { name: 'candidate' };
  await server.request('POST', `${rbac}/roles`, {
    metadata,
    rules: [{ apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['get', 'create', 'update'] }],
  });
  await server.request('POST', `${rbac}/rolebindings`, {
    metadata,
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'candidate' },
    subjects: [{ kind: 'User', name: `${namespace}-candidate`, apiGroup: 'rbac.authorization.k8s.io' }],
  });
  await waitFor('it to lead', () => manager.isLeader());
  expect(await ready(manager)).toEqual({ status: 200, text: 'ok\n' });

  // Once it has led, what is forbidden later is no reason to take it out of service.
  await server.request('DELETE', `${rbac}/rolebindings/candidate`);
  await waitFor('it to lead no longer', () => !manager.isLeader());
  expect(await ready(manager)).toEqual({ status: 200, text: 'ok\n' });
});

test('one cache serves all who ask for the same objects', () => {
  const manager = managerOf();
  const cache = manager.cache(configMaps, { namespace });
  expect(manager.cache(configMaps, { namespace })).toBe(cache);
  expect(manager.cache(configMaps)).not.toBe(cache);
  expect(manager.cache(configMaps, { namespace, labelSelector: 'a=b' })).not.toBe(cache);
});

test('a cache that is asked for while the manager runs starts at once', async () => {
  const manager = managerOf();
  await manager.start();
  const cache = manager.cache(configMaps, { namespace });
  await cache.whenSynced();
  expect(cache.lastError).toBeUndefined();
});

test('what leads runs on one replica; the next takes over when it stops', async () => {
  const order: string[] = [];
  const make = (identity: string): Manager => {
    const manager = managerOf({ leaderElection: election(identity) });
    for (const [name, leaderOnly] of [
      ['server', false],
      ['writer', true],
    ] as const) {
      manager.add({
        name,
        leaderOnly,
        start: () => void order.push(`${identity} ${name} starts`),
        stop: () => void order.push(`${identity} ${name} stops`),
      });
    }
    return manager;
  };
  const first = make('first');
  await first.start();
  await waitFor('the leader', () => order.includes('first writer starts'));
  const second = make('second');
  await second.start();
  expect(second.isLeader()).toBe(false);
  expect((await ready(second)).status).toBe(200);
  expect(order).toEqual(['first server starts', 'first writer starts', 'second server starts']);
  await first.stop();
  await waitFor('the other', () => order.includes('second writer starts'));
  expect(order.slice(3)).toEqual(['first writer stops', 'first server stops', 'second writer starts']);
});

test('a leader that loses the lease stops writing, and goes on when it leads again', async () => {
  await using proxy = await FaultProxy.start(server);
  await using through = clientOf(proxy.access);
  const manager = managerOf({ client: through, leaderElection: election('only') });
  const reconciled: string[] = [];
  copier(manager, reconciled);
  await manager.start();
  await createSource('a', { value: '1' });
  await waitFor('the copy', async () => (await copyOf('a'))?.['value'] === '1');

  // Only the lease cannot be reached.
  proxy.onRequest = ({ path }) => (path.includes('/leases') ? { status: 500, body: 'no' } : undefined);
  await waitFor('the loss', () => !manager.isLeader());
  await waitFor('the end of writing', async () => {
    reconciled.length = 0;
    await createSource(`probe-${performance.now()}`.replace('.', '-'), {});
    await new Promise((resolve) => setTimeout(resolve, 200));
    return reconciled.length === 0;
  });
  await client.mergePatch(configMaps, `${namespace}/a`, { data: { value: '2' } });
  proxy.onRequest = () => undefined;
  await waitFor('the new copy', async () => (await copyOf('a'))?.['value'] === '2');
  expect(manager.isLeader()).toBe(true);
});

test('a stop waits for a reconciliation that runs, gives the lease back after it and closes what listened', async () => {
  const manager = managerOf({ leaderElection: election('only') });
  const sources = manager.cache(configMaps, { namespace, labelSelector: 'copy=please' });
  const running = Promise.withResolvers<void>();
  const finish = Promise.withResolvers<void>();
  const order: string[] = [];
  manager.controller({
    name: 'slow',
    for: sources,
    async reconcile() {
      running.resolve();
      await finish.promise;
      const lease = await client.get(leases, `${namespace}/manager`);
      order.push(`reconciled under the lease of ${lease.spec?.holderIdentity}`);
    },
  });
  await createSource('a', {});
  await manager.start();
  const { healthPort } = manager;
  await running.promise;
  const stopped = manager.stop().then(() => order.push('stopped'));
  expect((await ready(manager)).text).toContain('[-]running failed: The process is starting or stopping.');
  finish.resolve();
  await stopped;
  expect(order).toEqual(['reconciled under the lease of only', 'stopped']);
  expect((await client.get(leases, `${namespace}/manager`)).spec?.holderIdentity ?? '').toBe('');
  await expect(fetch(`http://127.0.0.1:${healthPort}/readyz`)).rejects.toThrow();
});

test('an address in use ends the start, and what had started is stopped', async () => {
  const first = managerOf();
  await first.start();
  const second = managerOf({ metrics: { host: '127.0.0.1', port: first.healthPort! } });
  await expect(second.start()).rejects.toThrow(/The metrics server cannot listen on 127\.0\.0\.1:\d+/);
  await expect(second.start()).rejects.toThrow('The manager was started before.');
});

test('a runnable that does not start ends the start; one of the leader is told by readiness', async () => {
  const broken = { start: () => Promise.reject(new Error('no certificate')), stop: () => undefined };
  const first = managerOf();
  first.add({ name: 'webhooks', ...broken });
  await expect(first.start()).rejects.toThrow('webhooks does not start: no certificate');
  const second = managerOf();
  second.add({ name: 'webhooks', leaderOnly: true, ...broken });
  await second.start();
  await waitFor('the reason', async () =>
    (await ready(second)).text.includes('[-]leader failed: webhooks does not start: no certificate'),
  );
});

test('no API server at the start, and its restart, only delay', async () => {
  await using own = await startKubeApiServer();
  await using direct = clientOf(accessTo(own));
  await own.kill();
  const manager = managerOf({ client: direct });
  const cache = manager.cache(configMaps, { namespace: 'default' });
  const reconciled: string[] = [];
  manager.controller({ name: 'test', for: cache, reconcile: async (key) => void reconciled.push(key) });
  await manager.start();
  await waitFor('the reason', async () =>
    (await ready(manager)).text.includes(`The API server at ${own.url} cannot be reached`),
  );
  await own.restart();
  await waitFor('readiness', async () => (await ready(manager)).status === 200);
  await direct.create(configMaps, configMap('default', 'a'));
  await waitFor('the reconciliation', () => reconciled.includes('default/a'));
  await manager.stop();
});
