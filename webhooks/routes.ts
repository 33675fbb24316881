/** Judges routes of all kinds. */
import { keyOf, objectKey, type ConditionContribution } from '../api/object.ts';
import { isOurs } from '../controllers/topology.ts';
import { parentOf, type AnyRoute, type RouteKind } from '../translate/index.ts';
import { admitted, type Verdict } from './admissionReview.ts';
import { dryRunRoute, gatewaysOf } from './dryRun.ts';
import { sameMatches } from './sameMatches.ts';
import type { Surroundings } from './surroundings.ts';

/** What of a route is denied is what no other object can ever make right; all else is a warning, because GitOps applies in any order. */
export function judgeRoute(kind: RouteKind, route: AnyRoute, surroundings: Surroundings): Verdict {
  const gateways = gatewaysOf(route, surroundings);
  const ours = gateways.filter((key) => {
    const gateway = surroundings.gateways.get(key);
    return gateway !== undefined && isOurs(surroundings.gatewayClasses.get(gateway.spec.gatewayClassName));
  });
  // Of routes that are another controller's alone there is nothing to say.
  if (gateways.length > 0 && ours.length === 0 && gateways.every((key) => surroundings.gateways.get(key) !== undefined))
    return admitted;
  const { own, parents } = dryRunRoute(kind, route, surroundings, ours);
  // What status calls a dropped rule is not dropped here: nothing of the route is let in.
  const denial = own.find(isFinal)?.message.replace(/^Dropped Rule: /, '');
  const warnings = [
    ...missingParents(route, surroundings),
    ...[...own.filter(({ type }) => type === 'ResolvedRefs'), ...parents]
      .filter((condition) => condition.status === 'False' && !isFinal(condition))
      .map(({ message }) => message),
    ...sameMatches(kind, route, surroundings),
  ];
  return { ...(denial === undefined ? {} : { denial }), warnings: [...new Set(warnings)] };
}

function isFinal({ type, status, reason }: ConditionContribution): boolean {
  if (reason !== 'UnsupportedValue' && reason !== 'IncompatibleFilters') return false;
  return (type === 'Accepted' && status === 'False') || (type === 'PartiallyInvalid' && status === 'True');
}

function missingParents(route: AnyRoute, { gateways, listenerSets }: Surroundings): string[] {
  return (route.spec.parentRefs ?? []).flatMap((reference) => {
    const parent = parentOf(reference, route.metadata.namespace ?? '');
    if (parent === undefined) return [];
    const objects = parent.kind === 'Gateway' ? gateways : listenerSets;
    if (objects.get(parent.key) !== undefined) return [];
    return `${parent.kind} ${parent.key} does not exist: nothing serves the route there until it does`;
  });
}

/** Routes that name a parent, by key. */
export function attachedRoutes(
  { kind, namespace, name }: { kind: 'Gateway' | 'ListenerSet'; namespace: string; name: string },
  surroundings: Surroundings,
): { kind: RouteKind; key: string; namespace: string }[] {
  const wanted = keyOf(namespace, name);
  return (Object.keys(surroundings.routes) as RouteKind[]).flatMap((routeKind) =>
    [...surroundings.routes[routeKind].list()]
      .filter((route) =>
        (route.spec.parentRefs ?? []).some((reference) => {
          const parent = parentOf(reference, route.metadata.namespace ?? '');
          return parent?.kind === kind && parent.key === wanted;
        }),
      )
      .map((route) => ({ kind: routeKind, key: objectKey(route), namespace: route.metadata.namespace ?? '' })),
  );
}
