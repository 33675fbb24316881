/**
 * How connections are forwarded that are not HTTP: by filter chains with a TCP proxy, chosen by the server name where there
 * is one.
 * Source: Envoy docs, config.listener.v3.FilterChainMatch and TcpProxy.
 */
import { FilterChainSchema } from '../../api/envoy/envoy/config/listener/v3/listener_components_pb.ts';
import { TcpProxySchema } from '../../api/envoy/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.ts';
import { duration, encode, pack, type Init } from '../encoding/index.ts';

/** Where the connections of a chain go. */
export interface StreamTarget {
  /** What it is called in metrics. */
  name: string;
  backends: readonly { cluster: string; weight: number }[];
  /** The weight whose share is rejected. */
  rejected: number;
}

/** A filter chain, encoded. */
export interface StreamChain {
  /** Key of the port that it stands on. */
  port: string;
  hostname: string;
  /** Encoded `envoy.config.listener.v3.FilterChain`. */
  bytes: Uint8Array;
  clusters: readonly string[];
}

type FilterChain = Init<typeof FilterChainSchema>;

// Envoy's default, said here because it is promised.
const connectionIdle = 3_600_000;
// A connection to an endpoint that just went away is tried with others before the client hears of it.
const connectAttempts = 3;

/** A cluster that never exists: Envoy closes connections that are sent to it. */
const invalidBackend = 'invalid-backend';

/** Closes every connection: for what is bound, but leads to no route. */
export const rejecting: StreamTarget = { name: 'rejected', backends: [], rejected: 1 };

/**
 * The chain of a hostname on a port that is shared by server name.
 * @param hostname empty for any, also for a client that sends no server name
 * @param transportSocket where TLS ends here; else it is passed on as it is
 */
export function tlsChain(
  port: string,
  hostname: string,
  target: StreamTarget,
  transportSocket: FilterChain['transportSocket'],
): StreamChain {
  return chain(port, hostname, target, {
    filterChainMatch: { transportProtocol: 'tls', ...(hostname === '' ? {} : { serverNames: [hostname] }) },
    ...(transportSocket === undefined ? {} : { transportSocket }),
  });
}

/** The only chain of a port whose connections say nothing by which to choose. */
export function tcpChain(port: string, target: StreamTarget): StreamChain {
  return chain(port, '', target, {});
}

function chain(port: string, hostname: string, target: StreamTarget, rest: FilterChain): StreamChain {
  const bytes = encode(FilterChainSchema, {
    name: `${port}/${hostname === '' ? '*' : hostname}`,
    filters: [
      {
        name: 'envoy.filters.network.tcp_proxy',
        configType: {
          case: 'typedConfig',
          value: pack(TcpProxySchema, {
            statPrefix: target.name.replaceAll(/[^A-Za-z0-9_-]/g, '_'),
            clusterSpecifier: clusterSpecifier(target),
            idleTimeout: duration(connectionIdle),
            maxConnectAttempts: connectAttempts,
          }),
        },
      },
    ],
    ...rest,
  });
  return { port, hostname, bytes, clusters: target.backends.map(({ cluster }) => cluster) };
}

function clusterSpecifier({
  backends,
  rejected,
}: StreamTarget): NonNullable<Init<typeof TcpProxySchema>['clusterSpecifier']> {
  const [first] = backends;
  if (first === undefined) return { case: 'cluster', value: invalidBackend };
  if (backends.length === 1 && rejected === 0) return { case: 'cluster', value: first.cluster };
  const clusters = backends.map(({ cluster, weight }) => ({ name: cluster, weight }));
  if (rejected > 0) clusters.push({ name: invalidBackend, weight: rejected });
  return { case: 'weightedClusters', value: { clusters } };
}
