/** What an Envoy is still busy with, read from its admin interface. Source: Envoy docs, "Administration interface", `GET /stats`. */

/** Counts over all listeners that serve callers: those of the proxy itself (admin, metrics, readiness) are left out. */
export interface Traffic {
  /** Open connections. */
  connections: number;
  /** Requests and upgraded streams that are not answered to the end. */
  requests: number;
  /** Connections of TCP and TLS routes: what goes through them is not looked into, so that none can be taken for idle. */
  streams: number;
  /** Requests that ever came. */
  requestsTotal: number;
}

/** The statistics that {@link readTraffic} needs, as the value of `filter` in a request to `/stats`. */
export const trafficFilter = '^(listener\\..*downstream_cx_active|http\\..*downstream_(cx_active|rq_active|rq_total))$';

const ownPorts = [19000, 19001, 19003];
const ownNames = new Set(['admin', 'metrics', 'readiness']);

/** Sums up the answer to `GET /stats?format=json`. Throws where it is not that. */
export function readTraffic(answer: unknown): Traffic {
  const traffic: Traffic = { connections: 0, requests: 0, streams: 0, requestsTotal: 0 };
  for (const { name, value } of statistics(answer)) {
    const [, kind, of, counter] =
      /^(listener|http)\.(.+)\.(downstream_cx_active|downstream_rq_active|downstream_rq_total)$/.exec(name) ?? [];
    if (kind === undefined || of === undefined) continue;
    // Each thread counts once more under its own name.
    if (kind === 'listener' && /\.(worker_\d+|main_thread)$/.test(of)) continue;
    // Envoy counts the connections of listeners and, of these, those that speak HTTP: the others are streams.
    if (counter === 'downstream_cx_active') traffic.streams += kind === 'listener' ? value : -value;
    if (isOwn(of)) continue;
    if (kind === 'listener' && counter === 'downstream_cx_active') traffic.connections += value;
    if (kind === 'http' && counter === 'downstream_rq_active') traffic.requests += value;
    if (kind === 'http' && counter === 'downstream_rq_total') traffic.requestsTotal += value;
  }
  // The two counts are not taken at one moment.
  return { ...traffic, streams: Math.max(0, traffic.streams) };
}

function isOwn(name: string): boolean {
  return ownNames.has(name.split('.')[0] ?? '') || ownPorts.some((port) => name.endsWith(`_${port}`));
}

function* statistics(answer: unknown): Iterable<{ name: string; value: number }> {
  if (typeof answer !== 'object' || answer === null || !('stats' in answer) || !Array.isArray(answer.stats)) {
    throw new Error('Envoy answered /stats with something that is not its JSON form.');
  }
  const list: unknown[] = answer.stats;
  for (const entry of list) {
    if (typeof entry !== 'object' || entry === null || !('name' in entry) || !('value' in entry)) continue;
    if (typeof entry.name === 'string' && typeof entry.value === 'number')
      yield { name: entry.name, value: entry.value };
  }
}
