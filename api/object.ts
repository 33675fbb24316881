/**
 * The shape that every Kubernetes object has in common.
 * Source: Kubernetes API conventions, "Objects" and "Typical status properties".
 */

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

export interface ObjectMeta {
  name: string;
  namespace?: string;
  generateName?: string;
  uid?: string;
  resourceVersion?: string;
  /** Counts changes of the desired state; absent on kinds without one (Secret, Namespace). */
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: OwnerReference[];
}

export interface KubernetesObject<Spec = unknown, Status = unknown> {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  spec?: Spec;
  status?: Status;
}

/** A condition as its author states it: the writer of the status adds `lastTransitionTime`. */
export interface ConditionContribution {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  /** CamelCase, from the reason table of the kind in `api/`. */
  reason: string;
  /** One clear sentence that says what to do. */
  message: string;
}

/** A condition as it stands in the status of an object. */
export interface Condition extends ConditionContribution {
  observedGeneration?: number;
  lastTransitionTime: string;
}

/** `namespace/name`, or the bare name of a cluster-scoped object. */
export type ObjectKey = string;

/** The key of an object within its kind. */
export function objectKey(object: { metadata: { namespace?: string | undefined; name: string } }): ObjectKey {
  const { namespace, name } = object.metadata;
  return namespace === undefined || namespace === '' ? name : `${namespace}/${name}`;
}

/** The key of a namespaced object from its two names. */
export function keyOf(namespace: string, name: string): ObjectKey {
  return `${namespace}/${name}`;
}

/** Names one object across kinds. */
export interface ObjectReference {
  /** API group; empty for the core group. */
  group: string;
  kind: string;
  /** Empty for a cluster-scoped object. */
  namespace: string;
  name: string;
}
