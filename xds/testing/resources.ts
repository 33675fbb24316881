/** Envoy resources for tests of the discovery server. */
import { createHash } from 'node:crypto';
import {
  create,
  type DescMessage,
  type JsonValue,
  createRegistry,
  fromJson,
  type Message,
  toBinary,
} from '@bufbuild/protobuf';
import { ClusterSchema } from '../../api/envoy/envoy/config/cluster/v3/cluster_pb.ts';
import { ClusterLoadAssignmentSchema } from '../../api/envoy/envoy/config/endpoint/v3/endpoint_pb.ts';
import { ListenerSchema } from '../../api/envoy/envoy/config/listener/v3/listener_pb.ts';
import { RouteConfigurationSchema } from '../../api/envoy/envoy/config/route/v3/route_pb.ts';
import { RouterSchema } from '../../api/envoy/envoy/extensions/filters/http/router/v3/router_pb.ts';
import { HttpConnectionManagerSchema } from '../../api/envoy/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts';
import { SecretSchema } from '../../api/envoy/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts';
import {
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from '../../api/envoy/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts';
import type { EncodedResource, ResourceChange, ResourceType } from '../../api/resource.ts';

const registry = createRegistry(
  RouterSchema,
  HttpConnectionManagerSchema,
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
);
const ads = { ads: {}, resource_api_version: 'V3' };
const typeOf = (schema: DescMessage): string => `type.googleapis.com/${schema.typeName}`;

function encoded(schema: DescMessage, name: string, json: JsonValue, clusters?: string[]): EncodedResource {
  const message: Message =
    Object.keys(json as object).length === 0 ? create(schema) : fromJson(schema, json, { registry });
  const bytes = toBinary(schema, message);
  const version = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
  return { name, version, bytes, ...(clusters === undefined ? {} : { clusters: () => clusters }) };
}

/** A cluster that gets its endpoints over EDS. `options` goes over it. */
export function edsCluster(name: string, options: Record<string, JsonValue> = {}): EncodedResource {
  return encoded(ClusterSchema, name, {
    name,
    type: 'EDS',
    connect_timeout: '1s',
    eds_cluster_config: { eds_config: ads },
    ...options,
  });
}

/** A cluster with its endpoints in it. */
export function staticCluster(name: string, ports: number[], options: Record<string, JsonValue> = {}): EncodedResource {
  return encoded(ClusterSchema, name, {
    name,
    type: 'STATIC',
    connect_timeout: '1s',
    load_assignment: loadAssignment(name, ports),
    ...options,
  });
}

export function endpoints(name: string, ports: number[]): EncodedResource {
  return encoded(ClusterLoadAssignmentSchema, name, loadAssignment(name, ports));
}

function loadAssignment(name: string, ports: number[]): JsonValue {
  return {
    cluster_name: name,
    endpoints: [{ lb_endpoints: ports.map((port) => ({ endpoint: { address: loopback(port) } })) }],
  };
}

/** A route table: each host goes to its cluster. */
export function routes(name: string, hosts: Record<string, string>): EncodedResource {
  const json = {
    name,
    virtual_hosts: Object.entries(hosts).map(([host, cluster]) => ({
      name: host,
      domains: [host],
      routes: [{ match: { prefix: '/' }, route: { cluster } }],
    })),
  };
  return encoded(RouteConfigurationSchema, name, json, [...new Set(Object.values(hosts))]);
}

/** Any route table, in Envoy's JSON. */
export function routeConfiguration(
  json: { name: string } & Record<string, JsonValue>,
  clusters: string[],
): EncodedResource {
  return encoded(RouteConfigurationSchema, json.name, json, clusters);
}

/** An HTTP listener on loopback whose routes come over RDS; `secret` makes it an HTTPS listener. */
export function listener(
  name: string,
  port: number,
  routeName: string,
  options: { secret?: string; statPrefix?: string } = {},
): EncodedResource {
  const tls =
    options.secret === undefined
      ? {}
      : {
          transport_socket: {
            name: 'tls',
            typed_config: {
              '@type': typeOf(DownstreamTlsContextSchema),
              common_tls_context: {
                tls_certificate_sds_secret_configs: [{ name: options.secret, sds_config: ads }],
              },
            },
          },
        };
  const manager = {
    '@type': typeOf(HttpConnectionManagerSchema),
    stat_prefix: options.statPrefix ?? 'http',
    rds: { route_config_name: routeName, config_source: ads },
    http_filters: [{ name: 'router', typed_config: { '@type': typeOf(RouterSchema) } }],
  };
  return encoded(ListenerSchema, name, {
    name,
    address: loopback(port),
    filter_chains: [{ filters: [{ name: 'http', typed_config: manager }], ...tls }],
  });
}

/** Makes a cluster speak TLS; it trusts the CAs of the secret `trust`, and does not become warm before it has it. */
export function upstreamTls(trust: string, serverName: string): Record<string, JsonValue> {
  return {
    transport_socket: {
      name: 'tls',
      typed_config: {
        '@type': typeOf(UpstreamTlsContextSchema),
        sni: serverName,
        common_tls_context: { validation_context_sds_secret_config: { name: trust, sds_config: ads } },
      },
    },
  };
}

export function certificateSecret(name: string, pair: { certificate: string; key: string }): EncodedResource {
  return encoded(SecretSchema, name, {
    name,
    tls_certificate: {
      certificate_chain: { inline_string: pair.certificate },
      private_key: { inline_string: pair.key },
    },
  });
}

export function trustSecret(name: string, certificates: string): EncodedResource {
  return encoded(SecretSchema, name, { name, validation_context: { trusted_ca: { inline_string: certificates } } });
}

function loopback(port: number): JsonValue {
  return { socket_address: { address: '127.0.0.1', port_value: port } };
}

/** The change that puts a resource into a store. */
export function put(type: ResourceType, resource: EncodedResource): ResourceChange {
  return { type, name: resource.name, resource };
}

/** The change that takes a resource out of a store. */
export function remove(type: ResourceType, name: string): ResourceChange {
  return { type, name, resource: undefined };
}
