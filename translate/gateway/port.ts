/**
 * What is served on one port: the listeners that share it, and which of them stand in each other's way.
 * Source: Gateway API, GatewaySpec.listeners, "Distinct Listeners" and "Handling indistinct Listeners".
 */
import { intersection } from '../httpRoute/hostname.ts';
import { covers } from '../httpRoute/hostname.ts';
import type { Member } from '../incremental/index.ts';
import type { GatewayPlan, ListenerPlan, ServedProtocol } from './listener.ts';

/** What tells the listeners of one port apart: the Host header, the server name of TLS, or nothing. */
export type PortMode = 'http' | 'tls' | 'tcp' | 'udp';

const modes: Record<ServedProtocol, PortMode> = { HTTP: 'http', HTTPS: 'tls', TLS: 'tls', TCP: 'tcp', UDP: 'udp' };

export interface Conflict {
  reason: 'HostnameConflict' | 'ProtocolConflict';
  message: string;
}

/** A table of virtual hosts: one RouteConfiguration. */
export interface Table {
  name: string;
  /** Hostnames of the listeners that it serves: each has a virtual host, so that no broader one answers in its place. */
  hostnames: string[];
  /**
   * Hostnames of listeners with tables of their own: a request for one of them has come over the wrong connection.
   * Source: Gateway API, Listener.hostname; RFC 9110, 15.5.20.
   */
  misdirected: string[];
}

export interface PortPlan {
  /** See `portKey`. */
  key: string;
  port: number;
  mode: PortMode | undefined;
  /** The listeners that are served, more specific hostnames first. */
  listeners: ListenerPlan[];
  /** By `listenerId`. */
  conflicts: Record<string, Conflict>;
  /** Listeners that end TLS for names that another listener of the port ends it for, too, by `listenerId`: one sentence. */
  overlaps: Record<string, string>;
  tables: Table[];
  /** Whether all proxies have the same keys of sessions: a listener that waits for keys takes no connection. */
  sharesSessions: boolean;
}

/** Names the port of a listener: UDP has port numbers of its own. */
export function portKey({ protocol, port }: { protocol: string | undefined; port: number }): string {
  return `${protocol === 'UDP' ? 'udp' : 'tcp'}/${port}`;
}

/** Names a listener across Gateways. */
export function listenerId({ owner, name }: Pick<ListenerPlan, 'owner' | 'name'>): string {
  return owner.kind === 'Gateway' ? `${owner.key}/${name}` : `${owner.kind}/${owner.key}/${name}`;
}

/**
 * The table in which the routes of a listener stand: HTTP listeners of a port share one, because only the Host header
 * tells them apart; each HTTPS listener, which has a filter chain of its own, has one of its own.
 */
export function tableName(listener: Pick<ListenerPlan, 'protocol' | 'port' | 'hostname'>): string {
  if (listener.protocol === 'HTTPS')
    return `https/${listener.port}/${listener.hostname === '' ? '*' : listener.hostname}`;
  return `http/${listener.port}`;
}

/** @param gateways those with a listener on the port */
export function planPort(key: string, gateways: readonly Member<GatewayPlan>[], sharesSessions: boolean): PortPlan {
  const senior = gateways.map(({ value }) => value).toSorted((a, b) => (a.seniority < b.seniority ? -1 : 1));
  const conflicts: Record<string, Conflict> = {};
  const accepted: ListenerPlan[] = [];
  const notes = (listener: ListenerPlan, conflict: Conflict | undefined): boolean => {
    if (conflict !== undefined) conflicts[listenerId(listener)] = conflict;
    return conflict !== undefined;
  };
  for (const candidates of senior.flatMap(({ listeners }) => byOwner(listeners))) {
    const here = candidates.filter((listener) => portKey(listener) === key && listener.refused === undefined);
    // Between objects the senior one keeps what it has. Within one object nobody wins.
    const free = here.filter((listener) => !notes(listener, findConflict(listener, accepted)));
    const distinct = free.filter(
      (listener) =>
        !notes(
          listener,
          findConflict(
            listener,
            free.filter((other) => other !== listener),
          ),
        ),
    );
    accepted.push(...distinct);
  }
  const listeners = accepted
    .filter((listener) => listener.unservable === undefined)
    .toSorted((a, b) => b.hostname.length - a.hostname.length || (a.hostname < b.hostname ? -1 : 1));
  const protocol = accepted[0]?.protocol;
  return {
    key,
    sharesSessions,
    port: Number(key.slice(key.indexOf('/') + 1)),
    mode: protocol === undefined ? undefined : modes[protocol],
    listeners,
    conflicts,
    overlaps: overlaps(accepted),
    tables: tables(listeners),
  };
}

