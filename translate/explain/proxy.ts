/**
 * What a proxy does with a connection or a request, read from the very resources that it gets: port, filter chain, table,
 * virtual host, route. Only the interpreting of these messages is done here; what is in them was decided by the translation.
 * Source: Envoy docs, "Listeners", "HTTP routing".
 */
import { fromBinary } from '@bufbuild/protobuf';
import { anyIs, anyUnpack, type Any } from '@bufbuild/protobuf/wkt';
import { SocketAddress_Protocol as Protocol } from '../../api/envoy/envoy/config/core/v3/address_pb.ts';
import { ClusterSchema, type Cluster } from '../../api/envoy/envoy/config/cluster/v3/cluster_pb.ts';
import {
  ClusterLoadAssignmentSchema,
  type ClusterLoadAssignment,
} from '../../api/envoy/envoy/config/endpoint/v3/endpoint_pb.ts';
import type { FilterChain } from '../../api/envoy/envoy/config/listener/v3/listener_components_pb.ts';
import { ListenerSchema, type Listener } from '../../api/envoy/envoy/config/listener/v3/listener_pb.ts';
import { RouteConfigurationSchema, type RouteConfiguration } from '../../api/envoy/envoy/config/route/v3/route_pb.ts';
import type { Route, VirtualHost } from '../../api/envoy/envoy/config/route/v3/route_components_pb.ts';
import {
  HttpConnectionManagerSchema,
  type HttpConnectionManager,
} from '../../api/envoy/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts';
import { TcpProxySchema } from '../../api/envoy/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.ts';
import { UdpProxyConfigSchema } from '../../api/envoy/envoy/extensions/filters/udp/udp_proxy/v3/udp_proxy_pb.ts';
import { RouteSchema as UdpRouteSchema } from '../../api/envoy/envoy/extensions/filters/udp/udp_proxy/v3/route_pb.ts';
import { DownstreamTlsContextSchema } from '../../api/envoy/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts';
import type { EncodedResource, ResourceType } from '../../api/resource.ts';
import { readinessListenerName } from '../envoy/index.ts';
import { percentOf } from './action.ts';
import { findFilterChain, type Connection } from './filterChain.ts';
import { normalizePath } from './path.ts';
import { differences } from './routeMatch.ts';
import type { HttpRequest } from './request.ts';
import { findVirtualHost } from './virtualHost.ts';

export type Transport = 'tcp' | 'udp';

/** A share of what goes through a stream proxy. */
export interface StreamDestination {
  cluster: string;
  /** Of all connections, in percent. */
  percent: number;
}

/** A route that takes a request, or a part of the requests of its kind. */
export interface RouteShare {
  /** Of the route in its virtual host. */
  position: number;
  route: Route;
  percent: number;
}

/** How far something gets in a proxy, and what stops it. */
export type Passage =
  | { end: 'no listener' }
  /** No filter chain is for the server name. */
  | { end: 'no chain'; listener: Listener }
  /** The client speaks TLS where the listener does not, or the other way round. */
  | { end: 'wrong transport'; listener: Listener; chain: FilterChain; expects: 'TLS' | 'plain HTTP' }
  | { end: 'stream'; listener: Listener; chain: FilterChain | undefined; destinations: StreamDestination[] }
  /** There is no HTTP in it, but the listener takes nothing else. */
  | { end: 'not HTTP'; listener: Listener; chain: FilterChain }
  /** The connection manager answers by itself. */
  | { end: 'answered'; listener: Listener; chain: FilterChain; table: string; status: number; path: string }
  | { end: 'no virtual host'; listener: Listener; chain: FilterChain; table: string; request: HttpRequest }
  | {
      end: 'no route';
      listener: Listener;
      chain: FilterChain;
      table: string;
      virtualHost: VirtualHost;
      request: HttpRequest;
    }
  | {
      end: 'route';
      listener: Listener;
      chain: FilterChain;
      table: string;
      configuration: RouteConfiguration;
      virtualHost: VirtualHost;
      /** The route, or the routes among which a number decides that Envoy draws for each request. */
      shares: RouteShare[];
      /** With its path as the router sees it. */
      request: HttpRequest;
    };

/** The resources of a proxy, decoded as they are asked for. */
export class ProxyModel {
  readonly #resources = new Map<string, EncodedResource>();
  readonly #decoded = new Map<string, unknown>();
  readonly #names: Record<ResourceType, string[]> = { cluster: [], endpoint: [], listener: [], route: [], secret: [] };

