/**
 * How datagrams are forwarded. A proxy remembers for each client, by its address and port, which endpoint it chose: a
 * session. Everything that changes comes by EDS: the listener of a port leads to one cluster of the same name, whatever
 * routes there are, and the endpoints carry the weights of their backends. So sessions outlive every edit that leaves their
 * endpoint in place; another listener would begin without sessions, and Envoy's UDP proxy knows no weighted clusters.
 * Source: Envoy docs, "UDP proxy", UdpProxyConfig and config.endpoint.v3.LbEndpoint.load_balancing_weight.
 */
import {
  Cluster_DiscoveryType as DiscoveryType,
  Cluster_LbPolicy as LoadBalancingPolicy,
  ClusterSchema,
} from '../../api/envoy/envoy/config/cluster/v3/cluster_pb.ts';
import { SocketAddress_Protocol as Protocol } from '../../api/envoy/envoy/config/core/v3/address_pb.ts';
import { TrafficDirection } from '../../api/envoy/envoy/config/core/v3/base_pb.ts';
import { ApiVersion } from '../../api/envoy/envoy/config/core/v3/config_source_pb.ts';
import type { LbEndpointSchema } from '../../api/envoy/envoy/config/endpoint/v3/endpoint_components_pb.ts';
import { ClusterLoadAssignmentSchema } from '../../api/envoy/envoy/config/endpoint/v3/endpoint_pb.ts';
import { ListenerSchema } from '../../api/envoy/envoy/config/listener/v3/listener_pb.ts';
import { RouteSchema } from '../../api/envoy/envoy/extensions/filters/udp/udp_proxy/v3/route_pb.ts';
import { UdpProxyConfigSchema } from '../../api/envoy/envoy/extensions/filters/udp/udp_proxy/v3/udp_proxy_pb.ts';
import type { EncodedResource } from '../../api/resource.ts';
import { duration, encode, pack, resource, type Init } from '../encoding/index.ts';
import type { PortPlan } from '../gateway/index.ts';
import { listenerName, socketAddress, type Binding } from './listener.ts';

/** The endpoints of one backend of a route. */
export interface WeightedEndpoints {
  weight: number;
  addresses: readonly { address: string; port: number }[];
}

// Envoy's default, said here because it is promised.
const sessionIdle = 60_000;

// As large as datagrams can be: larger ones than Envoy's default of 1,500 bytes would be dropped without a word.
const socketConfig = { maxRxDatagramSize: 65_535n };

/** The name of the cluster to which a UDP port leads. */
export function udpClusterName(plan: Pick<PortPlan, 'key'>): string {
  return plan.key;
}

/** The listener of a UDP port; undefined where nothing can be served on the port. */
export function udpListener(plan: PortPlan, binding: Binding): EncodedResource | undefined {
  if (plan.listeners.length === 0) return undefined;
  const name = listenerName(plan.key);
  const cluster = udpClusterName(plan);
  const route = { name: 'route', typedConfig: pack(RouteSchema, { cluster }) };
  const bytes = encode(ListenerSchema, {
    name,
    address: socketAddress(binding.address, binding.port(plan.port, 'udp'), Protocol.UDP),
    trafficDirection: TrafficDirection.INBOUND,
    // Each worker has a socket of its own, and a client always meets the same one.
    enableReusePort: true,
    udpListenerConfig: { downstreamSocketConfig: socketConfig },
    listenerFilters: [
      {
        name: 'envoy.filters.udp_listener.udp_proxy',
        configType: {
          case: 'typedConfig',
          value: pack(UdpProxyConfigSchema, {
            statPrefix: plan.key.replaceAll('/', '_'),
            routeSpecifier: {
              case: 'matcher',
              value: { onNoMatch: { onMatch: { case: 'action', value: route } } },
            },
            idleTimeout: duration(sessionIdle),
            upstreamSocketConfig: socketConfig,
          }),
        },
      },
    ],
  });
  return resource(name, bytes, () => [cluster]);
}

/** The cluster of a UDP port; undefined for other ports. */
export function udpCluster(plan: PortPlan): EncodedResource | undefined {
  if (plan.mode !== 'udp' || plan.listeners.length === 0) return undefined;
  const name = udpClusterName(plan);
  const bytes = encode(ClusterSchema, {
    name,
    clusterDiscoveryType: { case: 'type', value: DiscoveryType.EDS },
    edsClusterConfig: {
      edsConfig: { resourceApiVersion: ApiVersion.V3, configSourceSpecifier: { case: 'ads', value: {} } },
    },
    connectTimeout: duration(5000),
    // In turn by weight: the shares are exact.
    lbPolicy: LoadBalancingPolicy.ROUND_ROBIN,
    commonLbConfig: { healthyPanicThreshold: { value: 0 } },
    ignoreHealthOnHostRemoval: true,
  });
  return resource(name, bytes);
}

/** Takes the datagrams that are to be dropped: nothing can listen on port 0. */
const nowhere = { address: '127.0.0.1', port: 0 };

/** Envoy adds up the weights of a cluster in 32 bits. */
const wholeWeight = 4_000_000_000;

/**
 * The endpoints to which a UDP port leads.
 * @param backends an endpoint may stand behind several of them
 * @param rejected the weight of backends that are invalid; a backend without endpoints counts as one
 */
export function udpEndpoints(name: string, backends: readonly WeightedEndpoints[], rejected: number): EncodedResource {
  const total = backends.reduce((sum, { weight }) => sum + weight, rejected);
  const served = backends.filter(({ weight, addresses }) => weight > 0 && addresses.length > 0);
  const dropped = total - served.reduce((sum, { weight }) => sum + weight, 0);
  const weights = new Map<string, { address: string; port: number; share: number }>();
  for (const { weight, addresses } of served) {
    for (const { address, port } of addresses) {
      const id = `${address} ${port}`;
      const share = weight / total / addresses.length;
      weights.set(id, { address, port, share: (weights.get(id)?.share ?? 0) + share });
    }
  }
  const endpoints = [...weights.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, endpoint]) => endpoint);
  // Without any other endpoint there is nothing to choose: Envoy drops datagrams for a cluster without endpoints.
  if (endpoints.length > 0 && dropped > 0) endpoints.push({ ...nowhere, share: dropped / total });
  const lbEndpoints = endpoints.map(({ address, port, share }): Init<typeof LbEndpointSchema> => ({
    hostIdentifier: { case: 'endpoint', value: { address: socketAddress(address, port, Protocol.UDP) } },
    loadBalancingWeight: Math.max(1, Math.round(share * wholeWeight)),
  }));
  const bytes = encode(ClusterLoadAssignmentSchema, {
    clusterName: name,
    endpoints: lbEndpoints.length === 0 ? [] : [{ lbEndpoints }],
  });
  return resource(name, bytes);
}
