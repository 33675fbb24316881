/** The status of a policy: what is to be said of it for each Gateway that it acts on. Source: Gateway API, PolicyStatus. */
import type { ConditionContribution } from '../../api/object.ts';
import type { Index, Reader } from '../incremental/index.ts';
import type { PolicyContribution } from '../status/contribution.ts';
import { targetsAccepted, type PolicyPlan, type PolicyTarget } from './precedence.ts';
import { gatewayAncestor, reachingGateways, type RouteReach } from './reach.ts';

export interface PolicyStatusCollections<Plan> {
  policiesByTarget: Index<Plan>;
  /** The routes that name a backend, by `targetKey`. */
  reachByBackend: Index<RouteReach>;
}

/**
 * @param missing what a target lacks, as a sentence; undefined where it is there
 * @param own the condition Accepted where the policy is wrong in itself, and the conditions besides it
 * @returns undefined where no Gateway leads to any of its targets: the policy is of no concern here
 */
export function policyContribution<Plan extends PolicyPlan>(
  kind: PolicyContribution['kind'],
  reader: Reader,
  collections: PolicyStatusCollections<Plan>,
  plan: Plan,
  missing: (target: PolicyTarget) => string | undefined,
  own: { refused: ConditionContribution | undefined; others: ConditionContribution[] },
): PolicyContribution | undefined {
  const reached = plan.targets.map((target) => ({
    target,
    gateways: reachingGateways(reader.group(collections.reachByBackend, target.key)),
  }));
  const gateways = [...new Set(reached.flatMap((entry) => entry.gateways))].toSorted();
  if (gateways.length === 0) return undefined;
  const ancestors = gateways.map((gateway) => {
    const targets = reached.filter((entry) => entry.gateways.includes(gateway)).map(({ target }) => target);
    const accepted = targetsAccepted(reader, collections.policiesByTarget, plan, targets, missing) ??
      own.refused ?? { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'Policy is accepted' };
    return { ancestorRef: gatewayAncestor(gateway), conditions: [accepted, ...own.others] };
  });
  return { kind, key: plan.key, generation: plan.generation, ancestors, fingerprint: '' };
}
