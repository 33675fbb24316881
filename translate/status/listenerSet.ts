/** The status of a ListenerSet as far as the translation knows it. Source: Gateway API, ListenerSetStatus. */
import type { ConditionContribution } from '../../api/object.ts';
import type { ListenerSetPlan } from '../gateway/index.ts';
import type { ListenerContribution, ListenerSetContribution } from './contribution.ts';
import { isAccepted } from './listener.ts';

/**
 * @param listeners none where the Gateway does not take the ListenerSet
 * @param fingerprint of the resources that proxies need for it
 */
export function listenerSetContribution(
  plan: ListenerSetPlan,
  generation: number | undefined,
  listeners: ListenerContribution[],
  fingerprint: string,
): ListenerSetContribution {
  const accepted = acceptedCondition(plan, listeners);
  return {
    kind: 'ListenerSet',
    key: plan.owner.key,
    gateway: plan.gateway,
    generation,
    conditions: [accepted],
    listeners,
    unprogrammable: accepted.status === 'True' ? undefined : { reason: accepted.reason, message: accepted.message },
    fingerprint,
  };
}

/** Whether at least one of its listeners can be served. */
export function isListenerSetAccepted(plan: ListenerSetPlan, listeners: readonly ListenerContribution[]): boolean {
  return acceptedCondition(plan, listeners).status === 'True';
}

function acceptedCondition(plan: ListenerSetPlan, listeners: readonly ListenerContribution[]): ConditionContribution {
  const type = 'Accepted';
  if (plan.refused !== undefined) return { type, status: 'False', ...plan.refused };
  // A listener that is accepted and cannot be served, such as one that may not have its certificate, is not valid either.
  const invalid = listeners.filter((listener) => !isAccepted(listener) || listener.unprogrammable !== undefined);
  if (invalid.length === 0) {
    return { type, status: 'True', reason: 'Accepted', message: `ListenerSet is attached to Gateway ${plan.gateway}` };
  }
  const names = invalid.map(({ name }) => `"${name}"`).join(', ');
  return invalid.length === listeners.length
    ? {
        type,
        status: 'False',
        reason: 'ListenersNotValid',
        message: `No listener can be served: see the conditions of ${names}`,
      }
    : {
        type,
        status: 'True',
        reason: 'ListenersNotValid',
        message: `Listeners ${names} cannot be served, the others can: see their conditions`,
      };
}
