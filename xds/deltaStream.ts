/**
 * The server's side of one delta ADS stream: what the proxy subscribes to, what it has, what it is sent next.
 *
 * Source: Envoy docs, "xDS REST and gRPC protocol": "Incremental xDS", "Resource warming",
 * "Eventual consistency considerations"; where they leave things open, Envoy's own client
 * (source/extensions/config_subscription/grpc). What of it is not obvious:
 *
 * - A resource that is asked for and does not exist is answered at once as removed. Envoy then warms a cluster without
 *   endpoints, and a listener without its secret, instead of waiting for its fetch to time out (15 s); a listener without
 *   its route table it keeps waiting for all the same. The resource is sent when it comes.
 * - Envoy acknowledges clusters only when none is warming, and does not ask again for endpoints that it has.
 * - It asks for what a listener needs before it acknowledges the listener. So the first request for listeners is always
 *   answered, be it with nothing: when that is acknowledged, all that the proxy wants is known.
 * - A refusal does not say which resources were used nevertheless; see `rejectionMessage.ts`, `#sendApart`, `#repeat`.
 * - Of a secret it does not even say which one was refused, and accepts the same one when it comes again, because it has noted
 *   its hash before it tried it (SdsApi::onConfigUpdate). So each secret has a response of its own.
 */
import type { DeltaDiscoveryRequest } from '../api/envoy/envoy/service/discovery/v3/discovery_pb.ts';
import { type EncodedResource, type ResourceType, resourceTypeUrl } from '../api/resource.ts';
import { ColdClusters } from './coldClusters.ts';
import { type DeltaResponse, deltaResponseSize } from './deltaResponse.ts';
import type { DiscoveryMetrics } from './metrics.ts';
import type { Rejection } from './proxyState.ts';
import { refusedResources, withoutDump } from './rejectionMessage.ts';
import { type PendingChange, type Push, type PushedResource, Subscription, unknownVersion } from './subscription.ts';

/** A resource as the store holds it. */
export interface StoredResource {
  resource: EncodedResource;
  /** The revision that brought this content. */
  revision: number;
  /** Of a cluster: the name of its endpoints, if it gets them over EDS. */
  endpoints?: string | undefined;
}

/** What a stream reads of its store. */
export interface StoreView {
  readonly revision: number;
  readonly removalGraceMs: number;
  /** What proxies are to have. */
  current(type: ResourceType, name: string): StoredResource | undefined;
  /** What is removed, but still there for proxies that have it. */
  retained(type: ResourceType, name: string): StoredResource | undefined;
  names(type: ResourceType): Iterable<string>;
}

/** Where a stream's responses go. */
export interface StreamTransport {
  /** Sends one DeltaDiscoveryResponse; calls `sent` once the peer's flow control has let all of it through. */
  send(response: DeltaResponse, sent: () => void): void;
}

/** What a stream that breaks leaves to the next one of the same proxy, because the proxy will not state it. */
export interface StreamRemainder {
  /** Endpoints that it may need once more though it has them: a cluster may be warming without them. */
  owedEndpoints: string[];
  /** Clusters and listeners that it may have in another version than it will state, or have without stating it. */
  perhapsHeld: Map<ResourceType, Set<string>>;
}

export interface RejectionReport {
  type: ResourceType;
  names: string[];
  message: string;
}

export interface DeltaStreamOptions {
  id: string;
  address: string;
  store: StoreView;
  transport: StreamTransport;
  metrics?: DiscoveryMetrics | undefined;
  /** What the last stream of the proxy left. */
  remainder?: StreamRemainder | undefined;
  /** The proxy's state changed: called in the tick of the event. */
  onChange: () => void;
  /** Envoy refused something. */
  onRejection?: ((report: RejectionReport) => void) | undefined;
}

const wildcardName = '*';

/** Make before break: what others depend on goes first. */
const pushOrder: readonly ResourceType[] = ['cluster', 'endpoint', 'secret', 'listener', 'route'];
const typeByUrl = new Map(pushOrder.map((type) => [resourceTypeUrl[type], type]));
/** The types that send traffic to clusters. */
const clusterUsers: readonly ResourceType[] = ['listener', 'route'];

