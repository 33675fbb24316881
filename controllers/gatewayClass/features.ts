/**
 * What Sluice supports of Gateway API, in the words of its conformance suite, and what each feature needs of the definitions
 * that are installed.
 * Source: sigs.k8s.io/gateway-api v1.6.3, pkg/features; which field is in which channel: config/crd there.
 */
import type { Bundle } from './bundle.ts';

/** The kinds of Gateway API that features rest on. */
export type FeatureKind =
  | 'BackendTLSPolicy'
  | 'GRPCRoute'
  | 'Gateway'
  | 'HTTPRoute'
  | 'ListenerSet'
  | 'ReferenceGrant'
  | 'TCPRoute'
  | 'TLSRoute'
  | 'UDPRoute';

export interface Feature {
  name: string;
  /** The kinds whose definitions it needs. */
  needs: readonly [FeatureKind, ...FeatureKind[]];
  /** Set where the fields are only in the experimental channel of the first of these kinds. */
  channel?: 'experimental';
  /** The minor version of Gateway API 1 since which the standard channel has the fields; the experimental channel had them before. */
  since?: number;
}

/** In alphabetical order, as the specification asks for; one line each. */
export const features: readonly Feature[] = [
  { name: 'BackendTLSPolicy', needs: ['BackendTLSPolicy'] },
  { name: 'BackendTLSPolicySANValidation', needs: ['BackendTLSPolicy'] },
  { name: 'GRPCRoute', needs: ['GRPCRoute'] },
  { name: 'GRPCRouteNamedRouteRule', needs: ['GRPCRoute'], since: 4 },
  { name: 'Gateway', needs: ['Gateway'] },
  { name: 'GatewayAddressEmpty', needs: ['Gateway'] },
  { name: 'GatewayBackendClientCertificate', needs: ['Gateway', 'BackendTLSPolicy'], since: 5 },
  { name: 'GatewayFrontendClientCertificateValidation', needs: ['Gateway'], since: 5 },
  { name: 'GatewayFrontendClientCertificateValidationInsecureFallback', needs: ['Gateway'], since: 5 },
  { name: 'GatewayHTTPListenerIsolation', needs: ['Gateway'] },
  { name: 'GatewayHTTPSListenerDetectMisdirectedRequests', needs: ['Gateway'] },
  { name: 'GatewayInfrastructure', needs: ['Gateway'] },
  { name: 'GatewayPort8080', needs: ['Gateway'] },
  { name: 'GatewayStaticAddresses', needs: ['Gateway'] },
  { name: 'HTTPRoute', needs: ['HTTPRoute'] },
  { name: 'HTTPRoute303RedirectStatusCode', needs: ['HTTPRoute'], since: 5 },
  { name: 'HTTPRoute307RedirectStatusCode', needs: ['HTTPRoute'], since: 5 },
  { name: 'HTTPRoute308RedirectStatusCode', needs: ['HTTPRoute'], since: 5 },
  { name: 'HTTPRouteBackendProtocolH2C', needs: ['HTTPRoute'] },
  { name: 'HTTPRouteBackendProtocolWebSocket', needs: ['HTTPRoute'] },
  { name: 'HTTPRouteBackendRequestHeaderModification', needs: ['HTTPRoute'] },
  { name: 'HTTPRouteBackendTimeout', needs: ['HTTPRoute'] },
  { name: 'HTTPRouteCORS', needs: ['HTTPRoute'], since: 5 },
  { name: 'HTTPRouteDestinationPortMatching', needs: ['HTTPRoute'] },
  { name: 'HTTPRouteHostRewrite', needs: ['HTTPRoute'] },
  { name: 'HTTPRouteMethodMatching', needs: ['HTTPRoute'] },
  { name: 'HTTPRouteNamedRouteRule', needs: ['HTTPRoute'], since: 4 },
  { name: 'HTTPRouteParentRefPort', needs: ['HTTPRoute'] },
  { name: 'HTTPRoutePathRedirect', needs: ['HTTPRoute'] },
  { name: 'HTTPRoutePathRewrite', needs: ['HTTPRoute'] },
  { name: 'HTTPRoutePortRedirect', needs: ['HTTPRoute'] },
  { name: 'HTTPRouteQueryParamMatching', needs: ['HTTPRoute'] },
  { name: 'HTTPRouteRequestMirror', needs: ['HTTPRoute'] },
  { name: 'HTTPRouteRequestMultipleMirrors', needs: ['HTTPRoute'] },
  { name: 'HTTPRouteRequestPercentageMirror', needs: ['HTTPRoute'], since: 3 },
  { name: 'HTTPRouteRequestTimeout', needs: ['HTTPRoute'] },
  { name: 'HTTPRouteResponseHeaderModification', needs: ['HTTPRoute'] },
  { name: 'HTTPRouteRetry', needs: ['HTTPRoute'], channel: 'experimental' },
  { name: 'HTTPRouteRetryBackendTimeout', needs: ['HTTPRoute'], channel: 'experimental' },
  { name: 'HTTPRouteRetryConnectionError', needs: ['HTTPRoute'], channel: 'experimental' },
  { name: 'HTTPRouteSchemeRedirect', needs: ['HTTPRoute'] },
  { name: 'ListenerSet', needs: ['ListenerSet'] },
  { name: 'ReferenceGrant', needs: ['ReferenceGrant'] },
  { name: 'TCPRoute', needs: ['TCPRoute'] },
  { name: 'TLSRoute', needs: ['TLSRoute'] },
  { name: 'TLSRouteModeMixed', needs: ['TLSRoute'] },
  { name: 'TLSRouteModeTerminate', needs: ['TLSRoute'] },
  { name: 'UDPRoute', needs: ['UDPRoute'] },
];

/** What is installed: of each kind, as far as the API server serves it in a version that Sluice reads. */
export type InstalledKinds = ReadonlyMap<string, Bundle>;

/** Why a feature is off, in words that go on "because …"; undefined where it is on. */
export function missingFor(feature: Feature, installed: InstalledKinds): string | undefined {
  for (const kind of feature.needs) if (!installed.has(kind)) return `${kind} is not served`;
  const [kind] = feature.needs;
  const bundle = installed.get(kind);
  if (bundle === undefined || bundle.channel === 'experimental') return undefined;
  if (feature.channel === 'experimental') return `${kind} is of the ${bundle.channel} channel`;
  if (feature.since !== undefined && minorOf(bundle.version) < feature.since)
    return `${kind} is of the ${bundle.channel} channel of ${bundle.version}, older than v1.${feature.since}`;
  return undefined;
}

/** The names of the features that are on, in alphabetical order. */
export function supportedFeatures(installed: InstalledKinds): string[] {
  return features.filter((feature) => missingFor(feature, installed) === undefined).map(({ name }) => name);
}

/** A version that cannot be read counts as new: the definitions are what counts, and they may be built from a branch. */
function minorOf(version: string): number {
  const [, minor] = /^v1\.(\d+)\./.exec(version) ?? [];
  return minor === undefined ? Number.POSITIVE_INFINITY : Number(minor);
}
