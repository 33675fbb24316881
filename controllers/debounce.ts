/** Work on keys that may be asked for much more often than it needs to be done. */

export interface KeyedDebounceOptions {
  /** Does the work for a key. Must not throw. */
  run: (key: string) => void;
  /** Milliseconds between two runs for one key that nobody called urgent. */
  interval: number;
}

/** Runs at once for a key that was quiet, and at most once per interval for one that is not. */
export class KeyedDebounce {
  readonly #options: KeyedDebounceOptions;
  readonly #urgent = new Set<string>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #lastRun = new Map<string, number>();
  #scheduled: NodeJS.Immediate | undefined;

  constructor(options: KeyedDebounceOptions) {
    this.#options = options;
  }

  /** Asks for a run after the present tick; several requests of one tick make one run. */
  urgent(key: string): void {
    clearTimeout(this.#timers.get(key));
    this.#timers.delete(key);
    this.#urgent.add(key);
    this.#scheduled ??= setImmediate(() => {
      this.#scheduled = undefined;
      const keys = [...this.#urgent];
      this.#urgent.clear();
      for (const due of keys) this.#run(due);
    });
  }

  /** Asks for a run within the interval. */
  soon(key: string): void {
    if (this.#urgent.has(key) || this.#timers.has(key)) return;
    const wait = (this.#lastRun.get(key) ?? -Infinity) + this.#options.interval - performance.now();
    if (wait <= 0) {
      this.urgent(key);
      return;
    }
    this.#timers.set(
      key,
      setTimeout(() => {
        this.#timers.delete(key);
        this.urgent(key);
      }, wait),
    );
  }

  #run(key: string): void {
    this.#lastRun.set(key, performance.now());
    this.#options.run(key);
  }

  /** Forgets a key that is gone. */
  forget(key: string): void {
    clearTimeout(this.#timers.get(key));
    this.#timers.delete(key);
    this.#urgent.delete(key);
    this.#lastRun.delete(key);
  }

  /** Forgets all requests. */
  stop(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    this.#urgent.clear();
    if (this.#scheduled !== undefined) clearImmediate(this.#scheduled);
    this.#scheduled = undefined;
  }
}
