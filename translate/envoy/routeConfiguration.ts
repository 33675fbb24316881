/**
 * Virtual hosts and the tables they stand in. This is the packing: the last step, and the only one that knows how
 * virtual hosts are distributed over RouteConfigurations.
 * Source: Envoy docs, config.route.v3.RouteConfiguration and VirtualHost.
 */
import { RouteConfigurationSchema } from '../../api/envoy/envoy/config/route/v3/route_pb.ts';
import { VirtualHostSchema } from '../../api/envoy/envoy/config/route/v3/route_components_pb.ts';
import type { EncodedResource } from '../../api/resource.ts';
import { appendRepeated, encode, resource } from '../encoding/index.ts';
import { domain } from '../httpRoute/hostname.ts';
import type { Member } from '../incremental/index.ts';
import { compareSpecificity } from '../httpRoute/match.ts';
import type { RankedRoute } from '../httpRoute/rule.ts';
import { safeRetryPolicy } from '../httpRoute/timeouts.ts';

const virtualHostsField = 2;
const routesField = 3;

export interface VirtualHost {
  /** Name of the table it belongs to. */
  table: string;
  hostname: string;
  /** Encoded `envoy.config.route.v3.VirtualHost`, as a field of its table. */
  field: Uint8Array;
  clusters: readonly string[];
}

/** The routes of one object, with its place among objects that are equally specific. */
export interface RouteGroup {
  seniority: string;
  routes: readonly RankedRoute[];
}

/** The routes of several objects in Gateway API's order of precedence. Source: HTTPRouteRule.matches. */
export function inPrecedence<Group extends RouteGroup>(
  groups: readonly Group[],
): { group: Group; route: RankedRoute }[] {
  const ranked = groups.flatMap((group) => group.routes.map((route) => ({ group, route })));
  if (ranked.length > 1) {
    ranked.sort(
      (a, b) =>
        compareSpecificity(a.route.specificity, b.route.specificity) ||
        compareText(a.group.seniority, b.group.seniority) ||
        a.route.rule - b.route.rule ||
        a.route.match - b.route.match,
    );
  }
  return ranked;
}

/** A virtual host of the routes of all objects. */
export function virtualHost(table: string, hostname: string, groups: readonly RouteGroup[]): VirtualHost {
  const ranked = inPrecedence(groups);
  const head = encode(VirtualHostSchema, {
    name: domain(hostname),
    domains: [domain(hostname)],
    ...(ranked.length === 0 ? {} : { retryPolicy: safeRetryPolicy }),
  });
  const bytes = appendRepeated(
    head,
    routesField,
    ranked.map(({ route }) => route.bytes),
  );
  return {
    table,
    hostname,
    field: appendRepeated(empty, virtualHostsField, [bytes]),
    clusters: [...new Set(ranked.flatMap(({ route }) => route.clusters))],
  };
}

const empty = new Uint8Array();

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * @param virtualHosts in a stable order
 * @param absent hostnames of listeners without a virtual host: each gets an empty one, so that a request for it meets no
 *   route of a broader listener
 * @param misdirected hostnames of listeners with another table: a request for one of them is answered with 421, so that the
 *   client takes a connection of its own for it
 */
export function routeConfiguration(
  name: string,
  virtualHosts: readonly Member<VirtualHost>[],
  absent: readonly string[],
  misdirected: readonly string[],
): EncodedResource {
  const head = encode(RouteConfigurationSchema, {
    name,
    ignorePortInHostMatching: true,
    // What a backendRef says of headers comes after what its rule says, so it has the last word.
    mostSpecificHeaderMutationsWins: true,
  });
  const fields = [head];
  const clusters: (readonly string[])[] = [];
  for (const { value } of virtualHosts) {
    fields.push(value.field);
    clusters.push(value.clusters);
  }
  for (const hostname of absent.toSorted()) fields.push(virtualHost(name, hostname, []).field);
  if (misdirected.length > 0) fields.push(misdirectedHost(misdirected));
  return resource(name, Buffer.concat(fields), function* () {
    for (const names of clusters) yield* names;
  });
}

const misdirectedRequest = 421;

function misdirectedHost(hostnames: readonly string[]): Uint8Array {
  const name = 'misdirected';
  const bytes = encode(VirtualHostSchema, {
    name,
    domains: hostnames.toSorted().map(domain),
    routes: [
      {
        name,
        match: { pathSpecifier: { case: 'prefix', value: '/' } },
        action: { case: 'directResponse', value: { status: misdirectedRequest } },
      },
    ],
  });
  return appendRepeated(empty, virtualHostsField, [bytes]);
}
