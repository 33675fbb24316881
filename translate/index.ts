export { readCertificate, type CertificateData, type CertificateSource } from './certificate/index.ts';
export { readinessListenerName, readinessPath, type Binding } from './envoy/index.ts';
export { parentGateway } from './gateway/index.ts';
export { clusterName } from './backend/index.ts';
export type { Quarantine, SourceChange, SourceKind, SourceKinds } from './sources.ts';
export type {
  GatewayContribution,
  ListenerContribution,
  ResourceReference,
  RouteContribution,
  RouteParentContribution,
  StatusContribution,
} from './status/index.ts';
export { sourceChange, Translator, type TranslationOutput, type TranslatorOptions } from './translator.ts';
