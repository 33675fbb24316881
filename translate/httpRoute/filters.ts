/**
 * The filters of a rule or of a backendRef.
 * Source: Gateway API, HTTPRouteFilter and HTTPBackendRef.filters; Envoy docs, config.route.v3.Route.typed_per_filter_config.
 */
import type { Any } from '@bufbuild/protobuf/wkt';
import type { TypedExtensionConfigSchema } from '../../api/envoy/envoy/config/core/v3/extension_pb.ts';
import type {
  RouteAction_RequestMirrorPolicySchema,
  RouteSchema,
} from '../../api/envoy/envoy/config/route/v3/route_components_pb.ts';
import { FilterChainConfigPerRouteSchema } from '../../api/envoy/envoy/extensions/filters/http/filter_chain/v3/filter_chain_pb.ts';
import type { HTTPRequestRedirectFilter, HTTPRouteFilter, HTTPURLRewriteFilter } from '../../api/gateway/index.ts';
import {
  isUnresolved,
  type BackendReference,
  type ResolvedBackend,
  type UnresolvedReference,
} from '../backend/index.ts';
import { pack, type Init } from '../encoding/index.ts';
import { httpFilter } from '../envoy/httpFilter.ts';
import { translateCors } from './cors.ts';
import { translateExternalAuth } from './externalAuth.ts';
import { IncompatibleFilters, translateHeaders, UnusableFilter, type HeaderOperations } from './headers.ts';
import { translateMirror } from './mirror.ts';

type Route = Init<typeof RouteSchema>;

/** What filters come to, in the terms of Envoy's routes. */
export interface RouteFilters {
  request: HeaderOperations;
  response: HeaderOperations;
  redirect: HTTPRequestRedirectFilter | undefined;
  rewrite: HTTPURLRewriteFilter | undefined;
  mirrors: Init<typeof RouteAction_RequestMirrorPolicySchema>[];
  cors: Any | undefined;
  /** HTTP filters that are written whole on the route, in their order. */
  inline: Init<typeof TypedExtensionConfigSchema>[];
  /** Whether a filter is missing without which no request may pass. */
  closed: boolean;
  /** Those that HTTP filters ask, whatever becomes of the request. */
  clusters: string[];
}

/** Where references lead, and which lead nowhere. */
export interface References {
  resolve: (reference: BackendReference, use?: 'grpc') => ResolvedBackend;
  unresolved: UnresolvedReference[];
}

/** @throws UnusableFilter */
export function translateFilters(filters: readonly HTTPRouteFilter[], references: References): RouteFilters {
  const result: RouteFilters = {
    request: { add: [], remove: [] },
    response: { add: [], remove: [] },
    redirect: undefined,
    rewrite: undefined,
    mirrors: [],
    cors: undefined,
    inline: [],
    closed: false,
    clusters: [],
  };
  for (const filter of filters) translateFilter(filter, references, result);
  if (result.redirect !== undefined && result.rewrite !== undefined) {
    throw excluding();
  }
  return result;
}

