/** The in-process side of a DataPlane: what its proxies are to have, and the control plane that makes it. */
import { createHash } from 'node:crypto';
import type { Logger } from 'pino';
import { objectKey, type ObjectKey } from '../api/object.ts';
import type { ResourceChange } from '../api/resource.ts';
import { ControlPlane, type Scheduler, type StatusReport } from '../controlplane/index.ts';
import { sessionTicketKeysName, type SourceChange, type TranslatorOptions } from '../translate/index.ts';
import { ResourceStore } from '../xds/index.ts';
import type { FleetConfiguration } from './dataPlane/status.ts';
import { jsonEqual } from './status/equal.ts';
import type { FeedSubscription, SourceFeed } from './feed.ts';
import type { FleetScope, Topology } from './topology.ts';
import type { DataPlane } from '../api/dataPlane.ts';

/** A store that knows the version of all it holds: the same for the same content, on every replica and whatever the order. */
class VersionedStore extends ResourceStore {
  readonly #versions = new Map<string, bigint>();
  readonly #onFirst: () => void;
  #sum = 0n;

  constructor(onFirst: () => void) {
    super();
    this.#onFirst = onFirst;
  }

  /** Of the configuration as a whole; empty while there is none. */
  get version(): string {
    return this.revision === 0 ? '' : this.#sum.toString(16).padStart(16, '0');
  }

  override update(changes: Iterable<ResourceChange>): number {
    const list = [...changes];
    const revision = super.update(list);
    for (const { type, name, resource } of list) {
      const key = `${type} ${name}`;
      this.#sum ^= this.#versions.get(key) ?? 0n;
      if (resource === undefined) {
        this.#versions.delete(key);
        continue;
      }
      const version = createHash('sha256').update(`${key} ${resource.version}`).digest().readBigUInt64BE();
      this.#versions.set(key, version);
      this.#sum ^= version;
    }
    if (revision === 1) this.#onFirst();
    return revision;
  }
}

export interface FleetsOptions {
  feed: SourceFeed;
  scheduler: Scheduler;
  translator: TranslatorOptions;
  logger: Logger;
  /** With what the proxies of a DataPlane encrypt the sessions of clients; undefined while that is not known. */
  sessionTicketKeys: (dataPlane: ObjectKey) => readonly Uint8Array[] | undefined;
  /** Ready Pods of a DataPlane. */
  expectedProxies: (dataPlane: ObjectKey) => number;
  /** What a control plane says of objects; `dataPlane` tells the sources apart. */
  onStatus: (
    dataPlane: ObjectKey,
    reports: { kind: StatusReport['kind']; key: ObjectKey; report: StatusReport | undefined }[],
  ) => void;
  /** The proxies of a DataPlane, or what they have, changed. */
  onProgress: (dataPlane: ObjectKey) => void;
  /** The first configuration of a DataPlane was made. */
  onSettled: (dataPlane: ObjectKey) => void;
}

interface Fleet {
  store: VersionedStore;
  controlPlane: ControlPlane;
  subscription: FeedSubscription;
  scope: FleetScope | undefined;
  /** Objects that this fleet has something to say of, to take back when it goes. */
  said: Map<string, { kind: StatusReport['kind']; key: ObjectKey }>;
}

/** All fleets of this process, one per DataPlane. Without a ControlPlane a fleet has an empty configuration. */
export class Fleets {
  readonly #options: FleetsOptions;
  readonly #fleets = new Map<ObjectKey, Fleet>();

  constructor(options: FleetsOptions) {
    this.#options = options;
  }

