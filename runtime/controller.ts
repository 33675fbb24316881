/** Controllers: reconcile a key whenever something that matters to it changes. */
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { KubernetesObject, ObjectKey } from '../api/object.ts';
import { ApiError } from './apiError.ts';
import type { BackoffOptions } from './backoff.ts';
import type { CacheView, Change } from './cache.ts';
import { type RuntimeMetrics, runtimeMetrics } from './metrics.ts';
import { WorkQueue } from './workQueue.ts';

/** What a reconciliation asks for: nothing, or to be called again after a time. */
export interface ReconcileResult {
  /** Milliseconds. */
  requeueAfter?: number;
}

export interface ReconcileContext {
  /** Aborts when this process may not go on: it stops, or has lost the lease. Pass it on to requests. */
  readonly signal: AbortSignal;
  /** Has the controller and the key as fields. */
  readonly logger: Logger;
}

/**
 * Brings the world in line with one object. Level-based: it gets a key and reads the present state from caches; it may
 * be called more often than something changed, and one call may stand for many changes. An object that is gone is no error.
 * Throw for a transient fault, which is tried again with backoff; return for a user's mistake, which belongs in status.
 */
export type Reconcile = (key: ObjectKey, context: ReconcileContext) => Promise<ReconcileResult | void>;

/** A failure that trying again cannot mend: logged and counted, not retried until the object changes. */
export class TerminalError extends Error {
  override readonly name = 'TerminalError';
}

/** Objects of another kind and the keys to reconcile when one changes. */
export interface Watch<T extends KubernetesObject> {
  cache: CacheView<T>;
  /** Called with the object as it was and as it is. */
  map: (object: T, change: Change<T>) => Iterable<ObjectKey>;
  /** Changes that matter; default: all. */
  filter?: (change: Change<T>) => boolean;
}

export interface ControllerOptions<T extends KubernetesObject, Watched extends readonly KubernetesObject[] = []> {
  /** Label of metrics and logs. */
  name: string;
  /** The kind that is reconciled: each of its changes brings its key. */
  for: CacheView<T>;
  /** Changes of that kind that matter; default: all. See `generationChanged`. */
  filter?: (change: Change<T>) => boolean;
  /** Kinds whose objects this one owns: a change of one brings the key of its controlling owner. */
  owns?: readonly CacheView[];
  watches?: { readonly [Position in keyof Watched]: Watch<Watched[Position]> };
  reconcile: Reconcile;
  /** Keys reconciled at the same time; default 1. */
  concurrency?: number;
  backoff?: BackoffOptions;
  /** Whether only the replica that holds the lease runs it; default true. */
  leaderOnly?: boolean;
  logger: Logger;
  registry?: Registry | undefined;
}

/** One controller. The manager makes and runs it. */
export class Controller {
  readonly name: string;
  readonly leaderOnly: boolean;
  readonly #queue: WorkQueue<ObjectKey>;
  readonly #subscribe: (() => () => void)[];
  readonly #reconcile: Reconcile;
  readonly #logger: Logger;
  readonly #metrics: RuntimeMetrics | undefined;
  #subscriptions: (() => void)[] = [];
  #abort = new AbortController();

  constructor(
    options: Omit<ControllerOptions<KubernetesObject>, 'for' | 'filter' | 'owns' | 'watches'>,
    subscribe: Subscriptions,
  ) {
    const { name, registry, concurrency = 1 } = options;
    this.name = name;
    this.leaderOnly = options.leaderOnly ?? true;
    this.#logger = options.logger.child({ controller: name });
    this.#metrics = registry === undefined ? undefined : runtimeMetrics(registry);
    this.#reconcile = options.reconcile;
    this.#queue = new WorkQueue({
      name,
      logger: this.#logger,
      registry,
      concurrency,
      handle: (key) => this.#handle(key),
      onError: (key, error, failures) => this.#onError(key, error, failures),
      ...(options.backoff === undefined ? {} : { backoff: options.backoff }),
    });
    this.#subscribe = subscribe.map((source) => () => source((key) => this.#queue.add(key)));
    this.#metrics?.maxConcurrentReconciles.set({ controller: name }, concurrency);
  }

  /** Asks for a reconciliation that no change asks for. */
  enqueue(key: ObjectKey): void {
    this.#queue.add(key);
  }

  /** Takes up all keys there are, and then each that changes. The caches should have synced. */
  start(): void {
    this.#abort = new AbortController();
    this.#queue.start();
    this.#subscriptions = this.#subscribe.map((subscribe) => subscribe());
  }

  /**
   * Begins no reconciliation any more and waits for those that run; those still running after `graceMs` see their signal abort.
   * It can be started again.
   */
  async stop(graceMs: number): Promise<void> {
    for (const unsubscribe of this.#subscriptions.splice(0)) unsubscribe();
    const patience = setTimeout(() => this.#abort.abort(new Error(`Controller ${this.name} stops.`)), graceMs);
    try {
      await this.#queue.stop({ discard: true });
    } finally {
      clearTimeout(patience);
      this.#abort.abort(new Error(`Controller ${this.name} has stopped.`));
    }
  }

  async #handle(key: ObjectKey): Promise<ReconcileResult | void> {
    const labels = { controller: this.name };
    const endTimer = this.#metrics?.reconcileTime.startTimer(labels);
    this.#metrics?.activeWorkers.inc(labels);
    try {
      const result = await this.#reconcile(key, { signal: this.#abort.signal, logger: this.#logger.child({ key }) });
      this.#count(result?.requeueAfter === undefined ? 'success' : 'requeue_after');
      return result;
    } finally {
      this.#metrics?.activeWorkers.dec(labels);
      endTimer?.();
    }
  }

  #onError(key: ObjectKey, error: unknown, failures: number): 'retry' | 'drop' {
    const labels = { controller: this.name };
    if (this.#abort.signal.aborted) {
      this.#logger.debug({ err: error, key }, 'A reconciliation was broken off');
      return 'drop';
    }
    this.#count('error');
    this.#metrics?.reconcileErrors.inc(labels);
    if (error instanceof TerminalError) {
      this.#metrics?.terminalReconcileErrors.inc(labels);
      this.#logger.error({ err: error, key }, 'A reconciliation failed and is not tried again');
      return 'drop';
    }
    if (isBug(error)) {
      this.#metrics?.reconcilePanics.inc(labels);
      this.#logger.error({ err: error, key, failures }, 'A reconciliation failed by a bug');
    } else if (error instanceof ApiError && error.reason === 'Conflict') {
      // Someone else was faster; the next attempt reads what they wrote.
      this.#logger.debug({ err: error, key, failures }, 'A reconciliation met a conflict');
    } else {
      this.#logger.warn({ err: error, key, failures }, 'A reconciliation failed and is tried again');
    }
    return 'retry';
  }

  #count(result: string): void {
    this.#metrics?.reconcileTotal.inc({ controller: this.name, result });
  }
}

