/**
 * Events about objects, for `kubectl describe` and `kubectl events`.
 *
 * Equal events become one Event with a series (how often, when last), many alike ones are combined, and each object has
 * a budget, so that a fault that repeats floods neither etcd nor the API server.
 * Source: Kubernetes API reference, events.k8s.io/v1 Event; client-go, tools/events and tools/record (events_cache.go).
 */
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { KubernetesObject, ObjectMeta } from '../api/object.ts';
import { ApiError, isNamespaceGoing, isNotFound, isTransient } from './apiError.ts';
import { backoffDelay, sleep } from './backoff.ts';
import type { Client } from './client.ts';
import { microTime } from './leaderElection.ts';
import { type RuntimeMetrics, runtimeMetrics } from './metrics.ts';
import { defineResource } from './resource.ts';

export interface EventSeries {
  count: number;
  lastObservedTime: string;
}

/** Source: Kubernetes API reference, events.k8s.io/v1 Event. */
export interface Event extends KubernetesObject {
  eventTime: string;
  series?: EventSeries;
  reportingController: string;
  reportingInstance: string;
  action: string;
  reason: string;
  regarding: {
    apiVersion: string;
    kind: string;
    namespace?: string;
    name: string;
    uid?: string;
    resourceVersion?: string;
  };
  note: string;
  type: EventType;
}

export type EventType = 'Normal' | 'Warning';

export const events = defineResource<Event>({
  group: 'events.k8s.io',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  namespaced: true,
});

/** What an event is about. */
export interface EventSubject {
  apiVersion: string;
  kind: string;
  metadata: Pick<ObjectMeta, 'name' | 'namespace' | 'uid' | 'resourceVersion'>;
}

export interface EventRecorderOptions {
  client: Client;
  /** `reportingController`, such as `sluice.dev/gateway-controller`. */
  controller: string;
  /** `reportingInstance`; default: the host name, which is the Pod's name. */
  instance?: string;
  logger: Logger;
  registry?: Registry | undefined;
  /** Events that may wait to be written; more are dropped. Default 1,000. */
  queueSize?: number;
  /** Events per object at once, and how many more per minute; default 25 and 0.2 (client-go's). */
  burst?: number;
  refillPerMinute?: number;
  /** A series is written at most once in this time, in milliseconds; default 30,000. */
  seriesIntervalMs?: number;
}

/** Equal events further apart than this make a new Event, in milliseconds (client-go's 6 minutes). */
const seriesEndMs = 6 * 60_000;
/** More notes than this about the same thing within the window are combined (client-go's 10 in 10 minutes). */
const combineAfter = 10;
const combineWindowMs = 10 * 60_000;
/** Number of objects and series that are remembered. */
const memory = 4096;
/** In bytes of UTF-8, as the API server counts. */
const longestNote = 1024;
const attempts = 5;

interface Series {
  event: Event;
  /** Occurrences so far, and how many of them the API server knows of. */
  count: number;
  written: number;
  lastObserved: Date;
  lastSeen: number;
  queued: boolean;
  timer: NodeJS.Timeout | undefined;
}

