/**
 * Where a backend reference leads. One cluster stands for one Service port, whichever routes and rules lead there.
 * Source: Gateway API, BackendObjectReference and the condition ResolvedRefs.
 */
import type { ReferenceGrant } from '../../api/gateway/index.ts';
import type { Service } from '../../api/core.ts';
import { keyOf, type ConditionContribution } from '../../api/object.ts';
import type { Collection, Index, Reader } from '../incremental/index.ts';

/** How proxies speak to a backend. */
export type BackendProtocol = 'http1' | 'http2';

/** A port of a Service that traffic is sent to. */
export interface ServicePortBackend {
  /** Name of the cluster. */
  cluster: string;
  namespace: string;
  name: string;
  port: number;
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
  grantsByNamespace: Index<ReferenceGrant>;
}

export function isUnresolved(backend: ResolvedBackend): backend is UnresolvedReference {
  return 'reason' in backend;
}

/** The name of the cluster of a Service port: made of what it means, so that no edit elsewhere renames it. */
export function clusterName(namespace: string, name: string, port: number): string {
  return `service/${namespace}/${name}/${port}`;
}

/** The parts of a cluster's name; undefined if it is none of ours. */
export function parseClusterName(cluster: string): ServicePortBackend | undefined {
  const [kind, namespace, name, port] = cluster.split('/');
  if (kind !== 'service' || namespace === undefined || name === undefined || port === undefined) return undefined;
  return { cluster, namespace, name, port: Number(port) };
}

/** Resolves the backend that an object of `from` refers to. */
export function resolveBackend(
  reader: Reader,
  collections: BackendCollections,
  reference: BackendReference,
  from: { group: string; kind: string; namespace: string },
): ResolvedBackend {
  const group = reference.group ?? '';
  const kind = reference.kind ?? 'Service';
  const namespace = reference.namespace ?? from.namespace;
  if (group !== '' || kind !== 'Service') {
    const described = group === '' ? kind : `${kind} of group ${group}`;
    return { reason: 'InvalidKind', message: `backend "${reference.name}" is a ${described}: use a Service` };
  }
  const key = keyOf(namespace, reference.name);
  if (
    namespace !== from.namespace &&
    !isGranted(reader, collections.grantsByNamespace, from, { group, kind, namespace, name: reference.name })
  ) {
    return { reason: 'RefNotPermitted', message: notGranted('Service', key, from) };
  }
  const service = reader.get(collections.services, key);
  if (service === undefined) {
    return { reason: 'BackendNotFound', message: `Service ${key} does not exist: create it or correct the reference` };
  }
  if (service.spec?.type === 'ExternalName') {
    return {
      reason: 'UnsupportedValue',
      message: `Service ${key} is of type ExternalName, which may lead anywhere and is not served`,
    };
  }
  const ports = service.spec?.ports ?? [];
  if (reference.port === undefined) {
    return {
      reason: 'UnsupportedValue',
      message: `the reference to Service ${key} names no port: set port to one of ${listPorts(ports)}`,
    };
  }
  const port = ports.find((candidate) => candidate.port === reference.port && (candidate.protocol ?? 'TCP') === 'TCP');
  if (port === undefined) {
    return {
      reason: 'BackendNotFound',
      message: `Service ${key} has no TCP port ${reference.port}: it has ${listPorts(ports)}`,
    };
  }
  return {
    cluster: clusterName(namespace, reference.name, reference.port),
    namespace,
    name: reference.name,
    port: reference.port,
  };
}

function listPorts(ports: readonly { port: number }[]): string {
  return ports.length === 0 ? 'none' : ports.map(({ port }) => port).join(', ');
}

/** The sentence for a reference across namespaces that no ReferenceGrant permits. */
export function notGranted(kind: string, key: string, from: { kind: string; namespace: string }): string {
  const [namespace] = key.split('/');
  return `no ReferenceGrant in namespace ${namespace} lets ${from.kind === 'HTTPRoute' ? 'an' : 'a'} ${from.kind} of namespace ${from.namespace} refer to ${kind} ${key}`;
}

/** Whether a ReferenceGrant beside the target permits a reference. Source: Gateway API, ReferenceGrantSpec. */
export function isGranted(
  reader: Reader,
  grantsByNamespace: Index<ReferenceGrant>,
  from: { group: string; kind: string; namespace: string },
  to: { group: string; kind: string; namespace: string; name: string },
): boolean {
  return reader
    .group(grantsByNamespace, to.namespace)
    .some(
      ({ value: { spec } }) =>
        spec.from.some(
          (entry) => entry.group === from.group && entry.kind === from.kind && entry.namespace === from.namespace,
        ) &&
        spec.to.some(
          (entry) =>
            entry.group === to.group && entry.kind === to.kind && (entry.name === undefined || entry.name === to.name),
        ),
    );
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

/** Up to three messages as one, so that a condition stays readable. */
export function sentence(messages: readonly string[]): string {
  const shown = messages.slice(0, 3).join('; ');
  return messages.length > 3 ? `${shown}; and ${messages.length - 3} more` : shown;
}
