/**
 * Leader election over a Lease: of all replicas at most one leads.
 *
 * The algorithm is client-go's (tools/leaderelection). It compares no clocks of different machines: a lease has expired
 * when its record has not changed for `leaseDurationMs` by the own monotonic clock; the times written into it are for people.
 */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { KubernetesObject } from '../api/object.ts';
import { ApiError, isAlreadyExists, isConflict } from './apiError.ts';
import { sleep } from './backoff.ts';
import type { Client } from './client.ts';
import { type RuntimeMetrics, runtimeMetrics } from './metrics.ts';
import { defineResource } from './resource.ts';

/** Source: Kubernetes API reference, coordination.k8s.io/v1 Lease. */
export interface LeaseSpec {
  holderIdentity?: string;
  leaseDurationSeconds?: number;
  /** With microseconds. */
  acquireTime?: string;
  renewTime?: string;
  leaseTransitions?: number;
}

export type Lease = KubernetesObject<LeaseSpec>;

export const leases = defineResource<Lease>({
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
});

export interface LeaderElectionOptions {
  client: Client;
  namespace: string;
  /** Name of the Lease. */
  name: string;
  /** Who this is: default the host name and a random part. */
  identity?: string;
  /** Others wait this long after the last renewal they saw, in milliseconds; default 15,000. */
  leaseDurationMs?: number;
  /** The leader stops leading when it could not renew for this long, in milliseconds; default 10,000. Less than the lease duration. */
  renewDeadlineMs?: number;
  /** Between attempts, in milliseconds; default 2,000. Less than the renew deadline. */
  retryPeriodMs?: number;
  logger: Logger;
  registry?: Registry | undefined;
  /** Called when this replica begins to lead. */
  onStartedLeading?: () => void;
  /** Called when it leads no longer; the lease is given back only after what this returns has ended. */
  onStoppedLeading?: () => Promise<void> | void;
  /** Called when the leader is another than before, with its identity. */
  onNewLeader?: (identity: string) => void;
}

/** One candidate. */
export class LeaderElection {
  readonly identity: string;
  readonly #options: LeaderElectionOptions;
  readonly #leaseDurationMs: number;
  readonly #renewDeadlineMs: number;
  readonly #retryPeriodMs: number;
  readonly #metrics: RuntimeMetrics | undefined;
  /** The lease as it was last read or written. */
  #observed: Lease | undefined;
  /** When `#observed` last changed, by the monotonic clock. */
  #observedAt = 0;
  /** When the last successful renewal was begun, by the monotonic clock. */
  #renewedAt = 0;
  #leading = false;
  #problem: string | undefined;
  /** Whether the Lease was ever held, by this replica or another. */
  #hasBegun = false;
  #reportedLeader: string | undefined;
  #running: { abort: AbortController; ended: Promise<void> } | undefined;

