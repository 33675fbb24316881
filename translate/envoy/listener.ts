/**
 * Listeners: one for each port. What changes often is not in them: routes come by RDS and certificates by SDS, so that
 * filter chains stand still, because Envoy drains the connections of a chain that changes.
 * Source: Envoy docs, config.listener.v3.Listener, HttpConnectionManager, "Configuring Envoy as an edge proxy".
 */
import { SocketAddress_Protocol as Protocol } from '../../api/envoy/envoy/config/core/v3/address_pb.ts';
import { ApiVersion } from '../../api/envoy/envoy/config/core/v3/config_source_pb.ts';
import { TrafficDirection } from '../../api/envoy/envoy/config/core/v3/base_pb.ts';
import type { FilterChainSchema } from '../../api/envoy/envoy/config/listener/v3/listener_components_pb.ts';
import { ListenerSchema } from '../../api/envoy/envoy/config/listener/v3/listener_pb.ts';
import { HealthCheckSchema } from '../../api/envoy/envoy/extensions/filters/http/health_check/v3/health_check_pb.ts';
import { RouterSchema } from '../../api/envoy/envoy/extensions/filters/http/router/v3/router_pb.ts';
import { TlsInspectorSchema } from '../../api/envoy/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.ts';
import {
  HttpConnectionManager_PathWithEscapedSlashesAction as EscapedSlashes,
  HttpConnectionManager_ServerHeaderTransformation as ServerHeader,
  HttpConnectionManagerSchema,
} from '../../api/envoy/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts';
import {
  TlsParameters_TlsProtocol as TlsProtocol,
  type TlsParametersSchema,
} from '../../api/envoy/envoy/extensions/transport_sockets/tls/v3/common_pb.ts';
import { DownstreamTlsContextSchema } from '../../api/envoy/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts';
import type { EncodedResource } from '../../api/resource.ts';
import { appendRepeated, duration, encode, pack, resource, type Init } from '../encoding/index.ts';
import { tableName, type ListenerPlan, type PortPlan, type TLSOptions } from '../gateway/index.ts';
import { httpFilters } from './httpFilter.ts';
import { requireCertificates, validateCertificates } from './clientValidation.ts';
import { sessionTicketKeysName } from '../sources.ts';
import { secretName } from './secret.ts';
import { rejecting, tcpChain, tlsChain, type StreamChain, type StreamTarget } from './stream.ts';

/** Where a proxy binds its listeners. */
export interface Binding {
  /** `0.0.0.0`, `::` or a loopback address. */
  address: string;
  /** The port to bind for a port of a Gateway's listener. */
  port: (listenerPort: number, transport: 'tcp' | 'udp') => number;
}

const ads = { resourceApiVersion: ApiVersion.V3, configSourceSpecifier: { case: 'ads', value: {} } } as const;

/**
 * The name of the Envoy listener of a port: `listener/80`, `listener/udp/53`.
 * @param key see `portKey`
 */
export function listenerName(key: string): string {
  return `listener/${key.startsWith('tcp/') ? key.slice('tcp/'.length) : key}`;
}

// In seconds. A client that is gone without a word is found out long before its connection has been idle for too long.
const tcpKeepalive = { keepaliveTime: 180, keepaliveInterval: 30, keepaliveProbes: 4 };

const filterChainsField = 3;

/**
 * The listener of a TCP port; undefined where nothing can be served on the port.
 * @param chains those of stream routes
 */
