/**
 * What the translation has to say in the status of an object. Whether the proxies have it is added by who knows: the
 * translation only says what there is to have, as a fingerprint that changes with it.
 */
import type { ParentReference, RouteGroupKind } from '../../api/gateway/index.ts';
import type { ConditionContribution, ObjectKey } from '../../api/object.ts';

export interface ListenerContribution {
  name: string;
  attachedRoutes: number;
  supportedKinds: RouteGroupKind[];
  /** Accepted, ResolvedRefs, Conflicted. */
  conditions: ConditionContribution[];
  /** Why it cannot be programmed; undefined where it is for the proxies to take. */
  unprogrammable: { reason: 'Invalid' | 'PortUnavailable'; message: string } | undefined;
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
  fingerprint: string;
}

export type StatusContribution = GatewayContribution | RouteContribution;
