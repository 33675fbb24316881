/**
 * Where a backend reference leads. One cluster stands for one Service port and use, whichever routes and rules lead there.
 * Source: Gateway API, BackendObjectReference, BackendRef and the condition ResolvedRefs.
 */
import type { Service, ServicePort } from '../../api/core.ts';
import { type ReferenceGrant, type SessionPersistence, experimentalGatewayGroup } from '../../api/gateway/index.ts';
import { multiclusterGroup, type ServiceImport } from '../../api/multicluster.ts';
import { keyOf, type ConditionContribution, type ObjectKey } from '../../api/object.ts';
import type { BackendTLSPolicyPlan } from '../backendTLSPolicy/index.ts';
import type { BackendTrafficPolicyPlan } from '../backendTrafficPolicy/index.ts';
import type { Collection, Index, Reader } from '../incremental/index.ts';
import { policyFor, targetKey } from '../policy/index.ts';
import { clusterNameOf, type BackendKind, type BackendUse } from './clusterName.ts';
import { isGranted, notGranted, type Referrer } from './grant.ts';
import { applicationProtocol } from './protocol.ts';
import { sentence } from './sentence.ts';
import type { BackendPlan } from './xBackend.ts';

/** A port of a Service, or what is like it, that traffic is sent to. */
export interface ServicePortBackend {
  /** Name of the cluster. */
  cluster: string;
  kind: BackendKind;
  namespace: string;
  name: string;
  port: number;
  /** What a policy says of sessions with it, for requests that are told apart. */
  sessionPersistence?: SessionPersistence | undefined;
}

/** Why a reference leads nowhere, in Gateway API's reasons. */
export interface UnresolvedReference {
  reason: 'InvalidKind' | 'BackendNotFound' | 'RefNotPermitted' | 'UnsupportedProtocol' | 'UnsupportedValue';
  message: string;
}

export type ResolvedBackend = ServicePortBackend | UnresolvedReference;

export interface BackendReference {
  group?: string | undefined;
  kind?: string | undefined;
  namespace?: string | undefined;
  name: string;
  port?: number | undefined;
}

export interface BackendCollections {
  services: Collection<Service>;
  serviceImports: Collection<ServiceImport>;
  backends: Collection<BackendPlan>;
  grantsByNamespace: Index<ReferenceGrant>;
  /** See `targetKey`. */
  tlsPoliciesByTarget: Index<BackendTLSPolicyPlan>;
  /** See `targetKey`. */
  trafficPoliciesByTarget?: Index<BackendTrafficPolicyPlan>;
  /** The Secret with which the Gateway, for which references are resolved, shows itself to backends. */
  clientCertificate?: ObjectKey | undefined;
}

export function isUnresolved(backend: ResolvedBackend): backend is UnresolvedReference {
  return 'reason' in backend;
}

/** The group of each kind that may be referred to. */
export const backendGroups: Readonly<Record<BackendKind, string>> = {
  Service: '',
  ServiceImport: multiclusterGroup,
  XBackend: experimentalGatewayGroup,
};

/**
 * Resolves the backend that an object of `from` refers to.
 * @param use what it is wanted for
 */
export function resolveBackend(
  reader: Reader,
  collections: BackendCollections,
  reference: BackendReference,
  from: Referrer,
  use: BackendUse = 'http',
): ResolvedBackend {
  const group = reference.group ?? '';
  const kind = (reference.kind ?? 'Service') as BackendKind;
  const namespace = reference.namespace ?? from.namespace;
  const { name } = reference;
  if (backendGroups[kind] !== group) {
    const described = group === '' ? kind : `${kind} of group ${group}`;
    return {
      reason: 'InvalidKind',
      message: `backend "${name}" is a ${described}: use a Service, a ServiceImport or an XBackend`,
    };
  }
  const key = keyOf(namespace, name);
  if (
    namespace !== from.namespace &&
    !isGranted(reader, collections.grantsByNamespace, from, { group, kind, namespace, name })
  ) {
    return { reason: 'RefNotPermitted', message: notGranted(kind, key, from) };
  }
  const { clientCertificate } = collections;
  const address = {
    kind,
    namespace,
    name,
    use,
    // Only where TLS can begin at the proxy is there something to show a certificate in.
    clientCertificate: use === 'tcp' || use === 'udp' ? undefined : clientCertificate,
  };
  if (kind === 'XBackend') return resolveXBackend(reader, collections, reference, key, address);
  const found = portsOf(reader, collections, kind, key);
  if ('reason' in found) return found;
  const { port } = reference;
  if (port === undefined) {
    return {
      reason: 'UnsupportedValue',
      message: `the reference to ${kind} ${key} names no port: set port to one of ${listPorts(found.ports)}`,
    };
  }
  const transport = use === 'udp' ? 'UDP' : 'TCP';
  const servicePort = findPort(found.ports, port, use);
  if (servicePort === undefined) {
    return {
      reason: 'BackendNotFound',
      message: `${kind} ${key} has no ${transport} port ${port}: it has ${listPorts(found.ports)}`,
    };
  }
  const target = targetKey(group, kind, namespace, name);
  const unsupported = unsupportedProtocol(reader, collections, servicePort, target, use);
  if (unsupported !== undefined) {
    return { reason: 'UnsupportedProtocol', message: `port ${port} of ${kind} ${key} ${unsupported}` };
  }
  const sessionPersistence = sessions(reader, collections, target, use);
  return { cluster: clusterNameOf({ ...address, port }), kind, namespace, name, port, sessionPersistence };
}