type Subscriptions = readonly ((enqueue: (key: ObjectKey) => void) => () => void)[];

/** Builds a controller from what it is for, what it owns and what it watches. */
export function controller<T extends KubernetesObject, const Watched extends readonly KubernetesObject[] = []>(
  options: ControllerOptions<T, Watched>,
): Controller {
  const sources: ((enqueue: (key: ObjectKey) => void) => () => void)[] = [
    (enqueue) =>
      options.for.onChange((change) => {
        if (options.filter?.(change) !== false) enqueue(change.key);
      }),
  ];
  for (const owned of options.owns ?? []) {
    sources.push(fromWatch({ cache: owned, map: (object) => ownerKeys(object, options.for) }));
  }
  for (const watch of (options.watches ?? []) as readonly Watch<KubernetesObject>[]) sources.push(fromWatch(watch));
  return new Controller(options, sources);
}

function fromWatch<T extends KubernetesObject>(watch: Watch<T>): Subscriptions[number] {
  return (enqueue) =>
    watch.cache.onChange((change) => {
      if (watch.filter?.(change) === false) return;
      // Both, so that what an object no longer refers to is reconciled as well.
      for (const object of [change.before, change.after]) {
        if (object !== undefined) for (const key of watch.map(object, change)) enqueue(key);
      }
    });
}

function ownerKeys(object: KubernetesObject, owners: CacheView): ObjectKey[] {
  const { group, kind, namespaced } = owners.resource;
  const owner = object.metadata.ownerReferences?.find((reference) => reference.controller === true);
  if (owner === undefined || owner.kind !== kind || groupOf(owner.apiVersion) !== group) return [];
  return [namespaced ? `${object.metadata.namespace}/${owner.name}` : owner.name];
}

function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf('/');
  return slash === -1 ? '' : apiVersion.slice(0, slash);
}

/** What JavaScript throws where code is wrong, and not the world. */
function isBug(error: unknown): boolean {
  return (
    !(error instanceof Error) ||
    error instanceof TypeError ||
    error instanceof RangeError ||
    error instanceof ReferenceError ||
    error instanceof SyntaxError
  );
}

/** Whether an object has not changed, and is only shown otherwise: in another version, or by another schema. */
export function isShownOtherwise({ before, after }: Change<KubernetesObject>): boolean {
  const { uid, resourceVersion } = after?.metadata ?? {};
  return (
    resourceVersion !== undefined &&
    resourceVersion === before?.metadata.resourceVersion &&
    uid === before?.metadata.uid
  );
}

/**
 * A filter: the desired state, a label, an annotation, a finalizer or the deletion of an object changed, not only its status.
 * For kinds with a generation.
 */
export function generationChanged(change: Change<KubernetesObject>): boolean {
  const before = change.before?.metadata;
  const after = change.after?.metadata;
  if (before === undefined || after === undefined) return true;
  return (
    isShownOtherwise(change) ||
    before.uid !== after.uid ||
    before.generation !== after.generation ||
    before.deletionTimestamp !== after.deletionTimestamp ||
    !sameJson(before.labels, after.labels) ||
    !sameJson(before.annotations, after.annotations) ||
    !sameJson(before.finalizers, after.finalizers)
  );
}

function sameJson(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
