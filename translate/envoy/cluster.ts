/**
 * Clusters: one for each backend and use.
 * Source: Envoy docs, config.cluster.v3.Cluster, extensions.upstreams.http.v3.HttpProtocolOptions and UpstreamTlsContext.
 */
import {
  Cluster_DiscoveryType as DiscoveryType,
  Cluster_DnsLookupFamily as DnsLookupFamily,
  Cluster_LbPolicy as LoadBalancingPolicy,
  ClusterSchema,
} from '../../api/envoy/envoy/config/cluster/v3/cluster_pb.ts';
import type { CircuitBreakers_ThresholdsSchema } from '../../api/envoy/envoy/config/cluster/v3/circuit_breaker_pb.ts';
import { ApiVersion } from '../../api/envoy/envoy/config/core/v3/config_source_pb.ts';
import { HttpProtocolOptionsSchema } from '../../api/envoy/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.ts';
import {
  SubjectAltNameMatcher_SanType as SanType,
  type SubjectAltNameMatcherSchema,
  TlsParameters_TlsProtocol as TlsProtocol,
} from '../../api/envoy/envoy/extensions/transport_sockets/tls/v3/common_pb.ts';
import { UpstreamTlsContextSchema } from '../../api/envoy/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts';
import type { EncodedResource } from '../../api/resource.ts';
import type { BackendProtocol, ClusterPlan } from '../backend/index.ts';
import type { BackendTLS } from '../backendTLSPolicy/index.ts';
import type { RetryBudget } from '../backendTrafficPolicy/index.ts';
import { duration, encode, pack, resource, type Init } from '../encoding/index.ts';
import { lbEndpoint } from './endpoints.ts';
import { backendAuthoritiesName, clientCertificateName } from './secret.ts';

// Envoy's default of 1,024 answers 503 where nobody asked for a limit.
const unlimited = 0xffffffff;

const ads = { resourceApiVersion: ApiVersion.V3, configSourceSpecifier: { case: 'ads', value: {} } } as const;

/** Where the images of Envoy, and Debian's kin, have the authorities that the system trusts. */
const defaultAuthorities = '/etc/ssl/certs/ca-certificates.crt';

/** @param systemAuthorities the file with the authorities that the system trusts */
export function cluster(plan: ClusterPlan, systemAuthorities: string = defaultAuthorities): EncodedResource {
  const { name } = plan;
  const bytes = encode(ClusterSchema, {
    name,
    ...discovery(plan),
    connectTimeout: duration(5000),
    perConnectionBufferLimitBytes: 32_768,
    lbPolicy: LoadBalancingPolicy.LEAST_REQUEST,
    circuitBreakers: {
      thresholds: [
        {
          maxConnections: unlimited,
          maxPendingRequests: unlimited,
          maxRequests: unlimited,
          ...retries(plan.retryBudget),
        },
      ],
    },
    // Kubernetes says which endpoints are healthy: none is used against its word, and one that it takes away is drained.
    commonLbConfig: { healthyPanicThreshold: { value: 0 } },
    ignoreHealthOnHostRemoval: true,
    ...(plan.protocol === 'stream' ? {} : { typedExtensionProtocolOptions: httpOptions(plan.protocol) }),
    ...(plan.tls === undefined ? {} : { transportSocket: transportSocket(plan.protocol, plan.tls, systemAuthorities) }),
  });
  return resource(name, bytes);
}

function discovery(
  plan: ClusterPlan,
): Pick<
  Init<typeof ClusterSchema>,
  'clusterDiscoveryType' | 'edsClusterConfig' | 'loadAssignment' | 'dnsLookupFamily' | 'respectDnsTtl'
