/** The status of a route as far as the translation knows it. Source: Gateway API, RouteParentStatus. */
import type { ConditionContribution, ObjectKey } from '../../api/object.ts';
import type { ParentAttachment } from '../gateway/index.ts';
import type { RouteKind } from '../sources.ts';
import type { ResourceReference, RouteContribution, RouteParentContribution } from './contribution.ts';

/** Where a route stands for one parent. */
export interface Served {
  /** Whether any listener of the parent to which it is attached is served. */
  byListener: boolean;
  /** The Envoy resources by which proxies serve it; none where it stands nowhere. */
  resources: ResourceReference[];
  /** Who is served in its place everywhere; one sentence. */
  overridden?: string;
}

/** What a route says of itself, whatever its parents. */
export interface RouteVerdict {
  clusters: readonly string[];
  /** ResolvedRefs, and PartiallyInvalid where it applies. */
  conditions: readonly ConditionContribution[];
}

/**
 * @param parents with the last word on whether they accept the route
 * @param verdict undefined where the translation failed
 * @param fingerprint of what the route became
 */
export function routeContribution(
  kind: RouteKind,
  key: ObjectKey,
  generation: number | undefined,
  parents: readonly ParentAttachment[],
  verdict: RouteVerdict | undefined,
  served: (parent: ParentAttachment) => Served,
  fingerprint: string,
): RouteContribution {
  return {
    kind,
    key,
    generation,
    parents: parents.map((parent) => parentContribution(parent, verdict, served(parent))),
    clusters: verdict?.clusters ?? [],
    fingerprint,
  };
}

/** The parents as they accept a route of which is known why it cannot be served at all. */
export function refusedParents(
  parents: readonly ParentAttachment[],
  unusable: string | undefined,
  reason: 'UnsupportedValue' | 'IncompatibleFilters' = 'UnsupportedValue',
): readonly ParentAttachment[] {
  if (unusable === undefined) return parents;
  return parents.map((parent) =>
    parent.accepted.status === 'True'
      ? {
          ...parent,
          accepted: { type: 'Accepted', status: 'False', reason, message: unusable },
          listeners: [],
        }
      : parent,
  );
}

/** What is said of a route whose translation failed. */
export const translationFailed = 'The translation of this route failed: see the log of the operator';

function parentContribution(
  parent: ParentAttachment,
  verdict: RouteVerdict | undefined,
  { byListener, resources, overridden }: Served,
): RouteParentContribution {
  const { parentRef, gateway, accepted } = parent;
  const base = { parentRef, gateway, conditions: [accepted, ...(verdict?.conditions ?? [])] };
  if (accepted.status !== 'True') {
    return { ...base, resources: [], unprogrammable: { reason: 'NotAccepted', message: accepted.message } };
  }
  if (!byListener) {
    const message = `No listener of Gateway ${gateway} that this route is attached to is served: see the conditions of its listeners`;
    return { ...base, resources: [], unprogrammable: { reason: 'ListenerNotProgrammed', message } };
  }
  if (overridden !== undefined) {
    return { ...base, resources: [], unprogrammable: { reason: 'Overridden', message: overridden } };
  }
  if (resources.length === 0) {
    const message = `Every hostname under which this route could be served on Gateway ${gateway} belongs to a listener with a more specific hostname: attach it to that one`;
    return { ...base, resources, unprogrammable: { reason: 'NoHostname', message } };
  }
  return { ...base, resources, unprogrammable: undefined };
}
