/**
 * One control plane: feeds objects to a translation, publishes what it makes to the proxies of one DataPlane, and joins
 * what they acknowledge into the status of the objects. It knows neither Kubernetes nor files.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { ObjectKey } from '../api/object.ts';
import {
  isRouteKind,
  parseRouteId,
  routeId,
  Translator,
  type ResourceReference,
  type SourceChange,
  type StatusContribution,
  type TranslatorOptions,
} from '../translate/index.ts';
import type { ProxyState, ResourceStore } from '../xds/index.ts';
import { Quarantine, type QuarantineChange } from './quarantine.ts';
import { report, type StatusReport } from './report.ts';
import type { Scheduler, Task } from './scheduler.ts';

export interface ControlPlaneOptions {
  /** Names it in the log. */
  name: string;
  translator: TranslatorOptions;
  /** Where it publishes; its owner closes it. */
  store: ResourceStore;
  scheduler: Scheduler;
  /**
   * Takes what is to be said in the status of objects, whenever that changed; `undefined` where there is nothing to say any
   * more. Each call has each object at most once.
   */
  onStatus: (reports: { kind: StatusReport['kind']; key: ObjectKey; report: StatusReport | undefined }[]) => void;
  /** How many proxies there should be, where that is known; those that are connected count in any case. */
  expectedProxies?: () => number;
  logger: Logger;
}

/** What is known of an object that the translation speaks of. */
interface Tracked {
  contribution: StatusContribution;
  /** The store revision that brought what the object needs. */
  revision: number;
  reported: StatusReport | undefined;
  /** How many proxies there were when all of them had it, once they did. */
  programmed: { acknowledged: number; total: number } | undefined;
}

export class ControlPlane implements Task {
  private readonly options: ControlPlaneOptions;
  private readonly translator: Translator;
  private readonly tracked = new Map<string, Tracked>();
  /** Identities of objects whose report may change with the next acknowledgement. */
  private readonly pending = new Set<string>();
  private readonly tables = new Set<string>();
  private readonly quarantines = new Map<string, Quarantine>();
  /** The store revision up to which each table was taken by all proxies. */
  private readonly taken = new Map<string, number>();
  /** Of routes, by id. */
  private readonly generations = new Map<string, number | undefined>();
  private readonly stopListening: () => void;
  private isSynced = false;
  private isClosed = false;
  private acknowledgementsChanged = false;
  private lastRejections = new Map<string, string>();

  constructor(options: ControlPlaneOptions) {
    this.options = options;
    this.translator = new Translator(options.translator);
    this.stopListening = options.store.onAcknowledgement(() => {
      this.acknowledgementsChanged = true;
      this.wake();
    });
  }

  /** Takes note of changes of objects. */
  apply(changes: Iterable<SourceChange>): void {
    this.translator.apply(changes);
    this.wake();
  }

  /** Says that all objects there are have been applied: nothing is published before. */
  synced(): void {
    this.isSynced = true;
    this.wake();
  }

  /** The number of proxies that there should be has changed. */
  proxiesExpected(): void {
    this.acknowledgementsChanged = true;
    this.wake();
  }

  /** How far the proxies are, for the status of the DataPlane. */
  configuration(): { revision: number; acknowledged: number; total: number } {
    const { revision } = this.options.store;
    return { revision, ...this.count(this.options.store.proxies(), revision) };
  }

  close(): void {
    this.isClosed = true;
    this.stopListening();
    this.options.scheduler.cancel(this);
  }

  /** @internal Called by the scheduler. */
  slice(outOfTime: () => boolean): boolean {
    if (this.isClosed) return true;
    if (this.translator.hasWork) {
      if (!this.translator.step(outOfTime)) return false;
      this.publish();
    }
    if (this.acknowledgementsChanged) {
      this.acknowledgementsChanged = false;
      this.readAcknowledgements();
    }
    return !this.translator.hasWork;
  }

  private wake(): void {
    if (this.isSynced && !this.isClosed) this.options.scheduler.schedule(this);
  }

  private publish(): void {
    const { resources, statuses, faults } = this.translator.takeOutput();
    const { store, logger, name } = this.options;
    for (const { where, error } of faults) {
      logger.error({ controlPlane: name, where, err: error }, 'the translation of an object failed');
    }
    const revision = resources.length > 0 || store.revision === 0 ? store.update(resources) : store.revision;
    for (const { type, name: table, resource } of resources) {
      if (type !== 'route') continue;
      if (resource === undefined) this.forgetTable(table);
      else this.tables.add(table);
    }
    const touched: string[] = [];
    const removed: { kind: StatusContribution['kind']; key: ObjectKey; report: undefined }[] = [];
    for (const { kind, key, contribution } of statuses) {
      const identity = identify(kind, key);
      if (contribution === undefined) {
        this.pending.delete(identity);
        if (isRouteKind(kind)) this.generations.delete(routeId(kind, key));
        if (this.tracked.delete(identity)) removed.push({ kind, key, report: undefined });
        continue;
      }
      if (isRouteKind(kind)) this.generations.set(routeId(kind, key), contribution.generation);
      const known = this.tracked.get(identity);
      const same = known !== undefined && known.contribution.fingerprint === contribution.fingerprint;
      this.tracked.set(identity, {
        contribution,
        revision: same ? known.revision : revision,
        reported: known?.reported,
        programmed: same ? known.programmed : undefined,
      });
      touched.push(identity);
    }
    if (removed.length > 0) this.options.onStatus(removed);
    this.reportOn(touched);
  }

