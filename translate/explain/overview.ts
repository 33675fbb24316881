/** Gateways and routes at a glance: what is attached where, under which hostnames it is served, and what is behind it. */
import type { ParentReference } from '../../api/gateway/index.ts';
import type { ConditionContribution, ObjectKey } from '../../api/object.ts';
import { parseClusterName } from '../backend/index.ts';
import { portKey, tableName, type ListenerPlan } from '../gateway/index.ts';
import { isHttpKind, parseRouteId } from '../sources.ts';
import { reference, type ListenerReference } from './explain.ts';
import { statusKey, type Snapshot } from './snapshot.ts';

/** A route at one of its parents. */
export interface AttachedRoute {
  parentRef: ParentReference;
  gateway: ObjectKey;
  /** Those that it is attached to. */
  listeners: ListenerReference[];
  /** Under which it is served on them; `*` for any. */
  hostnames: string[];
  conditions: readonly ConditionContribution[];
  /** Why proxies do not serve it; undefined where they do. */
  unprogrammable: string | undefined;
}

/** A backend of a route. */
export interface ReachedBackend {
  /** `Service default/web`. */
  backend: string;
  port: number | undefined;
  /** How many endpoints take requests; undefined where it is not known. */
  ready: number | undefined;
}

/** What became of a route at each of its parents. */
export function attachedRoute(snapshot: Snapshot, id: string): AttachedRoute[] {
  const { inspection, statuses } = snapshot;
  const { kind, key } = parseRouteId(id);
  const contribution = statuses.get(statusKey(kind, key));
  if (contribution === undefined || !('parents' in contribution)) return [];
  const attachments = inspection.parents.get(id) ?? [];
  return contribution.parents.map(({ parentRef, gateway, conditions, unprogrammable }, index) => {
    const listeners = attachments[index]?.listeners ?? [];
    const hostnames = listeners.flatMap(({ listener, hostnames: asked }) =>
      asked.filter((hostname) => standsAt(snapshot, id, listener, hostname)),
    );
    return {
      parentRef,
      gateway,
      listeners: listeners.map(({ listener }) => reference(listener)),
      hostnames: [...new Set(hostnames.map((hostname) => (hostname === '' ? '*' : hostname)))],
      conditions,
      unprogrammable: unprogrammable?.message,
    };
  });
}

/** Whether a route is asked under a hostname of a listener, and no other in its place. */
function standsAt({ inspection }: Snapshot, id: string, listener: ListenerPlan, hostname: string): boolean {
  const isHttp = isHttpKind(parseRouteId(id).kind);
  if (!isHttp) return inspection.streamOf(portKey(listener), hostname)?.route === id;
  return inspection.routesOf(tableName(listener), hostname).some(({ route }) => route === id);
}

/** The backends that a route leads to; those that cannot be resolved are left out. */
export function reachedBackends(snapshot: Snapshot, id: string): ReachedBackend[] {
  const { inspection, statuses, model, isUnaddressed } = snapshot;
  const { kind, key } = parseRouteId(id);
  const contribution = statuses.get(statusKey(kind, key));
  const clusters = new Map<string, string>();
  if (contribution !== undefined && 'clusters' in contribution) {
    for (const cluster of contribution.clusters) clusters.set(cluster, cluster);
  }
  if (!isHttpKind(kind)) {
    for (const { listeners } of inspection.parents.get(id) ?? []) {
      for (const { listener, hostnames } of listeners) {
        for (const hostname of hostnames) {
          const port = portKey(listener);
          const served = inspection.streamOf(port, hostname);
          if (served?.route !== id) continue;
          // Datagrams are spread by one cluster of the port, in which the endpoints of all backends stand.
          for (const { cluster } of served.backends) clusters.set(cluster, kind === 'UDPRoute' ? port : cluster);
        }
      }
    }
  }
  return [...clusters].flatMap(([cluster, counted]): ReachedBackend | [] => {
    const address = parseClusterName(cluster);
    if (address === undefined) return [];
    const backend = `${address.kind} ${address.namespace}/${address.name}`;
    const ready = isUnaddressed(address) ? undefined : model.endpoints(counted).length;
    return { backend, port: address.port, ready };
  });
}