function sessions(
  reader: Reader,
  { trafficPoliciesByTarget }: BackendCollections,
  target: string,
  use: BackendUse,
): SessionPersistence | undefined {
  if (trafficPoliciesByTarget === undefined || (use !== 'http' && use !== 'grpc')) return undefined;
  return policyFor(reader, trafficPoliciesByTarget, target, undefined)?.sessionPersistence;
}

/** The port of a number for a use: UDP has numbers of its own. */
export function findPort(ports: readonly ServicePort[], port: number, use: BackendUse): ServicePort | undefined {
  const transport = use === 'udp' ? 'UDP' : 'TCP';
  return ports.find((candidate) => candidate.port === port && (candidate.protocol ?? 'TCP') === transport);
}

function portsOf(
  reader: Reader,
  { services, serviceImports }: BackendCollections,
  kind: 'Service' | 'ServiceImport',
  key: ObjectKey,
): { ports: readonly ServicePort[] } | UnresolvedReference {
  const object = kind === 'Service' ? reader.get(services, key) : reader.get(serviceImports, key);
  if (object === undefined) {
    return { reason: 'BackendNotFound', message: `${kind} ${key} does not exist: create it or correct the reference` };
  }
  if (object.spec?.type === 'ExternalName') {
    return {
      reason: 'UnsupportedValue',
      message: `Service ${key} is of type ExternalName, which may lead anywhere and is not served: use an XBackend`,
    };
  }
  return { ports: object.spec?.ports ?? [] };
}

function resolveXBackend(
  reader: Reader,
  collections: BackendCollections,
  reference: BackendReference,
  key: ObjectKey,
  address: Omit<Parameters<typeof clusterNameOf>[0], 'port'>,
): ResolvedBackend {
  const { namespace, name, use } = address;
  const plan = reader.get(collections.backends, key);
  if (plan === undefined) {
    return { reason: 'BackendNotFound', message: `XBackend ${key} does not exist: create it or correct the reference` };
  }
  if (plan.refused !== undefined) {
    return { reason: 'UnsupportedValue', message: `XBackend ${key} is not accepted: ${plan.refused.message}` };
  }
  if (reference.port !== undefined && reference.port !== plan.port) {
    return { reason: 'BackendNotFound', message: `XBackend ${key} has no port ${reference.port}: it has ${plan.port}` };
  }
  if (use === 'udp' || (plan.protocol === 'stream' && (use === 'http' || use === 'grpc'))) {
    const wanted = use === 'udp' ? 'UDP' : use;
    return { reason: 'UnsupportedProtocol', message: `XBackend ${key} speaks ${plan.spoken}: it takes no ${wanted}` };
  }
  const cluster = clusterNameOf({ ...address, port: undefined });
  const target = targetKey(backendGroups.XBackend, 'XBackend', namespace, name);
  const sessionPersistence = sessions(reader, collections, target, use);
  return { cluster, kind: 'XBackend', namespace, name, port: plan.port, sessionPersistence };
}

/** Why requests cannot be sent to a port with the protocol that it names. Streams are passed on whatever they are. */
function unsupportedProtocol(
  reader: Reader,
  { tlsPoliciesByTarget }: BackendCollections,
  port: ServicePort,
  target: string,
  use: BackendUse,
): string | undefined {
  if (use !== 'http' && use !== 'grpc') return undefined;
  const wanted = applicationProtocol(port.appProtocol);
  if (wanted === undefined) {
    return `has appProtocol ${port.appProtocol}, which requests cannot be sent with: use http, https, kubernetes.io/h2c, kubernetes.io/ws or kubernetes.io/wss`;
  }
  if (wanted.tls && policyFor(reader, tlsPoliciesByTarget, target, port.name) === undefined) {
    return `has appProtocol ${port.appProtocol}, which is TLS: add a BackendTLSPolicy for it`;
  }
  return undefined;
}

function listPorts(ports: readonly ServicePort[]): string {
  if (ports.length === 0) return 'none';
  return ports
    .map(({ port, protocol = 'TCP' }) => (protocol === 'TCP' ? String(port) : `${port} (${protocol})`))
    .join(', ');
}

/** The condition ResolvedRefs for all references of one object: its first fault names the reason. */
export function resolvedRefs(faults: readonly UnresolvedReference[]): ConditionContribution {
  const [first] = faults;
  if (first === undefined) {
    return { type: 'ResolvedRefs', status: 'True', reason: 'ResolvedRefs', message: 'All references are resolved' };
  }
  const messages = [...new Set(faults.map(({ message }) => message))];
  return { type: 'ResolvedRefs', status: 'False', reason: first.reason, message: sentence(messages) };
}
