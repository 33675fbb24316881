/**
 * Gateway API's kinds as Sluice reads them: version v1.6.3, experimental channel, whose fields include the standard channel's.
 * Names of nested types follow Gateway API's Go types.
 */
import type { Condition, KubernetesObject } from '../object.ts';
import type { BackendTLSPolicySpec, BackendTLSPolicyStatus } from './generated/backendTLSPolicy.ts';
import type { GatewaySpec, GatewayStatus } from './generated/gateway.ts';
import type { GatewayClassSpec, GatewayClassStatus } from './generated/gatewayClass.ts';
import type { GRPCRouteSpec, GRPCRouteStatus } from './generated/grpcRoute.ts';
import type { HTTPRouteSpec, HTTPRouteStatus } from './generated/httpRoute.ts';
import type { ListenerSetSpec, ListenerSetStatus } from './generated/listenerSet.ts';
import type { ReferenceGrantSpec } from './generated/referenceGrant.ts';
import type { TCPRouteSpec, TCPRouteStatus } from './generated/tcpRoute.ts';
import type { TLSRouteSpec, TLSRouteStatus } from './generated/tlsRoute.ts';
import type { UDPRouteSpec, UDPRouteStatus } from './generated/udpRoute.ts';
import type { XBackendSpec, XBackendStatus } from './generated/xBackend.ts';
import type { XBackendTrafficPolicySpec, XBackendTrafficPolicyStatus } from './generated/xBackendTrafficPolicy.ts';
import type { XMeshSpec, XMeshStatus } from './generated/xMesh.ts';

export type {
  BackendTLSPolicySpec,
  BackendTLSPolicyStatus,
  GatewayClassSpec,
  GatewayClassStatus,
  GatewaySpec,
  GatewayStatus,
  GRPCRouteSpec,
  GRPCRouteStatus,
  HTTPRouteSpec,
  HTTPRouteStatus,
  ListenerSetSpec,
  ListenerSetStatus,
  ReferenceGrantSpec,
  TCPRouteSpec,
  TCPRouteStatus,
  TLSRouteSpec,
  TLSRouteStatus,
  UDPRouteSpec,
  UDPRouteStatus,
  XBackendSpec,
  XBackendStatus,
  XBackendTrafficPolicySpec,
  XBackendTrafficPolicyStatus,
  XMeshSpec,
  XMeshStatus,
};

/** The group of Gateway API's kinds. */
export const gatewayGroup = 'gateway.networking.k8s.io';
/** The group of Gateway API's experiments, whose kinds begin with X. */
export const experimentalGatewayGroup = 'gateway.networking.x-k8s.io';

interface Kind<Spec, Status> extends KubernetesObject<Spec, Status> {
  spec: Spec;
}

export type Gateway = Kind<GatewaySpec, GatewayStatus>;
export type GatewayClass = Kind<GatewayClassSpec, GatewayClassStatus>;
export type HTTPRoute = Kind<HTTPRouteSpec, HTTPRouteStatus>;
export type GRPCRoute = Kind<GRPCRouteSpec, GRPCRouteStatus>;
export type TLSRoute = Kind<TLSRouteSpec, TLSRouteStatus>;
export type TCPRoute = Kind<TCPRouteSpec, TCPRouteStatus>;
export type UDPRoute = Kind<UDPRouteSpec, UDPRouteStatus>;
export type ListenerSet = Kind<ListenerSetSpec, ListenerSetStatus>;
export type BackendTLSPolicy = Kind<BackendTLSPolicySpec, BackendTLSPolicyStatus>;
export type ReferenceGrant = Kind<ReferenceGrantSpec, undefined>;
export type XBackend = Kind<XBackendSpec, XBackendStatus>;
export type XBackendTrafficPolicy = Kind<XBackendTrafficPolicySpec, XBackendTrafficPolicyStatus>;
export type XMesh = Kind<XMeshSpec, XMeshStatus>;
/** Any route: the fields that differ are in `spec.rules`. */
export type Route = HTTPRoute | GRPCRoute | TLSRoute | TCPRoute | UDPRoute;

type Item<List> = NonNullable<List> extends readonly (infer Element)[] ? Element : never;

// Gateway.
export type GatewayListener = Item<GatewaySpec['listeners']>;
export type ListenerTLSConfig = NonNullable<GatewayListener['tls']>;
export type SecretObjectReference = Item<ListenerTLSConfig['certificateRefs']>;
export type AllowedRoutes = NonNullable<GatewayListener['allowedRoutes']>;
export type RouteNamespaces = NonNullable<AllowedRoutes['namespaces']>;
export type LabelSelector = NonNullable<RouteNamespaces['selector']>;
export type LabelSelectorRequirement = Item<LabelSelector['matchExpressions']>;
export type RouteGroupKind = Item<AllowedRoutes['kinds']>;
export type GatewaySpecAddress = Item<GatewaySpec['addresses']>;
export type GatewayInfrastructure = NonNullable<GatewaySpec['infrastructure']>;
export type LocalParametersReference = NonNullable<GatewayInfrastructure['parametersRef']>;
export type GatewayTLSConfig = NonNullable<GatewaySpec['tls']>;
export type GatewayStatusAddress = Item<GatewayStatus['addresses']>;
export type ListenerStatus = Item<GatewayStatus['listeners']>;

