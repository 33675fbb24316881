/**
 * Hostnames and their intersection. A hostname is exact, `*.suffix`, or empty for any; a wildcard covers any number of
 * labels, but not the suffix itself. Source: Gateway API, HTTPRouteSpec.hostnames and Listener.hostname.
 */

/** Whether `pattern` covers every name that `hostname` covers. */
export function covers(pattern: string, hostname: string): boolean {
  if (pattern === '' || pattern === hostname) return true;
  if (!pattern.startsWith('*.')) return false;
  const suffix = pattern.slice(1);
  return hostname.startsWith('*.') ? hostname.slice(1).endsWith(suffix) : hostname.endsWith(suffix);
}

/** The narrower of two hostnames where one covers the other; undefined where none does. */
export function intersection(first: string, second: string): string | undefined {
  if (covers(first, second)) return second;
  if (covers(second, first)) return first;
  return undefined;
}

/** The hostnames under which a route with `hostnames` serves on a listener with `listener`. */
export function intersections(listener: string, hostnames: readonly string[]): string[] {
  if (hostnames.length === 0) return [listener];
  const result = new Set<string>();
  for (const hostname of hostnames) {
    const common = intersection(listener, hostname.toLowerCase());
    if (common !== undefined) result.add(common);
  }
  return [...result];
}

/** The most specific of `patterns` that covers `hostname`: exact, then the longest wildcard, then any. */
export function mostSpecific(patterns: Iterable<string>, hostname: string): string | undefined {
  let best: string | undefined;
  for (const pattern of patterns) {
    if (pattern === hostname) return pattern;
    if (covers(pattern, hostname) && (best === undefined || pattern.length > best.length)) best = pattern;
  }
  return best;
}

/** The domain of an Envoy virtual host for a hostname. Source: Envoy docs, config.route.v3.VirtualHost.domains. */
export function domain(hostname: string): string {
  return hostname === '' ? '*' : hostname;
}
