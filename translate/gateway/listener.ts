/**
 * The listeners of a Gateway: what they ask for, and what of it can be served.
 * Source: Gateway API, Listener and ListenerStatus.
 */
import type {
  Gateway,
  GatewayListener,
  LabelSelector,
  ReferenceGrant,
  RouteGroupKind,
} from '../../api/gateway/index.ts';
import { gatewayGroup } from '../../api/gateway/index.ts';
import { keyOf, objectKey, type ConditionContribution, type ObjectKey } from '../../api/object.ts';
import { isGranted, notGranted, sentence } from '../backend/index.ts';
import type { CertificateSource } from '../certificate/index.ts';
import type { Collection, Index, Reader } from '../incremental/index.ts';

/** A protocol that is served. */
export type ServedProtocol = 'HTTP' | 'HTTPS';

export interface ListenerPlan {
  gateway: ObjectKey;
  name: string;
  port: number;
  /** Undefined where the protocol is none that is served. */
  protocol: ServedProtocol | undefined;
  /** Lower case; empty for any. */
  hostname: string;
  /** The namespaces whose routes may attach. */
  namespaces: { from: 'All' } | { from: 'None' } | { from: 'Same' } | { from: 'Selector'; selector: LabelSelector };
  /** The kinds of routes that may attach. */
  kinds: RouteGroupKind[];
  /** Keys of the Secrets whose certificates are served. */
  secrets: ObjectKey[];
  /** Why it is not accepted, whatever other listeners there are. */
  refused: { reason: 'UnsupportedProtocol' | 'UnsupportedValue'; message: string } | undefined;
  /** The condition ResolvedRefs. */
  resolvedRefs: ConditionContribution;
  /** Why nothing can be served on it although it is accepted. */
  unservable: string | undefined;
}

export interface GatewayPlan {
  key: ObjectKey;
  namespace: string;
  /** Order among Gateways that share a data plane: older first, then by name. */
  seniority: string;
  listeners: ListenerPlan[];
}

export interface ListenerCollections {
  secrets: Collection<CertificateSource>;
  grantsByNamespace: Index<ReferenceGrant>;
}

export function planGateway(reader: Reader, collections: ListenerCollections, gateway: Gateway): GatewayPlan {
  const key = objectKey(gateway);
  return {
    key,
    namespace: gateway.metadata.namespace ?? '',
    seniority: `${gateway.metadata.creationTimestamp ?? ''} ${key}`,
    listeners: gateway.spec.listeners.map((listener) => planListener(reader, collections, gateway, listener)),
  };
}

function planListener(
  reader: Reader,
  collections: ListenerCollections,
  gateway: Gateway,
  listener: GatewayListener,
): ListenerPlan {
  const protocol = listener.protocol === 'HTTP' || listener.protocol === 'HTTPS' ? listener.protocol : undefined;
  const { kinds, invalidKinds } = routeKinds(listener, protocol);
  const certificates = protocol === 'HTTPS' ? planCertificates(reader, collections, gateway, listener) : noCertificates;
  const from = listener.allowedRoutes?.namespaces?.from ?? 'Same';
  return {
    gateway: objectKey(gateway),
    name: listener.name,
    port: listener.port,
    protocol,
    hostname: (listener.hostname ?? '').toLowerCase(),
    namespaces: from === 'Selector' ? { from, selector: listener.allowedRoutes?.namespaces?.selector ?? {} } : { from },
    kinds,
    secrets: certificates.secrets,
    refused: refusal(gateway, listener, protocol),
    resolvedRefs: resolved(invalidKinds, certificates),
    unservable: protocol === 'HTTPS' && certificates.secrets.length === 0 ? sentence(certificates.faults) : undefined,
  };
}

function refusal(
  gateway: Gateway,
  listener: GatewayListener,
  protocol: ServedProtocol | undefined,
): ListenerPlan['refused'] {
  if (protocol === undefined) {
    return {
      reason: 'UnsupportedProtocol',
      message: `Protocol ${listener.protocol} is not supported: use HTTP or HTTPS`,
    };
  }
  if (protocol === 'HTTPS' && listener.tls?.mode === 'Passthrough') {
    return { reason: 'UnsupportedValue', message: 'An HTTPS listener terminates TLS: set tls.mode to Terminate' };
  }
  // Served without it, the listener would let in whom its author wants kept out.
  if (protocol === 'HTTPS' && wantsClientCertificates(gateway, listener.port)) {
    const message = 'Client certificates are not validated yet: remove spec.tls.frontend for this port';
    return { reason: 'UnsupportedValue', message };
  }
  return undefined;
}