> {
  // Without an endpoint every request gets 503, and nothing can leave in plain text.
  if (plan.blocked !== undefined) return { clusterDiscoveryType: { case: 'type', value: DiscoveryType.STATIC } };
  if (plan.hostname === undefined) {
    return { clusterDiscoveryType: { case: 'type', value: DiscoveryType.EDS }, edsClusterConfig: { edsConfig: ads } };
  }
  const { name: address, port } = plan.hostname;
  return {
    clusterDiscoveryType: { case: 'type', value: DiscoveryType.LOGICAL_DNS },
    // Both families are asked for, and the one that answers is taken. Source: Envoy docs, "Happy Eyeballs".
    dnsLookupFamily: DnsLookupFamily.ALL,
    respectDnsTtl: true,
    loadAssignment: { clusterName: plan.name, endpoints: [{ lbEndpoints: [lbEndpoint({ address, port })] }] },
  };
}

function retries(
  budget: RetryBudget | undefined,
): Pick<Init<typeof CircuitBreakers_ThresholdsSchema>, 'maxRetries' | 'retryBudget'> {
  if (budget === undefined) return { maxRetries: unlimited };
  return {
    retryBudget: {
      budgetPercent: { value: budget.percent },
      budgetInterval: duration(budget.interval),
      minRetryConcurrency: budget.minimum,
    },
  };
}

function httpOptions(protocol: BackendProtocol): Init<typeof ClusterSchema>['typedExtensionProtocolOptions'] & {} {
  const protocolConfig =
    protocol === 'http2'
      ? { case: 'http2ProtocolOptions' as const, value: {} }
      : { case: 'httpProtocolOptions' as const, value: {} };
  return {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': pack(HttpProtocolOptionsSchema, {
      upstreamProtocolOptions: { case: 'explicitHttpConfig', value: { protocolConfig } },
      // No retry policy: it would take precedence over those of routes.
    }),
  };
}

const applicationProtocols: Record<BackendProtocol, string[]> = { http1: ['http/1.1'], http2: ['h2'], stream: [] };

function transportSocket(
  protocol: BackendProtocol,
  tls: NonNullable<ClusterPlan['tls']>,
  systemAuthorities: string,
): NonNullable<Init<typeof ClusterSchema>['transportSocket']> {
  const verified = { matchTypedSubjectAltNames: tls.subjectAltNames.map(subjectAltName) };
  const { clientCertificate } = tls;
  return {
    name: 'envoy.transport_sockets.tls',
    configType: {
      case: 'typedConfig',
      value: pack(UpstreamTlsContextSchema, {
        sni: tls.serverName,
        commonTlsContext: {
          alpnProtocols: applicationProtocols[protocol],
          tlsParams: {
            tlsMinimumProtocolVersion: TlsProtocol.TLSv1_2,
            tlsMaximumProtocolVersion: TlsProtocol.TLSv1_3,
          },
          tlsCertificateSdsSecretConfigs:
            clientCertificate === undefined ? [] : [{ name: clientCertificateName(clientCertificate), sdsConfig: ads }],
          validationContextType:
            tls.authorities === 'System'
              ? {
                  case: 'validationContext',
                  value: {
                    ...verified,
                    trustedCa: { specifier: { case: 'filename', value: systemAuthorities } },
                  },
                }
              : {
                  case: 'combinedValidationContext',
                  value: {
                    defaultValidationContext: verified,
                    validationContextSdsSecretConfig: {
                      name: backendAuthoritiesName(tls.authorities),
                      sdsConfig: ads,
                    },
                  },
                },
        },
      }),
    },
  };
}

/** A hostname such as `*.example.com` is met by every name under it. */
function subjectAltName({
  type,
  value,
}: BackendTLS['subjectAltNames'][number]): Init<typeof SubjectAltNameMatcherSchema> {
  if (type === 'URI') return { sanType: SanType.URI, matcher: { matchPattern: { case: 'exact', value } } };
  return value.startsWith('*.')
    ? { sanType: SanType.DNS, matcher: { matchPattern: { case: 'suffix', value: value.slice(1) } } }
    : { sanType: SanType.DNS, matcher: { matchPattern: { case: 'exact', value } } };
}
