/**
 * The one writer of status. Controllers and translations contribute what they know of an object; the writer joins the
 * contributions, compares with what is there, and writes whole lists with the resource version as the precondition,
 * because route parents and Gateway addresses are atomic lists in which other controllers have entries.
 */
import type { Logger } from 'pino';
import type { Counter } from 'prom-client';
import type { KubernetesObject, ObjectKey } from '../../api/object.ts';
import type { Cache } from '../../runtime/cache.ts';
import type { Client } from '../../runtime/client.ts';
import { isConflict, isNotFound } from '../../runtime/apiError.ts';
import { backoffDelay } from '../../runtime/backoff.ts';
import { conditionTime, type ExistingCondition } from './conditions.ts';
import { jsonEqual } from './equal.ts';
import { FairQueue } from './fairQueue.ts';
import { type Transition, transitions } from './transitions.ts';

/** A kind whose status is written, and how the contributions become a status. */
export interface StatusKind<T extends KubernetesObject, Contribution> {
  cache: Cache<T>;
  /**
   * The status as it must be now; undefined to leave it as it is. Pure, and its fields are all that is written: fields of
   * the status that are not in it stay, those that are in it and undefined are removed.
   */
  join: (object: T, contributions: ReadonlyMap<string, Contribution>, now: string) => object | undefined;
  /** Whether a contribution waits for something that usually comes in a moment, so that one write can tell both. */
  isPending?: (contribution: Contribution) => boolean;
  /**
   * Whether a contribution differs from the one before only in what may be told a little later, such as a count. Its write
   * is held back, so that it does not stand in the way of the change that has caused it.
   */
  isMinor?: (before: Contribution, now: Contribution) => boolean;
  /** The conditions in a status, by what they are about, for Events on their transitions. */
  conditions: (object: T) => ReadonlyMap<string, readonly ExistingCondition[]>;
}

/** Where the contributions to one kind go. */
export interface StatusSink<Contribution> {
  /** What `source` says of an object from now on; undefined where it says nothing any more. */
  contribute(key: ObjectKey, source: string, contribution: Contribution | undefined): void;
  /** Looks at an object again, whose surroundings changed. */
  refresh(key: ObjectKey): void;
}

export interface StatusWriterOptions {
  client: Client;
  logger: Logger;
  now: () => Date;
  /** Told of each condition that changed for others to know, after it was written. */
  onTransition: (object: KubernetesObject, transition: Transition) => void;
  writes?: Counter<'kind' | 'result'>;
  /** Writes under way at the same time. */
  concurrency?: number;
  /** How long a pending contribution may wait for more, in milliseconds. */
  holdMs?: number;
  /** How long a minor one waits. */
  minorHoldMs?: number;
}

/** One object to write, with its kind's type closed over. */
interface Entry {
  group: string;
  write: () => Promise<'done' | 'again'>;
}

const retry = { initialMs: 50, maximumMs: 30_000 };
/** Conflicts in a row after which others get their turn first. */
const conflictsInARow = 4;

export class StatusWriter {
  readonly #options: StatusWriterOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #queue = new FairQueue();
  readonly #held = new Map<string, NodeJS.Timeout>();
  readonly #working = new Set<string>();
  readonly #again = new Set<string>();
  readonly #failures = new Map<string, number>();
  #refreshAll: (() => void)[] = [];
  #running = false;
  #scheduled = false;
  #idle: (() => void)[] = [];

  constructor(options: StatusWriterOptions) {
    this.#options = options;
  }