/** What a port says of client certificates goes before what all ports say. Source: Gateway API, FrontendTLSConfig. */
function wantsClientCertificates(gateway: Gateway, port: number): boolean {
  const frontend = gateway.spec.tls?.frontend;
  const own = frontend?.perPort?.find((candidate) => candidate.port === port);
  return (own === undefined ? frontend?.default.validation : own.tls.validation) !== undefined;
}

function routeKinds(
  listener: GatewayListener,
  protocol: ServedProtocol | undefined,
): { kinds: RouteGroupKind[]; invalidKinds: string[] } {
  const supported: RouteGroupKind[] = protocol === undefined ? [] : [{ group: gatewayGroup, kind: 'HTTPRoute' }];
  const asked = listener.allowedRoutes?.kinds;
  if (asked === undefined || asked.length === 0) return { kinds: supported, invalidKinds: [] };
  const kinds: RouteGroupKind[] = [];
  const invalidKinds: string[] = [];
  for (const { group = gatewayGroup, kind } of asked) {
    const found = supported.find((candidate) => candidate.group === group && candidate.kind === kind);
    if (found === undefined) invalidKinds.push(group === gatewayGroup ? kind : `${kind} of group ${group}`);
    else if (!kinds.includes(found)) kinds.push(found);
  }
  return { kinds, invalidKinds };
}

interface Certificates {
  secrets: ObjectKey[];
  faults: string[];
  reason: 'InvalidCertificateRef' | 'RefNotPermitted' | undefined;
}

const noCertificates: Certificates = { secrets: [], faults: [], reason: undefined };

function planCertificates(
  reader: Reader,
  collections: ListenerCollections,
  gateway: Gateway,
  listener: GatewayListener,
): Certificates {
  const result: Certificates = { secrets: [], faults: [], reason: undefined };
  const fail = (reason: 'InvalidCertificateRef' | 'RefNotPermitted', message: string): void => {
    result.reason ??= reason;
    result.faults.push(message);
  };
  const references = listener.tls?.certificateRefs ?? [];
  if (references.length === 0) fail('InvalidCertificateRef', 'an HTTPS listener needs a Secret in tls.certificateRefs');
  const from = { group: gatewayGroup, kind: 'Gateway', namespace: gateway.metadata.namespace ?? '' };
  for (const { group = '', kind = 'Secret', name, namespace = from.namespace } of references) {
    const key = keyOf(namespace, name);
    if (group !== '' || kind !== 'Secret') {
      fail('InvalidCertificateRef', `certificateRef "${name}" is a ${kind}: use a Secret`);
      continue;
    }
    if (
      namespace !== from.namespace &&
      !isGranted(reader, collections.grantsByNamespace, from, { group, kind, namespace, name })
    ) {
      fail('RefNotPermitted', notGranted('Secret', key, from));
      continue;
    }
    const source = reader.get(collections.secrets, key);
    const fault = source === undefined ? 'does not exist: create it or correct the reference' : source.fault;
    if (fault !== undefined) fail('InvalidCertificateRef', `Secret ${key} ${fault}`);
    if (source?.certificate !== undefined) result.secrets.push(key);
  }
  return result;
}

function resolved(invalidKinds: readonly string[], certificates: Certificates): ConditionContribution {
  const type = 'ResolvedRefs';
  if (certificates.reason !== undefined) {
    return { type, status: 'False', reason: certificates.reason, message: sentence(certificates.faults) };
  }
  if (invalidKinds.length > 0) {
    const message = `Routes of kind ${invalidKinds.join(', ')} cannot attach to this listener`;
    return { type, status: 'False', reason: 'InvalidRouteKinds', message };
  }
  return { type, status: 'True', reason: 'ResolvedRefs', message: 'All references are resolved' };
}
