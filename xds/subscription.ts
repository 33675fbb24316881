import type { EncodedResource, ResourceType } from '../api/resource.ts';

/** A change that a proxy has not been sent yet. */
export interface PendingChange {
  /** The store revision of the oldest part of the change that has no answer; Infinity where nobody waits for it. */
  revision: number;
  /** The proxy asked for the resource: it gets an answer even if it seems to have this version. */
  mustAnswer: boolean;
  /**
   * For a resource that waits for clusters: its content when it began to wait. It is sent as soon as its own clusters are
   * warm, even if the store has moved on meanwhile; else a steady stream of new clusters would starve routes.
   */
  waiting?: { resource: EncodedResource; revision: number };
  /** The revision of the first change after `waiting`. */
  laterRevision?: number;
}

export interface PushedResource {
  /** Undefined: the proxy was told that there is no such resource. */
  version: string | undefined;
  /** Of the change: until it is answered, the proxy has acknowledged less than this. */
  revision: number;
  /** The revision that brought the content. */
  contentRevision: number;
  mustAnswer: boolean;
}

/** The version of a resource that a proxy may have, or not. */
export const unknownVersion = '';

/** A response without an answer. */
export interface Push {
  /** Counts the responses of the stream. */
  serial: number;
  nonce: string;
  /** `performance.now()` */
  sentAt: number;
  resources: Map<string, PushedResource>;
  /** The least revision of `resources`. */
  revision: number;
  /** The proxy has answered a later response of another type, so it has taken this one and only the answer is outstanding. */
  handled: boolean;
}

/** Content that the proxy refused. */
export interface RefusedResource {
  version: string;
  /** Envoy's own words. */
  message: string;
  revision: number;
}

/** Responses with a secret that may wait for their answer. */
const secretsInFlight = 32;

/** What one proxy has, wants and is owed of one resource type. Per resource it holds references to names and versions only. */
export class Subscription {
  readonly type: ResourceType;
  /** Everything there is; clusters and listeners only. */
  wildcard = false;
  readonly names = new Set<string>();
  /** Versions that the proxy has, by name: acknowledged on this stream, or stated when the stream began. */
  readonly held = new Map<string, string>();
  /** Names that the proxy asked for and was told do not exist. */
  readonly absent = new Set<string>();
  /** Accepted, or removed, by a response that was refused otherwise: done, but the proxy has not noted it. */
  readonly unnoted = new Set<string>();
  readonly refused = new Map<string, RefusedResource>();
  readonly pending = new Map<string, PendingChange>();
  /** Mostly one at most; see `mayPush`. */
  readonly inFlight: Push[] = [];
  /** The first request of a wildcard subscription gets a response even if there is nothing to send: Envoy's start waits for it. */
  owesResponse = false;
  /** Whether any response was answered. */
  answered = false;
  /** After a response was refused as a whole: groups of its resources that are to be sent apart from each other. */
  readonly apart: string[][] = [];
  #oldestPending: number | undefined = Infinity;

  constructor(type: ResourceType) {
    this.type = type;
  }

  wants(name: string): boolean {
    return this.wildcard || this.names.has(name);
  }

  /** Notes that `name` changed in `revision`. */
  change(name: string, revision: number, mustAnswer = false): void {
    const before = this.pending.get(name);
    if (before === undefined) {
      this.pending.set(name, { revision, mustAnswer });
    } else {
      before.mustAnswer ||= mustAnswer;
      if (before.waiting !== undefined) before.laterRevision ??= revision;
      before.revision = Math.min(before.revision, revision);
    }
    if (this.#oldestPending !== undefined) this.#oldestPending = Math.min(this.#oldestPending, revision);
  }

  /** Takes a change off the list: it was sent, or there is nothing to send. */
  settle(name: string): void {
    const change = this.pending.get(name);
    if (change === undefined) return;
    this.pending.delete(name);
    if (change.revision === this.#oldestPending) this.#oldestPending = undefined;
  }

  /** Puts `change` in the place of what was pending. */
  replace(name: string, change: PendingChange): void {
    this.settle(name);
    this.pending.set(name, change);
    if (this.#oldestPending !== undefined) this.#oldestPending = Math.min(this.#oldestPending, change.revision);
  }

  /** The least revision that has no answer; Infinity if everything has one. */
  oldestUnanswered(): number {
    this.#oldestPending ??= this.pending
      .values()
      .reduce((oldest, { revision }) => Math.min(oldest, revision), Infinity);
    return this.inFlight.reduce((oldest, { revision }) => Math.min(oldest, revision), this.#oldestPending);
  }

  /**
   * One push is in flight, and later changes coalesce until its answer. Envoy does not answer a push of clusters while any
   * cluster is warming, which can take long (health checks, DNS): once it has plainly taken one, the next may follow, so
   * that one slow cluster does not keep others from being added or itself from being mended. Secrets, which go one by one,
   * are several at a time.
   */
  get mayPush(): boolean {
    if (this.type === 'secret') return this.inFlight.length < secretsInFlight;
    return this.inFlight.every(({ handled }) => handled);
  }

  /** Takes out the push that a request answers. */
  takeInFlight(nonce: string): Push | undefined {
    const index = this.inFlight.findIndex((push) => push.nonce === nonce);
    return index === -1 ? undefined : this.inFlight.splice(index, 1)[0];
  }

  /** What the proxy was sent last about `name`, as long as it has no answer. */
  underWay(name: string): PushedResource | undefined {
    return this.inFlight.findLast(({ resources }) => resources.has(name))?.resources.get(name);
  }

  /** Nothing to send and nothing under way, apart from removals that wait for their time. */
  get quiet(): boolean {
    return this.inFlight.length === 0 && this.oldestUnanswered() === Infinity && !this.owesResponse;
  }

  /** The proxy has the resource, in a version that is known, and its removal is not under way. */
  holds(name: string): boolean {
    const pushed = this.underWay(name);
    if (pushed !== undefined && pushed.version === undefined) return false;
    const version = this.held.get(name);
    return version !== undefined && version !== unknownVersion;
  }

  /** The version that the proxy has, or will have when it accepts what is under way. */
  knownVersion(name: string): string | undefined {
    const pushed = this.underWay(name);
    return pushed === undefined ? this.held.get(name) : pushed.version;
  }

  /** What the proxy may have in another version than it states after a reconnection, or without stating it. */
  perhapsHeld(): Set<string> {
    const names = new Set(this.unnoted);
    for (const [name, version] of this.held) if (version === unknownVersion) names.add(name);
    for (const { resources } of this.inFlight) {
      for (const name of resources.keys()) names.add(name);
    }
    return names;
  }

  /** Something about `name` is to be sent, or under way. */
  isDue(name: string): boolean {
    return this.pending.has(name) || this.underWay(name) !== undefined;
  }

  /** An answer about `name` is due, or under way. */
  owes(name: string): boolean {
    return this.pending.get(name)?.mustAnswer === true || this.underWay(name)?.mustAnswer === true;
  }

  /** The proxy has been answered about `name` since it last asked. */
  hasAnswer(name: string): boolean {
    if (this.owes(name)) return false;
    return this.names.has(name) && (this.held.has(name) || this.refused.has(name) || this.absent.has(name));
  }

  /** Drops what is known about a name that the proxy no longer wants. */
  forget(name: string): void {
    this.settle(name);
    this.held.delete(name);
    this.absent.delete(name);
    this.unnoted.delete(name);
    this.refused.delete(name);
  }
}
