/** A queue of keys to handle: each at most once at a time, again after a failure, later on request. */
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { type BackoffOptions, backoffDelay } from './backoff.ts';
import { type RuntimeMetrics, runtimeMetrics } from './metrics.ts';

export interface WorkQueueOptions<Key> {
  /** Label of the metrics. */
  name: string;
  /**
   * Handles a key. What it throws brings the key back with backoff (`onError` may decide otherwise).
   * `requeueAfter` brings it back after so many milliseconds.
   */
  handle: (key: Key) => Promise<{ requeueAfter?: number } | void>;
  /** Told of each failure; returns whether to try again. Default: logged, and tried again. */
  onError?: (key: Key, error: unknown, failures: number) => 'retry' | 'drop';
  /** Keys handled at the same time; default 1. */
  concurrency?: number;
  /** Between failures of one key; default 10 ms to 60 s. */
  backoff?: BackoffOptions;
  logger: Logger;
  registry?: Registry | undefined;
}

const defaultBackoff: BackoffOptions = { initialMs: 10, maximumMs: 60_000 };
/** After so long without a pause other work of the process gets its turn, in milliseconds. */
const sliceMs = 5;
/** `setTimeout` fires at once beyond 2^31-1 ms. */
const longestTimerMs = 2 ** 31 - 1;

/**
 * Handles keys one after another, or `concurrency` at a time.
 *
 * - A key that waits is not added twice; one that is added while it is handled is handled again afterwards, never twice at once.
 * - Keys are handled in the order in which they were added.
 * - A failed key comes back after a delay that grows with each failure in a row.
 */
export class WorkQueue<Key> {
  readonly #options: WorkQueueOptions<Key>;
  readonly #concurrency: number;
  /** Ready keys and since when, in order. */
  readonly #ready = new Map<Key, number>();
  /** Keys in work and since when. */
  readonly #working = new Map<Key, number>();
  /** Keys that were added while in work. */
  readonly #again = new Set<Key>();
  readonly #later = new Map<Key, { at: number; timer: NodeJS.Timeout }>();
  readonly #failures = new Map<Key, number>();
  readonly #metrics: RuntimeMetrics | undefined;
  #state: 'stopped' | 'running' | 'draining' = 'stopped';
  #scheduled = false;
  #sliceEnd = 0;
  #idle: (() => void)[] = [];
  #endCollection: (() => void) | undefined;

  constructor(options: WorkQueueOptions<Key>) {
    this.#options = options;
    this.#concurrency = options.concurrency ?? 1;
    this.#metrics = options.registry === undefined ? undefined : runtimeMetrics(options.registry);
  }

  /** Number of keys that are ready and wait. */
  get length(): number {
    return this.#ready.size;
  }

  /** Number of keys in work. */
  get working(): number {
    return this.#working.size;
  }

  /** Failures in a row of a key. */
  failures(key: Key): number {
    return this.#failures.get(key) ?? 0;
  }