// GatewayClass.
export type ParametersReference = NonNullable<GatewayClassSpec['parametersRef']>;

// ListenerSet.
export type ListenerEntry = Item<ListenerSetSpec['listeners']>;
export type ListenerEntryStatus = Item<ListenerSetStatus['listeners']>;
export type ParentGatewayReference = ListenerSetSpec['parentRef'];

// What all routes share.
export type ParentReference = Item<HTTPRouteSpec['parentRefs']>;
export type RouteParentStatus = Item<HTTPRouteStatus['parents']>;

// HTTPRoute.
export type HTTPRouteRule = Item<HTTPRouteSpec['rules']>;
export type HTTPRouteMatch = Item<HTTPRouteRule['matches']>;
export type HTTPPathMatch = NonNullable<HTTPRouteMatch['path']>;
export type HTTPHeaderMatch = Item<HTTPRouteMatch['headers']>;
export type HTTPQueryParamMatch = Item<HTTPRouteMatch['queryParams']>;
export type HTTPMethod = NonNullable<HTTPRouteMatch['method']>;
export type HTTPRouteFilter = Item<HTTPRouteRule['filters']>;
export type HTTPBackendRef = Item<HTTPRouteRule['backendRefs']>;
export type HTTPRouteTimeouts = NonNullable<HTTPRouteRule['timeouts']>;
export type HTTPRouteRetry = NonNullable<HTTPRouteRule['retry']>;
export type SessionPersistence = NonNullable<HTTPRouteRule['sessionPersistence']>;
export type HTTPHeaderFilter = NonNullable<HTTPRouteFilter['requestHeaderModifier']>;
export type HTTPHeader = Item<HTTPHeaderFilter['set']>;
export type HTTPRequestRedirectFilter = NonNullable<HTTPRouteFilter['requestRedirect']>;
export type HTTPURLRewriteFilter = NonNullable<HTTPRouteFilter['urlRewrite']>;
export type HTTPPathModifier = NonNullable<HTTPURLRewriteFilter['path']>;
export type HTTPRequestMirrorFilter = NonNullable<HTTPRouteFilter['requestMirror']>;
export type HTTPCORSFilter = NonNullable<HTTPRouteFilter['cors']>;
export type HTTPExternalAuthFilter = NonNullable<HTTPRouteFilter['externalAuth']>;
export type LocalObjectReference = NonNullable<HTTPRouteFilter['extensionRef']>;
export type BackendObjectReference = HTTPRequestMirrorFilter['backendRef'];

// GRPCRoute.
export type GRPCRouteRule = Item<GRPCRouteSpec['rules']>;
export type GRPCRouteMatch = Item<GRPCRouteRule['matches']>;
export type GRPCMethodMatch = NonNullable<GRPCRouteMatch['method']>;
export type GRPCHeaderMatch = Item<GRPCRouteMatch['headers']>;
export type GRPCRouteFilter = Item<GRPCRouteRule['filters']>;
export type GRPCBackendRef = Item<GRPCRouteRule['backendRefs']>;

// The routes of streams and datagrams.
export type TLSRouteRule = Item<TLSRouteSpec['rules']>;
export type TCPRouteRule = Item<TCPRouteSpec['rules']>;
export type UDPRouteRule = Item<UDPRouteSpec['rules']>;
/** A backend with a weight and nothing else, as TLSRoute, TCPRoute and UDPRoute have it. */
export type BackendRef = Item<TLSRouteRule['backendRefs']>;

// ReferenceGrant.
export type ReferenceGrantFrom = Item<ReferenceGrantSpec['from']>;
export type ReferenceGrantTo = Item<ReferenceGrantSpec['to']>;

// BackendTLSPolicy.
export type BackendTLSPolicyTargetRef = Item<BackendTLSPolicySpec['targetRefs']>;
export type BackendTLSPolicyValidation = BackendTLSPolicySpec['validation'];
export type PolicyAncestorStatus = Item<BackendTLSPolicyStatus['ancestors']>;

/** Holds while the generated conditions are ours, so that one condition type serves every kind. */
type Assert<Holds extends true> = Holds;
export type GeneratedConditionsAreConditions = Assert<
  Item<GatewayStatus['conditions']> extends Condition ? true : false
>;
