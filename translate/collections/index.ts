/** The stages of the translation: each makes collections from those of the stages before it. */
export { deriveBackends } from './backends.ts';
export { deriveClusters } from './clusters.ts';
export { deriveGateways, type GatewayStage } from './gateways.ts';
export { deriveListeners } from './listeners.ts';
export { derivePolicyStatuses } from './policyStatuses.ts';
export { deriveRoutes, type RouteStage } from './routes.ts';
export { indexSources, makeSources, type Sources } from './sources.ts';
export { deriveStatuses } from './statuses.ts';
export { deriveVirtualHosts, virtualHostKey, type VirtualHostStage } from './virtualHosts.ts';
