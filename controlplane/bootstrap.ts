/**
 * What a proxy is started with; everything else comes over xDS.
 * Source: Envoy docs, config.bootstrap.v3.Bootstrap; "Configuring Envoy as an edge proxy".
 */

/** Where a proxy finds its control plane. */
export type DiscoveryEndpoint =
  | { socketPath: string }
  | {
      host: string;
      port: number;
      /** The DNS name that the server's certificate must carry. */
      serverName: string;
      /** Directory with `tls.crt`, `tls.key` and `ca.crt`, watched for rotation. */
      certificateDirectory: string;
      /** Directory in which the files of this bootstrap lie. */
      configDirectory: string;
    };

export interface BootstrapOptions {
  /** For logs and status; a proxy's authority is its certificate. */
  nodeId: string;
  cluster: string;
  discovery: DiscoveryEndpoint;
  admin: { address: string; port: number };
  /** Where `/stats/prometheus` is served; absent for nowhere. */
  metrics?: { address: string; port: number };
  /** Connections that the proxy takes at most. */
  maxConnections?: number;
}

/** Instructions of a compiled regular expression that a proxy takes at most. */
export const maxRegexProgramSize = 65_536;

const typeUrl = (name: string): string => `type.googleapis.com/${name}`;
const httpProtocolOptions = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

/** The bootstrap and the files that it refers to, by file name, as JSON. `bootstrap.json` is the one to start with. */
export function bootstrapFiles(options: BootstrapOptions): Record<string, string> {
  const files: Record<string, unknown> = { 'bootstrap.json': bootstrap(options) };
  if (!('socketPath' in options.discovery)) {
    const { certificateDirectory, serverName } = options.discovery;
    const watched_directory = { path: certificateDirectory };
    const secret = typeUrl('envoy.extensions.transport_sockets.tls.v3.Secret');
    files['certificate.json'] = {
      resources: [
        {
          '@type': secret,
          name: 'xds-certificate',
          tls_certificate: {
            certificate_chain: { filename: `${certificateDirectory}/tls.crt` },
            private_key: { filename: `${certificateDirectory}/tls.key` },
            watched_directory,
          },
        },
      ],
    };
    files['authority.json'] = {
      resources: [
        {
          '@type': secret,
          name: 'xds-authority',
          validation_context: {
            trusted_ca: { filename: `${certificateDirectory}/ca.crt` },
            watched_directory,
            match_typed_subject_alt_names: [{ san_type: 'DNS', matcher: { exact: serverName } }],
          },
        },
      ],
    };
  }
  return Object.fromEntries(
    Object.entries(files).map(([name, content]) => [name, `${JSON.stringify(content, null, 2)}\n`]),
  );
}

function bootstrap(options: BootstrapOptions): unknown {
  const ads = { ads: {}, resource_api_version: 'V3', initial_fetch_timeout: '0s' };
  return {
    node: { id: options.nodeId, cluster: options.cluster },
    admin: { address: socketAddress(options.admin) },
    dynamic_resources: {
      ads_config: {
        api_type: 'DELTA_GRPC',
        transport_api_version: 'V3',
        set_node_on_first_message_only: true,
        grpc_services: [
          {
            envoy_grpc: {
              cluster_name: 'xds',
              // Envoy's own back-off grows to 30 s: too long after a restart of the control plane.
              retry_policy: { retry_back_off: { base_interval: '0.1s', max_interval: '1s' } },
            },
          },
        ],
      },
      cds_config: ads,
      lds_config: ads,
    },
    static_resources: {
      listeners: options.metrics === undefined ? [] : [metricsListener(options.metrics)],
      clusters: [
        discoveryCluster(options.discovery),
        ...(options.metrics === undefined ? [] : [staticCluster('admin', { address: socketAddress(options.admin) })]),
      ],
    },
    layered_runtime: {
      layers: [
        {
          name: 'static',
          // Envoy's limit of 100 instructions refuses everyday expressions; RE2 takes linear time whatever the size.
          static_layer: {
            re2: { max_program_size: { error_level: maxRegexProgramSize, warn_level: maxRegexProgramSize } },
          },
        },
      ],
    },
    overload_manager: {
      refresh_interval: '0.25s',
      resource_monitors: [
        {
          name: 'envoy.resource_monitors.global_downstream_max_connections',
          typed_config: {
            '@type': typeUrl(
              'envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig',
            ),
            max_active_downstream_connections: options.maxConnections ?? 50_000,
          },
        },
      ],
    },
  };
}

function socketAddress({ address, port }: { address: string; port: number }): unknown {
  // An IPv6 wildcard takes IPv4 as well.
  return { socket_address: { address, port_value: port, ...(address === '::' ? { ipv4_compat: true } : {}) } };
}

function staticCluster(name: string, endpoint: unknown, type = 'STATIC'): Record<string, unknown> {
  return {
    name,
    type,
    connect_timeout: '5s',
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint }] }] },
  };
}

function discoveryCluster(discovery: DiscoveryEndpoint): unknown {
  const options = {
    typed_extension_protocol_options: {
      [httpProtocolOptions]: {
        '@type': typeUrl(httpProtocolOptions),
        explicit_http_config: {
          http2_protocol_options: {
            connection_keepalive: { interval: '10s', timeout: '5s' },
            initial_stream_window_size: 16_777_216,
            initial_connection_window_size: 33_554_432,
          },
        },
      },
    },
  };
  if ('socketPath' in discovery) {
    return { ...staticCluster('xds', { address: { pipe: { path: discovery.socketPath } } }), ...options };
  }
  const file = (name: string): unknown => ({
    resource_api_version: 'V3',
    path_config_source: {
      path: `${discovery.configDirectory}/${name}`,
      watched_directory: { path: discovery.configDirectory },
    },
  });
  return {
    ...staticCluster(
      'xds',
      { address: socketAddress({ address: discovery.host, port: discovery.port }) },
      'STRICT_DNS',
    ),
    ...options,
    transport_socket: {
      name: 'envoy.transport_sockets.tls',
      typed_config: {
        '@type': typeUrl('envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext'),
        sni: discovery.serverName,
        common_tls_context: {
          // As a client Envoy takes no more than TLS 1.2 unless it is told to.
          tls_params: { tls_minimum_protocol_version: 'TLSv1_3', tls_maximum_protocol_version: 'TLSv1_3' },
          alpn_protocols: ['h2'],
          tls_certificate_sds_secret_configs: [{ name: 'xds-certificate', sds_config: file('certificate.json') }],
          validation_context_sds_secret_config: { name: 'xds-authority', sds_config: file('authority.json') },
        },
      },
    },
  };
}

function metricsListener(metrics: { address: string; port: number }): unknown {
  return {
    name: 'metrics',
    address: socketAddress(metrics),
    ignore_global_conn_limit: true,
    bypass_overload_manager: true,
    filter_chains: [
      {
        filters: [
          {
            name: 'envoy.filters.network.http_connection_manager',
            typed_config: {
              '@type': typeUrl('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'),
              stat_prefix: 'metrics',
              route_config: {
                name: 'metrics',
                virtual_hosts: [
                  {
                    name: 'metrics',
                    domains: ['*'],
                    routes: [{ match: { path: '/stats/prometheus' }, route: { cluster: 'admin' } }],
                  },
                ],
              },
              http_filters: [
                {
                  name: 'envoy.filters.http.router',
                  typed_config: { '@type': typeUrl('envoy.extensions.filters.http.router.v3.Router') },
                },
              ],
            },
          },
        ],
      },
    ],
  };
}
