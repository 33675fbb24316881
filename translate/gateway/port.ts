/**
 * What is served on one port: the listeners that share it, and which of them stand in each other's way.
 * Source: Gateway API, GatewaySpec.listeners, "Distinct Listeners" and "Handling indistinct Listeners".
 */
import type { Member } from '../incremental/index.ts';
import type { GatewayPlan, ListenerPlan, ServedProtocol } from './listener.ts';

export interface Conflict {
  reason: 'HostnameConflict' | 'ProtocolConflict';
  message: string;
}

/** A table of virtual hosts: one RouteConfiguration. */
export interface Table {
  name: string;
  /** Hostnames of the listeners that it serves: each has a virtual host, so that no broader one answers in its place. */
  hostnames: string[];
}

export interface PortPlan {
  port: number;
  protocol: ServedProtocol | undefined;
  /** The listeners that are served, more specific hostnames first. */
  listeners: ListenerPlan[];
  /** By `listenerId`. */
  conflicts: Record<string, Conflict>;
  tables: Table[];
}

/** Names a listener across Gateways. */
export function listenerId(listener: { gateway: string; name: string }): string {
  return `${listener.gateway}/${listener.name}`;
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
export function planPort(port: number, gateways: readonly Member<GatewayPlan>[]): PortPlan {
  const senior = gateways.map(({ value }) => value).toSorted((a, b) => (a.seniority < b.seniority ? -1 : 1));
  const conflicts: Record<string, Conflict> = {};
  const accepted: ListenerPlan[] = [];
  for (const gateway of senior) {
    const candidates = gateway.listeners.filter((listener) => listener.port === port && listener.refused === undefined);
    // Within one Gateway nobody wins. Between Gateways the older one keeps what it has.
    for (const listener of candidates) {
      const conflict =
        findConflict(
          listener,
          candidates.filter((other) => other !== listener),
        ) ?? findConflict(listener, accepted);
      if (conflict !== undefined) conflicts[listenerId(listener)] = conflict;
    }
    accepted.push(...candidates.filter((listener) => conflicts[listenerId(listener)] === undefined));
  }
  const listeners = accepted
    .filter((listener) => listener.unservable === undefined)
    .toSorted((a, b) => b.hostname.length - a.hostname.length || (a.hostname < b.hostname ? -1 : 1));
  return { port, protocol: accepted[0]?.protocol, listeners, conflicts, tables: tables(listeners) };
}

function findConflict(listener: ListenerPlan, others: readonly ListenerPlan[]): Conflict | undefined {
  const protocol = others.find((other) => other.protocol !== listener.protocol);
  if (protocol !== undefined) {
    const message = `Port ${listener.port} is used for ${protocol.protocol} by listener ${describe(protocol, listener)}: give one of the two another port`;
    return { reason: 'ProtocolConflict', message };
  }
  const same = others.find((other) => other.hostname === listener.hostname);
  if (same === undefined) return undefined;
  const hostname = listener.hostname === '' ? 'no hostname' : `hostname ${listener.hostname}`;
  const message = `Port ${listener.port} with ${hostname} is used by listener ${describe(same, listener)}, too: change one of the two`;
  return { reason: 'HostnameConflict', message };
}

function describe(listener: ListenerPlan, seenFrom: ListenerPlan): string {
  return listener.gateway === seenFrom.gateway
    ? `"${listener.name}"`
    : `"${listener.name}" of Gateway ${listener.gateway}`;
}

function tables(listeners: readonly ListenerPlan[]): Table[] {
  const byName = new Map<string, Table>();
  for (const listener of listeners) {
    const name = tableName(listener);
    const table = byName.get(name);
    if (table === undefined) byName.set(name, { name, hostnames: [listener.hostname] });
    else table.hostnames.push(listener.hostname);
  }
  return [...byName.values()];
}