type Decision =
  | { action: 'send'; resource: EncodedResource; contentRevision: number; rest?: PendingChange }
  | { action: 'remove' }
  /** Later: something else has to happen first. */
  | { action: 'wait' }
  /** The proxy has it already, or does not need it. */
  | { action: 'settle' };

export class DeltaStream {
  readonly id: string;
  readonly address: string;
  readonly connectedAt = new Date();
  readonly #store: StoreView;
  readonly #transport: StreamTransport;
  readonly #metrics: DiscoveryMetrics | undefined;
  readonly #onChange: () => void;
  readonly #onRejection: ((report: RejectionReport) => void) | undefined;
  readonly #subscriptions = new Map<ResourceType, Subscription>();
  readonly #cold = new ColdClusters();
  /** Endpoints that clusters which were sent wait for, and that the proxy has not asked for on this stream yet. */
  readonly #owedEndpoints: Set<string>;
  readonly #perhapsHeld: ReadonlyMap<ResourceType, ReadonlySet<string>> | undefined;
  /** Counts responses, over all types; their nonces. */
  #nonce = 0;
  /** A response that the transport has not got rid of yet: nothing is encoded meanwhile, so that what goes next is fresh. */
  #sending = false;
  #settledSome = false;
  /** When listeners and routes were settled first, as `performance.now()`. */
  #usersSettledAt: number | undefined;
  #graceTimer: NodeJS.Timeout | undefined;
  #closed = false;
  #reported = '';

  constructor(options: DeltaStreamOptions) {
    this.id = options.id;
    this.address = options.address;
    this.#store = options.store;
    this.#transport = options.transport;
    this.#metrics = options.metrics;
    this.#onChange = options.onChange;
    this.#onRejection = options.onRejection;
    this.#owedEndpoints = new Set(options.remainder?.owedEndpoints);
    this.#perhapsHeld = options.remainder?.perhapsHeld;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#graceTimer);
  }

