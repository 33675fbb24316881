/**
 * What a `kind` and an `apiVersion` in a file mean here: which kinds are read, and which built-in kinds make no difference
 * without a cluster. Source: Kubernetes API reference v1.36.
 */
import { findKind, type KnownKind } from '../api/validation/index.ts';

/** A kind that is read. */
export interface KindEntry {
  group: string;
  kind: string;
  /** The version in which objects are kept. */
  version: string;
  namespaced: boolean;
  /** The API server counts changes of the desired state of this kind in `metadata.generation`. */
  generation: boolean;
  /** The kind has a status that says whether it is in effect. */
  status: boolean;
}

/** Kinds without `metadata.generation`. */
const withoutGeneration = new Set(['ConfigMap', 'Namespace', 'Secret', 'Service']);
/** Kinds of which no controller says anything in status. */
const withoutStatus = new Set([...withoutGeneration, 'EndpointSlice', 'ReferenceGrant', 'ServiceImport']);

/** Whether the status of a kind says if an object of it is in effect. */
export function hasStatus(kind: string): boolean {
  return !withoutStatus.has(kind);
}

/** Built-in kinds that only a cluster makes something of. They may stand in the same files and are left out. */
const clusterKinds: Readonly<Record<string, readonly string[]>> = {
  '': [
    'Event',
    'LimitRange',
    'PersistentVolume',
    'PersistentVolumeClaim',
    'Pod',
    'PodTemplate',
    'ReplicationController',
    'ResourceQuota',
    'ServiceAccount',
  ],
  'admissionregistration.k8s.io': [
    'MutatingAdmissionPolicy',
    'MutatingAdmissionPolicyBinding',
    'MutatingWebhookConfiguration',
    'ValidatingAdmissionPolicy',
    'ValidatingAdmissionPolicyBinding',
    'ValidatingWebhookConfiguration',
  ],
  'apiextensions.k8s.io': ['CustomResourceDefinition'],
  'apiregistration.k8s.io': ['APIService'],
  apps: ['ControllerRevision', 'DaemonSet', 'Deployment', 'ReplicaSet', 'StatefulSet'],
  autoscaling: ['HorizontalPodAutoscaler'],
  batch: ['CronJob', 'Job'],
  'cert-manager.io': ['Certificate', 'CertificateRequest', 'ClusterIssuer', 'Issuer'],
  'certificates.k8s.io': ['CertificateSigningRequest'],
  'coordination.k8s.io': ['Lease'],
  'networking.k8s.io': ['IPAddress', 'NetworkPolicy', 'ServiceCIDR'],
  'kustomize.config.k8s.io': ['Kustomization'],
  policy: ['PodDisruptionBudget'],
  'rbac.authorization.k8s.io': ['ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding'],
  'scheduling.k8s.io': ['PriorityClass'],
  'storage.k8s.io': ['StorageClass'],
};

export type KindLookup =
  | { entry: KindEntry }
  /** A built-in kind that is left out, because only a cluster makes something of it. */
  | { clusterOnly: true }
  /** One sentence, without the name of the object. */
  | { reason: 'UnknownKind' | 'UnknownVersion'; field: 'kind' | 'apiVersion'; message: string };

function entryOf({ group, kind, version, namespaced }: KnownKind): KindEntry {
  return {
    group,
    kind,
    version,
    namespaced,
    generation: !withoutGeneration.has(kind),
    status: hasStatus(kind),
  };
}

/** Finds what an object claims to be. */
export function lookUpKind(apiVersion: string, kind: string): KindLookup {
  const found = findKind(apiVersion, kind);
  if ('known' in found) return { entry: entryOf(found.known) };
  const slash = apiVersion.indexOf('/');
  const group = slash === -1 ? '' : apiVersion.slice(0, slash);
  if (clusterKinds[group]?.includes(kind) === true) return { clusterOnly: true };
  const { path: field, message } = found.unknown;
  return { reason: field === 'kind' ? 'UnknownKind' : 'UnknownVersion', field, message };
}
