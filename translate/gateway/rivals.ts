/**
 * HTTPRoutes and GRPCRoutes that ask for the same hostnames of one listener: of two that do, the older one is accepted.
 *
 * Who loses may depend on a whole chain of routes, so that a verdict is made for a listener at once; but only for the routes
 * that have a rival at all, which is found by an index, so that a change elsewhere is none of their business.
 *
 * Source: Gateway API, HTTPRouteSpec.hostnames and GRPCRouteSpec.hostnames.
 */
import type { ConditionContribution, ObjectKey } from '../../api/object.ts';
import { sentence } from '../backend/index.ts';
import type { Collection, Index, Member, Reader } from '../incremental/index.ts';
import { isHttpKind, parseRouteId, type AnyRoute, type RouteKind } from '../sources.ts';
import { attachedListeners, type AttachedListener, type ParentAttachment } from './attachment.ts';
import { listenerId } from './port.ts';

/** A route with at least one rival. */
export interface Contender {
  kind: RouteKind;
  key: ObjectKey;
  /** Order in which routes are accepted: older first, then by name. */
  seniority: string;
  /** The hostnames that rivals ask for, too, by `listenerId`. */
  hostnames: ReadonlyMap<string, readonly string[]>;
}

/** Who was accepted in the place of a route, by its id. */
export type Verdicts = ReadonlyMap<string, { kind: RouteKind; key: ObjectKey; hostname: string }>;

/** Under which keys a route is found by its rivals: each hostname, and each pattern that covers it. */
export function rivalKeys(parents: readonly ParentAttachment[], id: string): Iterable<string> {
  const { kind } = parseRouteId(id);
  const keys = new Set<string>();
  if (!isHttpKind(kind)) return keys;
  for (const [listener, { hostnames }] of attachedOf(parents)) {
    for (const hostname of hostnames) {
      keys.add(exactly(listener, kind, hostname));
      for (const pattern of patternsOver(hostname)) keys.add(below(listener, kind, pattern));
    }
  }
  return keys;
}

/** @returns undefined where a route has no rival */
export function contend(
  reader: Reader,
  byHostname: Index<readonly ParentAttachment[]>,
  parents: readonly ParentAttachment[],
  id: string,
  route: AnyRoute | undefined,
): Contender | undefined {
  const { kind, key } = parseRouteId(id);
  if (!isHttpKind(kind)) return undefined;
  const other = kind === 'HTTPRoute' ? 'GRPCRoute' : 'HTTPRoute';
  const contended = new Map<string, string[]>();
  for (const [listener, { hostnames }] of attachedOf(parents)) {
    const shared = hostnames.filter(
      (hostname) =>
        reader.count(byHostname, below(listener, other, hostname)) > 0 ||
        patternsOver(hostname).some((pattern) => reader.count(byHostname, exactly(listener, other, pattern)) > 0),
    );
    if (shared.length > 0) contended.set(listener, shared);
  }
  if (contended.size === 0) return undefined;
  const seniority = `${route?.metadata.creationTimestamp ?? ''} ${key} ${kind}`;
  return { kind, key, seniority, hostnames: contended };
}

/** Accepted routes of one kind, the senior of those with one hostname. */
class Accepted {
  private readonly exact = new Map<string, Contender>();
  private readonly covered = new Map<string, { contender: Contender; hostname: string }>();

  add(contender: Contender, hostnames: readonly string[]): void {
    for (const hostname of hostnames) {
      if (!this.exact.has(hostname)) this.exact.set(hostname, contender);
      for (const pattern of patternsOver(hostname)) {
        if (!this.covered.has(pattern)) this.covered.set(pattern, { contender, hostname });
      }
    }
  }

  /** Who asks for one of these hostnames, too, and for which: the narrower of the two. */
  find(hostnames: readonly string[]): { contender: Contender; hostname: string } | undefined {
    for (const hostname of hostnames) {
      const narrower = this.covered.get(hostname);
      if (narrower !== undefined) return narrower;
      for (const pattern of patternsOver(hostname)) {
        const contender = this.exact.get(pattern);
        if (contender !== undefined) return { contender, hostname };
      }
    }
    return undefined;
  }
}

/** @param contenders of one listener */
export function judge(listener: string, contenders: readonly Member<Contender>[]): Verdicts {
  const verdicts = new Map<string, { kind: RouteKind; key: ObjectKey; hostname: string }>();
  const accepted = { HTTPRoute: new Accepted(), GRPCRoute: new Accepted() };
  const order = contenders.toSorted((a, b) => (a.value.seniority < b.value.seniority ? -1 : 1));
  for (const { key: id, value: contender } of order) {
    const own = contender.hostnames.get(listener) ?? [];
    const [mine, others] =
      contender.kind === 'HTTPRoute'
        ? [accepted.HTTPRoute, accepted.GRPCRoute]
        : [accepted.GRPCRoute, accepted.HTTPRoute];
    const found = others.find(own);
    if (found === undefined) mine.add(contender, own);
    else verdicts.set(id, { kind: found.contender.kind, key: found.contender.key, hostname: found.hostname });
  }
  return verdicts;
}

/** The parents of a route without the listeners on which a rival was accepted. */
export function withoutLost(
  reader: Reader,
  verdicts: Collection<Verdicts>,
  contender: Contender | undefined,
  parents: readonly ParentAttachment[],
  id: string,
): readonly ParentAttachment[] {
  if (contender === undefined) return parents;
  const lost = new Map<string, string>();
  for (const listener of contender.hostnames.keys()) {
    const winner = reader.get(verdicts, listener)?.get(id);
    if (winner === undefined) continue;
    const hostname = winner.hostname === '' ? 'every hostname' : `hostname ${winner.hostname}`;
    lost.set(listener, `${winner.kind} ${winner.key}, which came first, has ${hostname}`);
  }
  if (lost.size === 0) return parents;
  return parents.map((parent) => {
    const faults = parent.listeners.flatMap(({ listener }) => {
      const fault = lost.get(listenerId(listener));
      return fault === undefined ? [] : `listener "${listener.name}", where ${fault}`;
    });
    if (faults.length === 0) return parent;
    const listeners = parent.listeners.filter(({ listener }) => !lost.has(listenerId(listener)));
    const why = `${sentence(faults)}: HTTPRoutes and GRPCRoutes of one listener need different hostnames`;
    const accepted: ConditionContribution =
      listeners.length === 0
        ? { type: 'Accepted', status: 'False', reason: 'HostnameConflict', message: `Not accepted on ${why}` }
        : { ...parent.accepted, message: `Route is accepted, but not on ${why}` };
    return { ...parent, accepted, listeners };
  });
}

function attachedOf(parents: readonly ParentAttachment[]): Map<string, AttachedListener> {
  return attachedListeners(parents.filter(({ accepted }) => accepted.status === 'True'));
}

function exactly(listener: string, kind: RouteKind, hostname: string): string {
  return `${listener}|${kind}|=${hostname}`;
}

function below(listener: string, kind: RouteKind, pattern: string): string {
  return `${listener}|${kind}|<${pattern}`;
}

/** A hostname itself, and every pattern that covers it: `a.b.c` is covered by `*.b.c`, `*.c` and the empty one. */
function patternsOver(hostname: string): string[] {
  if (hostname === '') return [''];
  const patterns = [hostname];
  const labels = hostname.replace(/^\*\./, '').split('.');
  for (let i = 1; i < labels.length; i++) patterns.push(`*.${labels.slice(i).join('.')}`);
  return [...patterns, ''];
}
