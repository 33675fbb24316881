/**
 * Keeps a sink up to date with what the API server has of a kind: one stream of complete replacements and single
 * changes that never ends by itself.
 *
 * The state machine is that of client-go's reflector: a list (streamed as WatchList where the API server has it, in
 * pages else), then watches from its resource version, each from where the last one ended. Only an expired resource
 * version (410) leads back to a list. Any other failure is told and tried again with backoff; the sink keeps what it has.
 */
import type { Logger } from 'pino';
import type { KubernetesObject } from '../api/object.ts';
import { ApiError, isExpired } from './apiError.ts';
import { type BackoffOptions, backoffDelay, sleep } from './backoff.ts';
import type { Client, Selection, WatchEvent } from './client.ts';
import type { RuntimeMetrics } from './metrics.ts';
import { type Resource, resourceName } from './resource.ts';

/** What the reflector feeds. It may not throw. */
export interface ReflectorSink<T> {
  /** Makes an object as small as it will be kept; called once for each as it comes, before the other functions get it. */
  prepare(object: T): T;
  /** All objects that exist: what is not among them is gone. */
  replace(objects: T[]): void;
  /** An object was added or changed. */
  set(object: T): void;
  /** An object was deleted; this is its last state. */
  delete(object: T): void;
  /** The last attempt failed (and is tried again), or all is well again (undefined). */
  failed(error: ReflectorError | undefined): void;
}

/** Why a cache is not up to date. */
export interface ReflectorError {
  /** The API server's reason, or `NotServed` where it does not know the kind. */
  reason: string;
  /** One sentence for logs and readiness that says what to do. */
  message: string;
  cause: unknown;
}

export interface ReflectorOptions<T extends KubernetesObject> {
  client: Client;
  resource: Resource<T>;
  selection: Selection;
  sink: ReflectorSink<T>;
  logger: Logger;
  metrics?: RuntimeMetrics | undefined;
  tuning?: ReflectorTuning | undefined;
}

/** Times and sizes; the defaults are for production. */
export interface ReflectorTuning {
  /** Between failed attempts; default 200 ms to 15 s. */
  backoff?: BackoffOptions;
  /** The API server ends a watch after this time, doubled at random; default 300 s (client-go's). */
  watchSeconds?: number;
  /** A watch that is silent for this long is opened anew, in milliseconds; default 180,000. Bookmarks come once a minute. */
  idleTimeoutMs?: number;
  /** Objects per list request; default 500. */
  pageSize?: number;
  /** Whether to try WatchList first; default true. */
  watchList?: boolean;
}

const defaultBackoff: BackoffOptions = { initialMs: 200, maximumMs: 15_000 };
const initialEventsEnd = 'k8s.io/initial-events-end';
/** A watch shorter than this, without an event, is a failure in all but name. Source: client-go, reflector.go, "very short watch". */
const shortWatchMs = 1000;

