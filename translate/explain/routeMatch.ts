/**
 * Whether a request meets a route, and if not, what differs: Envoy's matching, done again for whoever asks why.
 * Source: Envoy docs, config.route.v3.RouteMatch, HeaderMatcher, QueryParameterMatcher; type.matcher.v3.StringMatcher.
 */
import { RE2JS } from 're2js';
import type {
  CookieMatcher,
  HeaderMatcher,
  QueryParameterMatcher,
  RouteMatch,
} from '../../api/envoy/envoy/config/route/v3/route_components_pb.ts';
import type { StringMatcher } from '../../api/envoy/envoy/type/matcher/v3/string_pb.ts';
import { headerValues, queryParameters, withoutQuery, type HttpRequest } from './request.ts';

/** One condition of a match that a request does not meet. */
export interface Difference {
  on: 'path' | 'method' | 'header' | 'cookie' | 'query' | 'other';
  /** Name of the header, cookie or query parameter; empty for the rest. */
  name: string;
  /** What the match asks for, to stand after "must": `be "a"`, `begin with /a`. */
  wanted: string;
  /** What the request has; undefined for nothing. */
  got: string | undefined;
}

/** The conditions of `match` that `request` does not meet; none where it meets them all. */
export function differences(match: RouteMatch, request: HttpRequest): Difference[] {
  const result: Difference[] = [];
  const path = pathDifference(match, request);
  if (path !== undefined) result.push(path);
  for (const header of match.headers) {
    const found = headerDifference(header, request);
    if (found !== undefined) result.push(found);
  }
  for (const cookie of match.cookies) {
    const found = cookieDifference(cookie, request);
    if (found !== undefined) result.push(found);
  }
  if (match.grpc !== undefined && !isGrpc(request)) {
    const got = headerValues(request, 'content-type')[0];
    result.push({ on: 'header', name: 'content-type', wanted: 'be that of gRPC, application/grpc', got });
  }
  if (match.queryParameters.length > 0) {
    const query = queryParameters(request.path);
    for (const parameter of match.queryParameters) {
      const found = queryDifference(parameter, query);
      if (found !== undefined) result.push(found);
    }
  }
  return result;
}

/** Whether Envoy takes a request for gRPC. Source: Envoy docs, RouteMatch.GrpcRouteMatchOptions. */
function isGrpc(request: HttpRequest): boolean {
  return /^application\/grpc([+;].*)?$/.test(headerValues(request, 'content-type')[0] ?? '');
}

function pathDifference({ pathSpecifier, caseSensitive }: RouteMatch, request: HttpRequest): Difference | undefined {
  const fold = (text: string): string => (caseSensitive === false ? text.toLowerCase() : text);
  const plain = withoutQuery(request.path);
  const path = fold(plain);
  const differs = (wanted: string): Difference => ({ on: 'path', name: '', wanted, got: plain });
  switch (pathSpecifier.case) {
    case 'path':
      return path === fold(pathSpecifier.value) ? undefined : differs(`be ${pathSpecifier.value}`);
    case 'prefix':
      return path.startsWith(fold(pathSpecifier.value)) ? undefined : differs(`begin with ${pathSpecifier.value}`);
    case 'pathSeparatedPrefix': {
      const prefix = fold(pathSpecifier.value);
      const isBelow = path.startsWith(prefix) && (path.length === prefix.length || path[prefix.length] === '/');
      return isBelow ? undefined : differs(`be ${pathSpecifier.value} or below it`);
    }
    case 'safeRegex':
      return matchesWhole(pathSpecifier.value.regex, plain)
        ? undefined
        : differs(`match ${JSON.stringify(pathSpecifier.value.regex)}`);
    case 'connectMatcher':
      return request.method === 'CONNECT'
        ? undefined
        : { on: 'method', name: '', wanted: 'be CONNECT', got: request.method };
    default:
      return {
        on: 'other',
        name: '',
        wanted: `meet a condition that is not known here (${pathSpecifier.case})`,
        got: '',
      };
  }
}

function headerDifference(header: HeaderMatcher, request: HttpRequest): Difference | undefined {
  const values = headerValues(request, header.name);
  const compared: readonly (string | undefined)[] =
    values.length > 0 ? values : [header.treatMissingHeaderAsEmpty ? '' : undefined];
  const judged = compared.map((value) => judgeHeader(header, value));
  const matches = judged.some((each) => each.matches);
  // A header that is absent meets no condition on its value, also where the condition is inverted.
  const isAbsent = compared[0] === undefined && header.headerMatchSpecifier.case !== 'presentMatch';
  if (isAbsent ? false : matches !== header.invertMatch) return undefined;
  const { wanted } = judged[0]!;
  const on = header.name === ':method' ? 'method' : 'header';
  const name = header.name === ':method' ? '' : header.name === ':authority' ? 'Host' : header.name;
  const got = values.length === 0 ? undefined : values.join(', ');
  return { on, name, wanted: header.invertMatch ? `not ${wanted}` : wanted, got };
}

function cookieDifference(
  { name, stringMatch, invertMatch }: CookieMatcher,
  request: HttpRequest,
): Difference | undefined {
  const value = cookies(request).get(name);
  const judged = stringMatch === undefined ? undefined : judgeString(stringMatch, value);
  const wanted = judged?.wanted ?? 'be there';
  const matches = judged?.matches ?? value !== undefined;
  if (matches !== invertMatch) return undefined;
  return { on: 'cookie', name, wanted: invertMatch ? `not ${wanted}` : wanted, got: value };
}

