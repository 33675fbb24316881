/**
 * The listeners of a Gateway: what they ask for, and what of it can be served.
 * Source: Gateway API, Listener and ListenerStatus.
 */
import type {
  Gateway,
  GatewayListener,
  LabelSelector,
  ListenerEntry,
  ReferenceGrant,
  RouteGroupKind,
} from '../../api/gateway/index.ts';
import { gatewayGroup } from '../../api/gateway/index.ts';
import { keyOf, objectKey, type ConditionContribution, type ObjectKey } from '../../api/object.ts';
import { isGranted, notGranted, sentence } from '../backend/index.ts';
import {
  resolveClientCertificate,
  type CertificateAuthoritySource,
  type CertificateSource,
} from '../certificate/index.ts';
import type { Collection, Index, Reader } from '../incremental/index.ts';
import type { RouteKind } from '../sources.ts';
import { insecureValidation, planClientValidation, type ClientValidation } from './clientValidation.ts';
import type { ListenerSetPlan } from './listenerSet.ts';
import { tlsOptions, type TLSOptions } from './tlsOptions.ts';

/** A protocol that is served. */
export type ServedProtocol = 'HTTP' | 'HTTPS' | 'TLS' | 'TCP' | 'UDP';

/** The object in which a listener is written. */
export interface ListenerOwner {
  kind: 'Gateway' | 'ListenerSet';
  key: ObjectKey;
  namespace: string;
}

export interface ListenerPlan {
  /** The Gateway that serves it. */
  gateway: ObjectKey;
  owner: ListenerOwner;
  name: string;
  port: number;
  /** Undefined where the protocol is none that is served. */
  protocol: ServedProtocol | undefined;
  /** Whether TLS ends here; undefined without TLS. */
  tlsMode: 'Terminate' | 'Passthrough' | undefined;
  tlsOptions: TLSOptions;
  /** Lower case; empty for any. */
  hostname: string;
  /** The namespaces whose routes may attach. */
  namespaces: AllowedNamespaces;
  /** The kinds of routes that may attach. */
  kinds: RouteGroupKind[];
  /** Keys of the Secrets whose certificates are served. */
  secrets: ObjectKey[];
  /** How clients are asked for certificates; undefined where they are not. */
  clientValidation: ClientValidation | undefined;
  /** The Secret with which the Gateway shows itself to backends. */
  clientCertificate: ObjectKey | undefined;
  /** Why it is not accepted, whatever other listeners there are. */
  refused: { reason: string; message: string } | undefined;
  /** The condition ResolvedRefs. */
  resolvedRefs: ConditionContribution;
  /** Why nothing can be served on it although it is accepted. */
  unservable: string | undefined;
}

export type AllowedNamespaces =
  | { from: 'All' }
  | { from: 'None' }
  | { from: 'Same' }
  | { from: 'Selector'; selector: LabelSelector };

export interface GatewayPlan {
  key: ObjectKey;
  namespace: string;
  /** Order among Gateways that share a data plane: older first, then by name. */
  seniority: string;
  /** Its own, then those of its ListenerSets, in their order of precedence. */
  listeners: ListenerPlan[];
  /** The ListenerSets whose listeners are among them, in order of precedence. */
  listenerSets: ObjectKey[];
  /** Why something that the Gateway itself refers to, outside of its listeners, leads nowhere. */
  unresolved: { reason: string; message: string } | undefined;
  /** Whether routes that ask for the default Gateways attach to it. */
  isDefault: boolean;
  /** The condition InsecureFrontendValidationMode; undefined where it does not apply. */
  insecure: ConditionContribution | undefined;
}

export interface ListenerCollections {
  secrets: Collection<CertificateSource>;
  configMaps: Collection<CertificateAuthoritySource>;
  grantsByNamespace: Index<ReferenceGrant>;
  /** TCP ports that no listener can have. */
  reservedPorts: ReadonlySet<number>;
}

/** @param listenerSets those that name the Gateway, whether they may or not */
export function planGateway(
  reader: Reader,
  collections: ListenerCollections,
  gateway: Gateway,
  listenerSets: readonly ListenerSetPlan[],
): GatewayPlan {
  const key = objectKey(gateway);
  const owner: ListenerOwner = { kind: 'Gateway', key, namespace: gateway.metadata.namespace ?? '' };
  const attached = listenerSets
    .filter(({ refused }) => refused === undefined)
    .toSorted((a, b) => (a.seniority < b.seniority ? -1 : 1));
  const reference = gateway.spec.tls?.backend?.clientCertificateRef;
  const from = { group: gatewayGroup, kind: 'Gateway', namespace: owner.namespace };
  const shown = reference === undefined ? undefined : resolveClientCertificate(reader, collections, reference, from);
  const plan = (of: ListenerOwner) => (listener: GatewayListener | ListenerEntry) =>
    planListener(reader, collections, gateway, of, listener, shown?.secret);
  return {
    key,
    namespace: owner.namespace,
    seniority: `${gateway.metadata.creationTimestamp ?? ''} ${key}`,
    listeners: [
      ...gateway.spec.listeners.map(plan(owner)),
      ...attached.flatMap(({ owner: set, entries }) => entries.map(plan(set))),
    ],
    listenerSets: attached.map(({ owner: set }) => set.key),
    unresolved: shown?.fault,
    isDefault: gateway.spec.defaultScope === 'All',
    insecure: insecureValidation(gateway),
  };
}

