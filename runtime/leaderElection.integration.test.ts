import { afterEach, beforeEach, expect, test } from 'vitest';
import { Registry } from 'prom-client';
import { type KubeApiServerConnection, sharedKubeApiServer } from '../test/fixtures/index.ts';
import { waitFor } from '../test/fixtures/waitFor.ts';
import type { Client } from './client.ts';
import { LeaderElection, type LeaderElectionOptions, leases, microTime } from './leaderElection.ts';
import { FaultProxy } from './testing/faultProxy.ts';
import { accessTo, clientOf, logger } from './testing/fixtures.ts';

let server: KubeApiServerConnection;
let namespace: string;
let client: Client & AsyncDisposable;
const candidates: LeaderElection[] = [];
/** What happened, in order, over all candidates. */
let history: string[];

beforeEach(async () => {
  server = sharedKubeApiServer();
  namespace = await server.createNamespace('election');
  client = clientOf(accessTo(server));
  history = [];
});

afterEach(async () => {
  await Promise.all(candidates.splice(0).map((one) => one.stop()));
  await client.close();
});

function candidate(identity: string, options: Partial<LeaderElectionOptions> = {}): LeaderElection {
  const made = new LeaderElection({
    client,
    namespace,
    name: 'test',
    identity,
    leaseDurationMs: 3000,
    renewDeadlineMs: 2000,
    retryPeriodMs: 100,
    logger,
    onStartedLeading: () => history.push(`${identity} leads`),
    onStoppedLeading: () => void history.push(`${identity} stops`),
    ...options,
  });
  candidates.push(made);
  made.start();
  return made;
}

const leaders = (): LeaderElection[] => candidates.filter((one) => one.isLeader());

test('of several candidates exactly one leads, and gives the lease to the next as it stops', async () => {
  const registry = new Registry();
  const known: string[] = [];
  candidate('a', { registry, onNewLeader: (identity) => known.push(identity) });
  candidate('b');
  candidate('c');
  await waitFor('a leader', () => leaders().length > 0);
  for (let i = 0; i < 20; i++) {
    expect(leaders().length).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  const [first] = leaders();
  await first!.stop();
  expect(first!.isLeader()).toBe(false);
  // It was given back: no one has to wait until it expires.
  expect((await client.get(leases, `${namespace}/test`)).spec).not.toMatchObject({ holderIdentity: first!.identity });
  await waitFor('another leader', () => leaders().length === 1);
  const [second] = leaders();
  expect(history).toEqual([`${first!.identity} leads`, `${first!.identity} stops`, `${second!.identity} leads`]);
  const lease = await client.get(leases, `${namespace}/test`);
  expect(lease.spec).toMatchObject({ holderIdentity: second!.identity, leaseDurationSeconds: 3 });
  if (first!.identity === 'a') {
    expect(known[0]).toBe('a');
    expect(await registry.metrics()).toContain('leader_election_master_status{name="test"} 0');
  } else {
    await waitFor('the news', () => known.includes(second!.identity));
  }
});

test('when the leader dies another takes over, and not before its lease has expired', async () => {
  await using proxy = await FaultProxy.start(server);
  await using cutOff = clientOf(proxy.access);
  const registry = new Registry();
  const leader = candidate('a', { client: cutOff, registry });
  await waitFor('the leader', () => leader.isLeader());
  expect(await registry.metrics()).toContain('leader_election_master_status{name="test"} 1');
  const second = candidate('b');
  proxy.onRequest = () => ({ status: 500, body: 'cut off' });
  // At no time do both believe that they lead.
  await waitFor('the other', () => {
    expect(leaders().length).toBeLessThanOrEqual(1);
    return second.isLeader();
  });
  expect(history).toEqual(['a leads', 'a stops', 'b leads']);
  expect(await registry.metrics()).toContain('leader_election_master_status{name="test"} 0');
  const lease = await client.get(leases, `${namespace}/test`);
  expect(lease.spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });

  // Once it is back it follows, and leads again when it is its turn.
  proxy.onRequest = () => undefined;
  await second.stop();
  await waitFor('the first', () => leader.isLeader());
  expect(history).toEqual(['a leads', 'a stops', 'b leads', 'b stops', 'a leads']);
});