  /** What the next stream of this proxy needs to know, should this one break now. */
  get remainder(): StreamRemainder {
    const endpoints = this.#subscriptions.get('endpoint');
    const unanswered = [...(endpoints?.names ?? [])].filter((name) => endpoints?.owes(name));
    const perhapsHeld: StreamRemainder['perhapsHeld'] = new Map();
    for (const [type, subscription] of this.#subscriptions) {
      if (subscription.wildcard) perhapsHeld.set(type, subscription.perhapsHeld());
    }
    return { owedEndpoints: [...this.#owedEndpoints, ...unanswered], perhapsHeld };
  }

  /** The proxy was answered about listeners: without them it serves nothing. */
  get hasListeners(): boolean {
    return this.#subscriptions.get('listener')?.answered === true;
  }

  /** The greatest revision as of which everything that this stream subscribes to has an answer. */
  get answeredRevision(): number {
    let oldest = this.#cold.oldestRevision();
    for (const subscription of this.#subscriptions.values()) {
      oldest = Math.min(oldest, subscription.oldestUnanswered());
    }
    return Math.min(this.#store.revision, oldest - 1);
  }

  /** The greatest revision as of which the proxy has accepted all listeners and routes; 0 while it refuses any. */
  get usersAcceptedRevision(): number {
    let accepted = Infinity;
    for (const type of clusterUsers) {
      const subscription = this.#subscriptions.get(type);
      if (subscription === undefined) continue;
      if (subscription.refused.size > 0 || subscription.owesResponse) return 0;
      accepted = Math.min(accepted, subscription.oldestUnanswered() - 1);
    }
    return accepted;
  }

  rejections(): Rejection[] {
    const rejections: Rejection[] = [];
    for (const [type, subscription] of this.#subscriptions) {
      for (const [name, { message, revision }] of subscription.refused) {
        rejections.push({ type, names: [name], message, revision });
      }
    }
    return rejections;
  }

  /** Takes one request of the proxy. */
  receive(request: DeltaDiscoveryRequest): void {
    const type = typeByUrl.get(request.typeUrl);
    if (type === undefined) {
      this.#refuseType(request);
      return;
    }
    let subscription = this.#subscriptions.get(type);
    const first = subscription === undefined;
    if (subscription === undefined) {
      subscription = new Subscription(type);
      this.#subscriptions.set(type, subscription);
    }
    // A nonce that is not the last one belongs to a response that was answered already; subscriptions count all the same.
    const push = subscription.takeInFlight(request.responseNonce);
    if (push !== undefined) this.#takeAnswer(subscription, push, request.errorDetail?.message);
    if (first) this.#subscribeFirst(subscription, request);
    else this.#resubscribe(subscription, request);
    this.#advance(push !== undefined);
  }

  /** A change of the store: noted, and sent by the next `advance`. */
  changed(type: ResourceType, name: string, revision: number): void {
    const subscription = this.#subscriptions.get(type);
    if (subscription === undefined || !subscription.wants(name)) return;
    if (this.#store.current(type, name) === undefined) {
      const mustAnswer = subscription.pending.get(name)?.mustAnswer === true;
      subscription.settle(name);
      subscription.change(name, mustAnswer ? revision : removalRevision(type, revision), mustAnswer);
      return;
    }
    subscription.change(name, revision);
    if (type === 'cluster') this.#noteCold(subscription, name, revision);
  }

  /** A cluster or its endpoints left the store and go into their grace window: nothing is sent, and nobody waits for it. */
  left(type: ResourceType, name: string): void {
    if (type === 'cluster') this.#cold.delete(name);
    this.#subscriptions.get(type)?.refused.delete(name);
  }

  /** The grace window of a cluster or its endpoints is over. */
  expired(type: ResourceType, name: string): void {
    const subscription = this.#subscriptions.get(type);
    if (subscription?.wants(name) === true) subscription.change(name, Infinity);
  }

  /** Sends what can be sent. */
  advance(): void {
    this.#advance(false);
  }

  #advance(answered: boolean): void {
    if (this.#closed) return;
    this.#flush();
    const state = `${this.answeredRevision} ${this.hasListeners}`;
    if (!answered && state === this.#reported) return;
    this.#reported = state;
    this.#onChange();
  }

  // ---- subscriptions

  #subscribeFirst(subscription: Subscription, request: DeltaDiscoveryRequest): void {
    const { type } = subscription;
    for (const [name, version] of Object.entries(request.initialResourceVersions)) subscription.held.set(name, version);
    const revision = this.#revisionToAnswer();
    const names = request.resourceNamesSubscribe;
    // An empty first request means everything (legacy wildcard), and so does "*".
    const wildcardType = type === 'cluster' || type === 'listener';
    subscription.wildcard = wildcardType && (names.length === 0 || names.includes(wildcardName));
    subscription.owesResponse = subscription.wildcard;
    for (const name of names) {
      if (name === wildcardName) continue;
      subscription.names.add(name);
      // It states the versions that it has, so that they need not be sent.
      const owed = type === 'endpoint' && this.#owedEndpoints.delete(name);
      subscription.change(name, revision, owed || !subscription.held.has(name));
    }
    if (subscription.wildcard) {
      for (const name of this.#perhapsHeld?.get(type) ?? []) subscription.held.set(name, unknownVersion);
      for (const name of this.#store.names(type)) subscription.change(name, revision);
      for (const name of subscription.held.keys()) {
        if (this.#store.current(type, name) === undefined) subscription.change(name, removalRevision(type, revision));
      }
    } else {
      for (const name of subscription.held.keys()) if (!subscription.names.has(name)) subscription.forget(name);
    }
    if (type !== 'cluster') return;
    // Of what the proxy had before, too, nobody knows whether the endpoints got through: its EDS request will say.
    for (const name of subscription.wildcard ? this.#store.names(type) : subscription.names) {
      const stored = this.#store.current('cluster', name);
      if (stored !== undefined) this.#cold.add(name, stored.endpoints, revision);
    }
  }

  #resubscribe(subscription: Subscription, request: DeltaDiscoveryRequest): void {
    const { type } = subscription;
    for (const name of request.resourceNamesUnsubscribe) {
      if (name === wildcardName) {
        subscription.wildcard = false;
        subscription.owesResponse = false;
        for (const held of [...subscription.held.keys(), ...subscription.pending.keys()]) {
          if (!subscription.names.has(held)) this.#forget(subscription, held);
        }
      } else if (subscription.names.delete(name)) {
        // Under a wildcard the proxy cannot know whether it keeps the resource: it is told.
        if (subscription.wildcard) subscription.change(name, this.#revisionToAnswer(), true);
        else this.#forget(subscription, name);
      }
    }
    for (const name of request.resourceNamesSubscribe) {
      if (name === wildcardName) {
        if (type !== 'cluster' && type !== 'listener') continue;
        subscription.wildcard = true;
        subscription.owesResponse = true;
        for (const each of this.#store.names(type)) this.#ask(subscription, each);
      } else {
        subscription.names.add(name);
        this.#ask(subscription, name);
      }
    }
  }

  /** The proxy asks for a resource: it may have forgotten what it once acknowledged, so it gets an answer in any case. */
  #ask(subscription: Subscription, name: string): void {
    const revision = this.#revisionToAnswer();
    subscription.change(name, revision, true);
    if (subscription.type === 'endpoint') this.#owedEndpoints.delete(name);
    if (subscription.type === 'cluster') this.#noteCold(subscription, name, revision);
  }

  #forget(subscription: Subscription, name: string): void {
    subscription.forget(name);
    if (subscription.type === 'cluster') this.#cold.delete(name);
  }

  /** The revision that a new request stands for: what the proxy has acknowledged neither grows nor shrinks by asking. */
  #revisionToAnswer(): number {
    return (this.hasListeners ? this.answeredRevision : 0) + 1;
  }

  /** A type that this server has nothing of: whoever asks for a resource is told that there is none. */
  #refuseType(request: DeltaDiscoveryRequest): void {
    const removed = request.resourceNamesSubscribe.filter((name) => name !== wildcardName);
    if (removed.length === 0) return;
    const { typeUrl } = request;
    const nonce = String(++this.#nonce);
    this.#transport.send({ systemVersion: '', typeUrl, nonce, resources: [], removed }, () => undefined);
  }

  // ---- answers

  #takeAnswer(subscription: Subscription, push: Push, error: string | undefined): void {
    subscription.answered = true;
    // Responses are handled in their order: what was sent before this one has been handled, too.
    for (const earlier of this.#subscriptions.get('cluster')?.inFlight ?? [])
      earlier.handled ||= earlier.serial < push.serial;
    this.#metrics?.answered(subscription.type, {
      accepted: error === undefined,
      seconds: (performance.now() - push.sentAt) / 1000,
    });
    if (error === undefined) {
      for (const [name, pushed] of push.resources) {
        this.#accepted(subscription, name, pushed);
        subscription.unnoted.delete(name);
      }
      return;
    }
    const only = push.resources.size === 1 ? push.resources.keys().next().value : undefined;
    const words = withoutDump(error);
    const parsed = refusedResources(words, push.resources.keys());
    // A text that we cannot read is no riddle where the response carried one resource.
    const refused = parsed ?? (only === undefined ? undefined : new Map([[only, words]]));
    if (refused === undefined) {
      this.#sendApart(subscription, push);
      return;
    }
    for (const [name, pushed] of push.resources) {
      const message = refused.get(name);
      if (message === undefined || pushed.version === undefined) this.#accepted(subscription, name, pushed);
      else this.#refused(subscription, name, pushed.version, message, pushed);
    }
    this.#repeat(
      subscription,
      [...push.resources.keys()].filter((name) => !refused.has(name)),
    );
    for (const [name, message] of refused) {
      this.#onRejection?.({ type: subscription.type, names: [name], message });
    }
  }

  #accepted(subscription: Subscription, name: string, pushed: PushedResource): void {
    const { type } = subscription;
    if (!subscription.wants(name)) return;
    subscription.refused.delete(name);
    if (pushed.version === undefined) {
      subscription.held.delete(name);
      if (subscription.names.has(name)) subscription.absent.add(name);
    } else {
      subscription.held.set(name, pushed.version);
      subscription.absent.delete(name);
    }
    if (type === 'endpoint') this.#endpointsAnswered(name);
    if (type === 'cluster') this.#warm(name);
  }

