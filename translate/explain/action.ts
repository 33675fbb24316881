/**
 * What a route does with a request: where it is sent, what the backend sees of it, or what the proxy answers itself.
 * Source: Envoy docs, config.route.v3.Route, RouteAction, RedirectAction; "Custom request/response headers".
 */
import {
  RedirectAction_RedirectResponseCode as RedirectResponseCode,
  RouteAction_ClusterNotFoundResponseCode as ClusterNotFound,
  type RedirectAction,
  type Route,
  type RouteAction,
  type RouteAction_RequestMirrorPolicy,
  type VirtualHost,
} from '../../api/envoy/envoy/config/route/v3/route_components_pb.ts';
import {
  HeaderValueOption_HeaderAppendAction as AppendAction,
  type HeaderValueOption,
} from '../../api/envoy/envoy/config/core/v3/base_pb.ts';
import {
  FractionalPercent_DenominatorType as Denominator,
  type FractionalPercent,
} from '../../api/envoy/envoy/type/v3/percent_pb.ts';
import type { RouteConfiguration } from '../../api/envoy/envoy/config/route/v3/route_pb.ts';
import type { RegexMatchAndSubstitute } from '../../api/envoy/envoy/type/matcher/v3/regex_pb.ts';
import { queryOf, withoutQuery, type HttpRequest } from './request.ts';
import { expression } from './routeMatch.ts';

/** One change of a header. */
export interface HeaderChange {
  action: 'set' | 'add' | 'add if absent' | 'set if present' | 'remove';
  name: string;
  /** As Envoy's formatter is told; undefined where the header is removed. */
  value: string | undefined;
}

/** A cluster that takes a share of the requests. */
export interface Destination {
  cluster: string;
  /** Of all requests to the route, in percent. */
  percent: number;
  /** All changes on the way to it, in their order. */
  requestHeaders: HeaderChange[];
  /** All changes on the way back, in their order. */
  responseHeaders: HeaderChange[];
}

export interface Mirror {
  cluster: string;
  percent: number;
}

/** What happens to a request. */
export type Effect =
  | {
      kind: 'forward';
      destinations: Destination[];
      /** What each backend sees. */
      method: string;
      /** Undefined where the name of the endpoint is put in. */
      authority: string | undefined;
      path: string;
      mirrors: Mirror[];
      /** In milliseconds; 0 for none. */
      timeout: number;
      /** What is answered in place of a cluster that does not exist. */
      clusterNotFound: number;
    }
  | { kind: 'redirect'; status: number; location: string; responseHeaders: HeaderChange[] }
  | { kind: 'answer'; status: number; body: string; responseHeaders: HeaderChange[] };

/** What can change headers, from the narrowest to the widest. */
type HeaderLevel = Pick<
  Route,
  'requestHeadersToAdd' | 'requestHeadersToRemove' | 'responseHeadersToAdd' | 'responseHeadersToRemove'
>;

/** @param request as the router sees it, with its path normalized */
export function effectOf(
  route: Route,
  virtualHost: VirtualHost,
  table: RouteConfiguration,
  request: HttpRequest,
): Effect {
  const isLast = table.mostSpecificHeaderMutationsWins;
  const changes = (direction: 'request' | 'response', cluster?: HeaderLevel): HeaderChange[] => {
    const levels: HeaderLevel[] = [...(cluster === undefined ? [] : [cluster]), route, virtualHost, table];
    // Who wins speaks last. Source: RouteConfiguration.most_specific_header_mutations_wins.
    return (isLast ? levels.toReversed() : levels).flatMap((level) =>
      direction === 'request'
        ? headerChanges(level.requestHeadersToAdd, level.requestHeadersToRemove)
        : headerChanges(level.responseHeadersToAdd, level.responseHeadersToRemove),
    );
  };
  const responseHeaders = changes('response');
  const { action } = route;
  switch (action.case) {
    case 'route': {
      const { value } = action;
      return {
        kind: 'forward',
        destinations: destinations(value, changes),
        method: request.method,
        authority: forwardedAuthority(value, request),
        path: forwardedPath(route, value, request),
        mirrors: value.requestMirrorPolicies.map(mirror),
        timeout:
          value.timeout === undefined ? 15_000 : Number(value.timeout.seconds) * 1000 + value.timeout.nanos / 1e6,
        clusterNotFound: clusterNotFoundStatus(value),
      };
    }
    case 'redirect':
      return {
        kind: 'redirect',
        status: redirectStatus[action.value.responseCode] ?? 301,
        location: redirectLocation(route, action.value, request),
        responseHeaders,
      };
    case 'directResponse': {
      const { status, body } = action.value;
      const text = body?.specifier.case === 'inlineString' ? body.specifier.value : '';
      return { kind: 'answer', status, body: text, responseHeaders };
    }
    default:
      // Envoy answers 404 where a filter that such an action is meant for is not there.
      return { kind: 'answer', status: 404, body: '', responseHeaders };
  }
}

