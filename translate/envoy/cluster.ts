/**
 * Clusters: one for each Service port that traffic is sent to.
 * Source: Envoy docs, config.cluster.v3.Cluster and extensions.upstreams.http.v3.HttpProtocolOptions.
 */
import {
  Cluster_DiscoveryType as DiscoveryType,
  Cluster_LbPolicy as LoadBalancingPolicy,
  ClusterSchema,
} from '../../api/envoy/envoy/config/cluster/v3/cluster_pb.ts';
import { ApiVersion } from '../../api/envoy/envoy/config/core/v3/config_source_pb.ts';
import { HttpProtocolOptionsSchema } from '../../api/envoy/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.ts';
import type { ServicePort } from '../../api/core.ts';
import type { EncodedResource } from '../../api/resource.ts';
import type { BackendProtocol } from '../backend/index.ts';
import { duration, encode, pack, resource } from '../encoding/index.ts';

/** How to speak to a Service port. Source: Kubernetes docs, "Application protocol"; Gateway API, GEP-1911. */
export function backendProtocol(port: ServicePort | undefined): BackendProtocol {
  return ['kubernetes.io/h2c', 'h2c', 'grpc', 'http2'].includes(port?.appProtocol ?? '') ? 'http2' : 'http1';
}

// Envoy's default of 1,024 answers 503 where nobody asked for a limit.
const unlimited = 0xffffffff;

export function cluster(name: string, protocol: BackendProtocol): EncodedResource {
  const protocolConfig =
    protocol === 'http2'
      ? { case: 'http2ProtocolOptions' as const, value: {} }
      : { case: 'httpProtocolOptions' as const, value: {} };
  const bytes = encode(ClusterSchema, {
    name,
    clusterDiscoveryType: { case: 'type', value: DiscoveryType.EDS },
    edsClusterConfig: {
      edsConfig: { resourceApiVersion: ApiVersion.V3, configSourceSpecifier: { case: 'ads', value: {} } },
    },
    connectTimeout: duration(5000),
    perConnectionBufferLimitBytes: 32_768,
    lbPolicy: LoadBalancingPolicy.LEAST_REQUEST,
    circuitBreakers: {
      thresholds: [
        { maxConnections: unlimited, maxPendingRequests: unlimited, maxRequests: unlimited, maxRetries: unlimited },
      ],
    },
    // Kubernetes says which endpoints are healthy: none is used against its word, and one that it takes away is drained.
    commonLbConfig: { healthyPanicThreshold: { value: 0 } },
    ignoreHealthOnHostRemoval: true,
    typedExtensionProtocolOptions: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': pack(HttpProtocolOptionsSchema, {
        upstreamProtocolOptions: { case: 'explicitHttpConfig', value: { protocolConfig } },
        // Tries again what never reached an endpoint, so that a Pod that goes away costs no caller an error.
        retryPolicy: {
          retryOn: 'connect-failure,refused-stream,reset-before-request',
          numRetries: 2,
          hostSelectionRetryMaxAttempts: 3n,
        },
      }),
    },
  });
  return resource(name, bytes);
}
