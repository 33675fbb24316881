/**
 * HTTPRoute matches to Envoy's, and their order of precedence.
 * Source: Gateway API, HTTPRouteRule.matches; Envoy docs, config.route.v3.RouteMatch.
 */
import type { Init } from '../encoding/index.ts';
import { RE2JS } from 're2js';
import type {
  HeaderMatcherSchema,
  QueryParameterMatcherSchema,
  RouteMatchSchema,
} from '../../api/envoy/envoy/config/route/v3/route_components_pb.ts';
import type { HTTPHeaderMatch, HTTPRouteMatch } from '../../api/gateway/index.ts';

/** What decides which of two matches comes first; greater goes before, element by element. */
export type Specificity = readonly [
  pathType: number,
  pathLength: number,
  method: number,
  headers: number,
  queries: number,
];

export interface TranslatedMatch {
  match: Init<typeof RouteMatchSchema>;
  specificity: Specificity;
  /** The path prefix without a slash at its end, where the path is matched by prefix: what a prefix rewrite replaces. */
  prefix: string | undefined;
}

/** A match that no proxy would take, with one sentence on what to change. */
export class UnusableMatch extends Error {}

// Exact before prefix is the specification's; regular expressions, which it leaves open, stand between them, because
// whoever writes one beside a catch-all prefix wants it to be asked first.
const pathTypeRank = { Exact: 2, RegularExpression: 1, PathPrefix: 0 } as const;

/** @throws UnusableMatch */
export function translateMatch(match: HTTPRouteMatch): TranslatedMatch {
  const type = match.path?.type ?? 'PathPrefix';
  const value = match.path?.value ?? '/';
  const { pathSpecifier, prefix } = translatePath(type, value);
  const headers: Init<typeof HeaderMatcherSchema>[] = [];
  if (match.method !== undefined)
    headers.push({ name: ':method', headerMatchSpecifier: stringMatch(exact(match.method)) });
  const named = translateHeaderMatches(match.headers ?? []);
  headers.push(...named);
  const queryParameters: Init<typeof QueryParameterMatcherSchema>[] = [];
  const queries = new Set<string>();
  for (const query of match.queryParams ?? []) {
    if (queries.has(query.name)) continue;
    queries.add(query.name);
    const pattern =
      query.type === 'RegularExpression' ? regex(query.value, `the query match "${query.name}"`) : exact(query.value);
    queryParameters.push({ name: query.name, queryParameterMatchSpecifier: { case: 'stringMatch', value: pattern } });
  }
  return {
    match: { pathSpecifier, headers, queryParameters },
    specificity: [pathTypeRank[type], value.length, match.method === undefined ? 0 : 1, named.length, queries.size],
    prefix,
  };
}

/**
 * The header matches of either kind of route. Of headers whose names differ only in case, the first counts.
 * Source: HTTPRouteMatch.headers, GRPCRouteMatch.headers.
 * @throws UnusableMatch
 */
export function translateHeaderMatches(
  headers: readonly { name: string; type?: HTTPHeaderMatch['type']; value: string }[],
): Init<typeof HeaderMatcherSchema>[] {
  const result = new Map<string, Init<typeof HeaderMatcherSchema>>();
  for (const header of headers) {
    const name = header.name.toLowerCase();
    if (result.has(name)) continue;
    const pattern =
      header.type === 'RegularExpression'
        ? regex(header.value, `the header match "${header.name}"`)
        : exact(header.value);
    result.set(name, { name: name === 'host' ? ':authority' : name, headerMatchSpecifier: stringMatch(pattern) });
  }
  return [...result.values()];
}

function translatePath(
  type: keyof typeof pathTypeRank,
  value: string,
): { pathSpecifier: NonNullable<Init<typeof RouteMatchSchema>['pathSpecifier']>; prefix: string | undefined } {
  if (type === 'Exact') return { pathSpecifier: { case: 'path', value }, prefix: undefined };
  if (type === 'RegularExpression') {
    checkRegex(value, 'the path match');
    return { pathSpecifier: { case: 'safeRegex', value: { regex: value } }, prefix: undefined };
  }
  // "/abc/" and "/abc" are the same prefix, and neither matches "/abcd". Source: PathMatchPathPrefix.
  const prefix = value.replace(/\/+$/, '');
  return prefix === ''
    ? { pathSpecifier: { case: 'prefix', value: '/' }, prefix }
    : { pathSpecifier: { case: 'pathSeparatedPrefix', value: prefix }, prefix };
}

type Pattern = { matchPattern: { case: 'exact'; value: string } | { case: 'safeRegex'; value: { regex: string } } };

function exact(value: string): Pattern {
  return { matchPattern: { case: 'exact', value } };
}

function regex(value: string, where: string): Pattern {
  checkRegex(value, where);
  return { matchPattern: { case: 'safeRegex', value: { regex: value } } };
}

function stringMatch(value: Pattern): { case: 'stringMatch'; value: Pattern } {
  return { case: 'stringMatch', value };
}

const accepted = new Map<string, string | undefined>();

/** Envoy compiles expressions with RE2, which has no look-around and no back-references. */
export function checkRegex(value: string, where: string): void {
  let fault = accepted.get(value);
  if (fault === undefined && !accepted.has(value)) {
    try {
      RE2JS.compile(value);
    } catch (error) {
      fault = error instanceof Error ? error.message : String(error);
    }
    if (accepted.size >= 10_000) accepted.clear();
    accepted.set(value, fault);
  }
  if (fault !== undefined) {
    throw new UnusableMatch(`${where} has a regular expression that RE2 refuses (${shorten(fault)})`);
  }
}

function shorten(text: string): string {
  return text.length <= 160 ? text : `${text.slice(0, 157)}...`;
}

/** Negative where `first` goes before `second`. */
export function compareSpecificity(first: Specificity, second: Specificity): number {
  for (let i = 0; i < first.length; i++) {
    const difference = second[i]! - first[i]!;
    if (difference !== 0) return difference;
  }
  return 0;
}
