/**
 * How traffic to a backend is handled, as XBackendTrafficPolicies ask for it.
 * Source: Gateway API, apisx/v1alpha1, BackendTrafficPolicySpec; GEP-3388.
 */
import type { SessionPersistence, XBackendTrafficPolicy } from '../../api/gateway/index.ts';
import { objectKey, type ConditionContribution } from '../../api/object.ts';
import { parseDuration } from '../encoding/index.ts';
import { UnusableFilter } from '../httpRoute/headers.ts';
import { planSession } from '../httpRoute/sessionPersistence.ts';
import { policySeniority, targetKey, type PolicyPlan } from '../policy/index.ts';

/** How many of the requests to a backend may be retries. */
export interface RetryBudget {
  /** Of the requests of the interval, in percent. */
  percent: number;
  /** In milliseconds. */
  interval: number;
  /** As many retries may be under way at once whatever the percentage is. */
  minimum: number;
}

export interface BackendTrafficPolicyPlan extends PolicyPlan {
  retryBudget: RetryBudget | undefined;
  sessionPersistence: SessionPersistence | undefined;
  /** The condition Accepted where the policy is wrong in itself; undefined where it is not. */
  refused: ConditionContribution | undefined;
}

export function planBackendTrafficPolicy(policy: XBackendTrafficPolicy): BackendTrafficPolicyPlan {
  const namespace = policy.metadata.namespace ?? '';
  const { targetRefs, retryConstraint, sessionPersistence } = policy.spec;
  const faults: string[] = [];
  const milliseconds = (text: string, field: string): number => {
    const value = parseDuration(text);
    if (value !== undefined && value > 0) return value;
    faults.push(`${field} "${text}" is not a duration such as 500ms or 1m30s`);
    return 1000;
  };
  let retryBudget: RetryBudget | undefined;
  if (retryConstraint !== undefined) {
    const { percent = 20, interval = '10s' } = retryConstraint.budget ?? {};
    const { count = 10, interval: unit = '1s' } = retryConstraint.minRetryRate ?? {};
    // A proxy counts retries under way, not those of an interval: as many as begin in a second are taken to be under way.
    const perSecond = (count * 1000) / milliseconds(unit, 'retryConstraint.minRetryRate.interval');
    retryBudget = {
      percent,
      interval: milliseconds(interval, 'retryConstraint.budget.interval'),
      minimum: Math.max(1, Math.ceil(perSecond)),
    };
  }
  if (sessionPersistence !== undefined) {
    try {
      planSession(sessionPersistence, '');
    } catch (error) {
      if (!(error instanceof UnusableFilter)) throw error;
      faults.push(`sessionPersistence cannot be: ${error.message}`);
    }
  }
  const message = faults.join('; ');
  return {
    key: objectKey(policy),
    generation: policy.metadata.generation,
    seniority: policySeniority(policy.metadata),
    targets: targetRefs.map(({ group, kind, name }) => ({
      key: targetKey(group, kind, namespace, name),
      sectionName: undefined,
    })),
    retryBudget: faults.length === 0 ? retryBudget : undefined,
    sessionPersistence: faults.length === 0 ? sessionPersistence : undefined,
    refused: faults.length === 0 ? undefined : { type: 'Accepted', status: 'False', reason: 'Invalid', message },
  };
}
