/**
 * Sessions that stay with one endpoint: the address of the endpoint travels in a cookie or a header.
 * Source: Gateway API, SessionPersistence, GEP-1619; Envoy docs, "Stateful session".
 */
import { hash } from 'node:crypto';
import type { Any } from '@bufbuild/protobuf/wkt';
import type { TypedExtensionConfigSchema } from '../../api/envoy/envoy/config/core/v3/extension_pb.ts';
import { LuaSchema } from '../../api/envoy/envoy/extensions/filters/http/lua/v3/lua_pb.ts';
import {
  StatefulSessionPerRouteSchema,
  type StatefulSessionSchema,
} from '../../api/envoy/envoy/extensions/filters/http/stateful_session/v3/stateful_session_pb.ts';
import { CookieBasedSessionStateSchema } from '../../api/envoy/envoy/extensions/http/stateful_session/cookie/v3/cookie_pb.ts';
import { HeaderBasedSessionStateSchema } from '../../api/envoy/envoy/extensions/http/stateful_session/header/v3/header_pb.ts';
import type {
  CookieMatcherSchema,
  HeaderMatcherSchema,
  RouteMatchSchema,
} from '../../api/envoy/envoy/config/route/v3/route_components_pb.ts';
import type { SessionPersistence } from '../../api/gateway/index.ts';
import { duration, pack, type Init } from '../encoding/index.ts';
import { isHeaderName, UnusableFilter } from './headers.ts';
import { milliseconds } from './timeouts.ts';

/** A session as routes hold it. */
export interface Session {
  kind: 'Cookie' | 'Header';
  /** Of the cookie or the header. */
  name: string;
  /** In seconds; zero for no end. */
  lifetime: number;
  /** Whether the cookie is left out of the lifetime of the browser's session: it is kept until it ends. */
  isPermanent: boolean;
  /** Whether it is for whatever leads to a backend, and not only for the paths of a rule. Source: GEP-1619, Path. */
  ofBackend?: boolean;
}

/**
 * @param identity what the session belongs to: it makes the name, where the author gives none, so that it stays the same as
 *   long as the owner does
 * @throws UnusableFilter
 */
export function planSession(persistence: SessionPersistence, identity: string): Session {
  const kind = persistence.type ?? 'Cookie';
  const name = persistence.sessionName ?? `sluice-session-${shortHash(identity)}`;
  if (kind !== 'Cookie' && kind !== 'Header') {
    throw new UnusableFilter(`session persistence by ${String(kind)} is not supported: use Cookie or Header`);
  }
  if (!isHeaderName(name)) throw new UnusableFilter(`"${name}" is not a name for a ${kind.toLowerCase()} of a session`);
  if (kind === 'Header') {
    if (['host', 'set-cookie', 'cookie', 'content-length', 'transfer-encoding'].includes(name.toLowerCase())) {
      throw new UnusableFilter(`the header ${name} cannot carry a session: choose another sessionName`);
    }
    if (persistence.absoluteTimeout !== undefined) {
      throw new UnusableFilter(
        'absoluteTimeout needs a session in a cookie: set type to Cookie, or leave the timeout out',
      );
    }
    return { kind, name, lifetime: 0, isPermanent: false };
  }
  const permanent = persistence.cookieConfig?.lifetimeType === 'Permanent';
  const timeout = persistence.absoluteTimeout === undefined ? 0 : milliseconds(persistence.absoluteTimeout);
  if (permanent && timeout === 0) throw new UnusableFilter('a permanent session needs an absoluteTimeout above zero');
  // Cookies count in seconds.
  return { kind, name, lifetime: Math.ceil(timeout / 1000), isPermanent: permanent };
}

/** The same session for one of several backends, by a name of its own: it tells which backend a request belongs to. */
export function sessionOf(session: Session, backend: string): Session {
  return { ...session, name: `${session.name}-${shortHash(backend)}` };
}

/**
 * The configuration of `httpFilter.statefulSession`.
 * @param path prefix of the paths that the session is for; undefined where it is for whatever leads to a backend
 * @param secure whether clients come over TLS
 */
