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
import { compareSpecificity } from '../httpRoute/match.ts';
import type { RankedRoute } from '../httpRoute/rule.ts';

const virtualHostsField = 2;
const routesField = 3;

export interface VirtualHost {
  /** Name of the table it belongs to. */
  table: string;
  hostname: string;
  /** Encoded `envoy.config.route.v3.VirtualHost`. */
  bytes: Uint8Array;
  clusters: readonly string[];
}

/** The routes of one object, with its place among objects that are equally specific. */
export interface RouteGroup {
  seniority: string;
  routes: readonly RankedRoute[];
}

/** A virtual host of the routes of all objects, in Gateway API's order of precedence. Source: HTTPRouteRule.matches. */
export function virtualHost(table: string, hostname: string, groups: readonly RouteGroup[]): VirtualHost {
  const ranked = groups.flatMap(({ seniority, routes }) => routes.map((route) => ({ seniority, route })));
  if (ranked.length > 1) {
    ranked.sort(
      (a, b) =>
        compareSpecificity(a.route.specificity, b.route.specificity) ||
        compareText(a.seniority, b.seniority) ||
        a.route.rule - b.route.rule ||
        a.route.match - b.route.match,
    );
  }
  const head = encode(VirtualHostSchema, { name: domain(hostname), domains: [domain(hostname)] });
  return {
    table,
    hostname,
    bytes: appendRepeated(
      head,
      routesField,
      ranked.map(({ route }) => route.bytes),
    ),
    clusters: [...new Set(ranked.flatMap(({ route }) => route.clusters))],
  };
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * @param virtualHosts in a stable order
 * @param hostnames of the listeners: one without a virtual host gets an empty one, so that a request for it meets no
 *   route of a broader listener
 */
export function routeConfiguration(
  name: string,
  virtualHosts: readonly VirtualHost[],
  hostnames: readonly string[],
): EncodedResource {
  const head = encode(RouteConfigurationSchema, { name, ignorePortInHostMatching: true });
  const present = new Set(virtualHosts.map(({ hostname }) => hostname));
  const absent = hostnames.filter((hostname) => !present.has(hostname)).toSorted();
  const messages = virtualHosts.map(({ bytes }) => bytes);
  for (const hostname of absent) messages.push(virtualHost(name, hostname, []).bytes);
  return resource(name, appendRepeated(head, virtualHostsField, messages), function* () {
    for (const { clusters } of virtualHosts) yield* clusters;
  });
}
