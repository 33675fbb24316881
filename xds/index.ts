/** The delta ADS server: what Envoy proxies are to have, delivered in a safe order, and what they said to it. */
export type { ServerCertificate } from './certificateSource.ts';
export { DiscoveryServer } from './discoveryServer.ts';
export type { Authentication, DiscoveryPeer, DiscoveryServerOptions } from './discoveryServer.ts';
export type { DiscoveryMetrics } from './metrics.ts';
export type { ProxyState, Rejection } from './proxyState.ts';
export { ResourceStore } from './resourceStore.ts';
export type { ResourceStoreOptions } from './resourceStore.ts';
