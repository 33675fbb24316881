/**
 * Redirects and rewrites.
 * Source: Gateway API, HTTPRequestRedirectFilter and HTTPURLRewriteFilter; Envoy docs, config.route.v3.RedirectAction, RouteAction.
 */
import type { Init } from '../encoding/index.ts';
import {
  RedirectAction_RedirectResponseCode as ResponseCode,
  type RedirectActionSchema,
  type RouteActionSchema,
} from '../../api/envoy/envoy/config/route/v3/route_components_pb.ts';
import type { HTTPPathModifier, HTTPRequestRedirectFilter, HTTPURLRewriteFilter } from '../../api/gateway/index.ts';
import { UnusableFilter } from './headers.ts';

const responseCodes: Record<number, ResponseCode> = {
  301: ResponseCode.MOVED_PERMANENTLY,
  302: ResponseCode.FOUND,
  303: ResponseCode.SEE_OTHER,
  307: ResponseCode.TEMPORARY_REDIRECT,
  308: ResponseCode.PERMANENT_REDIRECT,
};

/** Where a route is served: what a redirect falls back to. */
export interface ListenerContext {
  scheme: 'http' | 'https';
  port: number;
  /** The Secret with which its Gateway shows itself to backends. */
  clientCertificate?: string | undefined;
}

/**
 * @param prefix the matched path prefix, if the match is by prefix
 * @throws UnusableFilter
 */
export function translateRedirect(
  filter: HTTPRequestRedirectFilter,
  listener: ListenerContext,
  prefix: string | undefined,
): Init<typeof RedirectActionSchema> {
  const responseCode = responseCodes[filter.statusCode ?? 302];
  if (responseCode === undefined) throw new UnusableFilter(`a redirect cannot answer with ${filter.statusCode}`);
  const redirect: Init<typeof RedirectActionSchema> = { responseCode };
  if (filter.scheme !== undefined && filter.scheme !== 'http' && filter.scheme !== 'https') {
    throw new UnusableFilter(`a redirect to the scheme ${String(filter.scheme)} is not supported: use http or https`);
  }
  checkHostname(filter.hostname);
  const scheme = filter.scheme ?? listener.scheme;
  if (filter.scheme !== undefined) redirect.schemeRewriteSpecifier = { case: 'schemeRedirect', value: filter.scheme };
  if (filter.hostname !== undefined) redirect.hostRedirect = filter.hostname;
  // Without a port of its own a redirect goes to the well-known port of its scheme, or else to the listener's.
  const wellKnown = { http: 80, https: 443 }[scheme];
  const port = filter.port ?? (filter.scheme === undefined ? listener.port : (wellKnown ?? listener.port));
  if (port !== wellKnown) redirect.portRedirect = port;
  if (filter.path !== undefined) redirect.pathRewriteSpecifier = redirectPath(filter.path, prefix);
  return redirect;
}

function redirectPath(
  path: HTTPPathModifier,
  prefix: string | undefined,
): NonNullable<Init<typeof RedirectActionSchema>['pathRewriteSpecifier']> {
  if (path.type === 'ReplaceFullPath') {
    // A query in it takes the place of the request's.
    return { case: 'pathRedirect', value: checkPath(path.replaceFullPath || '/', /[^!-~]|#/) };
  }
  const rewrite = replacePrefix(path, prefix);
  return 'literal' in rewrite
    ? { case: 'prefixRewrite', value: rewrite.literal }
    : { case: 'regexRewrite', value: { pattern: { regex: rewrite.pattern }, substitution: rewrite.substitution } };
}

/** The part of a route action that a rewrite makes. @throws UnusableFilter */
export function translateRewrite(
  filter: HTTPURLRewriteFilter,
  prefix: string | undefined,
): Init<typeof RouteActionSchema> {
  const action: Init<typeof RouteActionSchema> = {};
  checkHostname(filter.hostname);
  if (filter.hostname !== undefined)
    action.hostRewriteSpecifier = { case: 'hostRewriteLiteral', value: filter.hostname };
  if (filter.path === undefined) return action;
  if (filter.path.type === 'ReplaceFullPath') {
    action.regexRewrite = {
      pattern: { regex: '^/.*$' },
      substitution: escape(checkPath(filter.path.replaceFullPath || '/', /[^!-~]|[?#]/)),
    };
    return action;
  }
  const rewrite = replacePrefix(filter.path, prefix);
  if ('literal' in rewrite) action.prefixRewrite = rewrite.literal;
  else action.regexRewrite = { pattern: { regex: rewrite.pattern }, substitution: rewrite.substitution };
  return action;
}

/**
 * Envoy replaces the matched text as it is, so `/a` by `/` would make `//b` of `/a/b`, and `/` by `/x` would make `/xb`
 * of `/b`: these two take the slash that follows into the match.
 */
function replacePrefix(
  path: HTTPPathModifier,
  prefix: string | undefined,
): { literal: string } | { pattern: string; substitution: string } {
  const type: string = path.type;
  if (type !== 'ReplacePrefixMatch') throw new UnusableFilter(`path modifiers of type ${type} are not supported`);
  if (prefix === undefined) throw new UnusableFilter('ReplacePrefixMatch needs a match of type PathPrefix');
  const replacement = checkPath(path.replacePrefixMatch || '/', /[^!-~]|[?#]/).replace(/\/+$/, '');
  if (prefix !== '' && replacement !== '') return { literal: replacement };
  if (prefix === '' && replacement === '') return { literal: '/' };
  if (prefix === '') return { pattern: '^/(.*)$', substitution: `${escape(replacement)}/\\1` };
  return { pattern: `^${quote(prefix)}/*`, substitution: '/' };
}

/** A path that can go into a request line or a header. @throws UnusableFilter */
function checkPath(path: string, forbidden: RegExp): string {
  if (path.startsWith('/') && !forbidden.test(path)) return path;
  throw new UnusableFilter(
    `"${path}" cannot take the place of a path: begin with "/", and escape what is not part of one`,
  );
}

function checkHostname(hostname: string | undefined): void {
  if (hostname === undefined || /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(hostname)) return;
  throw new UnusableFilter(`"${hostname}" is not a hostname such as www.example.com`);
}

/** A backslash begins a reference to a group in RE2's substitutions. */
function escape(text: string): string {
  return text.replaceAll('\\', '\\\\');
}

/** RE2 quotes as most expressions do. */
function quote(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
