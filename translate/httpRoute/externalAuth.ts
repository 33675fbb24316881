/**
 * External authorization: a service is asked before a request passes. Without its answer no request does.
 * Source: Gateway API, HTTPExternalAuthFilter, GEP-1494; Envoy docs, extensions.filters.http.ext_authz.v3.ExtAuthz.
 */
import { ApiVersion } from '../../api/envoy/envoy/config/core/v3/config_source_pb.ts';
import type { TypedExtensionConfigSchema } from '../../api/envoy/envoy/config/core/v3/extension_pb.ts';
import {
  ExtAuthzSchema,
  type AuthorizationResponseSchema,
} from '../../api/envoy/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.ts';
import type { ListStringMatcherSchema } from '../../api/envoy/envoy/type/matcher/v3/string_pb.ts';
import type { HTTPExternalAuthFilter } from '../../api/gateway/index.ts';
import { duration, pack, type Init } from '../encoding/index.ts';
import { isHeaderName, UnusableFilter } from './headers.ts';
import { safeRetries } from './timeouts.ts';

/** Envoy's default of 200 ms is too short for a service that asks another one. */
const timeout = 10_000;

/**
 * @param cluster where the service is
 * @param authority its name, for who reads its log
 * @throws UnusableFilter
 */
export function translateExternalAuth(
  filter: HTTPExternalAuthFilter,
  cluster: string,
  authority: string,
): Init<typeof TypedExtensionConfigSchema> {
  const maxSize = filter.forwardBody?.maxSize ?? 0;
  const config: Init<typeof ExtAuthzSchema> = {
    transportApiVersion: ApiVersion.V3,
    // A body that is larger is answered with 413, before the service is asked.
    ...(maxSize > 0 ? { withRequestBody: { maxRequestBytes: maxSize } } : {}),
  };
  if (filter.protocol === 'GRPC') {
    const allowed = filter.grpc?.allowedHeaders ?? [];
    // Without a list all headers are sent.
    if (allowed.length > 0) config.allowedHeaders = oneOf(allowed);
    config.services = {
      case: 'grpcService',
      value: {
        targetSpecifier: {
          case: 'envoyGrpc',
          value: { clusterName: cluster, authority, retryPolicy: safeRetries },
        },
        timeout: duration(timeout),
      },
    };
  } else if (filter.protocol === 'HTTP') {
    const allowed = filter.http?.allowedHeaders ?? [];
    // Host, method, path, Content-Length and Authorization are always sent, without a list only these.
    if (allowed.length > 0) config.allowedHeaders = oneOf(allowed);
    config.services = {
      case: 'httpService',
      value: {
        serverUri: {
          uri: `http://${authority}`,
          httpUpstreamType: { case: 'cluster', value: cluster },
          timeout: duration(timeout),
        },
        retryPolicy: safeRetries,
        pathPrefix: pathPrefix(filter.http?.path ?? ''),
        authorizationResponse: authorizationResponse(filter.http?.allowedResponseHeaders ?? []),
      },
    };
  } else {
    throw new UnusableFilter(`external authorization by ${String(filter.protocol)} is not supported: use HTTP or GRPC`);
  }
  return { name: 'envoy.filters.http.ext_authz', typedConfig: pack(ExtAuthzSchema, config) };
}

function pathPrefix(path: string): string {
  const isPath = /^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})*$/.test(path);
  if (!isPath || path.split('/').some((segment) => segment === '.' || segment === '..')) {
    throw new UnusableFilter(`"${path}" cannot go before the paths of requests for authorization`);
  }
  const trimmed = path.replace(/^\/+/, '').replace(/\/+$/, '');
  return trimmed === '' ? '' : `/${trimmed}`;
}

// What a response says of itself or of its connection would be untrue of the request that it is copied to. The beginnings of
// names, because few are longer and mean something else.
const ownHeaders = [
  ':',
  'connection',
  'content-',
  'date',
  'host',
  'keep-alive',
  'server',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'x-envoy-',
];

function authorizationResponse(allowed: readonly string[]): Init<typeof AuthorizationResponseSchema> {
  if (allowed.length > 0) return { allowedUpstreamHeaders: oneOf(allowed) };
  const regex = noneOf(ownHeaders);
  return { allowedUpstreamHeaders: { patterns: [{ matchPattern: { case: 'safeRegex', value: { regex } } }] } };
}

function oneOf(names: readonly string[]): Init<typeof ListStringMatcherSchema> {
  for (const name of names) {
    if (!isHeaderName(name)) {
      throw new UnusableFilter(`"${name}" in a filter for external authorization is not the name of a header`);
    }
  }
  return { patterns: names.map((value) => ({ matchPattern: { case: 'exact', value }, ignoreCase: true })) };
}

/**
 * An expression for all texts but these words, where a word that ends with `-` or `:` stands for whatever begins with it:
 * RE2 has no negative look-ahead.
 * @param words of lower-case letters, hyphens and colons
 */
export function noneOf(words: readonly string[]): string {
  const branches = new Map<string, string[]>();
  for (const word of words) {
    if (word === '') continue;
    const rest = branches.get(word[0]!);
    if (rest === undefined) branches.set(word[0]!, [word.slice(1)]);
    else rest.push(word.slice(1));
  }
  const letters = [...branches.keys()].toSorted();
  if (letters.length === 0) return '.+';
  // A hyphen stands last, where it is itself.
  const others = `[^${letters.filter((letter) => letter !== '-').join('')}${letters.includes('-') ? '-' : ''}]`;
  const options = [`${others}.*`];
  for (const letter of letters) {
    const rest = branches.get(letter)!;
    const isBeginning = (letter === '-' || letter === ':') && rest.includes('');
    if (!isBeginning) options.push(`${letter}${noneOf(rest)}`);
  }
  // The empty rest is one of the texts unless a word ends here.
  return `(?:${options.join('|')})${words.includes('') ? '' : '?'}`;
}
