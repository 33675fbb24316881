/**
 * Plays Envoy's side of a delta ADS stream in the way that matters for the order of pushes: warming, subscriptions that
 * follow from clusters and listeners, withheld acknowledgements, refusals in part and as a whole, versions that are stated
 * after a reconnection. Sources: see deltaStream.ts. It fails as soon as a caller would see an error, or when it is sent
 * what it has.
 */
import { create, fromBinary } from '@bufbuild/protobuf';
import {
  DeltaDiscoveryRequestSchema,
  type DeltaDiscoveryResponse,
  DeltaDiscoveryResponseSchema,
} from '../../api/envoy/envoy/service/discovery/v3/discovery_pb.ts';
import { type EncodedResource, type ResourceType, resourceTypeUrl } from '../../api/resource.ts';
import { encodeDeltaResponse } from '../deltaResponse.ts';
import { DeltaStream } from '../deltaStream.ts';
import type { ResourceStore } from '../resourceStore.ts';

const types: readonly ResourceType[] = ['cluster', 'endpoint', 'secret', 'listener', 'route'];
const typeOf = (url: string): ResourceType => types.find((type) => resourceTypeUrl[type] === url)!;

/** How Envoy takes a piece of content: gladly, or not. */
export type Verdict = 'good' | 'bad' | 'breaks its response';

export interface ProxyWorld {
  verdict(type: ResourceType, version: string): Verdict;
  /** The clusters that content of a listener or route names. */
  clustersOf(version: string): string[];
  /** The route table that a listener asks for. */
  routeOf(listener: string): string;
}

interface Waiting {
  response: DeltaDiscoveryResponse;
  /** Clusters that could not be had when it was sent: removed, or bad. */
  missing: Set<string>;
  sent: () => void;
}

export class SimulatedProxy {
  readonly #store: ResourceStore;
  readonly #world: ProxyWorld;
  /** What is in force, by type. */
  readonly applied = byType(() => new Map<string, string>());
  /** What Envoy would state after a reconnection: it forgets the versions of a response that it refused in part. */
  readonly #stated = byType(() => new Map<string, string>());
  readonly #names = byType(() => new Set<string>());
  /** Clusters that can take traffic. */
  readonly #active = new Set<string>();
  readonly #warming = new Set<string>();
  /** Answers to clusters, in their order: while a cluster is warming, none is sent. */
  #withheld: (() => void)[] = [];
  /** The versions that the proxy stated when it connected, or was sent since: `type/name`. */
  readonly #lastSent = new Map<string, string>();
  /** How many times a resource may come at the version of `lastSent`: `type/name`. */
  readonly #mayRepeat = new Map<string, number>();
  #queue: Waiting[] = [];
  readonly #unanswered = new Map<string, { type: ResourceType; names: string[] }>();
  #stream: DeltaStream | undefined;
  #disconnect: (() => void) | undefined;
  #sentOnTime = true;

