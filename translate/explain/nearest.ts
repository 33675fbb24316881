/** What a request nearly met: the nearest routes by hostname and then by path, and in what they differ. */
import type { VirtualHost } from '../../api/envoy/envoy/config/route/v3/route_components_pb.ts';
import { covers } from '../httpRoute/hostname.ts';
import { describeRoute, routeReference, type RouteReference } from './describe.ts';
import type { Inspection } from './inspection.ts';
import type { ProxyModel } from './proxy.ts';
import { withoutPort, type HttpRequest } from './request.ts';
import { differences, distance, type Difference } from './routeMatch.ts';

/** A route that would take the request, but for the differences. */
export interface NearMiss {
  route: RouteReference;
  /** The hostname under which it stands; `*` for any. */
  hostname: string;
  /** One sentence each, without its full stop. */
  differences: string[];
}

/** As many as help: who reads more looks at the objects. */
const shown = 3;

/**
 * @param tables names of those that could have been asked
 * @param met the virtual host that was asked
 */
export function nearestRoutes(
  model: ProxyModel,
  inspection: Inspection,
  tables: readonly string[],
  met: VirtualHost | undefined,
  request: HttpRequest,
): NearMiss[] {
  const host = withoutPort(request.authority);
  const found = new Map<string, NearMiss & { score: number }>();
  for (const table of tables) {
    for (const virtualHost of model.table(table)?.virtualHosts ?? []) {
      const hostname = virtualHost.domains[0] ?? '*';
      const origins = inspection.routesOf(table, hostname === '*' ? '' : hostname);
      const byHost = virtualHost === met ? undefined : hostDifference(hostname, host, met);
      for (const [position, { match }] of virtualHost.routes.entries()) {
        const origin = origins[position];
        if (origin === undefined || match === undefined) continue;
        const differs = differences(match, request);
        const score = (byHost?.score ?? 0) + distance(match, differs);
        // Of a route whose hostname differs, one rule tells enough.
        const id = byHost?.isForeign === true ? origin.route : `${origin.route} ${origin.rule}`;
        const before = found.get(id);
        if (before !== undefined && before.score <= score) continue;
        const sentences = [...(byHost === undefined ? [] : [byHost.sentence]), ...differs.map(describeDifference)];
        // Where all is met, another route of the same place came before.
        if (sentences.length === 0) continue;
        const route = routeReference(origin, inspection.route(origin.route));
        found.set(id, { route, hostname, differences: sentences, score });
      }
    }
  }
  return [...found.values()]
    .toSorted((a, b) => a.score - b.score || (describeRoute(a.route) < describeRoute(b.route) ? -1 : 1))
    .slice(0, shown)
    .map(({ route, hostname, differences: differs }) => ({ route, hostname, differences: differs }));
}

/** `the path must be /a or below it, but is /b`. */
export function describeDifference({ on, name, wanted, got }: Difference): string {
  const subject = {
    path: 'the path',
    method: 'the method',
    header: 'header',
    cookie: 'cookie',
    query: 'query parameter',
    other: 'it',
  }[on];
  // Methods are known by their looks.
  const must = on === 'method' ? wanted.replaceAll('"', '') : wanted;
  const who = name === '' ? subject : `${subject} ${name}`;
  if (got === undefined) return `${who} must ${must}, but is not there`;
  const quoted = name !== '' ? JSON.stringify(got) : got;
  return `${who} must ${must}, but is ${quoted}`;
}

interface HostDifference {
  score: number;
  sentence: string;
  /** It does not cover the host. */
  isForeign: boolean;
}

function hostDifference(hostname: string, host: string, met: VirtualHost | undefined): HostDifference {
  if (covers(hostname === '*' ? '' : hostname, host)) {
    const narrower = met?.domains[0] ?? '*';
    const sentence =
      met === undefined
        ? `its listener is not the one that takes ${host}`
        : `requests for ${host} are only matched with the routes of ${narrower}, which is more specific than ${hostname}`;
    return { score: 50, sentence, isForeign: false };
  }
  const sentence = `the hostname must be ${hostname}, but is ${host === '' ? 'empty' : host}`;
  return { score: 300 + Math.round(1000 * unlikeness(hostname, host)), sentence, isForeign: true };
}

/** Hostnames of virtual hosts with routes, those most like `host` first. */
export function nearestHostnames(model: ProxyModel, tables: readonly string[], host: string): string[] {
  const hostnames = new Set<string>();
  for (const table of tables) {
    for (const { domains, routes } of model.table(table)?.virtualHosts ?? []) {
      if (routes.length > 0) for (const domain of domains) hostnames.add(domain);
    }
  }
  return [...hostnames]
    .map((hostname) => ({ hostname, score: unlikeness(hostname, host) }))
    .toSorted((a, b) => a.score - b.score || (a.hostname < b.hostname ? -1 : 1))
    .slice(0, shown)
    .map(({ hostname }) => hostname);
}

/** From 0 for equal names to 1 for names that have nothing in common. */
function unlikeness(hostname: string, host: string): number {
  const plain = hostname.replace(/^\*\.?/, '');
  return editDistance(plain, host) / Math.max(plain.length, host.length, 1);
}

/** How many characters must be changed, added or removed (Levenshtein). */
export function editDistance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= other.length; j++) {
      const change = row[j - 1]! + (one[i - 1] === other[j - 1] ? 0 : 1);
      next.push(Math.min(change, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[other.length]!;
}
