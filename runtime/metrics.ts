/**
 * Prometheus metrics under the names of controller-runtime and client-go, so that existing dashboards and alerts work.
 * Source: controller-runtime, "pkg/internal/controller/metrics", "pkg/metrics"; client-go, "tools/metrics".
 */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

const workqueueBuckets = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100, 1000];
const reconcileBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** All metrics of this folder. One set per registry: get it with `runtimeMetrics(registry)`. */
export interface RuntimeMetrics {
  reconcileTotal: Counter<'controller' | 'result'>;
  reconcileErrors: Counter<'controller'>;
  terminalReconcileErrors: Counter<'controller'>;
  reconcilePanics: Counter<'controller'>;
  reconcileTime: Histogram<'controller'>;
  maxConcurrentReconciles: Gauge<'controller'>;
  activeWorkers: Gauge<'controller'>;
  workqueueDepth: Gauge<'name'>;
  workqueueAdds: Counter<'name'>;
  workqueueRetries: Counter<'name'>;
  workqueueQueueDuration: Histogram<'name'>;
  workqueueWorkDuration: Histogram<'name'>;
  workqueueUnfinishedWork: Gauge<'name'>;
  workqueueLongestRunning: Gauge<'name'>;
  restClientRequests: Counter<'code' | 'method' | 'host'>;
  restClientDuration: Histogram<'verb' | 'host'>;
  leaderElectionMaster: Gauge<'name'>;
  leaderElectionSlowpath: Counter<'name'>;
  reflectorLists: Counter<'name'>;
  reflectorWatches: Counter<'name'>;
  reflectorShortWatches: Counter<'name'>;
  reflectorErrors: Counter<'name' | 'reason'>;
  eventsDiscarded: Counter<'reason'>;
  /** Called before each scrape of the queues' running-time gauges. */
  onCollect(listener: () => void): () => void;
}

const sets = new WeakMap<Registry, RuntimeMetrics>();

/** The metrics of a registry, made at the first call. */
export function runtimeMetrics(registry: Registry): RuntimeMetrics {
  let set = sets.get(registry);
  if (set === undefined) {
    set = create(registry);
    sets.set(registry, set);
  }
  return set;
}

function create(registry: Registry): RuntimeMetrics {
  const registers = [registry];
  const collectors = new Set<() => void>();
  const counter = <L extends string>(name: string, help: string, labelNames: L[]): Counter<L> =>
    new Counter({ name, help, labelNames, registers });
  const gauge = <L extends string>(name: string, help: string, labelNames: L[], collect?: () => void): Gauge<L> =>
    new Gauge({ name, help, labelNames, registers, ...(collect === undefined ? {} : { collect }) });
  const histogram = <L extends string>(name: string, help: string, labelNames: L[], buckets: number[]): Histogram<L> =>
    new Histogram({ name, help, labelNames, buckets, registers });
  return {
    reconcileTotal: counter(
      'controller_runtime_reconcile_total',
      'Reconciliations per controller and result: success, error, requeue_after',
      ['controller', 'result'],
    ),
    reconcileErrors: counter('controller_runtime_reconcile_errors_total', 'Reconciliations that failed', [
      'controller',
    ]),
    terminalReconcileErrors: counter(
      'controller_runtime_terminal_reconcile_errors_total',
      'Reconciliations that failed and are not retried',
      ['controller'],
    ),
    reconcilePanics: counter(
      'controller_runtime_reconcile_panics_total',
      'Reconciliations that failed by a bug (TypeError, RangeError …)',
      ['controller'],
    ),
    reconcileTime: histogram(
      'controller_runtime_reconcile_time_seconds',
      'Duration of reconciliations',
      ['controller'],
      reconcileBuckets,
    ),
    maxConcurrentReconciles: gauge(
      'controller_runtime_max_concurrent_reconciles',
      'Greatest number of concurrent reconciliations',
      ['controller'],
    ),
    activeWorkers: gauge('controller_runtime_active_workers', 'Reconciliations that run now', ['controller']),
    workqueueDepth: gauge('workqueue_depth', 'Keys that are ready and wait', ['name']),
    workqueueAdds: counter('workqueue_adds_total', 'Keys added', ['name']),
    workqueueRetries: counter('workqueue_retries_total', 'Keys added again after a failure', ['name']),
    workqueueQueueDuration: histogram(
      'workqueue_queue_duration_seconds',
      'How long a key waits before it is handled',
      ['name'],
      workqueueBuckets,
    ),
    workqueueWorkDuration: histogram(
      'workqueue_work_duration_seconds',
      'How long handling a key takes',
      ['name'],
      workqueueBuckets,
    ),
    workqueueUnfinishedWork: gauge(
      'workqueue_unfinished_work_seconds',
      'Running time of all keys in work, summed up',
      ['name'],
      () => {
        for (const collect of collectors) collect();
      },
    ),
    workqueueLongestRunning: gauge(
      'workqueue_longest_running_processor_seconds',
      'Running time of the key that is longest in work',
      ['name'],
    ),
    restClientRequests: counter(
      'rest_client_requests_total',
      'Requests to the API server; code is <error> where no answer came',
      ['code', 'method', 'host'],
    ),
    restClientDuration: histogram(
      'rest_client_request_duration_seconds',
      'Time to the answer of a request to the API server',
      ['verb', 'host'],
      reconcileBuckets,
    ),
    leaderElectionMaster: gauge('leader_election_master_status', '1 where this process holds the lease', ['name']),
    leaderElectionSlowpath: counter('leader_election_slowpath_total', 'Renewals that had to read the lease first', [
      'name',
    ]),
    reflectorLists: counter('reflector_lists_total', 'Lists and streamed lists that caches began', ['name']),
    reflectorWatches: counter('reflector_watches_total', 'Watches that caches began', ['name']),
    reflectorShortWatches: counter('reflector_short_watches_total', 'Watches that ended at once without an event', [
      'name',
    ]),
    reflectorErrors: counter('reflector_errors_total', 'Lists and watches that failed', ['name', 'reason']),
    eventsDiscarded: counter('events_discarded_total', 'Events not written: rate_limited, queue_full, refused', [
      'reason',
    ]),
    onCollect(listener) {
      collectors.add(listener);
      return () => collectors.delete(listener);
    },
  };
}