/** Records events in the background. */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #instance: string;
  readonly #metrics: RuntimeMetrics | undefined;
  readonly #series = new Map<string, Series>();
  readonly #notes = new Map<string, { notes: Set<string>; since: number }>();
  readonly #budgets = new Map<string, { tokens: number; at: number }>();
  readonly #queue: Series[] = [];
  readonly #abort = new AbortController();
  #writing: Promise<void> | undefined;
  #stopped = false;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#instance = options.instance ?? hostname();
    this.#metrics = options.registry === undefined ? undefined : runtimeMetrics(options.registry);
  }

  /**
   * Records that something happened to an object. Never waits and never throws; an event that cannot be written is counted.
   * @param reason CamelCase, for machines, such as `Programmed`
   * @param message one sentence, for people
   * @param action what was tried, CamelCase, such as `Provision`; default: the reason
   */
  record(object: EventSubject, type: EventType, reason: string, message: string, action = reason): void {
    if (this.#stopped) return;
    const now = performance.now();
    const subject = [
      object.apiVersion,
      object.kind,
      object.metadata.namespace,
      object.metadata.name,
      object.metadata.uid,
    ].join('/');
    const about = [subject, type, reason, action].join('\n');
    const note = this.#combine(about, message, now);
    const id = `${about}\n${note}`;
    const known = this.#series.get(id);
    if (known !== undefined && now - known.lastSeen < seriesEndMs) {
      known.count++;
      known.lastObserved = new Date();
      known.lastSeen = now;
      remember(this.#series, id, known);
      this.#repeat(known);
      return;
    }
    if (!this.#hasBudget(subject, now)) {
      this.#metrics?.eventsDiscarded.inc({ reason: 'rate_limited' });
      return;
    }
    const at = new Date();
    const event = this.#event(object, type, reason, note, action, at);
    const series: Series = {
      event,
      count: 1,
      written: 0,
      lastObserved: at,
      lastSeen: now,
      queued: false,
      timer: undefined,
    };
    const forgotten = remember(this.#series, id, series);
    if (forgotten !== undefined) clearTimeout(forgotten.timer);
    this.#enqueue(series);
  }

  /** Writes what waits, for at most this long, and ends. */
  async stop(graceMs: number): Promise<void> {
    this.#stopped = true;
    for (const series of this.#series.values()) {
      clearTimeout(series.timer);
      if (series.timer !== undefined && series.count > series.written) this.#enqueue(series);
      series.timer = undefined;
    }
    const patience = setTimeout(() => this.#abort.abort(new Error('The event recorder stops.')), graceMs);
    try {
      await this.#writing;
    } finally {
      clearTimeout(patience);
    }
  }

  /** The note itself, or where there were many different ones the note that stands for all further ones. */
  #combine(about: string, message: string, now: number): string {
    let seen = this.#notes.get(about);
    if (seen === undefined || now - seen.since > combineWindowMs) seen = { notes: new Set(), since: now };
    remember(this.#notes, about, seen);
    const note = shorten(message);
    if (seen.notes.has(note)) return note;
    if (seen.notes.size >= combineAfter) return '(combined from similar events)';
    seen.notes.add(note);
    return note;
  }

  #hasBudget(subject: string, now: number): boolean {
    const { burst = 25, refillPerMinute = 0.2 } = this.#options;
    const budget = this.#budgets.get(subject) ?? { tokens: burst, at: now };
    budget.tokens = Math.min(burst, budget.tokens + ((now - budget.at) / 60_000) * refillPerMinute);
    budget.at = now;
    remember(this.#budgets, subject, budget);
    if (budget.tokens < 1) return false;
    budget.tokens--;
    return true;
  }

  #event(object: EventSubject, type: EventType, reason: string, note: string, action: string, at: Date): Event {
    const { name, namespace, uid, resourceVersion } = object.metadata;
    return {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name: eventName(name), namespace: namespace ?? 'default' },
      eventTime: microTime(at),
      reportingController: this.#options.controller,
      reportingInstance: this.#instance.slice(0, 128),
      action: action.slice(0, 128),
      reason: reason.slice(0, 128),
      regarding: {
        apiVersion: object.apiVersion,
        kind: object.kind,
        name,
        ...(namespace === undefined ? {} : { namespace }),
        ...(uid === undefined ? {} : { uid }),
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
      },
      note,
      type,
    };
  }

  /** The second occurrence is written at once, further ones together. */
  #repeat(series: Series): void {
    if (series.queued || series.timer !== undefined) return;
    if (series.count === 2) {
      this.#enqueue(series);
      return;
    }
    series.timer = setTimeout(() => {
      series.timer = undefined;
      this.#enqueue(series);
    }, this.#options.seriesIntervalMs ?? 30_000).unref();
  }

  #enqueue(series: Series): void {
    if (series.queued) return;
    if (this.#queue.length >= (this.#options.queueSize ?? 1000)) {
      this.#metrics?.eventsDiscarded.inc({ reason: 'queue_full' });
      return;
    }
    series.queued = true;
    this.#queue.push(series);
    this.#writing ??= this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    // Not within the caller's turn.
    await new Promise((resolve) => setImmediate(resolve));
    for (let series = this.#queue.shift(); series !== undefined; series = this.#queue.shift()) {
      series.queued = false;
      await this.#write(series);
    }
    this.#writing = undefined;
  }

  async #write(series: Series): Promise<void> {
    const { signal } = this.#abort;
    for (let attempt = 0; attempt < attempts && !signal.aborted; attempt++) {
      const { count } = series;
      try {
        await this.#send(series, count, signal);
        series.written = count;
        return;
      } catch (error) {
        const { reason, note } = series.event;
        if (isTransient(error) && attempt + 1 < attempts) {
          await sleep(backoffDelay({ initialMs: 200, maximumMs: 5000 }, attempt), signal);
        } else {
          // Where a namespace goes, its Events go with it.
          const level = isNamespaceGoing(error) ? 'debug' : 'warn';
          this.#options.logger[level]({ err: error, event: { reason, note } }, 'An event could not be written');
          break;
        }
      }
    }
    this.#metrics?.eventsDiscarded.inc({ reason: 'refused' });
  }

  async #send(series: Series, count: number, signal: AbortSignal): Promise<void> {
    const { client } = this.#options;
    const record: EventSeries | undefined =
      count < 2 ? undefined : { count, lastObservedTime: microTime(series.lastObserved) };
    if (series.written > 0 && record !== undefined) {
      try {
        await client.mergePatch(events, series.event.metadata, { series: record }, { signal });
        return;
      } catch (error) {
        // The API server keeps events for an hour only: it is written anew, with the series so far.
        if (!isNotFound(error)) throw error;
        series.event = {
          ...series.event,
          metadata: { ...series.event.metadata, name: eventName(series.event.regarding.name) },
        };
      }
    }
    try {
      await client.create(events, record === undefined ? series.event : { ...series.event, series: record }, {
        signal,
      });
    } catch (error) {
      // An attempt whose answer was lost.
      if (!(error instanceof ApiError && error.reason === 'AlreadyExists')) throw error;
    }
  }
}

/** Cuts a note to what the API server takes, between two characters. */
function shorten(message: string): string {
  const bytes = Buffer.from(message);
  if (bytes.length <= longestNote) return message;
  const ellipsis = '…';
  let end = longestNote - Buffer.byteLength(ellipsis);
  while ((bytes[end]! & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end) + ellipsis;
}

let eventCounter = 0;

/** Unique in a namespace, as client-go's: the object's name and the time in hexadecimal. */
function eventName(name: string): string {
  const unique = (BigInt(Date.now()) * 1_000_000n + BigInt(eventCounter++ % 1_000_000)).toString(16);
  return `${name.slice(0, 253 - unique.length - 1)}.${unique}`;
}

/** Puts an entry last and forgets the first where there are too many. */
function remember<V>(map: Map<string, V>, key: string, value: V): V | undefined {
  map.delete(key);
  map.set(key, value);
  if (map.size <= memory) return undefined;
  const [oldest, forgotten] = map.entries().next().value!;
  map.delete(oldest);
  return forgotten;
}