export function listener(
  plan: PortPlan,
  binding: Binding,
  chains: readonly StreamChain[],
): EncodedResource | undefined {
  if (plan.listeners.length === 0) return undefined;
  const secure = plan.mode === 'tls';
  const name = listenerName(plan.key);
  const head = encode(ListenerSchema, {
    name,
    address: socketAddress(binding.address, binding.port(plan.port, 'tcp')),
    trafficDirection: TrafficDirection.INBOUND,
    perConnectionBufferLimitBytes: 32_768,
    listenerFilters: secure
      ? [
          {
            name: 'envoy.filters.listener.tls_inspector',
            configType: { case: 'typedConfig', value: pack(TlsInspectorSchema, {}) },
          },
        ]
      : [],
    filterChains: httpChains(plan, name),
    ...(plan.mode === 'http' ? {} : { tcpKeepalive }),
  });
  // What is bound and leads to no route is closed, before TLS begins; a server name that is a listener's own meets no broader
  // one. The chain has its listener's certificates all the same: proxies hold them before the first route comes.
  const absent = plan.listeners
    .filter(({ protocol }) => protocol === 'TLS' || protocol === 'TCP')
    .filter(({ hostname }) => !chains.some((chain) => chain.hostname === hostname))
    .map((own) => streamChain(plan, own, own.hostname, rejecting));
  const all = [...chains, ...absent];
  const bytes = appendRepeated(
    head,
    filterChainsField,
    all.map((chain) => chain.bytes),
  );
  return resource(name, bytes, function* () {
    for (const { clusters } of all) yield* clusters;
  });
}

function httpChains(plan: PortPlan, name: string): Init<typeof FilterChainSchema>[] {
  if (plan.mode === 'http') return [{ name, filters: [httpConnectionManager(name, tableName(plan.listeners[0]!))] }];
  return plan.listeners.filter(({ protocol }) => protocol === 'HTTPS').map((one) => secureChain(one, plan));
}

function secureChain(plan: ListenerPlan, on: PortPlan): Init<typeof FilterChainSchema> {
  const name = tableName(plan);
  return {
    name,
    // A chain without server names takes what no other does, also a client that sends none.
    ...(plan.hostname === '' ? {} : { filterChainMatch: { serverNames: [plan.hostname] } }),
    filters: [httpConnectionManager(name, name)],
    transportSocket: downstreamTls(plan, on, ['h2', 'http/1.1']),
  };
}

/** A client resumes its session on any proxy of the fleet, not only on the one that it began on. */
const sharedSessions = {
  sessionTicketKeysType: {
    case: 'sessionTicketKeysSdsSecretConfig',
    value: { name: sessionTicketKeysName, sdsConfig: ads },
  },
} as const;

/**
 * How a listener ends the TLS of its clients.
 * @param alpn the application protocols that it offers where the listener names none
 */
function downstreamTls(
  plan: ListenerPlan,
  { sharesSessions }: PortPlan,
  alpn: string[],
): Init<typeof FilterChainSchema>['transportSocket'] & {} {
  return {
    name: 'envoy.transport_sockets.tls',
    configType: {
      case: 'typedConfig',
      value: pack(DownstreamTlsContextSchema, {
        commonTlsContext: {
          alpnProtocols: plan.tlsOptions.alpn ?? alpn,
          tlsParams: tlsParameters(plan.tlsOptions),
          tlsCertificateSdsSecretConfigs: plan.secrets.map((key) => ({ name: secretName(key), sdsConfig: ads })),
          ...validateCertificates(plan.clientValidation),
        },
        ...requireCertificates(plan.clientValidation),
        ...(sharesSessions ? sharedSessions : {}),
      }),
    },
  };
}

/**
 * The chain of a stream route.
 * @param on the listener that the hostname belongs to
 */
export function streamChain(plan: PortPlan, on: ListenerPlan, hostname: string, target: StreamTarget): StreamChain {
  if (plan.mode === 'tcp') return tcpChain(plan.key, target);
  // What is inside is not known to be HTTP: without word from the listener no application protocol is agreed on.
  return tlsChain(plan.key, hostname, target, on.tlsMode === 'Terminate' ? downstreamTls(on, plan, []) : undefined);
}

const tlsProtocols = { '1.2': TlsProtocol.TLSv1_2, '1.3': TlsProtocol.TLSv1_3 } as const;

