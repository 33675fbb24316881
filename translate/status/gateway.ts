/** The status of a Gateway as far as the translation knows it. Source: Gateway API, GatewayStatus and ListenerStatus. */
import type { ConditionContribution } from '../../api/object.ts';
import { listenerName, secretName } from '../envoy/index.ts';
import { listenerId, type GatewayPlan, type ListenerPlan, type PortPlan } from '../gateway/index.ts';
import type { GatewayContribution, ListenerContribution } from './contribution.ts';

/**
 * @param ports what became of each port of the Gateway
 * @param attachedRoutes the number of routes attached to a listener, by its id
 * @param fingerprint of the resources that proxies need for it
 */
export function gatewayContribution(
  plan: GatewayPlan,
  generation: number | undefined,
  ports: (port: number) => PortPlan | undefined,
  attachedRoutes: (listenerId: string) => number,
  fingerprint: string,
): GatewayContribution {
  const listeners = plan.listeners.map((listener) => {
    const conflict = ports(listener.port)?.conflicts[listenerId(listener)];
    return listenerContribution(listener, conflict, attachedRoutes(listenerId(listener)));
  });
  return { kind: 'Gateway', key: plan.key, generation, conditions: [accepted(listeners)], listeners, fingerprint };
}

function accepted(listeners: readonly ListenerContribution[]): ConditionContribution {
  const type = 'Accepted';
  const invalid = listeners.filter(({ conditions }) =>
    conditions.some((c) => c.type === 'Accepted' && c.status === 'False'),
  );
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

function listenerContribution(
  listener: ListenerPlan,
  conflict: PortPlan['conflicts'][string] | undefined,
  attachedRoutes: number,
): ListenerContribution {
  const refused = listener.refused ?? conflict;
  const conditions: ConditionContribution[] = [
    refused === undefined
      ? { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'Listener is accepted' }
      : { type: 'Accepted', status: 'False', ...refused },
    listener.resolvedRefs,
    conflict === undefined
      ? { type: 'Conflicted', status: 'False', reason: 'NoConflicts', message: 'No other listener stands in its way' }
      : { type: 'Conflicted', status: 'True', ...conflict },
  ];
  const why = refused?.message ?? listener.unservable;
  return {
    name: listener.name,
    attachedRoutes,
    supportedKinds: listener.kinds,
    conditions,
    unprogrammable: why === undefined ? undefined : { reason: 'Invalid', message: why },
    resources: [
      { type: 'listener', name: listenerName(listener.port) },
      ...listener.secrets.map((key) => ({ type: 'secret' as const, name: secretName(key) })),
    ],
  };
}