  constructor(resources: Iterable<{ type: ResourceType; resource: EncodedResource }>) {
    for (const { type, resource } of resources) {
      this.#resources.set(`${type} ${resource.name}`, resource);
      this.#names[type].push(resource.name);
    }
  }

  /** The listeners of users, without the one that shows readiness. */
  listeners(): { transport: Transport; port: number; listener: Listener }[] {
    return this.#names.listener
      .filter((name) => name !== readinessListenerName)
      .map((name) => {
        const listener = this.#decode('listener', name, (bytes) => fromBinary(ListenerSchema, bytes))!;
        const address = listener.address?.address;
        const socket = address?.case === 'socketAddress' ? address.value : undefined;
        const transport: Transport = socket?.protocol === Protocol.UDP ? 'udp' : 'tcp';
        const port = socket?.portSpecifier.case === 'portValue' ? socket.portSpecifier.value : 0;
        return { transport, port, listener };
      })
      .toSorted((a, b) => a.port - b.port);
  }

  table(name: string): RouteConfiguration | undefined {
    return this.#decode('route', name, (bytes) => fromBinary(RouteConfigurationSchema, bytes));
  }

  cluster(name: string): Cluster | undefined {
    return this.#decode('cluster', name, (bytes) => fromBinary(ClusterSchema, bytes));
  }

  /** Where a cluster's endpoints are: addresses with ports, or names that the proxy resolves. */
  endpoints(name: string): string[] {
    const cluster = this.cluster(name);
    if (cluster === undefined) return [];
    const service = cluster.edsClusterConfig?.serviceName ?? '';
    const assignment =
      cluster.loadAssignment ??
      this.#decode('endpoint', service === '' ? name : service, (bytes) =>
        fromBinary(ClusterLoadAssignmentSchema, bytes),
      );
    return assignment === undefined ? [] : addressesOf(assignment);
  }

  /** Follows a connection, and the request in it where it is HTTP. */
  follow(transport: Transport, port: number, connection: Connection, request: HttpRequest | undefined): Passage {
    const found = this.listeners().find((each) => each.transport === transport && each.port === port);
    if (found === undefined) return { end: 'no listener' };
    const { listener } = found;
    if (transport === 'udp') {
      return { end: 'stream', listener, chain: undefined, destinations: udpDestinations(listener) };
    }
    const chain = findFilterChain(listener, connection);
    if (chain === undefined) {
      const [other] = listener.filterChains;
      // Where TLS is waited for, plain bytes meet no chain: that they are plain is what is wrong.
      return !connection.isTls && other?.transportSocket !== undefined
        ? { end: 'wrong transport', listener, chain: other, expects: 'TLS' }
        : { end: 'no chain', listener };
    }
    const endsTls = chain.transportSocket !== undefined;
    if (endsTls && !connection.isTls) return { end: 'wrong transport', listener, chain, expects: 'TLS' };
    const proxied = unpackFilter(chain, TcpProxySchema);
    if (proxied !== undefined) {
      const { clusterSpecifier: specifier } = proxied;
      const destinations =
        specifier.case === 'weightedClusters' ? weighted(specifier.value.clusters) : single(specifier.value);
      return { end: 'stream', listener, chain, destinations };
    }
    if (!endsTls && connection.isTls) return { end: 'wrong transport', listener, chain, expects: 'plain HTTP' };
    const manager = unpackFilter(chain, HttpConnectionManagerSchema);
    if (manager === undefined || request === undefined) return { end: 'not HTTP', listener, chain };
    return this.#route(listener, chain, manager, request);
  }

  #route(listener: Listener, chain: FilterChain, manager: HttpConnectionManager, sent: HttpRequest): Passage {
    const specifier = manager.routeSpecifier;
    const name = specifier.case === 'rds' ? specifier.value.routeConfigName : '';
    const configuration = specifier.case === 'routeConfig' ? specifier.value : this.table(name);
    const table = configuration?.name ?? name;
    const { path, answer } = normalizePath(sent.path, manager);
    if (answer !== undefined) {
      return { end: 'answered', listener, chain, table, status: answer === 'redirect' ? 307 : 400, path };
    }
    const request = { ...sent, path };
    const virtualHost = configuration === undefined ? undefined : findVirtualHost(configuration, request.authority);
    if (configuration === undefined || virtualHost === undefined)
      return { end: 'no virtual host', listener, chain, table, request };
    const shares = sharesOf(virtualHost, request);
    if (shares.length === 0) return { end: 'no route', listener, chain, table, virtualHost, request };
    return { end: 'route', listener, chain, table, configuration, virtualHost, shares, request };
  }

  #decode<T>(type: ResourceType, name: string, decode: (bytes: Uint8Array) => T): T | undefined {
    const id = `${type} ${name}`;
    const known = this.#decoded.get(id) as T | undefined;
    if (known !== undefined) return known;
    const resource = this.#resources.get(id);
    if (resource === undefined) return undefined;
    const made = decode(resource.bytes);
    this.#decoded.set(id, made);
    return made;
  }
}