/** What a listener that terminates TLS offers its clients. */
export function tlsParameters(options: TLSOptions): Init<typeof TlsParametersSchema> {
  return {
    tlsMinimumProtocolVersion: tlsProtocols[options.minimumVersion ?? '1.2'],
    tlsMaximumProtocolVersion: tlsProtocols[options.maximumVersion ?? '1.3'],
    cipherSuites: options.cipherSuites ?? [],
    ecdhCurves: options.curves ?? [],
  };
}

function httpConnectionManager(
  statPrefix: string,
  table: string,
): NonNullable<Init<typeof FilterChainSchema>['filters']>[number] {
  return {
    name: 'envoy.filters.network.http_connection_manager',
    configType: {
      case: 'typedConfig',
      value: pack(HttpConnectionManagerSchema, {
        statPrefix: statPrefix.replaceAll(/[^A-Za-z0-9_-]/g, '_'),
        routeSpecifier: { case: 'rds', value: { routeConfigName: table, configSource: ads } },
        httpFilters: httpFilters(),
        // The proxy is the edge: the address of the client is that of the connection.
        useRemoteAddress: true,
        normalizePath: true,
        mergeSlashes: true,
        pathWithEscapedSlashesAction: EscapedSlashes.UNESCAPE_AND_REDIRECT,
        serverHeaderTransformation: ServerHeader.PASS_THROUGH,
        upgradeConfigs: [{ upgradeType: 'websocket' }],
        http2ProtocolOptions: {
          // WebSockets over HTTP/2. Source: RFC 8441.
          allowConnect: true,
          maxConcurrentStreams: 100,
          initialStreamWindowSize: 65_536,
          initialConnectionWindowSize: 1_048_576,
        },
        requestHeadersTimeout: duration(10_000),
      }),
    },
  };
}

/** The name of the listener by which a proxy shows that it is configured. */
export const readinessListenerName = 'readiness';
/** The path that answers 200 once it is. */
export const readinessPath = '/ready';

/**
 * A listener that answers `GET /ready` with 200, and with 503 once the proxy was told to fail its health checks. It comes
 * over LDS like all others, so a proxy that answers is configured.
 * Source: Envoy docs, "Health check" HTTP filter.
 */
export function readinessListener(address: string, port: number): EncodedResource {
  const bytes = encode(ListenerSchema, {
    name: readinessListenerName,
    address: socketAddress(address, port),
    ignoreGlobalConnLimit: true,
    bypassOverloadManager: true,
    filterChains: [
      {
        filters: [
          {
            name: 'envoy.filters.network.http_connection_manager',
            configType: {
              case: 'typedConfig',
              value: pack(HttpConnectionManagerSchema, {
                statPrefix: 'readiness',
                routeSpecifier: { case: 'routeConfig', value: { name: 'readiness', virtualHosts: [] } },
                httpFilters: [
                  {
                    name: 'envoy.filters.http.health_check',
                    configType: {
                      case: 'typedConfig',
                      value: pack(HealthCheckSchema, {
                        passThroughMode: false,
                        headers: [
                          {
                            name: ':path',
                            headerMatchSpecifier: {
                              case: 'stringMatch',
                              value: { matchPattern: { case: 'exact', value: readinessPath } },
                            },
                          },
                        ],
                      }),
                    },
                  },
                  {
                    name: 'envoy.filters.http.router',
                    configType: { case: 'typedConfig', value: pack(RouterSchema, {}) },
                  },
                ],
              }),
            },
          },
        ],
      },
    ],
  });
  return resource(readinessListenerName, bytes);
}

/** An IPv6 wildcard takes IPv4 as well. */
export function socketAddress(
  address: string,
  port: number,
  protocol: Protocol = Protocol.TCP,
): NonNullable<Init<typeof ListenerSchema>['address']> {
  return {
    address: {
      case: 'socketAddress',
      value: { protocol, address, ipv4Compat: address === '::', portSpecifier: { case: 'portValue', value: port } },
    },
  };
}
