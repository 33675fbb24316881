/**
 * The configuration that somebody writes by hand who wants these routes and nothing else: Envoy's defaults, everything
 * static, the order of routes as they come. Source: Envoy docs, "Configuration: Static".
 */
import { backends, type BackendPorts } from '../workload.ts';
import type { Route } from './routes.ts';

export interface BareOptions {
  admin: number;
  http: number;
  https: number;
  /** PEM. */
  certificate: { certificate: string; key: string };
  backendPorts: BackendPorts;
}

const typeUrl = (name: string): string => `type.googleapis.com/${name}`;

function address(port: number): unknown {
  return { socket_address: { address: '127.0.0.1', port_value: port } };
}

/** The bootstrap, to be written as JSON. */
export function bareConfiguration(routes: readonly Route[], options: BareOptions): unknown {
  return {
    admin: { address: address(options.admin) },
    static_resources: {
      listeners: [
        { name: 'http', address: address(options.http), filter_chains: [{ filters: [connectionManager(routes)] }] },
        {
          name: 'https',
          address: address(options.https),
          filter_chains: [{ filters: [connectionManager(routes)], transport_socket: tls(options.certificate) }],
        },
      ],
      clusters: backends.map((name) => ({
        name,
        type: 'STATIC',
        load_assignment: {
          cluster_name: name,
          endpoints: [{ lb_endpoints: [{ endpoint: { address: address(options.backendPorts[name]) } }] }],
        },
      })),
    },
  };
}

function connectionManager(routes: readonly Route[]): unknown {
  const virtualHosts = Map.groupBy(routes, ({ host }) => host);
  return {
    name: 'envoy.filters.network.http_connection_manager',
    typed_config: {
      '@type': typeUrl('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'),
      stat_prefix: 'ingress',
      route_config: {
        virtual_hosts: Array.from(virtualHosts, ([host, ofHost]) => ({
          name: host,
          domains: [host],
          routes: ofHost.map(({ prefix, backend }) => ({ match: matchOf(prefix), route: { cluster: backend } })),
        })),
      },
      http_filters: [
        {
          name: 'envoy.filters.http.router',
          typed_config: { '@type': typeUrl('envoy.extensions.filters.http.router.v3.Router') },
        },
      ],
    },
  };
}

/** As Gateway API means a prefix: whole segments of the path. */
function matchOf(prefix: string): unknown {
  return prefix === '/' ? { prefix } : { path_separated_prefix: prefix };
}

function tls({ certificate, key }: BareOptions['certificate']): unknown {
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: {
      '@type': typeUrl('envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext'),
      common_tls_context: {
        alpn_protocols: ['h2', 'http/1.1'],
        tls_certificates: [{ certificate_chain: { inline_string: certificate }, private_key: { inline_string: key } }],
      },
    },
  };
}