/** Whether a chain takes only clients that show a certificate. */
export function requiresClientCertificate({ transportSocket }: FilterChain): boolean {
  if (transportSocket?.configType.case !== 'typedConfig') return false;
  return anyUnpack(transportSocket.configType.value, DownstreamTlsContextSchema)?.requireClientCertificate === true;
}

/**
 * The first route that a request meets. One that takes a fraction leaves the rest to those after it, and all of them are
 * asked with the same number.
 */
function sharesOf({ routes }: VirtualHost, request: HttpRequest): RouteShare[] {
  const shares: RouteShare[] = [];
  let before = 0;
  for (const [position, route] of routes.entries()) {
    if (route.match === undefined || differences(route.match, request).length > 0) continue;
    const fraction = route.match.runtimeFraction?.defaultValue;
    const until = fraction === undefined ? 100 : percentOf(fraction);
    if (until > before) shares.push({ position, route, percent: until - before });
    before = Math.max(before, until);
    if (fraction === undefined) break;
  }
  return shares;
}

type Unpackable = typeof HttpConnectionManagerSchema | typeof TcpProxySchema;

function unpackFilter<Schema extends Unpackable>(chain: FilterChain, schema: Schema) {
  const filter = chain.filters.find(
    ({ configType }) => configType.case === 'typedConfig' && anyIs(configType.value, schema),
  );
  return filter?.configType.case === 'typedConfig' ? anyUnpack(filter.configType.value, schema) : undefined;
}

function single(cluster: string | undefined): StreamDestination[] {
  return cluster === undefined ? [] : [{ cluster, percent: 100 }];
}

function weighted(clusters: readonly { name: string; weight?: number | undefined }[]): StreamDestination[] {
  const total = clusters.reduce((sum, { weight }) => sum + (weight ?? 0), 0);
  return clusters.map(({ name, weight }) => ({
    cluster: name,
    percent: total === 0 ? 0 : (100 * (weight ?? 0)) / total,
  }));
}

function udpDestinations(listener: Listener): StreamDestination[] {
  for (const { configType } of listener.listenerFilters) {
    const config = configType.case === 'typedConfig' ? anyUnpack(configType.value, UdpProxyConfigSchema) : undefined;
    if (config === undefined) continue;
    const { routeSpecifier: specifier } = config;
    if (specifier.case === 'cluster') return single(specifier.value);
    return specifier.case === 'matcher' ? actionsIn(specifier.value) : [];
  }
  return [];
}

/** The clusters of all actions in a tree of matchers. */
function actionsIn(node: unknown): StreamDestination[] {
  if (typeof node !== 'object' || node === null) return [];
  if ('$typeName' in node && node.$typeName === 'google.protobuf.Any') {
    const route = anyUnpack(node as Any, UdpRouteSchema);
    return route === undefined ? [] : single(route.cluster);
  }
  return Object.values(node).flatMap(actionsIn);
}

function addressesOf({ endpoints }: ClusterLoadAssignment): string[] {
  return endpoints.flatMap(({ lbEndpoints }) =>
    lbEndpoints.flatMap(({ hostIdentifier }) => {
      const address = hostIdentifier.case === 'endpoint' ? hostIdentifier.value.address?.address : undefined;
      if (address?.case !== 'socketAddress') return [];
      const { address: host, portSpecifier } = address.value;
      const port = portSpecifier.case === 'portValue' ? portSpecifier.value : 0;
      return `${host.includes(':') ? `[${host}]` : host}:${port}`;
    }),
  );
}