  constructor(options: LeaderElectionOptions) {
    this.#options = options;
    this.identity = options.identity ?? `${hostname()}_${randomUUID()}`;
    this.#leaseDurationMs = options.leaseDurationMs ?? 15_000;
    this.#renewDeadlineMs = options.renewDeadlineMs ?? 10_000;
    this.#retryPeriodMs = options.retryPeriodMs ?? 2_000;
    if (this.#renewDeadlineMs >= this.#leaseDurationMs)
      throw new RangeError('renewDeadlineMs must be less than leaseDurationMs.');
    if (this.#retryPeriodMs * 1.2 >= this.#renewDeadlineMs)
      throw new RangeError('retryPeriodMs must be less than renewDeadlineMs / 1.2.');
    this.#metrics = options.registry === undefined ? undefined : runtimeMetrics(options.registry);
    this.#metrics?.leaderElectionMaster.set({ name: options.name }, 0);
  }

  /** Whether this replica leads. Answers by the clock, so that a process that was held up does not believe it leads still. */
  isLeader(): boolean {
    return this.#leading && performance.now() - this.#renewedAt < this.#renewDeadlineMs;
  }

  /**
   * Why this replica cannot lead, in one sentence, where the API server forbids it the Lease. Undefined once it has led or
   * has seen another lead, whatever comes later: a replica that has started serves on without the Lease.
   */
  problem(): string | undefined {
    return this.#problem;
  }

  /** Identity of the leader, as far as known. */
  get leader(): string | undefined {
    const holder = this.#observed?.spec?.holderIdentity;
    return holder === '' ? undefined : holder;
  }

  /** Begins to stand for election; again after each loss. */
  start(): void {
    if (this.#running !== undefined) return;
    const abort = new AbortController();
    this.#running = { abort, ended: this.#run(abort.signal) };
  }

  /** Stops leading and gives the lease back, so that another can take it at once. */
  async stop(): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    running.abort.abort();
    await running.ended;
    this.#running = undefined;
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { logger, name } = this.#options;
    while (!signal.aborted) {
      if (!(await this.#acquire(signal))) break;
      logger.info({ lease: name, identity: this.identity }, 'This replica leads');
      this.#leading = true;
      this.#metrics?.leaderElectionMaster.set({ name }, 1);
      this.#call(this.#options.onStartedLeading);
      await this.#renewUntilLost(signal);
      this.#leading = false;
      this.#metrics?.leaderElectionMaster.set({ name }, 0);
      if (!signal.aborted)
        logger.error({ lease: name, identity: this.identity }, 'This replica lost the lease and leads no longer');
      try {
        await this.#options.onStoppedLeading?.();
      } catch (error) {
        logger.error({ err: error, lease: name }, 'Stopping to lead failed');
      }
      if (signal.aborted) await this.#release();
    }
  }

  async #acquire(signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted) {
      if (await this.#tryAcquireOrRenew(signal)) return true;
      // Spread, so that candidates do not collide.
      await sleep(this.#retryPeriodMs * (1 + 0.2 * Math.random()), signal);
    }
    return false;
  }

  /** Ends when the lease was not renewed for the renew deadline, was taken by another, or the signal aborts. */
  async #renewUntilLost(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(this.#retryPeriodMs, signal);
      if (signal.aborted) return;
      if (await this.#renewBeforeDeadline(signal)) continue;
      return;
    }
  }

  async #renewBeforeDeadline(signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted) {
      const remaining = this.#renewedAt + this.#renewDeadlineMs - performance.now();
      if (remaining <= 0) return false;
      // One attempt may not use up all of the time that is left: its answer may be lost.
      if (await this.#tryAcquireOrRenew(signal, remaining)) return true;
      const holder = this.leader;
      if (holder !== undefined && holder !== this.identity) return false;
      const left = this.#renewedAt + this.#renewDeadlineMs - performance.now();
      await sleep(Math.max(0, Math.min(this.#retryPeriodMs, left)), signal);
    }
    return true;
  }

  async #tryAcquireOrRenew(signal: AbortSignal, remainingMs = this.#renewDeadlineMs): Promise<boolean> {
    const { client, name, namespace, logger } = this.#options;
    const timeoutMs = Math.max(1, Math.min(remainingMs, this.#renewDeadlineMs / 2));
    const started = performance.now();
    const key = { namespace, name };
    const now = microTime(new Date());
    try {
      if (this.#leading && this.#observed?.spec?.holderIdentity === this.identity) {
        // The fast path: the lease should still be as it was written last.
        try {
          const renewed = { ...this.#observed, spec: { ...this.#observed.spec, renewTime: now } };
          this.#observe(await client.update(leases, renewed, { signal, timeoutMs }));
          this.#renewedAt = started;
          return true;
        } catch (error) {
          if (!isConflict(error)) throw error;
          this.#metrics?.leaderElectionSlowpath.inc({ name });
        }
      }
      const current = await client.find(leases, key, { signal, timeoutMs });
      if (current === undefined) {
        const created = await client.create(
          leases,
          { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: key, spec: this.#spec(now, now, 0) },
          { signal, timeoutMs },
        );
        this.#observe(created);
        this.#begun();
        this.#renewedAt = started;
        return true;
      }
      if (current.metadata.resourceVersion !== this.#observed?.metadata.resourceVersion) this.#observe(current);
      const { holderIdentity = '', leaseTransitions = 0, acquireTime, leaseDurationSeconds } = current.spec ?? {};
      const mine = holderIdentity === this.identity;
      // The holder's own duration counts: it may be configured otherwise.
      const durationMs = Math.max(this.#leaseDurationMs, (leaseDurationSeconds ?? 0) * 1000);
      if (!mine && holderIdentity !== '' && performance.now() < this.#observedAt + durationMs) {
        this.#begun();
        return false;
      }
      const spec = mine
        ? this.#spec(acquireTime ?? now, now, leaseTransitions)
        : this.#spec(now, now, leaseTransitions + 1);
      this.#observe(await client.update(leases, { ...current, spec }, { signal, timeoutMs }));
      this.#begun();
      this.#renewedAt = started;
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      this.#problem = this.#hasBegun ? undefined : hopeless(error, namespace, name);
      if (isConflict(error) || isAlreadyExists(error))
        logger.debug({ err: error, lease: name }, 'Another candidate was faster');
      else
        logger.warn(
          { err: error, lease: name, leading: this.#leading },
          `The lease ${namespace}/${name} cannot be ${this.#leading ? 'renewed' : 'acquired'}`,
        );
      return false;
    }
  }

  #begun(): void {
    this.#hasBegun = true;
    this.#problem = undefined;
  }

  #spec(acquireTime: string, renewTime: string, leaseTransitions: number): LeaseSpec {
    return {
      holderIdentity: this.identity,
      leaseDurationSeconds: Math.ceil(this.#leaseDurationMs / 1000),
      acquireTime,
      renewTime,
      leaseTransitions,
    };
  }

  #observe(lease: Lease): void {
    this.#observed = lease;
    this.#observedAt = performance.now();
    const leader = this.leader;
    if (leader === undefined || leader === this.#reportedLeader) return;
    this.#reportedLeader = leader;
    this.#options.logger.info({ lease: this.#options.name, leader }, 'There is a new leader');
    this.#call(this.#options.onNewLeader, leader);
  }

  async #release(): Promise<void> {
    const { client, logger, name, namespace } = this.#options;
    const timeoutMs = this.#renewDeadlineMs / 2;
    let lease = this.#observed;
    this.#observed = undefined;
    try {
      for (let attempt = 0; lease?.spec?.holderIdentity === this.identity; attempt++) {
        const now = microTime(new Date());
        const { leaseTransitions = 0 } = lease.spec;
        const spec = {
          holderIdentity: '',
          leaseDurationSeconds: 1,
          acquireTime: now,
          renewTime: now,
          leaseTransitions,
        };
        try {
          await client.update(leases, { ...lease, spec }, { timeoutMs });
          return;
        } catch (error) {
          // A renewal that was broken off may have been stored.
          if (!isConflict(error) || attempt > 0) throw error;
          lease = await client.find(leases, { namespace, name }, { timeoutMs });
        }
      }
    } catch (error) {
      logger.warn({ err: error, lease: name }, 'The lease could not be given back: others wait until it expires');
    }
  }

  #call<A extends unknown[]>(callback: ((...parameters: A) => void) | undefined, ...parameters: A): void {
    try {
      callback?.(...parameters);
    } catch (error) {
      this.#options.logger.error({ err: error, lease: this.#options.name }, 'A callback of the leader election failed');
    }
  }
}

/** `MicroTime` of the Kubernetes API. */
export function microTime(date: Date): string {
  return date.toISOString().replace('Z', '000Z');
}

/** Why nobody will ever hold the Lease, in one sentence that says what to do; undefined for a fault that may pass. */
function hopeless(error: unknown, namespace: string, name: string): string | undefined {
  if (!(error instanceof ApiError)) return undefined;
  if (error.reason === 'Forbidden')
    return `The Lease ${namespace}/${name} cannot be had: ${error.message}. Allow get, create and update in the operator's RBAC role.`;
  // Of a Lease that is missing nobody complains: it is created.
  if (error.reason === 'NotFound')
    return `The Lease ${namespace}/${name} cannot be created: ${error.message}. Create the namespace ${namespace}, or start the operator with the one that it runs in.`;
  return undefined;
}
