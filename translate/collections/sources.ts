/** The collections that are fed from outside, and how what others read of them is filed. */
import { serviceNameLabel } from '../../api/core.ts';
import { multiclusterServiceNameLabel } from '../../api/multicluster.ts';
import { keyOf } from '../../api/object.ts';
import type { Graph } from '../incremental/index.ts';
import type { AnyRoute, SourceKinds } from '../sources.ts';

export type Sources = ReturnType<typeof makeSources>;

/** One source for each kind. */
export function makeSources(graph: Graph) {
  return {
    Gateway: graph.source<SourceKinds['Gateway']>('Gateway'),
    ListenerSet: graph.source<SourceKinds['ListenerSet']>('ListenerSet'),
    /** Routes of all kinds, by `routeId`. */
    Route: graph.source<AnyRoute>('Route'),
    ReferenceGrant: graph.source<SourceKinds['ReferenceGrant']>('ReferenceGrant'),
    Service: graph.source<SourceKinds['Service']>('Service'),
    EndpointSlice: graph.source<SourceKinds['EndpointSlice']>('EndpointSlice'),
    Secret: graph.source<SourceKinds['Secret']>('Secret'),
    ConfigMap: graph.source<SourceKinds['ConfigMap']>('ConfigMap'),
    BackendTLSPolicy: graph.source<SourceKinds['BackendTLSPolicy']>('BackendTLSPolicy'),
    ServiceImport: graph.source<SourceKinds['ServiceImport']>('ServiceImport'),
    XBackend: graph.source<SourceKinds['XBackend']>('XBackend'),
    XBackendTrafficPolicy: graph.source<SourceKinds['XBackendTrafficPolicy']>('XBackendTrafficPolicy'),
    Namespace: graph.source<SourceKinds['Namespace']>('Namespace'),
    SessionTicketKeys: graph.source<SourceKinds['SessionTicketKeys']>('SessionTicketKeys'),
    Quarantine: graph.source<SourceKinds['Quarantine']>('Quarantine'),
  };
}

export type SourceIndexes = ReturnType<typeof indexSources>;

/** Files ReferenceGrants by the namespace that they are in, and EndpointSlices by what they belong to. */
export function indexSources(sources: Sources) {
  const grantsByNamespace = sources.ReferenceGrant.index('by namespace', (grant) => [grant.metadata.namespace ?? '']);
  const slicesByService = sources.EndpointSlice.index('by Service', (slice) => {
    const service = slice.metadata.labels?.[serviceNameLabel];
    return service === undefined ? [] : [keyOf(slice.metadata.namespace ?? '', service)];
  });
  const slicesByServiceImport = sources.EndpointSlice.index('by ServiceImport', (slice) => {
    const service = slice.metadata.labels?.[multiclusterServiceNameLabel];
    return service === undefined ? [] : [keyOf(slice.metadata.namespace ?? '', service)];
  });
  return { grantsByNamespace, slicesByService, slicesByServiceImport };
}
