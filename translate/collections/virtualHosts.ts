/** Where HTTPRoutes and GRPCRoutes stand, and the tables that proxies read them from. */
import { hash } from 'node:crypto';
import { sameBytes, sameResource } from '../encoding/index.ts';
import { routeConfiguration, virtualHost } from '../envoy/index.ts';
import {
  acceptedParents,
  attachedListeners,
  listenerId,
  portKey,
  tableName,
  type AttachedListener,
} from '../gateway/index.ts';
import { mostSpecific } from '../httpRoute/hostname.ts';
import type { ListenerContext } from '../httpRoute/rewrite.ts';
import type { RankedRoute } from '../httpRoute/rule.ts';
import type { Graph } from '../incremental/index.ts';
import type { GatewayStage } from './gateways.ts';
import type { RouteStage } from './routes.ts';

/** Where a route stands: in which virtual hosts, with which routes. */
export interface Placement {
  seniority: string;
  /** Routes for each virtual host, by `virtualHostKey`. */
  hosts: Map<string, readonly RankedRoute[]>;
  clusters: readonly string[];
  fingerprint: string;
}

const separator = '|';

/** Names a virtual host of a table. */
export function virtualHostKey(table: string, hostname: string): string {
  return `${table}${separator}${hostname}`;
}

export type VirtualHostStage = ReturnType<typeof deriveVirtualHosts>;

export function deriveVirtualHosts(graph: Graph, { ports }: GatewayStage, { translations, acceptances }: RouteStage) {
  const placements = graph.derive(
    'placements',
    acceptances,
    [translations, ports],
    (reader, parents, key): Placement | undefined => {
      const translation = reader.get(translations, key);
      if (translation === undefined) return undefined;
      const hosts = new Map<string, readonly RankedRoute[]>();
      for (const { listener: on, hostnames } of attachedListeners(acceptedParents(parents)).values()) {
        const plan = reader.get(ports, portKey(on));
        if (plan === undefined || !plan.listeners.some((served) => listenerId(served) === listenerId(on))) continue;
        const table = plan.tables.find(({ name }) => name === tableName(on));
        if (table === undefined) continue;
        const routes = translation.routes(contextOf(on));
        for (const hostname of hostnames) {
          // A hostname belongs to the most specific listener of its port alone: listeners are isolated.
          if (mostSpecific([...table.hostnames, ...table.misdirected], hostname) === on.hostname)
            hosts.set(virtualHostKey(table.name, hostname), routes);
        }
      }
      return {
        seniority: translation.seniority,
        hosts,
        clusters: translation.clusters,
        fingerprint: fingerprintOf(hosts),
      };
    },
  );
  const placementsByHost = placements.index('by virtual host', ({ hosts }) => hosts.keys());
  const virtualHosts = graph.deriveGroups(
    'virtualHosts',
    placementsByHost,
    [],
    (_, members, key) => {
      const [table, hostname] = key.split(separator) as [string, string];
      const groups = members.map(({ value }) => ({ seniority: value.seniority, routes: value.hosts.get(key)! }));
      return virtualHost(table, hostname, groups);
    },
    { equals: (before, after) => sameBytes(before.field, after.field) },
  );
  const virtualHostsByTable = virtualHosts.index('by table', ({ table }) => [table]);
  const portsByTable = ports.index('by table', ({ tables }) => tables.map(({ name }) => name));
  const routeConfigurations = graph.deriveGroups(
    'routeConfigurations',
    portsByTable,
    [virtualHosts, virtualHostsByTable],
    (reader, members, name) => {
      const tables = members.flatMap(({ value }) => value.tables.filter((table) => table.name === name));
      const absent = tables
        .flatMap(({ hostnames }) => hostnames)
        .filter((hostname) => reader.get(virtualHosts, virtualHostKey(name, hostname)) === undefined);
      const misdirected = tables.flatMap((table) => table.misdirected);
      return routeConfiguration(name, reader.group(virtualHostsByTable, name), absent, misdirected);
    },
    { equals: sameResource },
  );
  return { placements, placementsByHost, routeConfigurations };
}

function contextOf(on: AttachedListener['listener']): ListenerContext {
  const { port, clientCertificate } = on;
  return { scheme: on.protocol === 'HTTPS' ? 'https' : 'http', port, clientCertificate };
}

function fingerprintOf(hosts: Placement['hosts']): string {
  const parts: Buffer[] = [];
  for (const [host, routes] of hosts) {
    parts.push(Buffer.from(host));
    for (const { bytes } of routes) parts.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  }
  return hash('sha1', Buffer.concat(parts), 'base64url');
}
