/** Kinds and versions that users still write and that no longer exist, or belong elsewhere. Source: Gateway API's release notes. */

const gateway = 'gateway.networking.k8s.io';

export interface FormerKind {
  group: string;
  kind: string;
  /** What to write instead, as a sentence. */
  instead: string;
}

/** Kinds that are gone in every version. */
export const formerKinds: readonly FormerKind[] = [
  { group: gateway, kind: 'ReferencePolicy', instead: `it became ReferenceGrant in ${gateway}/v1` },
  { group: gateway, kind: 'BackendPolicy', instead: `it became BackendTLSPolicy in ${gateway}/v1` },
  { group: 'gateway.networking.x-k8s.io', kind: 'XListenerSet', instead: `it became ListenerSet in ${gateway}/v1` },
  {
    group: 'networking.k8s.io',
    kind: 'Ingress',
    instead: `Sluice reads Gateway and HTTPRoute of ${gateway}/v1 in its place`,
  },
  {
    group: 'networking.k8s.io',
    kind: 'IngressClass',
    instead: `Sluice reads GatewayClass of ${gateway}/v1 in its place`,
  },
  { group: '', kind: 'Endpoints', instead: 'Sluice reads EndpointSlice of discovery.k8s.io/v1 in its place' },
];

/** Groups that were renamed. */
export const formerGroups: ReadonlyMap<string, string> = new Map([
  ['networking.x-k8s.io', gateway],
  ['x-k8s.io', gateway],
]);

/** Versions of Gateway API's kinds that were served once. What is in the definitions is not repeated here. */
export const formerVersions: ReadonlyMap<string, readonly string[]> = new Map([
  ['GatewayClass', ['v1alpha1', 'v1alpha2']],
  ['Gateway', ['v1alpha1', 'v1alpha2']],
  ['HTTPRoute', ['v1alpha1', 'v1alpha2']],
  ['GRPCRoute', ['v1alpha2']],
  ['TCPRoute', ['v1alpha1']],
  ['UDPRoute', ['v1alpha1']],
  ['TLSRoute', ['v1alpha1']],
  ['ReferenceGrant', ['v1alpha2']],
  ['BackendTLSPolicy', ['v1alpha2']],
]);
