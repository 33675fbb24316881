export {
  readAuthorityConfigMap,
  readCertificate,
  type CertificateAuthority,
  type CertificateAuthoritySource,
  type CertificateData,
  type CertificateSource,
} from './certificate/index.ts';
export { readinessListenerName, readinessPath, type Binding } from './envoy/index.ts';
export {
  listenerSetGateway,
  parentGateway,
  parentOf,
  tlsOptions,
  wantsDefaultGateways,
  portKey,
} from './gateway/index.ts';
export {
  attachedRoute,
  describeRoute,
  explain,
  reachedBackends,
  statusKey,
  takeSnapshot,
  unservedBecause,
  type AttachedRoute,
  type Explanation,
  type ExplainedBackend,
  type HeaderChange,
  type Question,
  type SeenRequest,
  type ReachedBackend,
  type Snapshot,
} from './explain/index.ts';
export { clusterName } from './backend/index.ts';
export {
  isRouteKind,
  parseRouteId,
  routeId,
  routeKinds,
  sessionTicketKeysName,
  type AnyRoute,
  type Quarantine,
  type RouteKind,
  type RouteKinds,
  type SourceChange,
  type SourceKind,
  type SourceKinds,
} from './sources.ts';
export type {
  BackendContribution,
  GatewayContribution,
  ListenerContribution,
  ListenerSetContribution,
  PolicyContribution,
  ResourceReference,
  RouteContribution,
  RouteParentContribution,
  StatusContribution,
} from './status/index.ts';
export { sourceChange, Translator, type TranslationOutput, type TranslatorOptions } from './translator.ts';