const redirectStatus: Record<number, number> = {
  [RedirectResponseCode.MOVED_PERMANENTLY]: 301,
  [RedirectResponseCode.FOUND]: 302,
  [RedirectResponseCode.SEE_OTHER]: 303,
  [RedirectResponseCode.TEMPORARY_REDIRECT]: 307,
  [RedirectResponseCode.PERMANENT_REDIRECT]: 308,
};

function clusterNotFoundStatus({ clusterNotFoundResponseCode: code }: RouteAction): number {
  if (code === ClusterNotFound.NOT_FOUND) return 404;
  return code === ClusterNotFound.INTERNAL_SERVER_ERROR ? 500 : 503;
}

/** Envoy removes before it adds, so that a header can be replaced. */
function headerChanges(add: readonly HeaderValueOption[], remove: readonly string[]): HeaderChange[] {
  const actions: Record<number, HeaderChange['action']> = {
    [AppendAction.APPEND_IF_EXISTS_OR_ADD]: 'add',
    [AppendAction.ADD_IF_ABSENT]: 'add if absent',
    [AppendAction.OVERWRITE_IF_EXISTS_OR_ADD]: 'set',
    [AppendAction.OVERWRITE_IF_EXISTS]: 'set if present',
  };
  return [
    ...remove.map((name): HeaderChange => ({ action: 'remove', name, value: undefined })),
    ...add.map(({ header, appendAction }) => ({
      action: actions[appendAction] ?? 'add',
      name: header?.key ?? '',
      value: (header?.value ?? '').replaceAll('%%', '%'),
    })),
  ];
}

function destinations(
  action: RouteAction,
  changes: (direction: 'request' | 'response', cluster?: HeaderLevel) => HeaderChange[],
): Destination[] {
  const { clusterSpecifier: specifier } = action;
  if (specifier.case === 'weightedClusters') {
    const total = specifier.value.clusters.reduce((sum, { weight }) => sum + (weight ?? 0), 0);
    return specifier.value.clusters.map((cluster) => ({
      cluster: cluster.name,
      percent: total === 0 ? 0 : (100 * (cluster.weight ?? 0)) / total,
      requestHeaders: changes('request', cluster),
      responseHeaders: changes('response', cluster),
    }));
  }
  const cluster = specifier.case === 'cluster' ? specifier.value : `(${specifier.case ?? 'none'})`;
  return [{ cluster, percent: 100, requestHeaders: changes('request'), responseHeaders: changes('response') }];
}

function mirror({ cluster, runtimeFraction }: RouteAction_RequestMirrorPolicy): Mirror {
  const fraction = runtimeFraction?.defaultValue;
  return { cluster, percent: fraction === undefined ? 100 : percentOf(fraction) };
}

/** A fraction in percent. */
export function percentOf({ numerator, denominator }: FractionalPercent): number {
  const whole = { [Denominator.HUNDRED]: 100, [Denominator.TEN_THOUSAND]: 10_000, [Denominator.MILLION]: 1_000_000 };
  return (100 * numerator) / ((whole as Record<number, number>)[denominator] ?? 100);
}