const servedProtocols: readonly string[] = ['HTTP', 'HTTPS', 'TLS', 'TCP', 'UDP'] satisfies ServedProtocol[];

function planListener(
  reader: Reader,
  collections: ListenerCollections,
  gateway: Gateway,
  owner: ListenerOwner,
  listener: GatewayListener | ListenerEntry,
  clientCertificate: ObjectKey | undefined,
): ListenerPlan {
  const protocol = servedProtocols.includes(listener.protocol) ? (listener.protocol as ServedProtocol) : undefined;
  const tlsMode = protocol === 'HTTPS' || protocol === 'TLS' ? (listener.tls?.mode ?? 'Terminate') : undefined;
  const options = tlsOptions(tlsMode === undefined ? undefined : listener.tls?.options, protocol === 'HTTPS');
  const { kinds, invalidKinds } = routeKindsOf(listener, protocol);
  const certificates =
    tlsMode === 'Terminate' ? planCertificates(reader, collections, owner, listener) : noCertificates;
  const clients = protocol === 'HTTPS' ? planClientValidation(reader, collections, gateway, listener.port) : undefined;
  return {
    gateway: objectKey(gateway),
    owner,
    name: listener.name,
    port: listener.port,
    protocol,
    tlsMode,
    tlsOptions: typeof options === 'string' ? {} : options,
    hostname: (listener.hostname ?? '').toLowerCase(),
    namespaces: allowedNamespaces(listener.allowedRoutes?.namespaces, 'Same'),
    kinds,
    secrets: certificates.secrets,
    clientValidation: clients?.validation,
    clientCertificate,
    refused:
      refusal(collections, listener, protocol) ??
      clients?.refused ??
      (typeof options === 'string' ? { reason: 'UnsupportedValue', message: options } : undefined),
    resolvedRefs: resolved(invalidKinds, certificates, clients?.fault),
    unservable:
      tlsMode === 'Terminate' && certificates.secrets.length === 0 ? sentence(certificates.faults) : undefined,
  };
}

/** The namespaces that a listener or a Gateway lets in. */
export function allowedNamespaces(
  allowed: { from?: AllowedNamespaces['from']; selector?: LabelSelector } | undefined,
  otherwise: 'Same' | 'None',
): AllowedNamespaces {
  const from = allowed?.from ?? otherwise;
  return from === 'Selector' ? { from, selector: allowed?.selector ?? {} } : { from };
}

function refusal(
  { reservedPorts }: ListenerCollections,
  listener: GatewayListener | ListenerEntry,
  protocol: ServedProtocol | undefined,
): ListenerPlan['refused'] {
  if (protocol === undefined) {
    return {
      reason: 'UnsupportedProtocol',
      message: `Protocol ${listener.protocol} is not supported: use ${servedProtocols.slice(0, -1).join(', ')} or ${servedProtocols.at(-1)}`,
    };
  }
  if (protocol !== 'UDP' && reservedPorts.has(listener.port)) {
    const message = `Port ${listener.port} is used by the proxies themselves: use one that is none of ${[...reservedPorts].join(', ')}`;
    return { reason: 'PortUnavailable', message };
  }
  if (protocol === 'HTTPS' && listener.tls?.mode === 'Passthrough') {
    return { reason: 'UnsupportedValue', message: 'An HTTPS listener terminates TLS: set tls.mode to Terminate' };
  }
  return undefined;
}

/** The kinds of routes that each protocol can serve. Source: Gateway API, "Protocols and the kinds of routes". */
const kindsByProtocol: Record<ServedProtocol, readonly RouteKind[]> = {
  HTTP: ['HTTPRoute', 'GRPCRoute'],
  HTTPS: ['HTTPRoute', 'GRPCRoute'],
  TLS: ['TLSRoute'],
  TCP: ['TCPRoute'],
  UDP: ['UDPRoute'],
};

function routeKindsOf(
  listener: GatewayListener | ListenerEntry,
  protocol: ServedProtocol | undefined,
): { kinds: RouteGroupKind[]; invalidKinds: string[] } {
  const supported: RouteGroupKind[] =
    protocol === undefined ? [] : kindsByProtocol[protocol].map((kind) => ({ group: gatewayGroup, kind }));
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
  owner: ListenerOwner,
  listener: GatewayListener | ListenerEntry,
): Certificates {
  const result: Certificates = { secrets: [], faults: [], reason: undefined };
  const fail = (reason: 'InvalidCertificateRef' | 'RefNotPermitted', message: string): void => {
    result.reason ??= reason;
    result.faults.push(message);
  };
  const references = listener.tls?.certificateRefs ?? [];
  if (references.length === 0)
    fail('InvalidCertificateRef', 'a listener that terminates TLS needs a Secret in tls.certificateRefs');
  const from = { group: gatewayGroup, kind: owner.kind, namespace: owner.namespace };
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

function resolved(
  invalidKinds: readonly string[],
  certificates: Certificates,
  clients: { reason: string; message: string } | undefined,
): ConditionContribution {
  const type = 'ResolvedRefs';
  if (certificates.reason !== undefined) {
    return { type, status: 'False', reason: certificates.reason, message: sentence(certificates.faults) };
  }
  if (clients !== undefined) return { type, status: 'False', ...clients };
  if (invalidKinds.length > 0) {
    const message = `Routes of kind ${invalidKinds.join(', ')} cannot attach to this listener`;
    return { type, status: 'False', reason: 'InvalidRouteKinds', message };
  }
  return { type, status: 'True', reason: 'ResolvedRefs', message: 'All references are resolved' };
}
