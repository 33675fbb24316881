/**
 * What the translation has to say in the status of an object. Whether the proxies have it is added by who knows: the
 * translation only says what there is to have, as a fingerprint that changes with it.
 */
import type { ParentReference, PolicyAncestorStatus, RouteGroupKind } from '../../api/gateway/index.ts';
import type { ConditionContribution, ObjectKey } from '../../api/object.ts';
import type { ResourceType } from '../../api/resource.ts';
import type { RouteKind } from '../sources.ts';

/** Names an Envoy resource that an object rests on. */
export interface ResourceReference {
  type: ResourceType;
  name: string;
}

export interface ListenerContribution {
  name: string;
  attachedRoutes: number;
  supportedKinds: RouteGroupKind[];
  /** Accepted, ResolvedRefs, Conflicted, and OverlappingTLSConfig where it applies. */
  conditions: ConditionContribution[];
  /** Why it cannot be programmed; undefined where it is for the proxies to take. */
  unprogrammable: { reason: string; message: string } | undefined;
  /** The Envoy listener and the secrets that it rests on. */
  resources: ResourceReference[];
}

export interface GatewayContribution {
  kind: 'Gateway';
  key: ObjectKey;
  generation: number | undefined;
  /** Accepted and ResolvedRefs. */
  conditions: ConditionContribution[];
  listeners: ListenerContribution[];
  /** The number of ListenerSets that are accepted. */
  attachedListenerSets: number;
  fingerprint: string;
}

export interface ListenerSetContribution {
  kind: 'ListenerSet';
  key: ObjectKey;
  gateway: ObjectKey;
  generation: number | undefined;
  /** Accepted. */
  conditions: ConditionContribution[];
  listeners: ListenerContribution[];
  /** Why none of its listeners can be programmed; undefined where the proxies decide. */
  unprogrammable: { reason: string; message: string } | undefined;
  fingerprint: string;
}

export interface RouteParentContribution {
  parentRef: ParentReference;
  gateway: ObjectKey;
  /** Accepted, ResolvedRefs, PartiallyInvalid. */
  conditions: ConditionContribution[];
  /** Why it cannot be programmed; undefined where it is for the proxies to take. */
  unprogrammable: { reason: string; message: string } | undefined;
  /** The Envoy route tables that it stands in, or the listeners that lead to its backends. */
  resources: ResourceReference[];
}

export interface RouteContribution {
  kind: RouteKind;
  key: ObjectKey;
  generation: number | undefined;
  parents: RouteParentContribution[];
  /** Names of the clusters that it sends traffic to. */
  clusters: readonly string[];
  fingerprint: string;
}

/** What is said of a policy, for each object on whose way it stands. Source: Gateway API, GEP-713, PolicyStatus. */
export interface PolicyContribution {
  kind: 'BackendTLSPolicy' | 'XBackendTrafficPolicy';
  key: ObjectKey;
  generation: number | undefined;
  ancestors: { ancestorRef: PolicyAncestorStatus['ancestorRef']; conditions: ConditionContribution[] }[];
  fingerprint: string;
}

/** What is said of a backend, for each Gateway that leads to it. Source: Gateway API, apisx/v1alpha1, BackendStatus. */
export interface BackendContribution {
  kind: 'XBackend';
  key: ObjectKey;
  generation: number | undefined;
  ancestors: PolicyContribution['ancestors'];
  fingerprint: string;
}

export type StatusContribution =
  | GatewayContribution
  | ListenerSetContribution
  | RouteContribution
  | PolicyContribution
  | BackendContribution;
