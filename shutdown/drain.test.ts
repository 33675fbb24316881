import { expect, test } from 'vitest';
import { drainOver, observeTraffic, startDrain } from './drain.ts';

const policy = { timeout: 60_000, settle: 5000, quiet: 3000 };
const idle = { connections: 4, requests: 0, streams: 0, requestsTotal: 10 };

test('a proxy without connections stops once everyone can know that it goes', () => {
  const drain = observeTraffic(startDrain(0), { ...idle, connections: 0 }, 100);
  expect(drainOver(drain, policy, 4999)).toBeUndefined();
  expect(drainOver(drain, policy, 5000)).toBe('no connections');
});

test('a request in flight is waited for, up to the timeout', () => {
  let drain = startDrain(0);
  for (let now = 0; now < 60_000; now += 1000) {
    drain = observeTraffic(drain, { ...idle, connections: 1, requests: 1 }, now);
    expect(drainOver(drain, policy, now)).toBeUndefined();
  }
  expect(drainOver(drain, policy, 60_000)).toBe('timeout');
});

test('a connection in use keeps it although no look ever meets a request', () => {
  let drain = startDrain(0);
  for (let look = 0; look < 20; look++) {
    drain = observeTraffic(drain, { ...idle, requestsTotal: 10 + look }, look * 1000);
    expect(drainOver(drain, policy, look * 1000)).toBeUndefined();
  }
});

test('a stream is waited for, up to the timeout, whether anything goes through it or not', () => {
  let drain = startDrain(0);
  for (let now = 0; now < 60_000; now += 1000) {
    drain = observeTraffic(drain, { ...idle, streams: 1 }, now);
    expect(drainOver(drain, policy, now)).toBeUndefined();
  }
  expect(drainOver(drain, policy, 60_000)).toBe('timeout');
  drain = observeTraffic(startDrain(0), { ...idle, streams: 1 }, 6000);
  drain = observeTraffic(drain, idle, 9000);
  expect(drainOver(drain, policy, 9000)).toBe('idle');
});

test('idle connections do not hold it', () => {
  let drain = startDrain(0);
  for (let now = 0; now <= 5000; now += 1000) drain = observeTraffic(drain, idle, now);
  expect(drainOver(drain, policy, 5000)).toBe('idle');
});

test('a proxy that was never seen is not taken for idle', () => {
  expect(drainOver(startDrain(0), policy, 30_000)).toBeUndefined();
  expect(drainOver(startDrain(0), policy, 60_000)).toBe('timeout');
});
