/** One HTTPRoute as a whole: what it serves wherever it is attached, and the conditions that follow from its own text. */
import { gatewayGroup, type HTTPRoute } from '../../api/gateway/index.ts';
import { objectKey, type ConditionContribution } from '../../api/object.ts';
import { resolveBackend, resolvedRefs, sentence, type BackendCollections } from '../backend/index.ts';
import type { Reader } from '../incremental/index.ts';
import type { Quarantine } from '../sources.ts';
import type { ListenerContext } from './rewrite.ts';
import { translateRule, type RankedRoute } from './rule.ts';

export interface TranslatedRoute {
  /** Order among routes that are equally specific: older first, then by name. */
  seniority: string;
  routes: (listener: ListenerContext) => RankedRoute[];
  clusters: readonly string[];
  /** Why no rule of it can be served; undefined where at least one can. */
  unusable: string | undefined;
  /** Conditions on the route itself: ResolvedRefs, and PartiallyInvalid where it applies. */
  conditions: readonly ConditionContribution[];
}

export function translateRoute(
  reader: Reader,
  collections: BackendCollections,
  route: HTTPRoute,
  quarantine: Quarantine | undefined,
): TranslatedRoute {
  const key = objectKey(route);
  const seniority = `${route.metadata.creationTimestamp ?? ''} ${key}`;
  if (quarantine !== undefined && quarantine.generation === route.metadata.generation) {
    const unusable = `The proxies refuse what this route becomes: ${quarantine.message}`;
    return { seniority, routes: () => [], clusters: [], unusable, conditions: [resolvedRefs([])] };
  }
  const from = { group: gatewayGroup, kind: 'HTTPRoute', namespace: route.metadata.namespace ?? '' };
  const rules = (route.spec.rules ?? [{}]).map((rule, index) =>
    translateRule(key, rule, index, (reference) => resolveBackend(reader, collections, reference, from)),
  );
  const faults = rules.flatMap(({ fault }) => fault ?? []);
  const conditions = [resolvedRefs(rules.flatMap(({ unresolved }) => unresolved))];
  const unusable = faults.length === rules.length && faults.length > 0 ? sentence(faults) : undefined;
  if (unusable === undefined && faults.length > 0) {
    const message = `Dropped Rule: ${sentence(faults)}`;
    conditions.push({ type: 'PartiallyInvalid', status: 'True', reason: 'UnsupportedValue', message });
  }
  const memory = new Map<string, RankedRoute[]>();
  const dependsOnListener = rules.some((rule) => rule.dependsOnListener);
  const routes = (listener: ListenerContext): RankedRoute[] => {
    const context = dependsOnListener ? `${listener.scheme}:${listener.port}` : '';
    let made = memory.get(context);
    if (made === undefined) memory.set(context, (made = rules.flatMap((rule) => rule.routes(listener))));
    return made;
  };
  return { seniority, routes, clusters: [...new Set(rules.flatMap((rule) => rule.clusters))], unusable, conditions };
}