/** The listeners of each object that they are written in, in the order of precedence of these. */
function byOwner(listeners: readonly ListenerPlan[]): ListenerPlan[][] {
  const result = new Map<string, ListenerPlan[]>();
  for (const listener of listeners) {
    const owner = `${listener.owner.kind} ${listener.owner.key}`;
    const group = result.get(owner);
    if (group === undefined) result.set(owner, [listener]);
    else group.push(listener);
  }
  return [...result.values()];
}

function findConflict(listener: ListenerPlan, others: readonly ListenerPlan[]): Conflict | undefined {
  // HTTPS and TLS share a port, told apart by the server name: with the same one they are not.
  const protocol = others.find(
    (other) =>
      modes[other.protocol!] !== modes[listener.protocol!] ||
      (other.protocol !== listener.protocol && other.hostname === listener.hostname),
  );
  if (protocol !== undefined) {
    const message = `Port ${listener.port} is used for ${protocol.protocol} by the listener ${describe(protocol, listener)}: give one of the two another port`;
    return { reason: 'ProtocolConflict', message };
  }
  const same = others.find((other) => other.hostname === listener.hostname);
  if (same === undefined) return undefined;
  const hostname = listener.hostname === '' ? 'no hostname' : `hostname ${listener.hostname}`;
  const message = `Port ${listener.port} with ${hostname} is used by the listener ${describe(same, listener)}, too: change one of the two`;
  return { reason: 'HostnameConflict', message };
}

/** Source: Gateway API, the listener condition OverlappingTLSConfig. */
function overlaps(listeners: readonly ListenerPlan[]): PortPlan['overlaps'] {
  const result: PortPlan['overlaps'] = {};
  const secure = listeners.filter(({ tlsMode }) => tlsMode === 'Terminate');
  for (const listener of secure) {
    const other = secure.find(
      (candidate) => candidate !== listener && intersection(candidate.hostname, listener.hostname) !== undefined,
    );
    if (other === undefined) continue;
    const hostname = other.hostname === '' ? 'any hostname' : `hostname ${other.hostname}`;
    result[listenerId(listener)] =
      `The listener ${describe(other, listener)} covers ${hostname}, too: a client that reuses a connection for a name of the other listener is answered 421`;
  }
  return result;
}

function describe(listener: ListenerPlan, seenFrom: ListenerPlan): string {
  const { owner } = listener;
  // Who may add listeners to a Gateway is not thereby told of what others added to it.
  if (owner.kind === 'ListenerSet' && owner.namespace !== seenFrom.owner.namespace)
    return 'of a ListenerSet in another namespace';
  return owner.kind === seenFrom.owner.kind && owner.key === seenFrom.owner.key
    ? `"${listener.name}"`
    : `"${listener.name}" of ${owner.kind} ${owner.key}`;
}

function tables(listeners: readonly ListenerPlan[]): Table[] {
  const byName = new Map<string, Table>();
  for (const listener of listeners) {
    if (listener.protocol !== 'HTTP' && listener.protocol !== 'HTTPS') continue;
    const name = tableName(listener);
    const table = byName.get(name);
    if (table === undefined) byName.set(name, { name, hostnames: [listener.hostname], misdirected: [] });
    else table.hostnames.push(listener.hostname);
  }
  const result = [...byName.values()];
  for (const table of result) {
    const others = result.flatMap((other) => (other === table ? [] : other.hostnames));
    // A listener for any hostname stands for all that are not this one's.
    table.misdirected = others.includes('')
      ? others.filter((other) => other === '' || table.hostnames.some((own) => covers(own, other)))
      : others;
  }
  return result;
}