  private readAcknowledgements(): void {
    const proxies = this.options.store.proxies();
    const rejections = rejectionsOf(proxies);
    const changed = !isDeepStrictEqual(rejections, this.lastRejections);
    for (const [resource, message] of rejections) {
      if (this.lastRejections.get(resource) !== message) {
        this.options.logger.warn({ controlPlane: this.options.name, resource, message }, 'proxies refuse a resource');
      }
    }
    this.lastRejections = rejections;
    this.isolate(proxies, rejections);
    // A rejection can concern any object; an acknowledgement those that wait for one, and Gateways, which say how many
    // proxies there are.
    this.reportOn(changed ? [...this.tracked.keys()] : [...this.pending, ...this.gateways()]);
  }

  /** Leaves out routes for which a table was refused, and lets them in again where it was taken. */
  private isolate(proxies: readonly ProxyState[], rejections: ReadonlyMap<string, string>): void {
    const connected = proxies.filter(({ acknowledged }) => acknowledged > 0);
    if (connected.length === 0) return;
    const settled = Math.min(...connected.map(({ acknowledged }) => acknowledged));
    const current = this.options.store.revision;
    for (const [resource, message] of rejections) {
      const [type, table] = splitIdentity(resource);
      if (type !== 'route') continue;
      // The answer to something older than what is published now says nothing new.
      if (settled < current) continue;
      const good = this.taken.get(table) ?? 0;
      const changed = this.translator
        .routesIn(table)
        .filter((id) => (this.tracked.get(identityOfRoute(id))?.revision ?? 0) > good);
      let quarantine = this.quarantines.get(table);
      if (quarantine === undefined) this.quarantines.set(table, (quarantine = new Quarantine()));
      this.leaveOut(quarantine.refused(changed, message));
    }
    if (settled < current) return;
    for (const [table, quarantine] of this.quarantines) {
      if (rejections.has(identify('route', table))) continue;
      if (quarantine.busy) this.leaveOut(quarantine.accepted());
      if (!quarantine.busy) this.quarantines.delete(table);
    }
    for (const table of this.tables) {
      if (!rejections.has(identify('route', table))) this.taken.set(table, settled);
    }
  }

  private leaveOut(changes: readonly QuarantineChange[]): void {
    this.apply(
      changes.map(({ route, message }) => ({
        kind: 'Quarantine',
        key: route,
        object: message === undefined ? undefined : { generation: this.generations.get(route), message },
      })),
    );
  }

  private forgetTable(table: string): void {
    this.tables.delete(table);
    this.quarantines.delete(table);
    this.taken.delete(table);
  }

  private reportOn(identities: readonly string[]): void {
    if (identities.length === 0) return;
    const proxies = this.options.store.proxies();
    const rejections = this.lastRejections;
    const rejection = (resource: ResourceReference): string | undefined =>
      rejections.get(identify(resource.type, resource.name));
    const reports: { kind: StatusReport['kind']; key: ObjectKey; report: StatusReport }[] = [];
    for (const identity of identities) {
      const tracked = this.tracked.get(identity);
      if (tracked === undefined) continue;
      const { kind, key } = tracked.contribution;
      if (isRouteKind(kind) && this.isUndecided(routeId(kind, key))) {
        this.pending.add(identity);
        continue;
      }
      const counted = this.recount(tracked, proxies);
      const made = report(tracked.contribution, { ...counted, rejection });
      if (made.settled) this.pending.delete(identity);
      else this.pending.add(identity);
      if (tracked.reported !== undefined && isDeepStrictEqual(tracked.reported, made)) continue;
      tracked.reported = made;
      reports.push({ kind, key, report: made });
    }
    if (reports.length > 0) this.options.onStatus(reports);
  }

  private *gateways(): Iterable<string> {
    for (const [identity, { contribution }] of this.tracked) if (hasListeners(contribution)) yield identity;
  }

  /**
   * What was programmed stays so: a proxy that comes later gets it before it is ready. The number of proxies is kept
   * current on Gateways; on thousands of routes it is that of the day.
   */
  private recount(tracked: Tracked, proxies: readonly ProxyState[]): { acknowledged: number; total: number } {
    if (tracked.programmed !== undefined && !hasListeners(tracked.contribution)) return tracked.programmed;
    const counted = this.count(proxies, tracked.revision);
    if (counted.total > 0 && counted.acknowledged >= counted.total) tracked.programmed = counted;
    return tracked.programmed ?? counted;
  }

  private isUndecided(route: string): boolean {
    for (const quarantine of this.quarantines.values()) if (quarantine.isUndecided(route)) return true;
    return false;
  }

  /** A proxy that has nothing yet is starting, and not ready: it does not count. */
  private count(proxies: readonly ProxyState[], revision: number): { acknowledged: number; total: number } {
    let acknowledged = 0;
    let total = 0;
    for (const proxy of proxies) {
      if (proxy.acknowledged === 0) continue;
      total++;
      if (proxy.acknowledged >= revision) acknowledged++;
    }
    return { acknowledged, total: Math.max(total, this.options.expectedProxies?.() ?? 0) };
  }
}

function identify(kind: string, key: string): string {
  return `${kind} ${key}`;
}

function identityOfRoute(id: string): string {
  const { kind, key } = parseRouteId(id);
  return identify(kind, key);
}

/** Of Gateways and ListenerSets there are few: their status is kept current with every proxy. */
function hasListeners({ kind }: StatusContribution): boolean {
  return kind === 'Gateway' || kind === 'ListenerSet';
}

function splitIdentity(identity: string): [kind: string, key: string] {
  const space = identity.indexOf(' ');
  return [identity.slice(0, space), identity.slice(space + 1)];
}

/** Envoy's words by resource. */
function rejectionsOf(proxies: readonly ProxyState[]): Map<string, string> {
  const result = new Map<string, string>();
  for (const { rejections } of proxies) {
    for (const { type, names, message } of rejections) {
      for (const name of names) result.set(identify(type, name), message);
    }
  }
  return result;
}