  constructor(store: ResourceStore, world: ProxyWorld) {
    this.#store = store;
    this.#world = world;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  /** @param sentOnTime false: the transport holds every response back until the proxy takes it */
  connect(sentOnTime: boolean): void {
    this.#disconnect?.();
    // Nobody knows what became of the responses that were under way.
    for (const { type, names } of this.#unanswered.values()) {
      for (const name of names) this.#allowRepetition(`${type}/${name}`);
    }
    this.#unanswered.clear();
    this.#queue = [];
    this.#withheld = [];
    this.#lastSent.clear();
    this.#sentOnTime = sentOnTime;
    const stream = new DeltaStream({
      id: 'proxy',
      address: '',
      store: this.#store,
      transport: {
        send: (message, sent) => {
          const response = fromBinary(DeltaDiscoveryResponseSchema, encodeDeltaResponse(message));
          const names = [...response.resources.map(({ name }) => name), ...response.removedResources];
          this.#unanswered.set(response.nonce, { type: typeOf(response.typeUrl), names });
          this.#queue.push({ response, missing: this.#missingClusters(response), sent });
          if (this.#sentOnTime) sent();
        },
      },
      remainder: this.#store.takeRemainder('proxy'),
      onChange: () => this.#store.changed(),
    });
    this.#stream = stream;
    this.#disconnect = this.#store.connect(stream, () => undefined);
    for (const type of types) {
      const names = this.#names[type];
      const wildcard = type === 'cluster' || type === 'listener';
      if (!wildcard && names.size === 0) continue;
      for (const [name, version] of this.#stated[type]) this.#lastSent.set(`${type}/${name}`, version);
      this.#request(type, { subscribe: [...names], initial: Object.fromEntries(this.#stated[type]) });
    }
  }

  /** Asks for endpoints that it has, as Envoy does when it has forgotten them. */
  askAgain(): void {
    const name = this.#names.endpoint.values().next().value;
    if (name === undefined) return;
    this.#allowRepetition(`endpoint/${name}`);
    this.#request('endpoint', { subscribe: [name] });
  }

  /** Handles the oldest response that has not been handled. */
  handleNext(): void {
    const next = this.#queue.shift();
    if (next === undefined) return;
    this.#handle(next.response, next.missing);
    if (!this.#sentOnTime) next.sent();
  }

  #handle(response: DeltaDiscoveryResponse, missing: Set<string>): void {
    const type = typeOf(response.typeUrl);
    const verdicts = response.resources.map(({ version }) => this.#world.verdict(type, version));
    this.#checkRepetition(type, response);
    // Endpoints follow their clusters.
    if (type === 'cluster') for (const { name } of response.resources) this.#allowRepetition(`endpoint/${name}`);
    const partly = type === 'cluster' || type === 'listener';
    const broken = verdicts.includes('breaks its response') || (!partly && verdicts.includes('bad'));
    const refused = response.resources.filter((_, index) => verdicts[index] !== 'good').map(({ name }) => name);
    if (broken) {
      // What else was in it, it may send again.
      for (const { name } of response.resources) this.#allowRepetition(`${type}/${name}`);
      if (type === 'endpoint') this.#warmed(response.resources.map(({ name }) => name)); // empty, but that is all there is
      this.#answer(type, response.nonce, 'something is wrong');
      return;
    }
    for (const name of response.removedResources) this.#remove(type, name);
    for (const { name, version } of response.resources)
      if (!refused.includes(name)) this.#apply(type, name, version, missing);
    if (refused.length === 0) {
      for (const { name, version } of response.resources) {
        if (partly || this.#names[type].has(name)) this.#stated[type].set(name, version);
      }
      for (const name of response.removedResources) this.#stated[type].delete(name);
    }
    if (type === 'endpoint')
      this.#warmed([...response.resources.map(({ name }) => name), ...response.removedResources]);
    // What it took besides is sent again, so that its version is noted.
    if (refused.length > 0) for (const { name } of response.resources) this.#allowRepetition(`${type}/${name}`);
    const reports = refused.map((name) => `${name}: wrong`).join(type === 'cluster' ? ', ' : '\n');
    this.#answer(
      type,
      response.nonce,
      refused.length === 0 ? undefined : `Error adding/updating ${type}(s) ${reports}`,
    );
  }

  #apply(type: ResourceType, name: string, version: string, missing: Set<string>): void {
    if (type !== 'cluster' && type !== 'listener' && !this.#names[type].has(name)) return; // crossed an unsubscription
    const before = this.applied[type].get(name);
    if (type === 'listener' || type === 'route') this.#checkClusters(type, name, version, missing);
    this.applied[type].set(name, version);
    if (type === 'cluster' && before !== version) {
      this.#warming.add(name);
      this.#subscribe('endpoint', name);
    }
    if (type === 'listener') this.#subscribe('route', this.#world.routeOf(name));
  }

  #remove(type: ResourceType, name: string): void {
    if (type === 'cluster') {
      for (const user of ['listener', 'route'] as const) {
        for (const [userName, version] of this.applied[user]) {
          if (this.#active.has(name) && this.#world.clustersOf(version).includes(name)) {
            throw new Error(`cluster ${name} was removed while ${user} ${userName} sends traffic to it`);
          }
        }
      }
      this.#active.delete(name);
      this.#warming.delete(name);
      this.#unsubscribe('endpoint', name);
    }
    // Envoy ignores the removal of a route table, of endpoints and of a secret.
    if (type === 'cluster' || type === 'listener') this.applied[type].delete(name);
    if (type === 'listener') this.#unsubscribe('route', this.#world.routeOf(name));
  }

  /** A caller would get a 503 now, or a 500, if a cluster were missing. */
  #checkClusters(type: ResourceType, name: string, version: string, missing: Set<string>): void {
    for (const cluster of this.#world.clustersOf(version)) {
      if (this.#active.has(cluster) || missing.has(cluster)) continue;
      throw new Error(`${type} ${name} came before its cluster ${cluster}`);
    }
  }

  #missingClusters(response: DeltaDiscoveryResponse): Set<string> {
    const clusters = response.resources.flatMap(({ version }) => this.#world.clustersOf(version));
    return new Set(
      clusters.filter((cluster) => {
        const stored = this.#store.current('cluster', cluster);
        return stored === undefined || this.#world.verdict('cluster', stored.resource.version) !== 'good';
      }),
    );
  }

  #checkRepetition(type: ResourceType, response: DeltaDiscoveryResponse): void {
    for (const name of response.removedResources) this.#lastSent.delete(`${type}/${name}`);
    for (const { name, version } of response.resources) {
      const last = this.#lastSent.get(`${type}/${name}`);
      this.#lastSent.set(`${type}/${name}`, version);
      if (last !== version) continue;
      const times = this.#mayRepeat.get(`${type}/${name}`) ?? 0;
      this.#mayRepeat.set(`${type}/${name}`, times - 1);
      if (times < 1) throw new Error(`${type} ${name} was sent twice`);
    }
  }

  #allowRepetition(resource: string): void {
    this.#mayRepeat.set(resource, (this.#mayRepeat.get(resource) ?? 0) + 1);
  }

  #warmed(endpoints: string[]): void {
    for (const name of endpoints) if (this.#warming.delete(name)) this.#active.add(name);
    this.#release();
  }

  #release(): void {
    if (this.#warming.size > 0) return;
    const withheld = this.#withheld;
    this.#withheld = [];
    for (const answer of withheld) answer();
  }

  #answer(type: ResourceType, nonce: string, error?: string): void {
    const answer = (): void => {
      this.#unanswered.delete(nonce);
      this.#request(type, { nonce, ...(error === undefined ? {} : { error }) });
    };
    if (type !== 'cluster') {
      answer();
      return;
    }
    this.#withheld.push(answer);
    this.#release();
  }

