/**
 * GRPCRoute matches to Envoy's, and their order of precedence.
 * Source: Gateway API, GRPCRouteMatch and GRPCRouteRule.matches; gRPC over HTTP/2, "Requests".
 */
import type {
  HeaderMatcherSchema,
  RouteMatchSchema,
} from '../../api/envoy/envoy/config/route/v3/route_components_pb.ts';
import type { GRPCMethodMatch, GRPCRouteMatch } from '../../api/gateway/index.ts';
import type { Init } from '../encoding/index.ts';
import { checkRegex, translateHeaderMatches, UnusableMatch, type TranslatedMatch } from '../httpRoute/match.ts';

/**
 * A GRPCRoute speaks of gRPC requests only: those are known by their type, that of gRPC-Web among them. Envoy's own
 * condition, `grpc`, would leave gRPC-Web out, because a route is chosen before a filter translates the request.
 */
const isGrpc: Init<typeof HeaderMatcherSchema> = {
  name: 'content-type',
  headerMatchSpecifier: {
    case: 'stringMatch',
    value: { matchPattern: { case: 'prefix', value: 'application/grpc' }, ignoreCase: true },
  },
};

// The specification counts characters. Regular expressions, which it leaves open, come after exact values, because their
// length says little about how much they match.
const typeRank = { Exact: 2, RegularExpression: 1 } as const;

/** @throws UnusableMatch */
export function translateMatch(match: GRPCRouteMatch): TranslatedMatch {
  const { method } = match;
  const type = method?.type ?? 'Exact';
  const service = method?.service ?? '';
  const name = method?.method ?? '';
  const headers = translateHeaderMatches(match.headers ?? []);
  const rank = (value: string): number => (value === '' ? 0 : typeRank[type]);
  return {
    match: { pathSpecifier: translateMethod(method), headers: [isGrpc, ...headers] },
    specificity: [rank(service), service.length, rank(name), name.length, headers.length],
    prefix: undefined,
  };
}

/** The path of a gRPC request is `/SERVICE/METHOD`. */
function translateMethod(
  match: GRPCMethodMatch | undefined,
): NonNullable<Init<typeof RouteMatchSchema>['pathSpecifier']> {
  if (match === undefined) return { case: 'prefix', value: '/' };
  const { service = '', method = '' } = match;
  if (service === '' && method === '') throw new UnusableMatch('a method match names neither a service nor a method');
  if (match.type === 'RegularExpression') {
    const regex = `/${part(service, 'service')}/${part(method, 'method')}`;
    checkRegex(regex, 'the method match');
    return { case: 'safeRegex', value: { regex } };
  }
  for (const value of [service, method]) {
    if (value.includes('/')) throw new UnusableMatch(`the method match "${value}" has a slash`);
  }
  if (method === '') return { case: 'prefix', value: `/${service}/` };
  if (service === '') return { case: 'safeRegex', value: { regex: `/[^/]+/${method.replaceAll('.', '\\.')}` } };
  return { case: 'path', value: `/${service}/${method}` };
}

/** A part of the path: the whole of it has to match, so that anchors at its ends say nothing more. */
function part(value: string, what: string): string {
  if (value === '') return '[^/]+';
  checkRegex(value, `the ${what} match`);
  const start = value.startsWith('^') ? 1 : 0;
  const escapes = /\\*(?=\$$)/.exec(value)?.[0].length ?? 0;
  const end = value.endsWith('$') && escapes % 2 === 0 ? value.length - 1 : value.length;
  return `(?:${value.slice(start, end)})`;
}
