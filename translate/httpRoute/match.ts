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
import { isHeaderName } from './headers.ts';
import { regexSize } from './regexSize.ts';

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
  // It asks for a tunnel and has no path that a route could match.
  if (match.method === 'CONNECT') throw new UnusableMatch('requests with the method CONNECT are not served');
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
    if (query.name === '') throw new UnusableMatch('a query match names no parameter');
    const pattern = valuePattern(query, `the query match "${query.name}"`);
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
    if (!isHeaderName(name)) throw new UnusableMatch(`"${header.name}" is not the name of a header`);
    const pattern = valuePattern(header, `the header match "${header.name}"`);
    result.set(name, { name: name === 'host' ? ':authority' : name, headerMatchSpecifier: stringMatch(pattern) });
  }
  return [...result.values()];
}

function translatePath(
  type: keyof typeof pathTypeRank,
  value: string,
): { pathSpecifier: NonNullable<Init<typeof RouteMatchSchema>['pathSpecifier']>; prefix: string | undefined } {
  if (type === 'RegularExpression') {
    checkRegex(value, 'the path match');
    return { pathSpecifier: { case: 'safeRegex', value: { regex: value } }, prefix: undefined };
  }
  if (!isPath(value)) throw new UnusableMatch(`"${value}" in a path match is not a path such as /a/b`);
  if (type === 'Exact') return { pathSpecifier: { case: 'path', value }, prefix: undefined };
  if (type !== 'PathPrefix') throw new UnusableMatch(`path matches of type ${String(type)} are not supported`);
  // "/abc/" and "/abc" are the same prefix, and neither matches "/abcd". Source: PathMatchPathPrefix.
  const prefix = value.replace(/\/+$/, '');
  return prefix === ''
    ? { pathSpecifier: { case: 'prefix', value: '/' }, prefix }
    : { pathSpecifier: { case: 'pathSeparatedPrefix', value: prefix }, prefix };
}

/** Whether a text is what the specification takes for a path. Source: HTTPPathMatch. */
function isPath(text: string): boolean {
  return /^\/(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})*$/.test(text);
}

type Pattern = { matchPattern: { case: 'exact'; value: string } | { case: 'safeRegex'; value: { regex: string } } };

function valuePattern({ type, value }: { type?: HTTPHeaderMatch['type']; value: string }, where: string): Pattern {
  if (type === 'RegularExpression') return regex(value, where);
  if (type !== undefined && type !== 'Exact') throw new UnusableMatch(`${where} has the unknown type ${String(type)}`);
  return exact(value);
}

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

/** As many instructions of a compiled expression as proxies take: see the bootstrap. */
const maxRegexSize = 65_536;

const verdicts = new Map<string, string | undefined>();

/** Envoy compiles expressions with RE2, which has no look-around and no back-references. @throws UnusableMatch */
export function checkRegex(value: string, where: string): void {
  if (!verdicts.has(value)) {
    if (verdicts.size >= 10_000) verdicts.clear();
    verdicts.set(value, regexFault(value));
  }
  const fault = verdicts.get(value);
  if (fault !== undefined) {
    throw new UnusableMatch(`${where} has a regular expression that RE2 refuses (${shorten(fault)})`);
  }
}

function regexFault(value: string): string | undefined {
  if (value === '') return 'it is empty';
  const size = regexSize(value);
  if (size > maxRegexSize) return `it compiles to about ${size} instructions, and ${maxRegexSize} are possible`;
  // Envoy matches bytes, and knows fewer names than the RE2 that is asked here.
  for (const [escape, code, name] of value.matchAll(/\\(?:x\{0*([0-9a-fA-F]*)\}|[pP]\{(LC|Cn)\}|.)/gsu)) {
    if (name !== undefined || Number.parseInt(code ?? '', 16) > 0xff) return `there is no ${escape}`;
  }
  try {
    RE2JS.compile(value);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
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
