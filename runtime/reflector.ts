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
  /**
   * All objects that exist: what is not among them is gone. They were read as `Reflector.resource` says.
   * @param byNewDefinition those that have not changed may be shown otherwise than before
   */
  replace(objects: T[], byNewDefinition: boolean): void;
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
  /** Versions to try, in this order, while the API server does not serve that of the resource. */
  otherVersions?: readonly string[] | undefined;
  /** A kind that need not be served: that it is not is no news for the log. */
  optional?: boolean | undefined;
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
  /** The kind in each version that will do, the best first, and which of them is read or tried now. */
  readonly #candidates: readonly Resource<T>[];
  #candidate = 0;
  /** Ends the watch or the wait of now, so that the next attempt begins. */
  #attempt = new AbortController();
  /** Objects are being listed, and whether what is served has changed since that began. */
  #isListing = false;
  #isOutdated = false;
  /** The next stream begins with a list. */
  #mustRelist = false;
  /** The list of now was asked for by `relist`. */
  #byNewDefinition = false;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#name = resourceName(options.resource);
    this.#watchList = options.tuning?.watchList ?? true;
    const { resource, otherVersions = [] } = options;
    this.#candidates = [resource, ...otherVersions.map((version) => ({ ...resource, version }))];
  }

  /** The kind in the version that is read or tried now. */
  get resource(): Resource<T> {
    return this.#candidates[this.#candidate] ?? this.#options.resource;
  }

  /**
   * What the API server serves has changed: tries at once where it waits, and looks for a better version where it reads an
   * older one.
   */
  reconsider(): void {
    if (this.#candidate === 0 && !this.#failing) return;
    this.#failures = 0;
    // An attempt comes to its end, however often definitions change.
    if (this.#isListing) this.#isOutdated = true;
    else this.#restart(new Error('What the API server serves has changed.'));
  }

  /**
   * The definition of the kind has changed, and with it perhaps what the API server shows of objects that have not: they are
   * listed anew when the watch of now ends, which the API server ends as soon as it goes by the new definition.
   */
  relist(): void {
    this.#mustRelist = true;
  }

  /** Lists anew, in the best version that is served. */
  #restart(reason: Error): void {
    this.#candidate = 0;
    this.#resourceVersion = undefined;
    this.#attempt.abort(reason);
  }

  #replace(objects: T[]): void {
    this.#options.sink.replace(objects, this.#byNewDefinition);
    this.#byNewDefinition = false;
  }

  /** All objects were read. */
  #listed(): void {
    this.#isListing = false;
    const isOutdated = this.#isOutdated && this.#candidate > 0;
    this.#isOutdated = false;
    if (isOutdated) this.#restart(new Error('A better version may be served.'));
  }

  /** Lists and watches until the signal aborts; never throws. */
  async run(signal: AbortSignal): Promise<void> {
    const { logger, metrics, sink, tuning } = this.#options;
    while (!signal.aborted) {
      this.#attempt = new AbortController();
      if (this.#mustRelist) {
        this.#mustRelist = false;
        this.#byNewDefinition = true;
        this.#resourceVersion = undefined;
      }
      const attempt = AbortSignal.any([signal, this.#attempt.signal]);
      try {
        if (this.#resourceVersion === undefined) await this.#list(attempt);
        else await this.#watch(attempt);
      } catch (error) {
        this.#isListing = false;
        if (signal.aborted) return;
        if (attempt.aborted) continue;
        if (isNotServed(error)) {
          this.#resourceVersion = undefined;
          if (++this.#candidate < this.#candidates.length) continue;
          this.#candidate = 0;
        }
        if (this.#isOutdated) {
          this.#isOutdated = false;
          this.#candidate = 0;
          continue;
        }
        if (isExpired(error) && this.#resourceVersion !== undefined) {
          logger.debug({ resource: this.#name, err: error }, 'The resource version is too old: listing again');
          this.#resourceVersion = undefined;
          // At once the first time; a server that only ever answers 410 is not hammered.
          if (this.#failures++ === 0) continue;
        } else {
          const failure = explain(error, this.#options);
          metrics?.reflectorErrors.inc({ name: this.#name, reason: failure.reason });
          const isNoNews = this.#options.optional === true && failure.reason === 'NotServed';
          const level = this.#failing || isNoNews ? 'debug' : 'warn';
          this.#failing = true;
          logger[level]({ resource: this.#name, reason: failure.reason, attempt: this.#failures + 1 }, failure.message);
          sink.failed(failure);
          this.#failures++;
        }
        await sleep(backoffDelay(tuning?.backoff ?? defaultBackoff, this.#failures - 1), attempt);
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
    this.#isListing = true;
    if (this.#watchList && (await this.#streamList(signal))) return;
    const { client, selection, sink, tuning } = this.#options;
    const list = await client.list(this.resource, { ...selection, signal, pageSize: tuning?.pageSize });
    this.#replace(list.items.map((object) => sink.prepare(object)));
    this.#resourceVersion = list.resourceVersion;
    this.#failures = 0;
    this.#recovered();
    this.#listed();
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
          this.#replace(objects);
          this.#resourceVersion = event.object.metadata.resourceVersion;
          this.#recovered();
          this.#listed();
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
    const { client, selection, tuning } = this.#options;
    const watchSeconds = tuning?.watchSeconds ?? 300;
    const started = performance.now();
    let events = 0;
    await client.watch(
      this.resource,
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

/** The API server does not know the kind in that version. A list never is of one object that could be missing. */
function isNotServed(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404;
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
  if (isNotServed(error)) {
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