  /** Adds a key, to be handled as soon as possible. */
  add(key: Key): void {
    if (this.#state === 'draining') return;
    if (this.#working.has(key)) {
      if (this.#again.has(key)) return;
      this.#again.add(key);
    } else {
      if (this.#ready.has(key)) return;
      this.#ready.set(key, performance.now());
      this.#observeDepth();
    }
    this.#metrics?.workqueueAdds.inc({ name: this.#options.name });
    this.#schedule();
  }

  /** Adds a key after a time, in milliseconds; of several times for one key the earliest counts. */
  addAfter(key: Key, milliseconds: number): void {
    if (this.#state === 'draining') return;
    if (milliseconds <= 0) {
      this.add(key);
      return;
    }
    const at = performance.now() + milliseconds;
    const waiting = this.#later.get(key);
    if (waiting !== undefined) {
      if (waiting.at <= at) return;
      clearTimeout(waiting.timer);
    }
    this.#later.set(key, { at, timer: this.#timer(key, at) });
  }

  /** Begins to handle keys, those that were added before as well. */
  start(): void {
    if (this.#state === 'running') return;
    this.#state = 'running';
    this.#metrics?.workqueueDepth.set({ name: this.#options.name }, this.#ready.size);
    this.#endCollection ??= this.#metrics?.onCollect(() => this.#collect());
    this.#schedule();
  }

  /**
   * Takes no more keys, handles those that are ready (unless `discard` is set), forgets those that would come later, and
   * resolves once none is in work. It can be started again.
   */
  async stop(options: { discard?: boolean } = {}): Promise<void> {
    const wasRunning = this.#state === 'running';
    this.#state = 'draining';
    for (const { timer } of this.#later.values()) clearTimeout(timer);
    this.#later.clear();
    this.#failures.clear();
    if (options.discard === true || !wasRunning) {
      this.#ready.clear();
      this.#again.clear();
      this.#observeDepth();
    }
    if (this.#working.size > 0 || this.#ready.size > 0) {
      await new Promise<void>((resolve) => {
        this.#idle.push(resolve);
        this.#schedule();
      });
    }
    this.#endCollection?.();
    this.#endCollection = undefined;
    this.#state = 'stopped';
  }

  #timer(key: Key, at: number): NodeJS.Timeout {
    const wait = at - performance.now();
    return setTimeout(
      () => {
        if (at - performance.now() > 1) {
          // Longer than a timer can be: wait on.
          this.#later.set(key, { at, timer: this.#timer(key, at) });
          return;
        }
        this.#later.delete(key);
        this.add(key);
      },
      Math.min(Math.max(wait, 1), longestTimerMs),
    );
  }

  /** Handling begins after the code that adds keys has ended, so that several changes at once make one run. */
  #schedule(): void {
    if (this.#scheduled || this.#state === 'stopped') return;
    this.#scheduled = true;
    if (performance.now() < this.#sliceEnd) {
      queueMicrotask(() => this.#pump());
    } else {
      setImmediate(() => {
        this.#sliceEnd = performance.now() + sliceMs;
        this.#pump();
      });
    }
  }

  #pump(): void {
    this.#scheduled = false;
    while (this.#working.size < this.#concurrency) {
      const next = this.#ready.entries().next();
      if (next.done === true) break;
      if (performance.now() >= this.#sliceEnd) {
        this.#schedule();
        return;
      }
      const [key, since] = next.value;
      this.#ready.delete(key);
      this.#observeDepth();
      this.#metrics?.workqueueQueueDuration.observe({ name: this.#options.name }, (performance.now() - since) / 1000);
      void this.#work(key);
    }
    if (this.#working.size === 0 && this.#ready.size === 0) {
      for (const resolve of this.#idle.splice(0)) resolve();
    }
  }

  async #work(key: Key): Promise<void> {
    const { name, handle, logger } = this.#options;
    const started = performance.now();
    this.#working.set(key, started);
    try {
      const result = await handle(key);
      this.#failures.delete(key);
      if (result?.requeueAfter !== undefined) this.addAfter(key, result.requeueAfter);
    } catch (error) {
      const failures = this.failures(key) + 1;
      let decision: 'retry' | 'drop' = 'retry';
      if (this.#options.onError === undefined)
        logger.error({ err: error, queue: name, key, failures }, 'Handling a key failed');
      else decision = this.#options.onError(key, error, failures);
      if (decision === 'drop' || this.#state === 'draining') {
        this.#failures.delete(key);
      } else {
        this.#failures.set(key, failures);
        this.#metrics?.workqueueRetries.inc({ name });
        this.addAfter(key, backoffDelay(this.#options.backoff ?? defaultBackoff, failures - 1));
      }
    } finally {
      this.#working.delete(key);
      this.#metrics?.workqueueWorkDuration.observe({ name }, (performance.now() - started) / 1000);
      if (this.#again.delete(key)) {
        this.#ready.set(key, performance.now());
        this.#observeDepth();
      }
      this.#schedule();
    }
  }

  #observeDepth(): void {
    this.#metrics?.workqueueDepth.set({ name: this.#options.name }, this.#ready.size);
  }

  #collect(): void {
    const { name } = this.#options;
    const now = performance.now();
    let sum = 0;
    let longest = 0;
    for (const started of this.#working.values()) {
      sum += now - started;
      longest = Math.max(longest, now - started);
    }
    this.#metrics?.workqueueUnfinishedWork.set({ name }, sum / 1000);
    this.#metrics?.workqueueLongestRunning.set({ name }, longest / 1000);
  }
}
