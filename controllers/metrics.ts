/** The operator's own metrics, beside those of the runtime. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { DiscoveryMetrics } from '../xds/index.ts';

/** Counts what the discovery server does. */
export function discoveryMetrics(registry: Registry): DiscoveryMetrics {
  const registers = [registry];
  const pushes = new Counter({
    name: 'sluice_xds_pushes_total',
    help: 'Responses sent to proxies',
    labelNames: ['type'],
    registers,
  });
  const resources = new Counter({
    name: 'sluice_xds_resources_total',
    help: 'Resources in responses sent to proxies, by what was said of them: sent or removed',
    labelNames: ['type', 'change'],
    registers,
  });
  const bytes = new Counter({
    name: 'sluice_xds_sent_bytes_total',
    help: 'Encoded size of responses sent to proxies',
    labelNames: ['type'],
    registers,
  });
  const answers = new Histogram({
    name: 'sluice_xds_answer_seconds',
    help: "Time to a proxy's answer to a response, by the answer: accepted or rejected",
    labelNames: ['type', 'answer'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });
  const connected = new Gauge({
    name: 'sluice_xds_connected_proxies',
    help: 'Proxies that are connected to this replica',
    registers,
  });
  return {
    pushed(type, push) {
      pushes.inc({ type });
      resources.inc({ type, change: 'sent' }, push.resources);
      resources.inc({ type, change: 'removed' }, push.removed);
      bytes.inc({ type }, push.bytes);
    },
    answered(type, { accepted, seconds }) {
      answers.observe({ type, answer: accepted ? 'accepted' : 'rejected' }, seconds);
    },
    connectedProxies(count) {
      connected.set(count);
    },
  };
}

/** Counts writes of status, by kind and result: success, conflict, error. */
export function statusWrites(registry: Registry): Counter<'kind' | 'result'> {
  return new Counter({
    name: 'sluice_status_writes_total',
    help: 'Writes of status, by the kind of object and the result: success, conflict, error',
    labelNames: ['kind', 'result'],
    registers: [registry],
  });
}
