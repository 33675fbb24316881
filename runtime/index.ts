/**
 * What controller-runtime is to Go: client, caches, queues, controllers, leader election, events, probes, metrics.
 * Knows nothing of gateways.
 *
 *     const access = loadClusterAccess();
 *     const registry = new Registry();
 *     const client = new Client({ access, fieldOwner: 'sluice', logger, registry });
 *     const manager = new Manager({
 *       client, logger, registry,
 *       leaderElection: { namespace: 'sluice-system', name: 'sluice-operator' },
 *       health: { port: 8081 }, metrics: { port: 8080 },
 *     });
 *     const gateways = manager.cache(defineResource<Gateway>({
 *       group: 'gateway.networking.k8s.io', version: 'v1', kind: 'Gateway', plural: 'gateways', namespaced: true,
 *     }));
 *     const dataPlanes = manager.cache(dataPlaneResource);
 *     gateways.addIndex('class', (gateway) => [gateway.spec!.gatewayClassName]);
 *     manager.controller({
 *       name: 'gateway', for: gateways, filter: generationChanged, owns: [dataPlanes], concurrency: 4,
 *       watches: [{ cache: classes, map: (gatewayClass) => gateways.byIndex('class', gatewayClass.metadata.name).map(objectKey) }],
 *       async reconcile(key, { signal }) {
 *         const gateway = gateways.get(key);
 *         if (gateway === undefined) return;
 *         await client.apply(dataPlaneResource, dataPlaneOf(gateway), { signal });
 *       },
 *     });
 *     await manager.start();
 *     // … on SIGTERM:
 *     await manager.stop();
 *     await client.close();
 */
export {
  ApiError,
  type ApiErrorDetails,
  type ApiErrorReason,
  type ApiStatus,
  isAlreadyExists,
  isConflict,
  isNamespaceGoing,
  isExpired,
  isNotFound,
  isTransient,
} from './apiError.ts';
export { type BackoffOptions, backoffDelay, sleep } from './backoff.ts';
export { Cache, type CacheOptions, type CacheView, type Change, type ChangeListener } from './cache.ts';
export {
  type ApplyConfiguration,
  type ApplyOptions,
  Client,
  type ClientOptions,
  type DeepPartial,
  type DeleteOptions,
  type DiscoveredResource,
  type JsonPatchOperation,
  type List,
  type ListOptions,
  type RequestOptions,
  type Scale,
  type Selection,
  type WatchEvent,
  type WatchOptions,
  type WriteOptions,
} from './client.ts';
export {
  ClusterAccess,
  KubeconfigError,
  type LoadOptions,
  loadClusterAccess,
  parseKubeconfig,
} from './clusterAccess.ts';
export {
  Controller,
  controller,
  type ControllerOptions,
  generationChanged,
  isShownOtherwise,
  type Reconcile,
  type ReconcileContext,
  type ReconcileResult,
  TerminalError,
  type Watch,
} from './controller.ts';
export { EventRecorder, type EventRecorderOptions, type EventSubject, type EventType } from './eventRecorder.ts';
export { type HealthCheck, HealthChecks, healthHandler } from './health.ts';
export { type EndpointAddress, type EndpointHandler, type EndpointResponse, HttpEndpoint } from './httpEndpoint.ts';
export type { IndexFunction } from './indexedStore.ts';
export { LeaderElection, type LeaderElectionOptions, type Lease, leases } from './leaderElection.ts';
export { type ManagedCacheOptions, Manager, type ManagerOptions, type Runnable } from './manager.ts';
export { type RuntimeMetrics, runtimeMetrics } from './metrics.ts';
export type { ReflectorError, ReflectorTuning } from './reflector.ts';
export { apiVersionOf, defineResource, type ObjectName, type Resource, resourceName, splitKey } from './resource.ts';
export { WorkQueue, type WorkQueueOptions } from './workQueue.ts';
