/** The kinds of objects that a translation is made from. */
import type { EndpointSlice, Namespace, Service } from '../api/core.ts';
import type {
  BackendTLSPolicy,
  Gateway,
  GRPCRoute,
  HTTPRoute,
  ListenerSet,
  ReferenceGrant,
  TCPRoute,
  TLSRoute,
  UDPRoute,
  XBackend,
  XBackendTrafficPolicy,
} from '../api/gateway/index.ts';
import type { ServiceImport } from '../api/multicluster.ts';
import type { ObjectKey } from '../api/object.ts';
import type { CertificateAuthoritySource, CertificateSource } from './certificate/index.ts';

/** The kinds of routes, and what each is. */
export interface RouteKinds {
  HTTPRoute: HTTPRoute;
  GRPCRoute: GRPCRoute;
  TLSRoute: TLSRoute;
  TCPRoute: TCPRoute;
  UDPRoute: UDPRoute;
}

export type RouteKind = keyof RouteKinds;
export type AnyRoute = RouteKinds[RouteKind];

/** All kinds of routes. */
export const routeKinds: readonly RouteKind[] = ['HTTPRoute', 'GRPCRoute', 'TLSRoute', 'TCPRoute', 'UDPRoute'];

/** Whether routes of a kind choose by what an HTTP request says. */
export function isHttpKind(kind: RouteKind): kind is 'HTTPRoute' | 'GRPCRoute' {
  return kind === 'HTTPRoute' || kind === 'GRPCRoute';
}

export function isRouteKind(kind: string): kind is RouteKind {
  return (routeKinds as readonly string[]).includes(kind);
}

/** Names a route among those of all kinds: `HTTPRoute/namespace/name`. */
export function routeId(kind: RouteKind, key: ObjectKey): string {
  return `${kind}/${key}`;
}

/** The kind and the key of a route, of its id. */
export function parseRouteId(id: string): { kind: RouteKind; key: ObjectKey } {
  const slash = id.indexOf('/');
  return { kind: id.slice(0, slash) as RouteKind, key: id.slice(slash + 1) };
}

export interface SourceKinds extends RouteKinds {
  /** The Gateways of this translation, and no others. */
  Gateway: Gateway;
  ListenerSet: ListenerSet;
  ReferenceGrant: ReferenceGrant;
  Service: Service;
  EndpointSlice: EndpointSlice;
  /** A Secret as far as it can serve as a certificate; who feeds it keeps the last good one. */
  Secret: CertificateSource;
  /** A ConfigMap as far as it can serve as the certificates of authorities. */
  ConfigMap: CertificateAuthoritySource;
  BackendTLSPolicy: BackendTLSPolicy;
  ServiceImport: ServiceImport;
  XBackend: XBackend;
  XBackendTrafficPolicy: XBackendTrafficPolicy;
  Namespace: Namespace;
  /** What the proxies of this translation encrypt the sessions of TLS clients with, so that each resumes those of the others. */
  SessionTicketKeys: SessionTicketKeys;
  /** Routes that are left out, because proxies refused what they became; by the id of the route. */
  Quarantine: Quarantine;
}

export interface SessionTicketKeys {
  /** 80 random bytes each: the first encrypts, all decrypt. */
  keys: readonly Uint8Array[];
}

/** The only key of the kind SessionTicketKeys, and the name of the SDS resource that it becomes. */
export const sessionTicketKeysName = 'session-ticket-keys';

export interface Quarantine {
  /** The generation that is left out: an edit gets a new chance. */
  generation: number | undefined;
  /** Envoy's own words. */
  message: string;
}

export type SourceKind = keyof SourceKinds;

/** One object that was added, changed or, where `object` is undefined, removed. */
export type SourceChange = {
  [Kind in SourceKind]: { kind: Kind; key: ObjectKey; object: SourceKinds[Kind] | undefined };
}[SourceKind];
