/** Backends and the policies that say how to speak to them. */
import { isDeepStrictEqual } from 'node:util';
import {
  addressKey,
  clusterSetAddresses,
  parseClusterName,
  planXBackend,
  servicePort,
  type BackendCollections,
} from '../backend/index.ts';
import { planBackendTLSPolicy } from '../backendTLSPolicy/index.ts';
import { planBackendTrafficPolicy } from '../backendTrafficPolicy/index.ts';
import { endpointAddresses, type EndpointAddress } from '../envoy/index.ts';
import type { Graph, Reader } from '../incremental/index.ts';
import type { SourceIndexes, Sources } from './sources.ts';

export type BackendStage = ReturnType<typeof deriveBackends>;

/** Plans of policies and XBackends, and the addresses of any backend. */
export function deriveBackends(graph: Graph, sources: Sources, indexes: SourceIndexes) {
  const { grantsByNamespace, slicesByService, slicesByServiceImport } = indexes;
  const trusted = { configMaps: sources.ConfigMap, secrets: sources.Secret, grantsByNamespace };
  const tlsPolicies = graph.derive(
    'tlsPolicies',
    sources.BackendTLSPolicy,
    [sources.ConfigMap, sources.Secret, grantsByNamespace],
    (reader, policy) => planBackendTLSPolicy(reader, trusted, policy),
    { equals: isDeepStrictEqual },
  );
  const tlsPoliciesByTarget = tlsPolicies.index('by target', ({ targets }) => targets.map((target) => target.key));
  const trafficPolicies = graph.derive(
    'trafficPolicies',
    sources.XBackendTrafficPolicy,
    [],
    (_, policy) => planBackendTrafficPolicy(policy),
    { equals: isDeepStrictEqual },
  );
  const trafficPoliciesByTarget = trafficPolicies.index('by target', ({ targets }) =>
    targets.map((target) => target.key),
  );
  const xBackends = graph.derive(
    'xBackends',
    sources.XBackend,
    [sources.ConfigMap, sources.Secret, grantsByNamespace],
    (reader, backend) => planXBackend(reader, trusted, backend),
    { equals: isDeepStrictEqual },
  );
  const backends: BackendCollections = {
    services: sources.Service,
    serviceImports: sources.ServiceImport,
    backends: xBackends,
    grantsByNamespace,
    tlsPoliciesByTarget,
  };
  /** What the resolution of references reads. */
  const referenceReads = [sources.Service, sources.ServiceImport, xBackends, tlsPoliciesByTarget, grantsByNamespace];

  /** The addresses behind a cluster, by its name. */
  const addressesOf = (reader: Reader, name: string): EndpointAddress[] => {
    const address = parseClusterName(name)!;
    const port = servicePort(reader, backends, address);
    const key = addressKey(address);
    const isImport = address.kind === 'ServiceImport';
    const slices = reader.group(isImport ? slicesByServiceImport : slicesByService, key).map(({ value }) => value);
    const spec = isImport ? reader.get(sources.ServiceImport, key)?.spec : reader.get(sources.Service, key)?.spec;
    const found = endpointAddresses(port, spec?.ipFamilies ?? [], slices);
    const virtual =
      isImport && slices.length === 0 ? clusterSetAddresses(reader.get(sources.ServiceImport, key), port) : [];
    return [...found, ...virtual];
  };
  const addressReads = [sources.Service, sources.ServiceImport, slicesByService, slicesByServiceImport];
  return {
    trusted,
    tlsPolicies,
    tlsPoliciesByTarget,
    trafficPolicies,
    trafficPoliciesByTarget,
    xBackends,
    backends,
    referenceReads,
    addressesOf,
    addressReads,
  };
}
