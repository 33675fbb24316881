/** One in-process control plane: a translation, what it publishes, and what the proxies say to it. */
export { bootstrapFiles, type BootstrapOptions, type DiscoveryEndpoint } from './bootstrap.ts';
export { CertificateFeed } from './certificateFeed.ts';
export { ControlPlane, type ControlPlaneOptions } from './controlPlane.ts';
export type {
  BackendReport,
  GatewayReport,
  ListenerReport,
  ListenerSetReport,
  PolicyReport,
  RouteReport,
  StatusReport,
} from './report.ts';
export { Scheduler } from './scheduler.ts';
