/** Routes, rules and matches in the words of their authors. */
import type { GRPCRoute, HTTPRoute, HTTPRouteFilter } from '../../api/gateway/index.ts';
import { parseRouteId, type AnyRoute, type RouteKind } from '../sources.ts';
import type { Origin } from './inspection.ts';

/** A place in a route. */
export interface RouteReference {
  kind: RouteKind;
  namespace: string;
  name: string;
  /** Position of the rule; undefined where the route as a whole is meant. */
  rule: number | undefined;
  ruleName: string | undefined;
  /** Position of the match in the rule; undefined where the rule matches everything. */
  match: number | undefined;
  /** The match as it is written; undefined where there is none. */
  matches: string | undefined;
}

/** @param object the route, where it is at hand */
export function routeReference({ route, rule, match }: Origin, object: AnyRoute | undefined): RouteReference {
  const { kind, namespace, name } = namesOf(route);
  const written = ruleOf(object, rule);
  const list = (written?.matches ?? []) as readonly object[];
  const found = list[match];
  return {
    kind,
    namespace,
    name,
    rule,
    ruleName: written?.name,
    match: found === undefined ? undefined : match,
    matches: found === undefined ? undefined : describeMatch(kind, found),
  };
}

/** The parts of a route's id. */
export function namesOf(route: string): { kind: RouteKind; namespace: string; name: string } {
  const { kind, key } = parseRouteId(route);
  const slash = key.indexOf('/');
  return { kind, namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

type AnyRule = Partial<
  NonNullable<HTTPRoute['spec']['rules']>[number] & NonNullable<GRPCRoute['spec']['rules']>[number]
>;

/** A rule of a route of any kind. */
export function ruleOf(object: AnyRoute | undefined, rule: number): AnyRule | undefined {
  const rules = object?.spec.rules as readonly AnyRule[] | undefined;
  return rules?.[rule];
}

interface ValueMatch {
  type?: string | undefined;
  name: string;
  value: string;
}

interface AnyMatch {
  path?: { type?: string | undefined; value?: string | undefined } | undefined;
  method?:
    | string
    | { type?: string | undefined; service?: string | undefined; method?: string | undefined }
    | undefined;
  headers?: readonly ValueMatch[] | undefined;
  queryParams?: readonly ValueMatch[] | undefined;
}

function describeMatch(kind: RouteKind, match: AnyMatch): string {
  const parts: string[] = [];
  const { path, method, headers, queryParams } = match;
  if (kind === 'HTTPRoute') parts.push(`${path?.type ?? 'PathPrefix'} ${path?.value ?? '/'}`);
  if (typeof method === 'string') parts.push(`method ${method}`);
  else if (method !== undefined) {
    const type = method.type === 'RegularExpression' ? ' (RegularExpression)' : '';
    parts.push(`gRPC method ${method.service ?? '*'}/${method.method ?? '*'}${type}`);
  }
  for (const [what, list] of [
    ['header', headers],
    ['query', queryParams],
  ] as const) {
    for (const { type, name, value } of list ?? []) {
      parts.push(`${what} ${name}${type === 'RegularExpression' ? '~' : '='}${JSON.stringify(value)}`);
    }
  }
  return parts.length === 0 ? 'everything' : parts.join(', ');
}

/** `HTTPRoute default/web, rule 0 ("api"), match 1`. Positions count from 0, as in the paths of messages. */
export function describeRoute({ kind, namespace, name, rule, ruleName, match }: RouteReference): string {
  const parts = [`${kind} ${namespace}/${name}`];
  if (rule !== undefined) parts.push(`rule ${rule}${ruleName === undefined ? '' : ` ("${ruleName}")`}`);
  if (match !== undefined) parts.push(`match ${match}`);
  return parts.join(', ');
}

/** The filters of a rule and what else it says of a request, one line each; what they do to it is told by the effect. */
export function describeFilters(object: AnyRoute | undefined, rule: number): string[] {
  const written = ruleOf(object, rule);
  if (written === undefined) return [];
  const result = (written.filters ?? []).map((filter) => describeFilter(filter));
  const { timeouts, retry, sessionPersistence } = written;
  if (timeouts?.request !== undefined) result.push(`timeout ${timeouts.request}`);
  if (timeouts?.backendRequest !== undefined) result.push(`timeout of each try ${timeouts.backendRequest}`);
  if (retry !== undefined) {
    const codes = retry.codes === undefined ? '' : ` after ${retry.codes.join(', ')}`;
    result.push(`retries${retry.attempts === undefined ? '' : `: up to ${retry.attempts}`}${codes}`);
  }
  if (sessionPersistence !== undefined)
    result.push(`session persistence by ${(sessionPersistence.type ?? 'Cookie').toLowerCase()}`);
  return result;
}

function describeFilter(filter: HTTPRouteFilter): string {
  const detail = filterDetail(filter);
  return detail === '' ? filter.type : `${filter.type}: ${detail}`;
}

function filterDetail(filter: HTTPRouteFilter): string {
  const modifier = filter.requestHeaderModifier ?? filter.responseHeaderModifier;
  if (modifier !== undefined) {
    return [
      ...(modifier.set ?? []).map(({ name, value }) => `set ${name}: ${value}`),
      ...(modifier.add ?? []).map(({ name, value }) => `add ${name}: ${value}`),
      ...(modifier.remove ?? []).map((name) => `remove ${name}`),
    ].join('; ');
  }
  if (filter.requestMirror !== undefined) return `to ${filter.requestMirror.backendRef.name}`;
  if (filter.cors !== undefined) return `origins ${(filter.cors.allowOrigins ?? []).join(', ') || 'none'}`;
  if (filter.externalAuth !== undefined)
    return `${filter.externalAuth.protocol} to ${filter.externalAuth.backendRef.name}`;
  if (filter.extensionRef !== undefined) return `${filter.extensionRef.kind} ${filter.extensionRef.name}`;
  return '';
}
