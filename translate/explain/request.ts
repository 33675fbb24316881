/** A request as Envoy's router sees it: what a client sent, after the connection manager has had it in its hands. */

/** One HTTP request. */
export interface HttpRequest {
  scheme: 'http' | 'https';
  method: string;
  /** The Host header, with its port where it states one. */
  authority: string;
  /** With the query. */
  path: string;
  /** Values by name in lower case, in the order in which they came. */
  headers: ReadonlyMap<string, readonly string[]>;
}

/** The path without its query. */
export function withoutQuery(path: string): string {
  const end = path.search(/[?#]/);
  return end === -1 ? path : path.slice(0, end);
}

/** The query with its question mark; empty where there is none. */
export function queryOf(path: string): string {
  const start = path.indexOf('?');
  return start === -1 ? '' : path.slice(start);
}

/** A host without its port, in lower case. Source: Envoy docs, RouteConfiguration.ignore_port_in_host_matching. */
export function withoutPort(authority: string): string {
  return authority.replace(/:\d+$/, '').toLowerCase();
}

/**
 * The values of a header: a matcher is met where one of them meets it.
 * Source: Envoy docs, config.route.v3.HeaderMatcher; "HTTP header manipulation", x-forwarded-proto.
 */
export function headerValues(request: HttpRequest, name: string): readonly string[] {
  switch (name.toLowerCase()) {
    case ':method':
      return [request.method];
    case ':authority':
    case 'host':
      return [request.authority];
    case ':path':
      return [request.path];
    case ':scheme':
    // The proxy is the edge: it says itself by which scheme it was reached.
    // oxlint-disable-next-line no-fallthrough
    case 'x-forwarded-proto':
      return [request.scheme];
    default:
      return request.headers.get(name.toLowerCase()) ?? [];
  }
}

/**
 * The values of the query parameters, each the first of its name, as they stand in the query: nothing is decoded.
 * Source: Envoy docs, config.route.v3.QueryParameterMatcher.
 */
export function queryParameters(path: string): Map<string, string> {
  const result = new Map<string, string>();
  for (const part of queryOf(path).slice(1).split('&')) {
    const equals = part.indexOf('=');
    const name = equals === -1 ? part : part.slice(0, equals);
    if (name !== '' && !result.has(name)) result.set(name, equals === -1 ? '' : part.slice(equals + 1));
  }
  return result;
}