test('a leader whose requests hang stops leading before another can begin', async () => {
  await using proxy = await FaultProxy.start(server);
  await using cutOff = clientOf(proxy.access);
  const leader = candidate('a', { client: cutOff });
  await waitFor('the leader', () => leader.isLeader());
  const second = candidate('b');
  proxy.onRequest = () => new Promise(() => undefined);
  await waitFor('the other', () => {
    expect(leaders().length).toBeLessThanOrEqual(1);
    return second.isLeader();
  });
  expect(history).toEqual(['a leads', 'a stops', 'b leads']);
});

test('clocks do not matter: a lease is valid while its holder renews it, whatever times it writes', async () => {
  // The holder's clock is an hour behind: by the times alone the lease expired long ago.
  const past = microTime(new Date(Date.now() - 3_600_000));
  const spec = {
    holderIdentity: 'elsewhere',
    leaseDurationSeconds: 1,
    acquireTime: past,
    renewTime: past,
    leaseTransitions: 0,
  };
  let lease = await client.create(leases, {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { namespace, name: 'test' },
    spec,
  });
  const waiting = candidate('a');
  for (let i = 1; i <= 35; i++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    lease = await client.update(leases, {
      ...lease,
      spec: { ...spec, renewTime: microTime(new Date(Date.now() - 3_600_000 + i)) },
    });
    expect(waiting.isLeader()).toBe(false);
  }
  expect(waiting.leader).toBe('elsewhere');
  await waitFor('the expiry', () => waiting.isLeader());
});

test('a holder with a longer duration than ours is given that long', async () => {
  const now = microTime(new Date());
  await client.create(leases, {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { namespace, name: 'test' },
    spec: {
      holderIdentity: 'elsewhere',
      leaseDurationSeconds: 6,
      acquireTime: now,
      renewTime: now,
      leaseTransitions: 0,
    },
  });
  const start = performance.now();
  const waiting = candidate('a');
  await waitFor('the expiry', () => waiting.isLeader());
  // A lower bound: a slow machine only makes it longer.
  expect(performance.now() - start).toBeGreaterThanOrEqual(5900);
});

test('the lease is given back only after what the leader does has ended', async () => {
  const ended = Promise.withResolvers<void>();
  const leader = candidate('a', { onStoppedLeading: () => ended.promise });
  await waitFor('the leader', () => leader.isLeader());
  const second = candidate('b');
  const stopped = leader.stop();
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect((await client.get(leases, `${namespace}/test`)).spec?.holderIdentity).toBe('a');
  expect(second.isLeader()).toBe(false);
  ended.resolve();
  await stopped;
  await waitFor('the other', () => second.isLeader());
});

test('a lease that another takes by force ends leadership at once', async () => {
  const leader = candidate('a');
  await waitFor('the leader', () => leader.isLeader());
  const now = microTime(new Date());
  await client.mergePatch(leases, `${namespace}/test`, { spec: { holderIdentity: 'usurper', renewTime: now } });
  await waitFor('the end', () => history.includes('a stops'));
  expect(leader.isLeader()).toBe(false);
  expect(leader.leader).toBe('usurper');
});

test('times that do not fit are refused', () => {
  const options = { client, namespace, name: 'test', logger };
  expect(() => new LeaderElection({ ...options, leaseDurationMs: 10_000, renewDeadlineMs: 10_000 })).toThrow(
    'renewDeadlineMs',
  );
  expect(() => new LeaderElection({ ...options, renewDeadlineMs: 2000, retryPeriodMs: 2000 })).toThrow('retryPeriodMs');
});
