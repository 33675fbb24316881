/** What is said of policies and of XBackends. */
import { isDeepStrictEqual } from 'node:util';
import { backendContribution, missingTarget } from '../backend/index.ts';
import { acceptedParents } from '../gateway/index.ts';
import type { Graph, Reader } from '../incremental/index.ts';
import { backendsOf, policyContribution, type PolicyTarget, type RouteReach } from '../policy/index.ts';
import type { StatusContribution } from '../status/index.ts';
import type { BackendStage } from './backends.ts';
import type { RouteStage } from './routes.ts';
import type { Sources } from './sources.ts';

export function derivePolicyStatuses(graph: Graph, sources: Sources, stage: BackendStage, { acceptances }: RouteStage) {
  const { backends, xBackends, tlsPolicies, tlsPoliciesByTarget, trafficPolicies, trafficPoliciesByTarget } = stage;
  const reaches = graph.derive(
    'reaches',
    acceptances,
    [sources.Route],
    (reader, parents, id): RouteReach | undefined => {
      const route = reader.get(sources.Route, id);
      const reached = acceptedParents(parents).map(({ gateway }) => gateway);
      if (route === undefined || reached.length === 0) return undefined;
      return { gateways: [...new Set(reached)].toSorted(), backends: backendsOf(route) };
    },
    { equals: isDeepStrictEqual },
  );
  const reachByBackend = reaches.index('by backend', (reach) => reach.backends);
  const absent = (reader: Reader, target: PolicyTarget): string | undefined => missingTarget(reader, backends, target);
  const tlsPolicyStatuses = graph.derive(
    'tlsPolicyStatuses',
    tlsPolicies,
    [tlsPoliciesByTarget, reachByBackend, sources.Service, sources.ServiceImport, xBackends],
    (reader, plan): StatusContribution | undefined =>
      policyContribution(
        'BackendTLSPolicy',
        reader,
        { policiesByTarget: tlsPoliciesByTarget, reachByBackend },
        plan,
        (target) => absent(reader, target),
        { refused: plan.refused, others: [plan.resolvedRefs] },
      ),
    { equals: isDeepStrictEqual },
  );
  const trafficPolicyStatuses = graph.derive(
    'trafficPolicyStatuses',
    trafficPolicies,
    [trafficPoliciesByTarget, reachByBackend, sources.Service, sources.ServiceImport, xBackends],
    (reader, plan): StatusContribution | undefined =>
      policyContribution(
        'XBackendTrafficPolicy',
        reader,
        { policiesByTarget: trafficPoliciesByTarget, reachByBackend },
        plan,
        (target) => absent(reader, target),
        { refused: plan.refused, others: [] },
      ),
    { equals: isDeepStrictEqual },
  );
  const backendStatuses = graph.derive(
    'backendStatuses',
    xBackends,
    [reachByBackend],
    (reader, plan): StatusContribution | undefined => backendContribution(reader, reachByBackend, plan),
    { equals: isDeepStrictEqual },
  );
  return { tlsPolicyStatuses, trafficPolicyStatuses, backendStatuses };
}