/** Runs until its signal aborts. */
export class Reflector<T extends KubernetesObject> {
  readonly #options: ReflectorOptions<T>;
  readonly #name: string;
  #watchList: boolean;
  #resourceVersion: string | undefined;
  /** Failed attempts in a row. */
  #failures = 0;
  /** The sink was told of a failure. */
  #failing = false;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#name = resourceName(options.resource);
    this.#watchList = options.tuning?.watchList ?? true;
  }

  /** Lists and watches until the signal aborts; never throws. */
  async run(signal: AbortSignal): Promise<void> {
    const { logger, metrics, sink, tuning } = this.#options;
    while (!signal.aborted) {
      try {
        if (this.#resourceVersion === undefined) await this.#list(signal);
        else await this.#watch(signal);
      } catch (error) {
        if (signal.aborted) return;
        if (isExpired(error) && this.#resourceVersion !== undefined) {
          logger.debug({ resource: this.#name, err: error }, 'The resource version is too old: listing again');
          this.#resourceVersion = undefined;
          // At once the first time; a server that only ever answers 410 is not hammered.
          if (this.#failures++ === 0) continue;
        } else {
          const failure = explain(error, this.#options);
          metrics?.reflectorErrors.inc({ name: this.#name, reason: failure.reason });
          const level = this.#failing ? 'debug' : 'warn';
          this.#failing = true;
          logger[level]({ resource: this.#name, reason: failure.reason, attempt: this.#failures + 1 }, failure.message);
          sink.failed(failure);
          this.#failures++;
        }
        await sleep(backoffDelay(tuning?.backoff ?? defaultBackoff, this.#failures - 1), signal);
      }
    }
  }

  /** The API server serves us again. The backoff starts anew only with an event or after a while, not for an answer that may be followed by an error at once. */
  #recovered(): void {
    if (!this.#failing) return;
    this.#failing = false;
    this.#options.logger.info({ resource: this.#name }, `${this.#name} is watched again`);
    this.#options.sink.failed(undefined);
  }

  async #list(signal: AbortSignal): Promise<void> {
    this.#options.metrics?.reflectorLists.inc({ name: this.#name });
    if (this.#watchList && (await this.#streamList(signal))) return;
    const { client, resource, selection, sink, tuning } = this.#options;
    const list = await client.list(resource, { ...selection, signal, pageSize: tuning?.pageSize });
    sink.replace(list.items.map((object) => sink.prepare(object)));
    this.#resourceVersion = list.resourceVersion;
    this.#failures = 0;
    this.#recovered();
  }

  /**
   * Lists as a stream, and goes on watching on that same stream.
   * @returns false where the API server has no WatchList
   */
  async #streamList(signal: AbortSignal): Promise<boolean> {
    let initial: T[] | undefined = [];
    const unsupported = new Error('The API server has no WatchList.');
    try {
      await this.#stream({ sendInitialEvents: true }, signal, (event) => {
        if (initial === undefined) {
          this.#apply(event);
        } else if (event.type === 'BOOKMARK') {
          // An API server that does not know the parameter bookmarks without the mark.
          if (event.object.metadata.annotations?.[initialEventsEnd] !== 'true') throw unsupported;
          const objects = initial;
          initial = undefined;
          this.#options.sink.replace(objects);
          this.#resourceVersion = event.object.metadata.resourceVersion;
          this.#recovered();
        } else {
          initial.push(this.#options.sink.prepare(event.object));
        }
      });
    } catch (error) {
      // Source: KEP-3157: `Invalid` where the feature gate is off.
      const refused = error instanceof ApiError && (error.status === 422 || error.status === 400);
      if (error !== unsupported && !(refused && initial !== undefined)) throw error;
      this.#watchList = false;
      return false;
    }
    if (initial !== undefined) throw endedEarly(this.#name);
    return true;
  }

  async #watch(signal: AbortSignal): Promise<void> {
    this.#options.metrics?.reflectorWatches.inc({ name: this.#name });
    const resourceVersion = this.#resourceVersion!;
    await this.#stream({ resourceVersion, onOpen: () => this.#recovered() }, signal, (event) => this.#apply(event));
  }

  /** One watch request. A clean end is no failure, unless it comes at once and again and again. */
  async #stream(
    start: { resourceVersion: string; onOpen: () => void } | { sendInitialEvents: true },
    signal: AbortSignal,
    onEvent: (event: WatchEvent<T>) => void,
  ): Promise<void> {
    const { client, resource, selection, tuning } = this.#options;
    const watchSeconds = tuning?.watchSeconds ?? 300;
    const started = performance.now();
    let events = 0;
    await client.watch(
      resource,
      {
        ...selection,
        ...start,
        // Spread, so that the watches of many kinds and replicas do not end together.
        timeoutSeconds: Math.ceil(watchSeconds * (1 + Math.random())),
        idleTimeoutMs: tuning?.idleTimeoutMs ?? 180_000,
        signal,
      },
      (event) => {
        events++;
        this.#failures = 0;
        onEvent(event);
      },
    );
    if (events === 0 && performance.now() - started < shortWatchMs) {
      this.#options.metrics?.reflectorShortWatches.inc({ name: this.#name });
      throw endedEarly(this.#name);
    }
    this.#failures = 0;
  }

  #apply(event: WatchEvent<T>): void {
    const { sink } = this.#options;
    if (event.type === 'DELETED') sink.delete(event.object);
    else if (event.type !== 'BOOKMARK') sink.set(sink.prepare(event.object));
    this.#resourceVersion = event.object.metadata.resourceVersion;
  }
}

function endedEarly(name: string): ApiError {
  return new ApiError({
    status: 0,
    reason: 'Unreachable',
    message: `The API server ended a watch of ${name} at once.`,
  });
}

/** One sentence that says why a list or watch failed and what to do. */
function explain(
  error: unknown,
  options: { client: Client; resource: Resource; selection: Selection },
): ReflectorError {
  const { resource, selection } = options;
  const name = resourceName(resource);
  const scope = selection.namespace === undefined ? '' : ` in namespace ${selection.namespace}`;
  if (!(error instanceof ApiError)) {
    return {
      reason: 'InternalError',
      message: `${name} cannot be watched: ${error instanceof Error ? error.message : String(error)}`,
      cause: error,
    };
  }
  const { reason } = error;
  if (error.status === 404) {
    const message = `The API server does not serve ${resource.kind} in ${resource.group === '' ? 'core' : resource.group}/${resource.version}: install the CustomResourceDefinition ${name} with that version.`;
    return { reason: 'NotServed', message, cause: error };
  }
  if (error.status === 403) {
    return {
      reason,
      message: `${name} cannot be read${scope}: ${error.message}. Allow get, list and watch in the operator's RBAC role.`,
      cause: error,
    };
  }
  if (error.status === 401) {
    return {
      reason,
      message: `${name} cannot be read${scope}: the API server at ${options.client.server} refuses the credentials (${error.message}).`,
      cause: error,
    };
  }
  return { reason, message: `${name} cannot be read${scope}: ${error.message}`, cause: error };
}