export function sessionFilter(session: Session, path: string | undefined, secure: boolean): Any {
  const statefulSession: Init<typeof StatefulSessionSchema> = {
    sessionState:
      session.kind === 'Header'
        ? {
            name: 'envoy.http.stateful_session.header',
            typedConfig: pack(HeaderBasedSessionStateSchema, { name: session.name }),
          }
        : {
            name: 'envoy.http.stateful_session.cookie',
            typedConfig: pack(CookieBasedSessionStateSchema, {
              cookie: {
                name: session.name,
                ttl: duration(session.lifetime * 1000),
                ...(path === undefined ? {} : { path }),
                // Envoy adds HttpOnly. A cookie that is Secure would not come back over cleartext.
                attributes: [{ name: 'SameSite', value: 'Strict' }, ...(secure ? [{ name: 'Secure' }] : [])],
              },
            }),
          },
  };
  return pack(StatefulSessionPerRouteSchema, { override: { case: 'statefulSession', value: statefulSession } });
}

/**
 * The path of the cookie of a match: what of it is no expression.
 * Source: GEP-1619, "Cookie Attributes", Path.
 */
export function sessionPath({ pathSpecifier }: Init<typeof RouteMatchSchema>): string {
  switch (pathSpecifier?.case) {
    case 'path':
    case 'prefix':
    case 'pathSeparatedPrefix':
      return pathSpecifier.value;
    case 'safeRegex': {
      const regex = pathSpecifier.value.regex ?? '';
      // Where there are alternatives, what stands at the beginning is not the beginning of all of them.
      const literal = regex.includes('|') ? '' : (/^\^?([-A-Za-z0-9/_~]*)/.exec(regex)?.[1] ?? '');
      return literal.slice(0, literal.lastIndexOf('/')) || '/';
    }
    default:
      return '/';
  }
}

/** A session that a policy asks for with a backend, as far as the rule of this identity leads there. @throws UnusableFilter */
export function planBackendSession(persistence: SessionPersistence, identity: string, backend: string): Session {
  return { ...planSession(persistence, `${identity} ${backend}`), ofBackend: true };
}

/**
 * Filters beside that of the session. Envoy writes the end of a session into its cookie, and tells it to the browser, too,
 * which would keep a session cookie until then: it is not told.
 */
export function sessionCookieFilters({
  kind,
  name,
  lifetime,
  isPermanent,
}: Session): Init<typeof TypedExtensionConfigSchema>[] {
  if (kind !== 'Cookie' || lifetime === 0 || isPermanent) return [];
  const inlineString = `local beginning = "${name}="
function envoy_on_response(handle)
  local headers = handle:headers()
  local cookies = {}
  for i = 0, headers:getNumValues("set-cookie") - 1 do
    table.insert(cookies, headers:getAtIndex("set-cookie", i))
  end
  headers:remove("set-cookie")
  for _, cookie in ipairs(cookies) do
    if cookie:sub(1, #beginning) == beginning then
      cookie = cookie:gsub("; Max%-Age=%d+", "")
    end
    headers:add("set-cookie", cookie)
  end
end
`;
  const typedConfig = pack(LuaSchema, {
    defaultSourceCode: { specifier: { case: 'inlineString', value: inlineString } },
  });
  return [{ name: 'envoy.filters.http.lua', typedConfig }];
}

/** What a request has that belongs to a session. */
export function sessionMatch(session: Session): {
  headers?: Init<typeof HeaderMatcherSchema>[];
  cookies?: Init<typeof CookieMatcherSchema>[];
} {
  if (session.kind === 'Header') {
    return { headers: [{ name: session.name, headerMatchSpecifier: { case: 'presentMatch', value: true } }] };
  }
  const anything = { matchPattern: { case: 'safeRegex', value: { regex: '.+' } } } as const;
  return { cookies: [{ name: session.name, stringMatch: anything }] };
}

function shortHash(text: string): string {
  return hash('sha1', text, 'hex').slice(0, 8);
}
