/** The status of a listener, of a Gateway or a ListenerSet. Source: Gateway API, ListenerStatus and ListenerEntryStatus. */
import type { ConditionContribution } from '../../api/object.ts';
import { clientAuthoritiesName, listenerName, secretName } from '../envoy/index.ts';
import { listenerId, portKey, type ListenerPlan, type PortPlan } from '../gateway/index.ts';
import type { ListenerContribution } from './contribution.ts';

/**
 * @param port what became of its port
 * @param attachedRoutes the number of routes that are accepted on it
 */
export function listenerContribution(
  listener: ListenerPlan,
  port: PortPlan | undefined,
  attachedRoutes: number,
): ListenerContribution {
  const conflict = port?.conflicts[listenerId(listener)];
  const overlap = port?.overlaps[listenerId(listener)];
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
  if (overlap !== undefined) {
    conditions.push({
      type: 'OverlappingTLSConfig',
      status: 'True',
      reason: 'OverlappingHostnames',
      message: overlap,
    });
  }
  const why = refused?.message ?? listener.unservable;
  // Of a ListenerSet, Programmed says in its reason, too, what stands in the way.
  const reason = listener.owner.kind === 'ListenerSet' && conflict !== undefined ? conflict.reason : 'Invalid';
  return {
    name: listener.name,
    attachedRoutes,
    supportedKinds: listener.kinds,
    conditions,
    unprogrammable: why === undefined ? undefined : { reason, message: why },
    resources: [
      { type: 'listener', name: listenerName(portKey(listener)) },
      ...listener.secrets.map((key) => ({ type: 'secret' as const, name: secretName(key) })),
      ...(listener.clientValidation === undefined
        ? []
        : [{ type: 'secret' as const, name: clientAuthoritiesName(listener.clientValidation.authorities) }]),
    ],
  };
}

export function isAccepted({ conditions }: ListenerContribution): boolean {
  return !conditions.some(({ type, status }) => type === 'Accepted' && status === 'False');
}