  /**
   * Envoy warms a new or changed cluster until a response brings its endpoints, even if they are the same, and does not
   * acknowledge clusters while one is warming. But it asks for endpoints only if no other cluster has asked for that name,
   * which the one that is to be replaced has (WatchMap::findAdditions, ClusterManagerImpl::updateClusterCounts).
   * So endpoints follow their clusters unasked; else the cluster would be without them when their fetch times out.
   */
  #oweEndpoints(cluster: string, revision: number): void {
    const endpoints = this.#find('cluster', cluster)?.endpoints;
    if (endpoints === undefined) return;
    const subscription = this.#subscriptions.get('endpoint');
    if (subscription?.names.has(endpoints) === true) subscription.change(endpoints, revision, true);
    else this.#owedEndpoints.add(endpoints);
  }

  #refused(subscription: Subscription, name: string, version: string, message: string, pushed: PushedResource): void {
    if (!subscription.wants(name) || this.#store.current(subscription.type, name) === undefined) return;
    subscription.refused.set(name, { version, message, revision: pushed.contentRevision });
    subscription.absent.delete(name);
    // A bad cluster must not hold up the others, unless it is mended already; nor must bad endpoints.
    if (subscription.type === 'cluster' && !subscription.isDue(name)) this.#cold.delete(name);
    if (subscription.type === 'endpoint') this.#endpointsAnswered(name);
  }

  /**
   * Envoy does what it can of a response that it refuses in part, but notes neither versions nor removals of it
   * (DeltaSubscriptionState::handleGoodResponse). After a reconnection it would state what it no longer has, and not state
   * what it has: that would never come back, or stay for ever. Sent once more without the bad ones, it is noted.
   */
  #repeat(subscription: Subscription, accepted: string[]): void {
    const wanted = accepted.filter((name) => subscription.wants(name));
    for (const name of wanted) subscription.unnoted.add(name);
    const names = wanted.filter((name) => !subscription.isDue(name)); // what is due will be noted then
    if (names.length === 0) return;
    for (const name of names) subscription.change(name, Infinity, true);
    subscription.apart.unshift(names);
  }

  /**
   * Envoy threw a response out as a whole, at the first fault that it met: its resources are sent again in halves, until
   * the bad ones stand alone. What it took nevertheless it recognises and skips.
   */
  #sendApart(subscription: Subscription, push: Push): void {
    const names = [...push.resources.keys()];
    if (names.length === 0) return;
    for (const [name, pushed] of push.resources) {
      if (subscription.wants(name)) subscription.change(name, pushed.revision, pushed.mustAnswer);
    }
    const half = Math.ceil(names.length / 2);
    subscription.apart.unshift(names.slice(0, half), names.slice(half));
  }

  // ---- warming

  #noteCold(clusters: Subscription, name: string, revision: number): void {
    const stored = this.#store.current('cluster', name);
    if (stored === undefined) this.#cold.delete(name);
    else if (!clusters.holds(name)) this.#cold.add(name, stored.endpoints, revision);
  }

  #endpointsAnswered(endpoints: string): void {
    for (const cluster of this.#cold.waitingFor(endpoints)) this.#warm(cluster);
  }

  /** Takes a cluster off the cold ones if the proxy has it and its endpoints. */
  #warm(cluster: string): void {
    if (!this.#cold.has(cluster) || this.#subscriptions.get('cluster')?.holds(cluster) !== true) return;
    const endpoints = this.#cold.endpointsOf(cluster);
    if (endpoints !== undefined && this.#subscriptions.get('endpoint')?.hasAnswer(endpoints) !== true) return;
    this.#cold.delete(cluster);
  }

  #usesColdCluster(resource: EncodedResource): boolean {
    if (this.#cold.size === 0) return false;
    for (const cluster of resource.clusters?.() ?? []) if (this.#cold.has(cluster)) return true;
    return false;
  }

  /** Whether older content of a listener or route sends traffic to a cluster that was removed before the proxy got it. */
  #usesLostCluster(resource: EncodedResource): boolean {
    const clusters = this.#subscriptions.get('cluster');
    for (const cluster of resource.clusters?.() ?? []) {
      if (clusters?.holds(cluster) === false && this.#store.retained('cluster', cluster) !== undefined) return true;
    }
    return false;
  }

  // ---- sending

  #flush(): void {
    if (this.#store.revision === 0) return; // cold: it knows nothing yet
    // What turns out to need no push may be what another type waited for.
    do this.#settledSome = false;
    while (!this.#sending && (this.#pushNext() || this.#settledSome));
    if (this.#usersSettledAt === undefined && this.#usersSettled) this.#usersSettledAt = performance.now();
  }

  #pushNext(): boolean {
    for (const type of pushOrder) {
      const subscription = this.#subscriptions.get(type);
      if (subscription?.mayPush === true && this.#push(subscription)) return true;
    }
    return false;
  }

  #push(subscription: Subscription): boolean {
    const { type } = subscription;
    const resources: EncodedResource[] = [];
    const removed: string[] = [];
    const pushed = new Map<string, PushedResource>();
    let revision = Infinity;
    const collect = (names: Iterable<string>): void => {
      for (const name of names) {
        if (type === 'secret' && (pushed.size > 0 || subscription.underWay(name) !== undefined)) continue;
        const change = subscription.pending.get(name);
        if (change === undefined) continue;
        const decision = this.#decide(subscription, name, change);
        if (decision.action === 'wait') continue;
        subscription.settle(name);
        if (decision.action === 'settle') {
          this.#settledSome = true;
          if (type === 'endpoint') this.#endpointsAnswered(name);
          if (type === 'cluster') {
            if (subscription.refused.has(name)) this.#cold.delete(name);
            else this.#warm(name);
          }
          continue;
        }
        const { mustAnswer } = change;
        revision = Math.min(revision, change.revision);
        if (decision.action === 'send') {
          resources.push(decision.resource);
          const { contentRevision } = decision;
          pushed.set(name, {
            version: decision.resource.version,
            revision: change.revision,
            contentRevision,
            mustAnswer,
          });
          if (decision.rest !== undefined) subscription.replace(name, decision.rest);
        } else {
          removed.push(name);
          pushed.set(name, { version: undefined, revision: change.revision, contentRevision: 0, mustAnswer });
        }
      }
    };
    while (pushed.size === 0 && subscription.apart.length > 0) collect(subscription.apart.shift()!);
    if (pushed.size === 0) collect([...subscription.pending.keys()]);
    if (pushed.size === 0) {
      if (!subscription.owesResponse || subscription.oldestUnanswered() !== Infinity) return false;
      revision = this.#revisionToAnswer();
    }
    subscription.owesResponse = false;

    const serial = ++this.#nonce;
    const nonce = String(serial);
    const typeUrl = resourceTypeUrl[type];
    const systemVersion = String(this.#store.revision);
    const response: DeltaResponse = { systemVersion, typeUrl, nonce, resources, removed };
    const warming = resources.filter(
      (each) => type === 'cluster' && subscription.knownVersion(each.name) !== each.version,
    );
    subscription.inFlight.push({
      serial,
      nonce,
      sentAt: performance.now(),
      resources: pushed,
      revision,
      handled: false,
    });
    for (const { name } of warming) this.#oweEndpoints(name, pushed.get(name)!.revision);
    this.#sending = true;
    this.#metrics?.pushed(type, {
      resources: resources.length,
      removed: removed.length,
      bytes: deltaResponseSize(response),
    });
    this.#transport.send(response, () => {
      this.#sending = false;
      this.advance();
    });
    return true;
  }

  /** What proxies that have it, or ask for it, are to have. */
  #find(type: ResourceType, name: string): StoredResource | undefined {
    const current = this.#store.current(type, name);
    if (current !== undefined) return current;
    const subscription = this.#subscriptions.get(type);
    const known = subscription?.held.has(name) === true || subscription?.names.has(name) === true;
    return known ? this.#store.retained(type, name) : undefined;
  }

  #decide(subscription: Subscription, name: string, change: PendingChange): Decision {
    const { type, held, refused } = subscription;
    const stored = this.#find(type, name);
    if (stored === undefined) {
      refused.delete(name);
      if (change.mustAnswer) return { action: 'remove' };
      if (!held.has(name) && subscription.underWay(name) === undefined) return { action: 'settle' };
      if (this.#mayRemove(type)) return { action: 'remove' };
      subscription.replace(name, { revision: removalRevision(type, change.revision), mustAnswer: false });
      return { action: 'wait' };
    }
    const { resource } = stored;
    if (!change.mustAnswer) {
      if (subscription.knownVersion(name) === resource.version) {
        refused.delete(name); // back to what the proxy never gave up
        return { action: 'settle' };
      }
      if (subscription.underWay(name) === undefined && refused.get(name)?.version === resource.version)
        return { action: 'settle' };
    }
    const send: Decision = { action: 'send', resource, contentRevision: stored.revision };
    if (!clusterUsers.includes(type) || !this.#usesColdCluster(resource)) return send;
    if (change.waiting === undefined || this.#usesLostCluster(change.waiting.resource)) {
      change.waiting = { resource, revision: stored.revision };
      delete change.laterRevision;
    }
    if (change.waiting.resource === resource || this.#usesColdCluster(change.waiting.resource))
      return { action: 'wait' };
    return {
      action: 'send',
      resource: change.waiting.resource,
      contentRevision: change.waiting.revision,
      rest: {
        revision: change.laterRevision ?? stored.revision,
        mustAnswer: false,
        waiting: { resource, revision: stored.revision },
      },
    };
  }

  get #usersSettled(): boolean {
    return clusterUsers.every((type) => {
      const subscription = this.#subscriptions.get(type);
      return subscription === undefined || (subscription.quiet && subscription.refused.size === 0);
    });
  }

  /** Whether it is time to tell the proxy that a resource of this type is gone. */
  #mayRemove(type: ResourceType): boolean {
    switch (type) {
      case 'listener':
        return true;
      case 'route':
      case 'secret':
        // By then Envoy has mostly unsubscribed by itself. It ignores such removals, but it wants an answer.
        return this.#isQuiet('cluster') && this.#isQuiet('listener');
      case 'endpoint':
        return this.#isQuiet('cluster') && this.#clustersMayGo();
      default:
        return this.#clustersMayGo();
    }
  }

  #isQuiet(type: ResourceType): boolean {
    return this.#subscriptions.get(type)?.quiet ?? true;
  }

  /**
   * The store keeps a removed cluster for its grace window. Here is a second one, for a proxy that came with a cluster
   * that the store does not know: it may have routes to it, which it must lose first.
   */
  #clustersMayGo(): boolean {
    if (!this.#usersSettled) return false;
    this.#usersSettledAt ??= performance.now();
    const wait = this.#usersSettledAt + this.#store.removalGraceMs - performance.now();
    if (wait <= 0) return true;
    this.#graceTimer ??= setTimeout(() => {
      this.#graceTimer = undefined;
      this.advance();
    }, wait).unref();
    return false;
  }
}

/** Only the removal of a listener takes effect at once. Nobody waits for the others: Envoy ignores them, or they wait for their time. */
function removalRevision(type: ResourceType, revision: number): number {
  return type === 'listener' ? revision : Infinity;
}
