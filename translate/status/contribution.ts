/**
 * What the translation has to say in the status of an object. Whether the proxies have it is added by who knows: the
 * translation only says what there is to have, as a fingerprint that changes with it.
 */
import type { ParentReference, RouteGroupKind } from '../../api/gateway/index.ts';
import type { ConditionContribution, ObjectKey } from '../../api/object.ts';
import type { ResourceType } from '../../api/resource.ts';

/** Names an Envoy resource that an object rests on. */
export interface ResourceReference {
  type: ResourceType;
  name: string;
}

export interface ListenerContribution {
  name: string;
  attachedRoutes: number;
  supportedKinds: RouteGroupKind[];
  /** Accepted, ResolvedRefs, Conflicted. */
  conditions: ConditionContribution[];
  /** Why it cannot be programmed; undefined where it is for the proxies to take. */
  unprogrammable: { reason: 'Invalid' | 'PortUnavailable'; message: string } | undefined;
  /** The Envoy listener and the secrets that it rests on. */
  resources: ResourceReference[];
}

export interface GatewayContribution {
  kind: 'Gateway';
  key: ObjectKey;
  generation: number | undefined;
  /** Accepted. */
  conditions: ConditionContribution[];
  listeners: ListenerContribution[];
  fingerprint: string;
}

export interface RouteParentContribution {
  parentRef: ParentReference;
  gateway: ObjectKey;
  /** Accepted, ResolvedRefs, PartiallyInvalid. */
  conditions: ConditionContribution[];
  /** Why it cannot be programmed; undefined where it is for the proxies to take. */
  unprogrammable: { reason: string; message: string } | undefined;
  /** Names of the Envoy tables that it stands in. */
  tables: string[];
}

export interface RouteContribution {
  kind: 'HTTPRoute';
  key: ObjectKey;
  generation: number | undefined;
  parents: RouteParentContribution[];
  /** Names of the clusters that it sends traffic to. */
  clusters: readonly string[];
  fingerprint: string;
}

export type StatusContribution = GatewayContribution | RouteContribution;