function forwardedAuthority(
  { hostRewriteSpecifier: specifier }: RouteAction,
  request: HttpRequest,
): string | undefined {
  switch (specifier.case) {
    case 'hostRewriteLiteral':
      return specifier.value;
    case 'autoHostRewrite':
      return specifier.value ? undefined : request.authority;
    case 'hostRewriteHeader':
      return request.headers.get(specifier.value.toLowerCase())?.join(',') ?? request.authority;
    case 'hostRewritePathRegex':
      return substitute(specifier.value, withoutQuery(request.path));
    default:
      return request.authority;
  }
}

function forwardedPath(route: Route, action: RouteAction, request: HttpRequest): string {
  const path = withoutQuery(request.path);
  const query = queryOf(request.path);
  if (action.prefixRewrite !== '') return rewritePrefix(route, action.prefixRewrite, path) + query;
  if (action.regexRewrite !== undefined) return substitute(action.regexRewrite, path) + query;
  if (action.pathRewrite !== '') return action.pathRewrite;
  return request.path;
}

/** What was matched is replaced: of a prefix as much as it is long, of everything else the whole path. */
function rewritePrefix({ match }: Route, replacement: string, path: string): string {
  const specifier = match?.pathSpecifier;
  const isPrefix = specifier?.case === 'prefix' || specifier?.case === 'pathSeparatedPrefix';
  return isPrefix ? replacement + path.slice(specifier.value.length) : replacement;
}

/** RE2's substitution: `\1` is a group, `\\` a backslash. */
function substitute({ pattern, substitution }: RegexMatchAndSubstitute, text: string): string {
  const replace = (...groups: unknown[]): string =>
    substitution.replaceAll(/\\(\d|\\)/g, (_, what: string) =>
      what === '\\' ? '\\' : ((groups[Number(what)] as string | undefined) ?? ''),
    );
  return expression(pattern?.regex ?? '')
    .matcher(text)
    .replaceAll(replace);
}

function redirectLocation(route: Route, redirect: RedirectAction, request: HttpRequest): string {
  const { schemeRewriteSpecifier: specifier } = redirect;
  const scheme =
    specifier.case === 'schemeRedirect'
      ? specifier.value
      : specifier.case === 'httpsRedirect' && specifier.value
        ? 'https'
        : request.scheme;
  const port = redirect.portRedirect === 0 ? '' : `:${redirect.portRedirect}`;
  const host = redirect.hostRedirect === '' ? redirectedHost(request, scheme, port) : redirect.hostRedirect;
  return `${scheme}://${host}${port}${redirectedPath(route, redirect, request)}`;
}

/** The port of the request goes where the redirect states one, and where it is the standard port of a scheme that changes. */
function redirectedHost(request: HttpRequest, scheme: string, port: string): string {
  const match = /^(.*?)(:\d+)$/.exec(request.authority);
  if (match === null) return request.authority;
  const standard = request.scheme === 'https' ? ':443' : ':80';
  const isDropped = port !== '' || (scheme !== request.scheme && match[2] === standard);
  return isDropped ? match[1]! : request.authority;
}

function redirectedPath(route: Route, redirect: RedirectAction, request: HttpRequest): string {
  const { pathRewriteSpecifier: specifier, stripQuery } = redirect;
  const path = withoutQuery(request.path);
  const query = stripQuery ? '' : queryOf(request.path);
  switch (specifier.case) {
    case 'pathRedirect':
      // A query of the redirect's own takes the place of the request's.
      return specifier.value.includes('?') ? specifier.value : specifier.value + query;
    case 'prefixRewrite':
      return rewritePrefix(route, specifier.value, path) + query;
    case 'regexRewrite':
      return substitute(specifier.value, path) + query;
    case 'pathRewrite':
      return specifier.value;
    default:
      return path + query;
  }
}