  /** Adds a kind. Its contributions are kept, and written while the writer runs. */
  register<T extends KubernetesObject, Contribution>(kind: StatusKind<T, Contribution>): StatusSink<Contribution> {
    const contributions = new Map<ObjectKey, Map<string, Contribution>>();
    /** What the last write gave, as long as the cache still shows what it was written over. */
    const written = new Map<ObjectKey, { over: string | undefined; object: T }>();
    const name = kind.cache.resource.kind;
    const none: ReadonlyMap<string, Contribution> = new Map();
    const current = (key: ObjectKey): T | undefined => {
      const cached = kind.cache.get(key);
      const own = written.get(key);
      if (own === undefined) return cached;
      if (cached !== undefined && cached.metadata.resourceVersion === own.over) return own.object;
      written.delete(key);
      return cached;
    };
    const statusOf = (key: ObjectKey, object: T): object | undefined =>
      kind.join(object, contributions.get(key) ?? none, conditionTime(this.#options.now()));

    const write = async (key: ObjectKey): Promise<'done' | 'again'> => {
      let object = current(key);
      for (let attempt = 0; ; attempt++) {
        if (object === undefined) return 'done';
        const status = statusOf(key, object);
        if (status === undefined || isWritten(object.status, status)) return 'done';
        const over = object.metadata.resourceVersion;
        try {
          const result: T = await this.#options.client.mergePatch(
            kind.cache.resource,
            key,
            { metadata: { resourceVersion: over, uid: object.metadata.uid }, status: withNulls(status) },
            { subresource: 'status' },
          );
          this.#options.writes?.inc({ kind: name, result: 'success' });
          // A re-read object is newer than the cache, which then shows something between.
          if (kind.cache.get(key)?.metadata.resourceVersion === over) written.set(key, { over, object: result });
          for (const transition of transitions(kind.conditions(object), kind.conditions(result))) {
            this.#options.onTransition(result, transition);
          }
          return 'done';
        } catch (error) {
          if (isNotFound(error)) return 'done';
          if (!isConflict(error)) {
            this.#options.writes?.inc({ kind: name, result: 'error' });
            throw error;
          }
          this.#options.writes?.inc({ kind: name, result: 'conflict' });
          if (attempt >= conflictsInARow) return 'again';
          object = await this.#options.client.find(kind.cache.resource, key);
        }
      }
    };

    const enqueue = (key: ObjectKey, holdMs: number): void => {
      const id = `${name} ${key}`;
      if (!this.#entries.has(id)) {
        this.#entries.set(id, { group: `${name} ${key.split('/')[0]}`, write: () => write(key) });
      }
      if (holdMs > 0) this.#hold(id, holdMs);
      else this.#add(id);
    };
    const refresh = (key: ObjectKey, isMinor = false): void => {
      if (kind.cache.get(key) === undefined) return;
      const { holdMs = 300, minorHoldMs = 500 } = this.#options;
      enqueue(key, isMinor ? minorHoldMs : this.#anyPending(kind, contributions.get(key)) ? holdMs : 0);
    };

    kind.cache.onChange(({ key, after }) => {
      if (after === undefined) {
        written.delete(key);
        return;
      }
      // The echo of our own write has nothing new.
      if (written.get(key)?.object.metadata.resourceVersion === after.metadata.resourceVersion) return;
      if (contributions.has(key)) refresh(key);
    });
    this.#refreshAll.push(() => {
      for (const key of contributions.keys()) refresh(key);
    });
    return {
      contribute: (key, source, contribution) => {
        let sources = contributions.get(key);
        const before = sources?.get(source);
        if (contribution === undefined) {
          if (sources?.delete(source) !== true) return;
          if (sources.size === 0) contributions.delete(key);
        } else {
          if (sources === undefined) {
            sources = new Map();
            contributions.set(key, sources);
          }
          sources.set(source, contribution);
        }
        // Said again while a count is held back: that still waits.
        if (before !== undefined && contribution !== undefined && jsonEqual(before, contribution)) return;
        refresh(
          key,
          before !== undefined && contribution !== undefined && kind.isMinor?.(before, contribution) === true,
        );
      },
      refresh: (key) => refresh(key),
    };
  }

  #anyPending<T extends KubernetesObject, Contribution>(
    kind: StatusKind<T, Contribution>,
    sources: ReadonlyMap<string, Contribution> | undefined,
  ): boolean {
    if (kind.isPending === undefined || sources === undefined) return false;
    for (const contribution of sources.values()) if (kind.isPending(contribution)) return true;
    return false;
  }

  /** Begins to write: from now on this process is the leader. */
  start(): void {
    this.#running = true;
    for (const refresh of this.#refreshAll) refresh();
    this.#schedule();
  }

  /** Writes what waits, without holding anything back, and then no more. */
  async stop(): Promise<void> {
    for (const id of this.#held.keys()) this.#release(id);
    if (this.#running && (this.#queue.size > 0 || this.#working.size > 0)) {
      await new Promise<void>((resolve) => {
        this.#idle.push(resolve);
      });
    }
    this.#running = false;
  }

  #hold(id: string, milliseconds: number): void {
    if (!this.#running || this.#held.has(id)) return;
    this.#held.set(
      id,
      setTimeout(() => this.#release(id), milliseconds),
    );
  }

  #release(id: string): void {
    clearTimeout(this.#held.get(id));
    this.#held.delete(id);
    this.#add(id);
  }

  #add(id: string): void {
    const entry = this.#entries.get(id);
    if (!this.#running || entry === undefined) return;
    clearTimeout(this.#held.get(id));
    this.#held.delete(id);
    if (this.#working.has(id)) this.#again.add(id);
    else this.#queue.add(entry.group, id);
    this.#schedule();
  }

  /** Writing begins after the code that contributes has ended, so that contributions of one moment make one write. */
  #schedule(): void {
    if (this.#scheduled || !this.#running) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#pump();
    });
  }

  #pump(): void {
    while (this.#running && this.#working.size < (this.#options.concurrency ?? 8)) {
      const id = this.#queue.take();
      if (id === undefined) break;
      void this.#work(id);
    }
    if (this.#queue.size === 0 && this.#working.size === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  async #work(id: string): Promise<void> {
    this.#working.add(id);
    try {
      const result = (await this.#entries.get(id)?.write()) ?? 'done';
      this.#failures.delete(id);
      if (result === 'again') this.#again.add(id);
      // What was contributed in the meantime still needs it.
      else if (!this.#again.has(id) && !this.#held.has(id)) this.#entries.delete(id);
    } catch (error) {
      const failures = (this.#failures.get(id) ?? 0) + 1;
      this.#failures.set(id, failures);
      const delay = backoffDelay(retry, failures - 1);
      this.#options.logger.warn({ err: error, object: id, delay }, 'A status could not be written; it is tried again.');
      this.#held.set(
        id,
        setTimeout(() => this.#release(id), delay),
      );
    } finally {
      this.#working.delete(id);
      if (this.#again.delete(id)) this.#add(id);
      this.#schedule();
    }
  }
}

/** Whether the status has all that is to be written, and nothing in its place that is to go. */
function isWritten(existing: unknown, status: object): boolean {
  const fields = new Map(typeof existing === 'object' && existing !== null ? Object.entries(existing) : []);
  return Object.entries(status).every(([field, value]) => jsonEqual(fields.get(field), value));
}

/** A merge patch removes what is null. */
function withNulls(status: object): object {
  return Object.fromEntries(
    Object.entries(status).map(([field, value]) => [field, value === undefined ? null : value]),
  );
}
