/** One GRPCRoute. Source: Gateway API, GRPCRoute. */
import { FilterConfigSchema } from '../../api/envoy/envoy/config/route/v3/route_components_pb.ts';
import { gatewayGroup, type GRPCRoute } from '../../api/gateway/index.ts';
import { objectKey } from '../../api/object.ts';
import { resolveBackend, type BackendCollections } from '../backend/index.ts';
import { pack } from '../encoding/index.ts';
import { httpFilter } from '../envoy/httpFilter.ts';
import { joinRules, type TranslatedRoute } from '../httpRoute/route.ts';
import { translateRule } from '../httpRoute/rule.ts';
import type { Reader } from '../incremental/index.ts';
import type { Quarantine } from '../sources.ts';
import { translateMatch } from './match.ts';

/** Clients of gRPC-Web are served by every GRPCRoute; what is plain gRPC passes the filter as it is. */
const gRPCWeb = {
  [httpFilter.grpcWeb]: pack(FilterConfigSchema, { config: { typeUrl: '', value: new Uint8Array() } }),
};

/** A GRPCRoute without rules is accepted and serves nothing: there is no rule that would say where to. */
export function translateGrpcRoute(
  reader: Reader,
  collections: BackendCollections,
  route: GRPCRoute,
  quarantine: Quarantine | undefined,
): TranslatedRoute {
  const key = objectKey(route);
  const from = { group: gatewayGroup, kind: 'GRPCRoute', namespace: route.metadata.namespace ?? '' };
  return joinRules(route, quarantine, () =>
    (route.spec.rules ?? []).map((rule, index) =>
      translateRule(key, rule, index, (reference) => resolveBackend(reader, collections, reference, from, 'grpc'), {
        matches: () => ((rule.matches ?? []).length === 0 ? [{}] : rule.matches!).map(translateMatch),
        // Proxies make of it the status UNAVAILABLE. Source: GRPCRouteRule.backendRefs.
        invalidBackendStatus: 503,
        filterConfigs: gRPCWeb,
      }),
    ),
  );
}
