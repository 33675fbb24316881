/** One HTTPRoute or GRPCRoute as a whole: what it serves wherever it is attached, and the conditions that follow from its own text. */
import { gatewayGroup, type GRPCRoute, type HTTPRoute } from '../../api/gateway/index.ts';
import { objectKey, type ConditionContribution } from '../../api/object.ts';
import { resolveBackend, resolvedRefs, sentence, type BackendCollections } from '../backend/index.ts';
import type { Reader } from '../incremental/index.ts';
import type { Quarantine } from '../sources.ts';
import { translateMatch } from './match.ts';
import type { ListenerContext } from './rewrite.ts';
import { translateRule, withoutOthers, type RankedRoute, type TranslatedRule } from './rule.ts';

export interface TranslatedRoute {
  /** Order among routes that are equally specific: older first, then by name. */
  seniority: string;
  routes: (listener: ListenerContext) => RankedRoute[];
  clusters: readonly string[];
  /** Why no rule of it can be served; undefined where at least one can. */
  unusable: string | undefined;
  /** In the specification's words, where it is not `UnsupportedValue`. */
  unusableReason?: 'IncompatibleFilters';
  /** Conditions on the route itself: ResolvedRefs, and PartiallyInvalid where it applies. */
  conditions: readonly ConditionContribution[];
  /** What is wrong with each rule, by its position: for whoever explains it. */
  findings: readonly RuleFinding[];
}

/** What keeps a rule from being served as it is written. */
export type RuleFinding = Pick<TranslatedRule, 'fault' | 'unresolved'>;

export function translateRoute(
  reader: Reader,
  collections: BackendCollections,
  route: HTTPRoute,
  quarantine: Quarantine | undefined,
): TranslatedRoute {
  const key = objectKey(route);
  const from = { group: gatewayGroup, kind: 'HTTPRoute', namespace: route.metadata.namespace ?? '' };
  return joinRules(route, quarantine, () =>
    (route.spec.rules ?? [{}]).map((rule, index) =>
      translateRule(key, rule, index, (reference, use) => resolveBackend(reader, collections, reference, from, use), {
        matches: () => ((rule.matches ?? []).length === 0 ? [{}] : rule.matches!).map(translateMatch),
        invalidBackendStatus: 500,
      }),
    ),
  );
}

/** A route of either kind from its rules, which are translated only where the route is not left out. */
export function joinRules(
  route: HTTPRoute | GRPCRoute,
  quarantine: Quarantine | undefined,
  translateRules: () => TranslatedRule[],
): TranslatedRoute {
  const seniority = `${route.metadata.creationTimestamp ?? ''} ${objectKey(route)}`;
  if (quarantine !== undefined && quarantine.generation === route.metadata.generation) {
    const unusable = `The proxies refuse what this route becomes: ${quarantine.message}`;
    return { seniority, routes: () => [], clusters: [], unusable, conditions: [resolvedRefs([])], findings: [] };
  }
  const rules = translateRules();
  const faults = rules.flatMap(({ fault }) => fault ?? []);
  const conditions = [resolvedRefs(rules.flatMap(({ unresolved }) => unresolved))];
  const unusable =
    faults.length === rules.length && faults.length > 0 ? sentence(faults.map(withoutOthers)) : undefined;
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
  const clusters = [...new Set(rules.flatMap((rule) => rule.clusters))];
  const result = { seniority, routes, clusters, unusable, conditions, findings: rules };
  const isIncompatible = unusable !== undefined && rules.every((rule) => rule.isIncompatible === true);
  return isIncompatible ? { ...result, unusableReason: 'IncompatibleFilters' } : result;
}
