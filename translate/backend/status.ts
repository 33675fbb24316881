/** The status of an XBackend, for each Gateway whose routes lead to it. Source: Gateway API, apisx/v1alpha1, BackendStatus. */
import type { ConditionContribution } from '../../api/object.ts';
import { experimentalGatewayGroup } from '../../api/gateway/index.ts';
import type { Index, Reader } from '../incremental/index.ts';
import { gatewayAncestor, reachingGateways, targetKey, type RouteReach } from '../policy/index.ts';
import type { BackendContribution } from '../status/contribution.ts';
import type { BackendPlan } from './xBackend.ts';

/** Undefined where no Gateway leads to it. */
export function backendContribution(
  reader: Reader,
  reachByBackend: Index<RouteReach>,
  { key, generation, refused, resolvedRefs }: BackendPlan,
): BackendContribution | undefined {
  const [namespace = '', name = ''] = key.split('/');
  const target = targetKey(experimentalGatewayGroup, 'XBackend', namespace, name);
  const gateways = reachingGateways(reader.group(reachByBackend, target));
  if (gateways.length === 0) return undefined;
  const accepted: ConditionContribution = refused ?? {
    type: 'Accepted',
    status: 'True',
    reason: 'Accepted',
    message: 'Backend is accepted',
  };
  const ancestors = gateways.map((gateway) => ({
    ancestorRef: gatewayAncestor(gateway),
    conditions: [accepted, resolvedRefs],
  }));
  return { kind: 'XBackend', key, generation, ancestors, fingerprint: '' };
}
