/** The status of a Gateway as far as the translation knows it. Source: Gateway API, GatewayStatus. */
import type { ConditionContribution } from '../../api/object.ts';
import type { GatewayPlan } from '../gateway/index.ts';
import type { GatewayContribution, ListenerContribution } from './contribution.ts';
import { isAccepted } from './listener.ts';

/**
 * @param listeners those that are written in the Gateway itself
 * @param attachedListenerSets the number of ListenerSets that are accepted
 * @param fingerprint of the resources that proxies need for it
 */
export function gatewayContribution(
  plan: GatewayPlan,
  generation: number | undefined,
  listeners: ListenerContribution[],
  attachedListenerSets: number,
  fingerprint: string,
): GatewayContribution {
  return {
    kind: 'Gateway',
    key: plan.key,
    generation,
    conditions: [
      accepted(listeners),
      resolvedRefs(plan, listeners),
      ...(plan.insecure === undefined ? [] : [plan.insecure]),
      ...(plan.isDefault ? [defaultGateway] : []),
    ],
    listeners,
    attachedListenerSets,
    fingerprint,
  };
}

/** Source: Gateway API, GEP-3793. */
const defaultGateway: ConditionContribution = {
  type: 'DefaultGateway',
  status: 'True',
  reason: 'DefaultGateway',
  message: 'Routes with useDefaultGateways: All attach to this Gateway, as far as its listeners allow',
};

function accepted(listeners: readonly ListenerContribution[]): ConditionContribution {
  const type = 'Accepted';
  const invalid = listeners.filter((listener) => !isAccepted(listener));
  if (invalid.length === 0) return { type, status: 'True', reason: 'Accepted', message: 'Gateway is accepted' };
  const names = invalid.map(({ name }) => `"${name}"`).join(', ');
  const valid = listeners.filter((listener) => !invalid.includes(listener)).map(({ name }) => `"${name}"`);
  if (valid.length === 0) {
    const message = `No listener can be accepted: see the conditions of ${names}`;
    return { type, status: 'False', reason: 'ListenersNotValid', message };
  }
  const message = `Listeners ${valid.join(', ')} are accepted; ${names} cannot be: see their conditions`;
  return { type, status: 'True', reason: 'ListenersNotValid', message };
}

/** A summary of what the Gateway itself refers to and of its listeners' conditions of this type. */
function resolvedRefs(plan: GatewayPlan, listeners: readonly ListenerContribution[]): ConditionContribution {
  const type = 'ResolvedRefs';
  if (plan.unresolved !== undefined) return { type, status: 'False', ...plan.unresolved };
  const unresolved = listeners.filter(({ conditions }) =>
    conditions.some((condition) => condition.type === type && condition.status === 'False'),
  );
  if (unresolved.length === 0) {
    return { type, status: 'True', reason: 'ResolvedRefs', message: 'All references are resolved' };
  }
  const names = unresolved.map(({ name }) => `"${name}"`).join(', ');
  const message = `References of listeners ${names} lead nowhere: see their conditions`;
  return { type, status: 'False', reason: 'ListenersNotResolved', message };
}
