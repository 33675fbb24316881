/**
 * Cross-origin resource sharing.
 * Source: Gateway API, HTTPCORSFilter; Envoy docs, extensions.filters.http.cors.v3.CorsPolicy.
 */
import type { Any } from '@bufbuild/protobuf/wkt';
import { CorsPolicySchema } from '../../api/envoy/envoy/extensions/filters/http/cors/v3/cors_pb.ts';
import type { StringMatcherSchema } from '../../api/envoy/envoy/type/matcher/v3/string_pb.ts';
import type { HTTPCORSFilter } from '../../api/gateway/index.ts';
import { pack, type Init } from '../encoding/index.ts';
import { isHeaderName, UnusableFilter } from './headers.ts';

const defaultMaxAge = 5;

/** @throws UnusableFilter */
export function translateCors(filter: HTTPCORSFilter): Any {
  const credentials = filter.allowCredentials === true;
  for (const name of [...(filter.allowHeaders ?? []), ...(filter.exposeHeaders ?? [])]) {
    if (!isHeaderName(name)) throw new UnusableFilter(`"${name}" in a CORS filter is not the name of a header`);
  }
  // Browsers take `*` for a name where credentials are allowed, so that it would expose nothing.
  const expose = (filter.exposeHeaders ?? []).filter((name) => !(credentials && name === '*'));
  return pack(CorsPolicySchema, {
    allowOriginStringMatch: (filter.allowOrigins ?? []).flatMap(translateOrigin),
    // Of methods and headers Envoy never sends `*`: it says what was asked for.
    allowMethods: (filter.allowMethods ?? []).join(', '),
    allowHeaders: (filter.allowHeaders ?? []).join(', '),
    exposeHeaders: expose.join(', '),
    maxAge: String(filter.maxAge ?? defaultMaxAge),
    allowCredentials: credentials,
    // What is not allowed is answered here: a backend that knows nothing of CORS would answer in some way of its own.
    forwardNotMatchingPreflights: false,
  });
}

const wellKnownPorts: Record<string, string> = { http: '80', https: '443' };

function translateOrigin(origin: string): Init<typeof StringMatcherSchema>[] {
  if (origin === '*') return [{ matchPattern: { case: 'exact', value: '*' } }];
  const parts = /^(https?):\/\/([^:/]+)(?::([0-9]{1,5}))?$/.exec(origin.toLowerCase());
  if (parts === null) {
    throw new UnusableFilter(`"${origin}" is not an origin such as https://www.example.com or https://*.example.com`);
  }
  const [, scheme = '', host = '', port] = parts;
  // Browsers leave out the port that is well-known for a scheme: with and without it is the same origin.
  const isWellKnown = port === undefined || port === wellKnownPorts[scheme];
  if (!host.includes('*')) {
    const base = `${scheme}://${host}`;
    const same = isWellKnown ? [base, `${base}:${wellKnownPorts[scheme]}`] : [`${base}:${port}`];
    return same.map((value) => ({ matchPattern: { case: 'exact', value } }));
  }
  const hosts =
    host === '*' ? '(\\[[0-9a-f:.]+\\]|[^:/\\[\\]]+)' : host.replaceAll('.', '\\.').replaceAll('*', '[^:/\\[\\]]+');
  const regex = `${scheme}://${hosts}${isWellKnown ? `(:${wellKnownPorts[scheme]})?` : `:${port}`}`;
  return [{ matchPattern: { case: 'safeRegex', value: { regex } } }];
}
