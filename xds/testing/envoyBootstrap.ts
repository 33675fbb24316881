/** Envoy's bootstrap for tests: where its discovery server is, and how it proves who it is. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface EnvoyTls {
  /** Where `writeSecretFiles` wrote to. */
  directory: string;
}

/** Everything over delta ADS from `127.0.0.1:port`. */
export function bootstrap(port: number, tls?: EnvoyTls): Record<string, unknown> {
  const type = 'type.googleapis.com/';
  const secure =
    tls === undefined
      ? {}
      : {
          transport_socket: {
            name: 'envoy.transport_sockets.tls',
            typed_config: {
              '@type': `${type}envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext`,
              common_tls_context: {
                alpn_protocols: ['h2'],
                tls_certificate_sds_secret_configs: [fromFile('certificate', tls)],
                combined_validation_context: {
                  default_validation_context: {
                    match_typed_subject_alt_names: [{ san_type: 'IP_ADDRESS', matcher: { exact: '127.0.0.1' } }],
                  },
                  validation_context_sds_secret_config: fromFile('authority', tls),
                },
              },
            },
          },
        };
  return {
    node: { id: 'envoy', cluster: 'test' },
    dynamic_resources: {
      ads_config: {
        api_type: 'DELTA_GRPC',
        transport_api_version: 'V3',
        grpc_services: [
          {
            envoy_grpc: {
              cluster_name: 'xds',
              retry_policy: { retry_back_off: { base_interval: '0.05s', max_interval: '0.2s' } },
            },
          },
        ],
      },
      cds_config: { ads: {}, resource_api_version: 'V3' },
      lds_config: { ads: {}, resource_api_version: 'V3' },
    },
    static_resources: {
      clusters: [
        {
          name: 'xds',
          type: 'STATIC',
          connect_timeout: '5s',
          typed_extension_protocol_options: {
            'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
              '@type': `${type}envoy.extensions.upstreams.http.v3.HttpProtocolOptions`,
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
          load_assignment: {
            cluster_name: 'xds',
            endpoints: [
              {
                lb_endpoints: [
                  { endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: port } } } },
                ],
              },
            ],
          },
          ...secure,
        },
      ],
    },
  };
}

/** Refers to the secret in `NAME.json` of that directory; see `writeSecretFiles`. */
function fromFile(name: string, { directory }: EnvoyTls): Record<string, unknown> {
  return {
    name,
    sds_config: { path_config_source: { path: `${directory}/${name}.json` }, resource_api_version: 'V3' },
  };
}

/**
 * Writes the secrets that `bootstrap` refers to. They do not change: they name the files `ca.crt`, `tls.crt` and `tls.key`
 * of the directory `volume`, which Envoy watches.
 */
export function writeSecretFiles({ directory }: EnvoyTls, volume: string): void {
  const write = (name: string, content: Record<string, unknown>): void => {
    const type = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret';
    writeFileSync(
      join(directory, `${name}.json`),
      JSON.stringify({ resources: [{ '@type': type, name, ...content }] }),
    );
  };
  const watched = { watched_directory: { path: volume } };
  write('certificate', {
    tls_certificate: {
      certificate_chain: { filename: `${volume}/tls.crt` },
      private_key: { filename: `${volume}/tls.key` },
      ...watched,
    },
  });
  write('authority', { validation_context: { trusted_ca: { filename: `${volume}/ca.crt` }, ...watched } });
}
