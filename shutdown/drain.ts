/** When a proxy that is told to stop may stop: a pure judgement over what was seen, the time given by the caller. */
import type { Traffic } from './traffic.ts';

export interface DrainPolicy {
  /** Milliseconds after which it stops whatever is in flight. */
  timeout: number;
  /** Milliseconds in which new connections may still come, because not everyone knows yet that this Pod goes. */
  settle: number;
  /** Milliseconds without a request after which connections that are still open count as idle. */
  quiet: number;
}

/** What a drain has seen so far. */
export interface Drain {
  startedAt: number;
  /** When a request was last seen to come or to be in flight, or a stream to be open. */
  busyAt: number;
  last: Traffic | undefined;
}

/** A drain that begins now, in milliseconds of any steady clock. */
export function startDrain(now: number): Drain {
  return { startedAt: now, busyAt: now, last: undefined };
}

/** Adds one look at the proxy. */
export function observeTraffic(drain: Drain, traffic: Traffic, now: number): Drain {
  const busy = traffic.requests > 0 || traffic.streams > 0 || traffic.requestsTotal !== drain.last?.requestsTotal;
  return { ...drain, last: traffic, busyAt: busy ? now : drain.busyAt };
}

/**
 * Why the drain is over, or undefined while it is not. HTTP connections that are open with nothing in flight do not hold it
 * for long: everyone who sent something in the meantime was asked to close by Envoy's own graceful drain. Whoever is at the
 * other end of a stream cannot be asked, and has until the timeout.
 */
export function drainOver(
  drain: Drain,
  policy: DrainPolicy,
  now: number,
): 'no connections' | 'idle' | 'timeout' | undefined {
  const elapsed = now - drain.startedAt;
  if (elapsed >= policy.timeout) return 'timeout';
  if (drain.last === undefined || elapsed < policy.settle) return undefined;
  if (drain.last.connections === 0 && drain.last.requests === 0) return 'no connections';
  if (drain.last.requests === 0 && drain.last.streams === 0 && now - drain.busyAt >= policy.quiet) return 'idle';
  return undefined;
}