  /** Starts, stops and rescopes fleets, so that there is one for each DataPlane with the scope that it has now. */
  reconcile(dataPlanes: Iterable<DataPlane>, topology: Topology): void {
    const wanted = new Set<ObjectKey>();
    for (const dataPlane of dataPlanes) {
      const key = objectKey(dataPlane);
      wanted.add(key);
      const scope = topology.scopes.get(key);
      const fleet = this.#fleets.get(key);
      if (fleet === undefined) this.#start(key, scope);
      else if (!sameScope(fleet.scope, scope)) {
        fleet.scope = scope;
        fleet.subscription.setScope(scope);
        this.#options.onProgress(key);
      }
    }
    for (const key of this.#fleets.keys()) if (!wanted.has(key)) this.#stop(key);
  }

  #start(key: ObjectKey, scope: FleetScope | undefined): void {
    const { feed, scheduler, translator, logger, expectedProxies, onStatus, onProgress, onSettled } = this.#options;
    // After what the first configuration says of objects.
    const store = new VersionedStore(() =>
      setImmediate(() => {
        onSettled(key);
        onProgress(key);
      }),
    );
    const said: Fleet['said'] = new Map();
    const controlPlane = new ControlPlane({
      name: key,
      store,
      scheduler,
      translator,
      logger,
      expectedProxies: () => expectedProxies(key),
      onStatus: (reports) => {
        for (const { kind, key: object, report } of reports) {
          if (report === undefined) said.delete(`${kind} ${object}`);
          else said.set(`${kind} ${object}`, { kind, key: object });
        }
        onStatus(key, reports);
        onProgress(key);
      },
    });
    store.onAcknowledgement(() => onProgress(key));
    const subscription = feed.subscribe((changes) => controlPlane.apply(changes));
    this.#fleets.set(key, { store, controlPlane, subscription, scope, said });
    subscription.setScope(scope);
    controlPlane.apply(this.#sessionTicketKeys(key));
    controlPlane.synced();
    logger.info({ dataPlane: key, controlPlane: scope?.controlPlane }, 'A configuration is made for a DataPlane.');
  }

  /** Session ticket keys have changed. */
  sessionTicketKeysChanged(): void {
    for (const [key, { controlPlane }] of this.#fleets) controlPlane.apply(this.#sessionTicketKeys(key));
  }

  *#sessionTicketKeys(dataPlane: ObjectKey): Iterable<SourceChange> {
    const keys = this.#options.sessionTicketKeys(dataPlane);
    if (keys !== undefined) yield { kind: 'SessionTicketKeys', key: sessionTicketKeysName, object: { keys } };
  }

  #stop(key: ObjectKey): void {
    const fleet = this.#fleets.get(key);
    if (fleet === undefined) return;
    this.#fleets.delete(key);
    fleet.subscription.close();
    fleet.controlPlane.close();
    fleet.store.close();
    this.#options.onStatus(
      key,
      [...fleet.said.values()].map(({ kind, key: object }) => ({ kind, key: object, report: undefined })),
    );
    this.#options.logger.info({ dataPlane: key }, 'A DataPlane is gone.');
  }

  /** What the proxies of a DataPlane are to have; undefined where there is no such DataPlane. */
  store(dataPlane: ObjectKey): ResourceStore | undefined {
    return this.#fleets.get(dataPlane)?.store;
  }

  /** Whether the first configuration of a DataPlane was made, from all objects there are. */
  isSettled(dataPlane: ObjectKey): boolean {
    return (this.#fleets.get(dataPlane)?.store.revision ?? 0) > 0;
  }

  /** The number of Pods that are ready changed. */
  proxiesExpected(dataPlane: ObjectKey): void {
    this.#fleets.get(dataPlane)?.controlPlane.proxiesExpected();
  }

  /** How far the proxies of a DataPlane are. */
  configuration(dataPlane: ObjectKey): FleetConfiguration {
    const fleet = this.#fleets.get(dataPlane);
    if (fleet === undefined) return { version: '', acknowledged: 0, total: 0 };
    const { acknowledged, total } = fleet.controlPlane.configuration();
    const [rejection] = fleet.store.proxies().flatMap((proxy) => proxy.rejections);
    return {
      version: fleet.store.version,
      acknowledged,
      total,
      ...(rejection === undefined ? {} : { rejection: rejection.message }),
    };
  }

  /** Ends all; proxies keep what they have. */
  close(): void {
    for (const { subscription, controlPlane } of this.#fleets.values()) {
      subscription.close();
      controlPlane.close();
    }
  }
}

function sameScope(one: FleetScope | undefined, other: FleetScope | undefined): boolean {
  return jsonEqual(scopeText(one), scopeText(other));
}

function scopeText(scope: FleetScope | undefined): unknown {
  if (scope === undefined) return null;
  return [
    scope.controlPlane,
    [...scope.gateways].toSorted(),
    scope.namespaces === undefined ? null : [...scope.namespaces].toSorted(),
  ];
}
