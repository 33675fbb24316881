/**
 * What Sluice supports of Gateway API, in the words of its conformance suite, in alphabetical order.
 * Source: sigs.k8s.io/gateway-api v1.6.3, pkg/features.
 */
export const supportedFeatures: readonly string[] = [
  'Gateway',
  'GatewayInfrastructure',
  'GatewayPort8080',
  'HTTPRoute',
  'HTTPRouteBackendRequestHeaderModification',
  'HTTPRouteBackendTimeout',
  'HTTPRouteHostRewrite',
  'HTTPRouteMethodMatching',
  'HTTPRouteParentRefPort',
  'HTTPRoutePathRedirect',
  'HTTPRoutePathRewrite',
  'HTTPRoutePortRedirect',
  'HTTPRouteQueryParamMatching',
  'HTTPRouteRequestMirror',
  'HTTPRouteRequestMultipleMirrors',
  'HTTPRouteRequestTimeout',
  'HTTPRouteResponseHeaderModification',
  'HTTPRouteSchemeRedirect',
  'ReferenceGrant',
];
