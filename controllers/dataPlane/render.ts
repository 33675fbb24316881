/** The objects that a DataPlane owns, made of its spec and what is around it. Pure: equal in, equal out. */
import { createHash } from 'node:crypto';
import type { ServicePort } from '../../api/core.ts';
import type { DataPlane } from '../../api/dataPlane.ts';
import { apiVersion } from '../../api/names.ts';
import type { KubernetesObject, OwnerReference } from '../../api/object.ts';
import type { Leaf } from '../certificates/index.ts';
import { dataPlaneNames, ownedLabels, selectorLabels } from './names.ts';
import { podTemplate } from './podTemplate.ts';
import type { JsonObject } from './strategicMerge.ts';

/** What is the same for every DataPlane of an operator. */
export interface DataPlaneSettings {
  /** Image of the shutdown manager: the operator's own. */
  operatorImage: string;
  /** Image of Envoy, where a DataPlane names none. */
  envoyImage: string;
  /** Whether the cluster has IPv4 and IPv6. */
  isDualStack: boolean;
}

/** What a DataPlane's objects are made of, besides its spec. */
export interface DataPlaneSurroundings {
  settings: DataPlaneSettings;
  /** The Gateway that the DataPlane was made for, with what its `spec.infrastructure` asks for. */
  gateway?: { name: string; labels: Record<string, string>; annotations: Record<string, string> };
  /** The ports of the listeners of all Gateways that are attached. */
  ports: readonly ListenerPort[];
  /** The addresses that Gateways ask for. */
  requestedAddresses: readonly string[];
}

export interface ListenerPort {
  port: number;
  protocol: 'TCP' | 'UDP';
}

/** One owned object, as server-side apply takes it. */
export type OwnedObject = KubernetesObject & JsonFields;
type JsonFields = { [field: string]: unknown };

/** The owner reference of everything that a DataPlane owns. Throws on a DataPlane that no API server has seen. */
export function ownerReference(owner: KubernetesObject): OwnerReference {
  if (owner.metadata.uid === undefined)
    throw new Error(`${owner.kind} ${owner.metadata.name} has no uid: it does not come from an API server.`);
  return {
    apiVersion: owner.apiVersion,
    kind: owner.kind,
    name: owner.metadata.name,
    uid: owner.metadata.uid,
    controller: true,
    blockOwnerDeletion: true,
  };
}

function metadata(
  dataPlane: DataPlane,
  surroundings: DataPlaneSurroundings,
  name: string,
  extra: { labels?: Record<string, string> | undefined; annotations?: Record<string, string> | undefined } = {},
): KubernetesObject['metadata'] {
  const annotations = { ...surroundings.gateway?.annotations, ...extra.annotations };
  return {
    name,
    ...(dataPlane.metadata.namespace === undefined ? {} : { namespace: dataPlane.metadata.namespace }),
    labels: {
      ...surroundings.gateway?.labels,
      ...extra.labels,
      ...ownedLabels(dataPlane.metadata.name, surroundings.gateway?.name),
    },
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
    // A kind from the caches may lack its apiVersion and kind: they are constants.
    ownerReferences: [ownerReference({ ...dataPlane, apiVersion, kind: 'DataPlane' })],
  };
}

/** The account of the proxies. They never talk to the API server, so it gives them no token. */
export function renderServiceAccount(dataPlane: DataPlane, surroundings: DataPlaneSurroundings): OwnedObject {
  return {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: metadata(dataPlane, surroundings, dataPlaneNames(dataPlane.metadata.name).serviceAccount),
    automountServiceAccountToken: false,
  };
}

/** Envoy's bootstrap and whatever files it names, by file name. */
export function renderBootstrap(
  dataPlane: DataPlane,
  surroundings: DataPlaneSurroundings,
  files: Record<string, string>,
): OwnedObject {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: metadata(dataPlane, surroundings, dataPlaneNames(dataPlane.metadata.name).bootstrap),
    data: files,
  };
}

/** The certificate by which the proxies prove whose they are. */
export function renderCertificate(dataPlane: DataPlane, surroundings: DataPlaneSurroundings, leaf: Leaf): OwnedObject {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: metadata(dataPlane, surroundings, dataPlaneNames(dataPlane.metadata.name).certificate),
    type: 'kubernetes.io/tls',
    data: {
      'tls.crt': base64(leaf.certificate),
      'tls.key': base64(leaf.privateKey),
      'ca.crt': base64(leaf.trustBundle),
    },
  };
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

/** The proxies. `replicas` is left out where the DataPlane says nothing, so that an autoscaler may own it. */
export function renderDeployment(
  dataPlane: DataPlane,
  surroundings: DataPlaneSurroundings,
  files: Record<string, string>,
): OwnedObject {
  const replicas = dataPlane.spec.deployment.replicas;
  const spec: JsonObject = {
    ...(replicas === undefined ? {} : { replicas }),
    selector: { matchLabels: selectorLabels(dataPlane.metadata.name) },
    // A new proxy serves before an old one ends.
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
    revisionHistoryLimit: 3,
    template: podTemplate(dataPlane, surroundings, hashOf(files)),
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: metadata(dataPlane, surroundings, dataPlaneNames(dataPlane.metadata.name).deployment),
    spec,
  };
}

/**
 * The Service in front of the proxies; undefined while there is no listener, for a Service cannot be without ports.
 */
export function renderService(dataPlane: DataPlane, surroundings: DataPlaneSurroundings): OwnedObject | undefined {
  if (surroundings.ports.length === 0) return undefined;
  const { type, annotations, labels, ...traffic } = dataPlane.spec.service ?? { type: 'LoadBalancer' };
  const ports: ServicePort[] = surroundings.ports
    .toSorted((one, other) => one.port - other.port || one.protocol.localeCompare(other.protocol))
    .map(({ port, protocol }) => ({ name: `${protocol.toLowerCase()}-${port}`, port, protocol, targetPort: port }));
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: metadata(dataPlane, surroundings, dataPlaneNames(dataPlane.metadata.name).service, {
      labels,
      annotations,
    }),
    spec: {
      type,
      selector: selectorLabels(dataPlane.metadata.name),
      ...(surroundings.settings.isDualStack ? { ipFamilyPolicy: 'PreferDualStack' } : {}),
      ports,
      ...traffic,
      ...requested(type, surroundings.requestedAddresses),
    },
  };
}

function requested(type: string, addresses: readonly string[]): JsonObject {
  const [first] = addresses;
  if (first === undefined) return {};
  return type === 'LoadBalancer' ? { loadBalancerIP: first } : { externalIPs: [...addresses] };
}

/** A short hash of files, equal for equal content. */
export function hashOf(files: Record<string, string>): string {
  const entries = Object.entries(files).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(entries)).digest('hex').slice(0, 16);
}