function translateFilter(filter: HTTPRouteFilter, references: References, result: RouteFilters): void {
  const { unresolved } = references;
  const type: string = filter.type;
  switch (filter.type) {
    case 'RequestHeaderModifier':
      append(result.request, translateHeaders(filter.requestHeaderModifier ?? {}, 'request'));
      return;
    case 'ResponseHeaderModifier':
      append(result.response, translateHeaders(filter.responseHeaderModifier ?? {}, 'response'));
      return;
    case 'RequestRedirect':
      if (result.redirect !== undefined) throw repeated(filter);
      result.redirect = filter.requestRedirect ?? {};
      return;
    case 'URLRewrite':
      if (result.rewrite !== undefined) throw repeated(filter);
      result.rewrite = filter.urlRewrite ?? {};
      return;
    case 'CORS':
      if (result.cors !== undefined) throw repeated(filter);
      result.cors = translateCors(filter.cors ?? {});
      return;
    case 'RequestMirror': {
      if (filter.requestMirror === undefined) throw incomplete(filter);
      const backend = references.resolve(filter.requestMirror.backendRef);
      // Without the backend nothing is mirrored. Source: HTTPRequestMirrorFilter.backendRef.
      if (isUnresolved(backend)) unresolved.push(backend);
      else result.mirrors.push(translateMirror(filter.requestMirror, backend.cluster));
      return;
    }
    case 'ExternalAuth': {
      if (filter.externalAuth === undefined) throw incomplete(filter);
      const { backendRef, protocol } = filter.externalAuth;
      const backend = references.resolve(backendRef, protocol === 'GRPC' ? 'grpc' : undefined);
      if (isUnresolved(backend)) {
        unresolved.push(backend);
        result.closed = true;
        return;
      }
      const authority = `${backend.name}.${backend.namespace}`;
      result.inline.push(translateExternalAuth(filter.externalAuth, backend.cluster, authority));
      result.clusters.push(backend.cluster);
      return;
    }
    case 'ExtensionRef': {
      const { group = '', kind = '', name = '' } = filter.extensionRef ?? {};
      const message = `the filter "${name}" is a ${kind} of group ${group}, which is not supported: remove it`;
      unresolved.push({ reason: 'InvalidKind', message });
      // A filter that cannot be found must not be skipped. Source: HTTPRouteFilter.type.
      result.closed = true;
      return;
    }
    default:
      throw new UnusableFilter(`filters of type ${type} are not supported`);
  }
}

function excluding(): IncompatibleFilters {
  return new IncompatibleFilters('a RequestRedirect and a URLRewrite filter exclude each other: remove one of the two');
}

function repeated({ type }: HTTPRouteFilter): UnusableFilter {
  return new UnusableFilter(`there is more than one ${type} filter: remove all but one`);
}

function incomplete({ type }: HTTPRouteFilter): UnusableFilter {
  return new UnusableFilter(`a ${type} filter does not say what to do`);
}

function append(to: HeaderOperations, from: HeaderOperations): void {
  to.add.push(...from.add);
  to.remove.push(...from.remove);
}

/**
 * The filters of a rule and then those of one of its backends: where only one can hold, the backend's does.
 * @throws IncompatibleFilters
 */
export function joinFilters(rule: RouteFilters, backend: RouteFilters): RouteFilters {
  const join = (a: HeaderOperations, b: HeaderOperations): HeaderOperations => ({
    add: [...a.add, ...b.add],
    remove: [...a.remove, ...b.remove],
  });
  if (
    (rule.rewrite !== undefined && backend.redirect !== undefined) ||
    (rule.redirect !== undefined && backend.rewrite !== undefined)
  ) {
    throw excluding();
  }
  const rewrite =
    rule.rewrite === undefined || backend.rewrite === undefined
      ? (backend.rewrite ?? rule.rewrite)
      : { ...rule.rewrite, ...backend.rewrite };
  return {
    request: join(rule.request, backend.request),
    response: join(rule.response, backend.response),
    redirect: backend.redirect ?? rule.redirect,
    rewrite,
    mirrors: [...rule.mirrors, ...backend.mirrors],
    cors: backend.cors ?? rule.cors,
    inline: [...rule.inline, ...backend.inline],
    closed: rule.closed || backend.closed,
    clusters: [...rule.clusters, ...backend.clusters],
  };
}

/** The header operations of a route or of one of its clusters. */
export function headerFields({
  request,
  response,
}: RouteFilters): Pick<
  Route,
  'requestHeadersToAdd' | 'requestHeadersToRemove' | 'responseHeadersToAdd' | 'responseHeadersToRemove'
> {
  return {
    requestHeadersToAdd: request.add,
    requestHeadersToRemove: request.remove,
    responseHeadersToAdd: response.add,
    responseHeadersToRemove: response.remove,
  };
}

/** The configuration of HTTP filters by their name, for a route or one of its clusters. */
export function filterConfigs({ cors, inline }: RouteFilters): Record<string, Any> {
  const configs: Record<string, Any> = {};
  if (cors !== undefined) configs[httpFilter.cors] = cors;
  if (inline.length > 0) {
    configs[httpFilter.routeFilters] = pack(FilterChainConfigPerRouteSchema, { filterChain: { filters: inline } });
  }
  return configs;
}
