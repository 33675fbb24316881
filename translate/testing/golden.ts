/**
 * What the golden tests share: objects from YAML through the translation, and what comes out in a form to be read.
 * For tests only.
 */
import {
  createRegistry,
  fromBinary,
  toJson,
  type DescMessage,
  type JsonObject,
  type JsonValue,
} from '@bufbuild/protobuf';
import { parseAllDocuments } from 'yaml';
import { ClusterSchema } from '../../api/envoy/envoy/config/cluster/v3/cluster_pb.ts';
import { ClusterLoadAssignmentSchema } from '../../api/envoy/envoy/config/endpoint/v3/endpoint_pb.ts';
import { ListenerSchema } from '../../api/envoy/envoy/config/listener/v3/listener_pb.ts';
import { FilterConfigSchema } from '../../api/envoy/envoy/config/route/v3/route_components_pb.ts';
import { RouteConfigurationSchema } from '../../api/envoy/envoy/config/route/v3/route_pb.ts';
import { CorsPolicySchema, CorsSchema } from '../../api/envoy/envoy/extensions/filters/http/cors/v3/cors_pb.ts';
import { ExtAuthzSchema } from '../../api/envoy/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.ts';
import {
  FilterChainConfigPerRouteSchema,
  FilterChainConfigSchema,
} from '../../api/envoy/envoy/extensions/filters/http/filter_chain/v3/filter_chain_pb.ts';
import { GrpcWebSchema } from '../../api/envoy/envoy/extensions/filters/http/grpc_web/v3/grpc_web_pb.ts';
import { LuaSchema } from '../../api/envoy/envoy/extensions/filters/http/lua/v3/lua_pb.ts';
import { HealthCheckSchema } from '../../api/envoy/envoy/extensions/filters/http/health_check/v3/health_check_pb.ts';
import { RouterSchema } from '../../api/envoy/envoy/extensions/filters/http/router/v3/router_pb.ts';
import {
  StatefulSessionPerRouteSchema,
  StatefulSessionSchema,
} from '../../api/envoy/envoy/extensions/filters/http/stateful_session/v3/stateful_session_pb.ts';
import { CookieBasedSessionStateSchema } from '../../api/envoy/envoy/extensions/http/stateful_session/cookie/v3/cookie_pb.ts';
import { HeaderBasedSessionStateSchema } from '../../api/envoy/envoy/extensions/http/stateful_session/header/v3/header_pb.ts';
import { TlsInspectorSchema } from '../../api/envoy/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.ts';
import { HttpConnectionManagerSchema } from '../../api/envoy/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts';
import { TcpProxySchema } from '../../api/envoy/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.ts';
import { RouteSchema as UdpRouteSchema } from '../../api/envoy/envoy/extensions/filters/udp/udp_proxy/v3/route_pb.ts';
import { UdpProxyConfigSchema } from '../../api/envoy/envoy/extensions/filters/udp/udp_proxy/v3/udp_proxy_pb.ts';
import { SecretSchema } from '../../api/envoy/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts';
import {
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from '../../api/envoy/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts';
import { PreviousHostsPredicateSchema } from '../../api/envoy/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb.ts';
import { HttpProtocolOptionsSchema } from '../../api/envoy/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.ts';
import type { ConfigMap, Secret } from '../../api/core.ts';
import { objectKey, type KubernetesObject } from '../../api/object.ts';
import type { EncodedResource, ResourceType } from '../../api/resource.ts';
import {
  readAuthorityConfigMap,
  readCertificate,
  Translator,
  type SourceChange,
  type StatusContribution,
} from '../index.ts';

const schemas: Record<ResourceType, DescMessage> = {
  cluster: ClusterSchema,
  endpoint: ClusterLoadAssignmentSchema,
  listener: ListenerSchema,
  route: RouteConfigurationSchema,
  secret: SecretSchema,
};

const registry = createRegistry(
  ...Object.values(schemas),
  CookieBasedSessionStateSchema,
  CorsPolicySchema,
  CorsSchema,
  ExtAuthzSchema,
  FilterChainConfigPerRouteSchema,
  FilterChainConfigSchema,
  FilterConfigSchema,
  GrpcWebSchema,
  HeaderBasedSessionStateSchema,
  HealthCheckSchema,
  LuaSchema,
  PreviousHostsPredicateSchema,
  StatefulSessionPerRouteSchema,
  StatefulSessionSchema,
  RouterSchema,
  TlsInspectorSchema,
  HttpConnectionManagerSchema,
  TcpProxySchema,
  UdpProxyConfigSchema,
  UdpRouteSchema,
  DownstreamTlsContextSchema,
  HttpProtocolOptionsSchema,
  UpstreamTlsContextSchema,
);

/** The resource in protobuf's JSON form, with the field names of Envoy's documentation. */
export function readable(type: ResourceType, resource: EncodedResource): JsonObject {
  const schema = schemas[type];
  return toJson(schema, fromBinary(schema, resource.bytes), { registry, useProtoFieldName: true }) as JsonObject;
}

/** The changes that bring the objects of a YAML text into a translation. */
export function sourceChanges(text: string, now: number): SourceChange[] {
  return parseAllDocuments(text).flatMap((document) => {
    const object = document.toJS() as KubernetesObject | null;
    return object === null ? [] : sourceChangeOf(object, now);
  });
}

/** The change that brings one object into a translation. */
export function sourceChangeOf(object: KubernetesObject, now: number): SourceChange {
  const key = objectKey(object);
  if (object.kind === 'Secret') {
    return { kind: 'Secret', key, object: readCertificate(object as Secret, undefined, now) };
  }
  if (object.kind === 'ConfigMap') {
    return { kind: 'ConfigMap', key, object: readAuthorityConfigMap(object as ConfigMap, now) };
  }
  return { kind: object.kind, key, object } as SourceChange;
}

export function newTranslator(): Translator {
  return new Translator({
    binding: { address: '0.0.0.0', port: (port) => port },
    readiness: { address: '0.0.0.0', port: 19_003 },
  });
}

/** Everything that a translation holds, built up from what it says has changed. */
export class TranslationState {
  readonly resources = new Map<string, { type: ResourceType; resource: EncodedResource }>();
  readonly statuses = new Map<string, StatusContribution>();
  readonly faults: { where: string; error: unknown }[] = [];

  /** Runs the translator to its end and takes what changed. */
  take(translator: Translator): void {
    while (translator.hasWork) {
      if (!translator.step(() => false)) continue;
      const output = translator.takeOutput();
      for (const { type, name, resource } of output.resources) {
        if (resource === undefined) this.resources.delete(`${type} ${name}`);
        else this.resources.set(`${type} ${name}`, { type, resource });
      }
      for (const { kind, key, contribution } of output.statuses) {
        if (contribution === undefined) this.statuses.delete(`${kind} ${key}`);
        else this.statuses.set(`${kind} ${key}`, contribution);
      }
      this.faults.push(...output.faults);
    }
  }

  /** Resources and statuses in a stable order, without what is the same in every case. */
  readable(): { resources: Record<string, JsonValue[]>; statuses: unknown[] } {
    const resources: Record<string, JsonValue[]> = {};
    for (const [identity, { type, resource }] of [...this.resources].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
      if (identity === 'listener readiness') continue;
      (resources[type] ??= []).push(readable(type, resource));
    }
    const statuses = [...this.statuses]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([, contribution]) =>
        Object.fromEntries(Object.entries(contribution).filter(([name]) => name !== 'fingerprint')),
      );
    return { resources, statuses };
  }
}
