/**
 * The HTTP filters of every connection manager. They are always all there, and do nothing until a route says so: what a route
 * needs is written on the route, so that no edit of a route changes a listener, which would drain its connections.
 * Source: Envoy docs, "HTTP filters", HttpFilter.disabled, "Route specific config".
 */
import { CorsSchema } from '../../api/envoy/envoy/extensions/filters/http/cors/v3/cors_pb.ts';
import { FilterChainConfigSchema } from '../../api/envoy/envoy/extensions/filters/http/filter_chain/v3/filter_chain_pb.ts';
import { GrpcWebSchema } from '../../api/envoy/envoy/extensions/filters/http/grpc_web/v3/grpc_web_pb.ts';
import { RouterSchema } from '../../api/envoy/envoy/extensions/filters/http/router/v3/router_pb.ts';
import { StatefulSessionSchema } from '../../api/envoy/envoy/extensions/filters/http/stateful_session/v3/stateful_session_pb.ts';
import type { HttpFilterSchema } from '../../api/envoy/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts';
import { pack, type Init } from '../encoding/index.ts';

/** Names by which routes configure the filters. */
export const httpFilter = {
  cors: 'envoy.filters.http.cors',
  grpcWeb: 'envoy.filters.http.grpc_web',
  /** Holds filters that are written whole on a route. */
  routeFilters: 'sluice.route_filters',
  statefulSession: 'envoy.filters.http.stateful_session',
} as const;

/** In the order in which requests pass them; responses pass them the other way round. */
export function httpFilters(): Init<typeof HttpFilterSchema>[] {
  return [
    // First, because a browser asks whether it may ask without showing who it is.
    idle(httpFilter.cors, pack(CorsSchema, {})),
    // Before whatever may answer, so that clients of gRPC-Web understand the answer.
    idle(httpFilter.grpcWeb, pack(GrpcWebSchema, {})),
    // External authorization.
    idle(httpFilter.routeFilters, pack(FilterChainConfigSchema, {})),
    // Chooses an endpoint for a request that will be sent to one.
    idle(httpFilter.statefulSession, pack(StatefulSessionSchema, {})),
    { name: 'envoy.filters.http.router', configType: { case: 'typedConfig', value: pack(RouterSchema, {}) } },
  ];
}

function idle(name: string, value: ReturnType<typeof pack>): Init<typeof HttpFilterSchema> {
  return { name, disabled: true, configType: { case: 'typedConfig', value } };
}