  #subscribe(type: ResourceType, name: string): void {
    if (this.#names[type].has(name)) return; // WatchMap::findAdditions
    this.#names[type].add(name);
    this.#allowRepetition(`${type}/${name}`);
    this.#request(type, { subscribe: [name] });
  }

  #unsubscribe(type: ResourceType, name: string): void {
    if (!this.#names[type].delete(name)) return;
    this.applied[type].delete(name);
    this.#stated[type].delete(name);
    this.#lastSent.delete(`${type}/${name}`);
    this.#request(type, { unsubscribe: [name] });
  }

  #request(
    type: ResourceType,
    parts: {
      subscribe?: string[];
      unsubscribe?: string[];
      initial?: Record<string, string>;
      nonce?: string;
      error?: string;
    },
  ): void {
    this.#stream?.receive(
      create(DeltaDiscoveryRequestSchema, {
        typeUrl: resourceTypeUrl[type],
        resourceNamesSubscribe: parts.subscribe ?? [],
        resourceNamesUnsubscribe: parts.unsubscribe ?? [],
        initialResourceVersions: parts.initial ?? {},
        responseNonce: parts.nonce ?? '',
        ...(parts.error === undefined ? {} : { errorDetail: { message: parts.error } }),
      }),
    );
  }
}

function byType<Value>(make: () => Value): Record<ResourceType, Value> {
  return { cluster: make(), endpoint: make(), listener: make(), route: make(), secret: make() };
}

/** Tells what the store and the proxy have of each resource that the proxy wants. */
export function differences(store: ResourceStore, proxy: SimulatedProxy, world: ProxyWorld): string[] {
  const found: string[] = [];
  const compare = (type: ResourceType, name: string): void => {
    const wanted: EncodedResource | undefined = store.current(type, name)?.resource;
    const applied = proxy.applied[type].get(name);
    if (wanted === undefined) {
      if (applied !== undefined && type !== 'endpoint' && type !== 'route') found.push(`${type} ${name} is left over`);
    } else if (world.verdict(type, wanted.version) === 'good' && applied !== wanted.version) {
      found.push(`${type} ${name} is ${applied} instead of ${wanted.version}`);
    }
  };
  for (const name of new Set([...store.names('cluster'), ...proxy.applied.cluster.keys()])) {
    compare('cluster', name);
    if (proxy.applied.cluster.has(name)) compare('endpoint', name);
  }
  for (const name of new Set([...store.names('listener'), ...proxy.applied.listener.keys()])) {
    compare('listener', name);
    if (proxy.applied.listener.has(name)) compare('route', world.routeOf(name));
  }
  return found;
}
