/** Envoy's clusters, what they get over SDS, and their endpoints. */
import { isDeepStrictEqual } from 'node:util';
import { planCluster } from '../backend/index.ts';
import { sameResource } from '../encoding/index.ts';
import { backendAuthoritiesName, clientCertificateName, cluster, endpoints, secret } from '../envoy/index.ts';
import type { Graph } from '../incremental/index.ts';
import type { StreamCollections } from '../streamRoute/index.ts';
import type { BackendStage } from './backends.ts';
import { trustedBy } from './listeners.ts';
import type { RouteStage } from './routes.ts';
import type { Sources } from './sources.ts';
import type { VirtualHostStage } from './virtualHosts.ts';

export type ClusterStage = ReturnType<typeof deriveClusters>;

export function deriveClusters(
  graph: Graph,
  sources: Sources,
  stage: BackendStage,
  { acceptances }: RouteStage,
  { placements }: VirtualHostStage,
  streamResources: StreamCollections,
  systemAuthorities: string | undefined,
) {
  const { trusted, backends, xBackends, tlsPoliciesByTarget, trafficPoliciesByTarget, addressesOf, addressReads } =
    stage;
  const routeClusters = graph.derive(
    'routeClusters',
    acceptances,
    [placements, streamResources.clusters],
    (reader, _, id) => {
      const placement = reader.get(placements, id);
      return placement === undefined || placement.hosts.size === 0
        ? reader.get(streamResources.clusters, id)
        : placement.clusters;
    },
    { equals: isDeepStrictEqual },
  );
  const routesByCluster = routeClusters.index('by cluster', (names) => names);
  const clusterPlans = graph.deriveKeys(
    'clusterPlans',
    routesByCluster,
    [sources.Service, sources.ServiceImport, xBackends, tlsPoliciesByTarget, trafficPoliciesByTarget],
    (reader, name) => planCluster(reader, { ...backends, trafficPoliciesByTarget }, name),
    { equals: isDeepStrictEqual },
  );
  const clusters = graph.derive('clusters', clusterPlans, [], (_, plan) => cluster(plan, systemAuthorities), {
    equals: sameResource,
  });
  const clientCertificates = graph.deriveKeys(
    'clientCertificates',
    clusterPlans.index('by client certificate', ({ tls }) =>
      tls?.clientCertificate === undefined ? [] : [tls.clientCertificate],
    ),
    [sources.Secret],
    (reader, key) => {
      const certificate = reader.get(sources.Secret, key)?.certificate;
      return certificate === undefined ? undefined : secret(clientCertificateName(key), certificate);
    },
    { equals: sameResource },
  );
  const backendAuthorities = graph.deriveKeys(
    'backendAuthorities',
    clusterPlans.index('by authorities', ({ tls }) =>
      tls === undefined || tls.authorities === 'System' ? [] : [backendAuthoritiesName(tls.authorities)],
    ),
    [sources.ConfigMap, sources.Secret],
    (reader, name) => trustedBy(reader, trusted, name),
    { equals: sameResource },
  );
  const endpointSets = graph.derive(
    'endpoints',
    clusterPlans,
    addressReads,
    (reader, { hostname, blocked }, name) =>
      hostname === undefined && blocked === undefined ? endpoints(name, addressesOf(reader, name)) : undefined,
    { equals: sameResource },
  );
  return { clusters, clientCertificates, backendAuthorities, endpointSets };
}