/** The cookies of a request, each the first of its name. */
function cookies(request: HttpRequest): Map<string, string> {
  const result = new Map<string, string>();
  for (const pair of headerValues(request, 'cookie').flatMap((line) => line.split(';'))) {
    const equals = pair.indexOf('=');
    const name = pair.slice(0, equals).trim();
    if (equals !== -1 && !result.has(name))
      result.set(
        name,
        pair
          .slice(equals + 1)
          .trim()
          .replace(/^"(.*)"$/, '$1'),
      );
  }
  return result;
}

function judgeHeader(header: HeaderMatcher, value: string | undefined): { matches: boolean; wanted: string } {
  const specifier = header.headerMatchSpecifier;
  const compared = value ?? '';
  switch (specifier.case) {
    case 'stringMatch':
      return judgeString(specifier.value, value);
    case 'presentMatch':
      return {
        matches: (value !== undefined) === specifier.value,
        wanted: specifier.value ? 'be there' : 'not be there',
      };
    case 'exactMatch':
      return { matches: compared === specifier.value, wanted: `be ${JSON.stringify(specifier.value)}` };
    case 'rangeMatch': {
      const { start, end } = specifier.value;
      const isNumber = /^[+-]?\d+$/.test(compared);
      const matches = isNumber && BigInt(compared) >= start && BigInt(compared) < end;
      return { matches, wanted: `be a whole number from ${start} to below ${end}` };
    }
    case 'prefixMatch':
      return { matches: compared.startsWith(specifier.value), wanted: `begin with ${JSON.stringify(specifier.value)}` };
    case 'suffixMatch':
      return { matches: compared.endsWith(specifier.value), wanted: `end with ${JSON.stringify(specifier.value)}` };
    case 'containsMatch':
      return { matches: compared.includes(specifier.value), wanted: `contain ${JSON.stringify(specifier.value)}` };
    case 'safeRegexMatch':
      return {
        matches: matchesWhole(specifier.value.regex, compared),
        wanted: `match ${JSON.stringify(specifier.value.regex)}`,
      };
    default:
      return { matches: value !== undefined, wanted: 'be there' };
  }
}

function queryDifference(parameter: QueryParameterMatcher, query: ReadonlyMap<string, string>): Difference | undefined {
  const value = query.get(parameter.name);
  const specifier = parameter.queryParameterMatchSpecifier;
  const { matches, wanted } =
    specifier.case === 'stringMatch'
      ? judgeString(specifier.value, value)
      : specifier.case === 'presentMatch' && !specifier.value
        ? { matches: value === undefined, wanted: 'not be there' }
        : { matches: value !== undefined, wanted: 'be there' };
  return matches ? undefined : { on: 'query', name: parameter.name, wanted, got: value };
}

function judgeString(matcher: StringMatcher, value: string | undefined): { matches: boolean; wanted: string } {
  const { matchPattern: pattern, ignoreCase } = matcher;
  const fold = (text: string): string => (ignoreCase ? text.toLowerCase() : text);
  const test = (verb: string, expected: string, compare: (value: string, expected: string) => boolean) => ({
    matches: value !== undefined && compare(fold(value), fold(expected)),
    wanted: `${verb} ${JSON.stringify(expected)}${ignoreCase ? ' in whatever case' : ''}`,
  });
  switch (pattern.case) {
    case 'exact':
      return test('be', pattern.value, (text, expected) => text === expected);
    case 'prefix':
      return test('begin with', pattern.value, (text, expected) => text.startsWith(expected));
    case 'suffix':
      return test('end with', pattern.value, (text, expected) => text.endsWith(expected));
    case 'contains':
      return test('contain', pattern.value, (text, expected) => text.includes(expected));
    case 'safeRegex': {
      const { regex } = pattern.value;
      return {
        matches: value !== undefined && matchesWhole(regex, value),
        wanted: `match ${JSON.stringify(regex)}`,
      };
    }
    default:
      return { matches: false, wanted: `meet a condition that is not known here (${pattern.case})` };
  }
}

const compiled = new Map<string, RE2JS>();

/** The expression as RE2 compiles it. */
export function expression(regex: string): RE2JS {
  let made = compiled.get(regex);
  if (made === undefined) compiled.set(regex, (made = RE2JS.compile(regex)));
  return made;
}

/** Envoy matches the whole text. */
function matchesWhole(regex: string, text: string): boolean {
  return expression(regex).matches(text);
}

/** How near a request is to a match that it does not meet: lower is nearer. The path weighs more than all the rest. */
export function distance(match: RouteMatch, found: readonly Difference[]): number {
  let sum = 0;
  for (const { on, got } of found) {
    if (on !== 'path') {
      sum += 1;
      continue;
    }
    const text = typeof match.pathSpecifier.value === 'string' ? match.pathSpecifier.value : '';
    const path = got ?? '';
    let common = 0;
    while (common < text.length && common < path.length && text[common] === path[common]) common++;
    // A path that shares much with the one asked for is likely to be a slip of the finger.
    const longest = Math.max(text.length, path.length, 1);
    sum += 100 + Math.round((100 * (longest - common)) / longest);
  }
  return sum;
}
