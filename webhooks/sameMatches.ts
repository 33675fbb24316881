/**
 * Finds matches that another route of the same namespace has, too: only one of the two routes is ever asked.
 * Routes of other namespaces are never named. Source: Gateway API, HTTPRouteRule.matches, on precedence.
 */
import { objectKey } from '../api/object.ts';
import { parentOf, type AnyRoute, type RouteKind } from '../translate/index.ts';
import type { Surroundings } from './surroundings.ts';

export function sameMatches(kind: RouteKind, route: AnyRoute, { routes }: Surroundings): string[] {
  if (kind !== 'HTTPRoute' && kind !== 'GRPCRoute') return [];
  const hostnames = new Set(hostnamesOf(route));
  let own: ReturnType<typeof matchesOf> | undefined;
  const parents = parentsOf(route);
  const warnings: string[] = [];
  for (const other of routes[kind].list()) {
    if (other.metadata.namespace !== route.metadata.namespace || other.metadata.name === route.metadata.name) continue;
    // Of thousands of routes few have a hostname in common: the rest is looked at no further.
    if (!hostnamesOf(other).some((hostname) => hostnames.has(hostname))) continue;
    if (![...parentsOf(other)].some((parent) => parents.has(parent))) continue;
    own ??= matchesOf(route);
    const theirs = matchesOf(other);
    const shared = [...own].find(([match]) => theirs.has(match));
    if (shared === undefined) continue;
    const [, { hostname, rule }] = shared;
    const winner =
      seniority(other) <= seniority(route)
        ? `${kind} ${objectKey(other)}, the older one, is`
        : 'this route, the older one, is';
    const where = hostname === '' ? 'any hostname' : `hostname ${hostname}`;
    warnings.push(
      `${kind} ${objectKey(other)} has the same match for ${where} as rule ${rule} of this route: where both are attached, only ${winner} asked`,
    );
  }
  return warnings;
}

/** Of a route that is not stored yet, the time is now: it is the younger one. */
function seniority(route: AnyRoute): string {
  return `${route.metadata.creationTimestamp ?? '9'} ${objectKey(route)}`;
}

function parentsOf(route: AnyRoute): Set<string> {
  return new Set(
    (route.spec.parentRefs ?? []).flatMap((reference) => {
      const parent = parentOf(reference, route.metadata.namespace ?? '');
      return parent === undefined ? [] : `${parent.kind} ${parent.key}`;
    }),
  );
}

/** In lower case; an empty one for any. */
function hostnamesOf(route: AnyRoute): readonly string[] {
  const wanted = ('hostnames' in route.spec ? route.spec.hostnames : undefined) ?? [];
  return wanted.length === 0 ? [''] : wanted.map((hostname) => hostname.toLowerCase());
}

/** Hostname and match, as text that is the same for what is the same. */
function matchesOf(route: AnyRoute): Map<string, { hostname: string; rule: number }> {
  const result = new Map<string, { hostname: string; rule: number }>();
  const rules = (route.spec.rules ?? [{}]) as readonly { matches?: readonly object[] }[];
  for (const [rule, { matches = [{}] }] of rules.entries()) {
    for (const match of matches) {
      for (const hostname of hostnamesOf(route)) {
        const key = `${hostname} ${canonical(withDefaults(match))}`;
        if (!result.has(key)) result.set(key, { hostname, rule });
      }
    }
  }
  return result;
}

/** An HTTP match without a path is one of the prefix "/". The API server fills that in, files may leave it out. */
function withDefaults(match: object): object {
  return 'method' in match && typeof match.method === 'object'
    ? match
    : { path: { type: 'PathPrefix', value: '/' }, ...match };
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).toSorted().join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, child]) => child !== undefined);
  return `{${entries
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, child]) => `${name}:${canonical(child)}`)
    .join(',')}}`;
}
