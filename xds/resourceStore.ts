import type { ResourceChange, ResourceType } from '../api/resource.ts';
import { endpointsNameOf } from './clusterEndpoints.ts';
import type { DeltaStream, StoredResource, StoreView, StreamRemainder } from './deltaStream.ts';
import type { ProxyState } from './proxyState.ts';

export interface ResourceStoreOptions {
  /** How long a cluster or its endpoints outlive the last route to them, in milliseconds; 30,000 if not given. */
  removalGraceMs?: number;
}

interface RetainedResource {
  stored: StoredResource;
  removedIn: number;
  /** `performance.now()` at which it goes; undefined while a proxy may still have routes to it. */
  goesAt?: number;
}

const types: readonly ResourceType[] = ['cluster', 'endpoint', 'listener', 'route', 'secret'];

/**
 * The resources of one DataPlane, and the proxies that are connected to them.
 *
 * A removed cluster, and removed endpoints, are kept until all connected proxies have accepted listeners and routes as of
 * the removal, and for the grace window after that. A cluster that comes back before then was never gone.
 */
export class ResourceStore implements StoreView {
  readonly removalGraceMs: number;
  readonly #current = new Map<ResourceType, Map<string, StoredResource>>(types.map((type) => [type, new Map()]));
  readonly #retained = new Map<ResourceType, Map<string, RetainedResource>>([
    ['cluster', new Map()],
    ['endpoint', new Map()],
  ]);
  readonly #streams = new Map<DeltaStream, () => void>();
  readonly #listeners = new Set<() => void>();
  /** By node id, of proxies whose stream broke within a push; rarely any. */
  readonly #remainders = new Map<string, StreamRemainder>();
  #revision = 0;
  #advanceScheduled = false;
  #expiryTimer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: ResourceStoreOptions = {}) {
    this.removalGraceMs = options.removalGraceMs ?? 30_000;
  }

  /** Counts calls of `update`; 0 while the store is cold, in which state it serves nothing and streams wait. */
  get revision(): number {
    return this.#revision;
  }

  /**
   * Applies changes as one new revision. At once visible to streams; what is due is sent in a microtask, so that
   * several updates of one tick become one push. A change to the version that is there already is none.
   * @returns the new revision
   * @throws RangeError if a cluster's bytes are not a protobuf message; nothing is changed then
   * @throws Error if the store is closed
   */
  update(changes: Iterable<ResourceChange>): number {
    if (this.#closed) throw new Error('the resource store is closed');
    const prepared = [...changes].map((change) => ({
      change,
      endpoints:
        change.type === 'cluster' && change.resource !== undefined ? endpointsNameOf(change.resource.bytes) : undefined,
    }));
    const revision = ++this.#revision;
    for (const { change, endpoints } of prepared) this.#apply(change, endpoints, revision);
    this.#scheduleAdvance();
    return revision;
  }

  /** The proxies that are connected now, one entry per node id. */
  proxies(): ProxyState[] {
    const byId = new Map<string, DeltaStream[]>();
    for (const stream of this.#streams.keys()) {
      const streams = byId.get(stream.id);
      if (streams === undefined) byId.set(stream.id, [stream]);
      else streams.push(stream);
    }
    return [...byId.values()].map((streams) => {
      const [first] = streams;
      // A proxy may have several streams: after a broken connection that the server has not noticed yet, for example.
      // It has what every one of them has.
      return {
        id: first!.id,
        address: first!.address,
        connectedAt: first!.connectedAt,
        acknowledged: streams.some((stream) => stream.hasListeners)
          ? Math.min(...streams.map((stream) => stream.answeredRevision))
          : 0,
        rejections: streams.flatMap((stream) => stream.rejections()),
      };
    });
  }

  /**
   * Calls `listener` in the same tick whenever a proxy's state changed (ACK, NACK, connect, disconnect). It must not throw.
   * @returns the way to stop
   */
  onAcknowledgement(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Ends every stream; their proxies keep what they have and try again. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#expiryTimer);
    for (const end of this.#streams.values()) end();
  }

  // ---- for streams

  current(type: ResourceType, name: string): StoredResource | undefined {
    return this.#current.get(type)!.get(name);
  }

  retained(type: ResourceType, name: string): StoredResource | undefined {
    return this.#retained.get(type)?.get(name)?.stored;
  }

  names(type: ResourceType): Iterable<string> {
    return this.#current.get(type)!.keys();
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Adds a stream. @param end called when the store closes. @returns the way to take it out again */
  connect(stream: DeltaStream, end: () => void): () => void {
    this.#streams.set(stream, end);
    this.changed();
    return () => {
      stream.close();
      if (!this.#streams.delete(stream)) return;
      const { remainder } = stream;
      const perhapsHeld = remainder.perhapsHeld.values().some((names) => names.size > 0);
      if (perhapsHeld || remainder.owedEndpoints.length > 0) this.#remainders.set(stream.id, remainder);
      this.changed();
    };
  }

  /** What the last stream of a proxy left; asked for once, by its next stream. */
  takeRemainder(id: string): StreamRemainder | undefined {
    const remainder = this.#remainders.get(id);
    this.#remainders.delete(id);
    return remainder;
  }

  /** A stream's state changed. */
  changed(): void {
    this.#releaseRetained();
    for (const listener of this.#listeners) listener();
  }

  #apply(change: ResourceChange, endpoints: string | undefined, revision: number): void {
    const { type, name, resource } = change;
    const current = this.#current.get(type)!;
    const retained = this.#retained.get(type);
    const before = current.get(name);
    if (resource === undefined) {
      if (before === undefined) return;
      current.delete(name);
      if (retained === undefined) {
        for (const stream of this.#streams.keys()) stream.changed(type, name, revision);
      } else {
        retained.set(name, { stored: before, removedIn: revision });
        for (const stream of this.#streams.keys()) stream.left(type, name);
      }
      return;
    }
    if (before?.resource.version === resource.version) return;
    retained?.delete(name);
    current.set(name, { resource, revision, endpoints });
    for (const stream of this.#streams.keys()) stream.changed(type, name, revision);
  }

  #scheduleAdvance(): void {
    if (this.#advanceScheduled) return;
    this.#advanceScheduled = true;
    queueMicrotask(() => {
      this.#advanceScheduled = false;
      if (this.#closed) return;
      for (const stream of this.#streams.keys()) stream.advance();
      this.#releaseRetained();
    });
  }

  /** Starts the grace window of what no proxy can have routes to any more. */
  #releaseRetained(): void {
    if (this.#retained.values().every((retained) => retained.size === 0)) return;
    const accepted = this.#streams
      .keys()
      .reduce((least, stream) => Math.min(least, stream.usersAcceptedRevision), Infinity);
    const goesAt = performance.now() + this.removalGraceMs;
    for (const retained of this.#retained.values()) {
      for (const resource of retained.values()) {
        if (resource.goesAt === undefined && resource.removedIn <= accepted) resource.goesAt = goesAt;
      }
    }
    this.#scheduleExpiry();
  }

  #scheduleExpiry(): void {
    if (this.#expiryTimer !== undefined || this.#closed) return;
    const next = this.#retained
      .values()
      .flatMap((retained) => retained.values())
      .reduce((earliest, { goesAt }) => Math.min(earliest, goesAt ?? Infinity), Infinity);
    if (next === Infinity) return;
    const wait = Math.max(0, next - performance.now());
    this.#expiryTimer = setTimeout(() => {
      this.#expiryTimer = undefined;
      this.#expire();
    }, wait).unref();
  }

  #expire(): void {
    const now = performance.now();
    for (const [type, retained] of this.#retained) {
      for (const [name, { goesAt }] of retained) {
        if (goesAt === undefined || goesAt > now) continue;
        retained.delete(name);
        for (const stream of this.#streams.keys()) stream.expired(type, name);
      }
    }
    for (const stream of this.#streams.keys()) stream.advance();
    this.#scheduleExpiry();
  }
}
