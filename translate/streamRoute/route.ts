/**
 * One TLSRoute, TCPRoute or UDPRoute as a whole: the backends that it leads to, wherever it is attached, and the conditions
 * that follow from its own text.
 * Source: Gateway API, TLSRouteRule, TCPRouteRule and UDPRouteRule.
 */
import { gatewayGroup } from '../../api/gateway/index.ts';
import { objectKey, type ConditionContribution, type ObjectKey } from '../../api/object.ts';
import {
  isUnresolved,
  resolveBackend,
  resolvedRefs,
  type BackendCollections,
  type UnresolvedReference,
} from '../backend/index.ts';
import type { ListenerPlan } from '../gateway/index.ts';
import type { Reader } from '../incremental/index.ts';
import type { Quarantine, RouteKind, RouteKinds } from '../sources.ts';

/** The kinds of routes that choose by what a connection says before its first byte of payload. */
export type StreamKind = 'TLSRoute' | 'TCPRoute' | 'UDPRoute';
export type StreamRoute = RouteKinds[StreamKind];

export function isStreamKind(kind: RouteKind): kind is StreamKind {
  return kind === 'TLSRoute' || kind === 'TCPRoute' || kind === 'UDPRoute';
}

/** What backends of a stream are used for: TLS that ends at the proxy, bytes that are passed on as they come, or datagrams. */
export type StreamUse = 'tls' | 'tcp' | 'udp';

/** Where a route leads on one listener. */
export interface StreamTarget {
  /** Each cluster once, those with weight zero left out. */
  backends: readonly { cluster: string; weight: number }[];
  /** The weight of backends that are invalid: their share of connections is rejected. */
  rejected: number;
}

export interface TranslatedStream {
  /** Order among routes that want the same: older first, then by name. */
  seniority: string;
  /** By `targetName`. */
  targets: Readonly<Record<string, StreamTarget>>;
  /** Those that proxies need for it; the endpoints of UDP backends stand in the cluster of the port. */
  clusters: readonly string[];
  /** Why it cannot be served at all; undefined where it can. */
  unusable: string | undefined;
  /** ResolvedRefs. */
  conditions: readonly ConditionContribution[];
}

/**
 * Names the target of a route on a listener: listeners differ in what they make of TLS, and Gateways in the certificate that
 * they show to backends.
 */
export function targetName(listener: Pick<ListenerPlan, 'clientCertificate' | 'protocol' | 'tlsMode'>): string {
  return `${useOn(listener)}@${listener.clientCertificate ?? ''}`;
}

function useOn({ protocol, tlsMode }: Pick<ListenerPlan, 'protocol' | 'tlsMode'>): StreamUse {
  if (protocol === 'UDP') return 'udp';
  return tlsMode === 'Terminate' ? 'tls' : 'tcp';
}

/** @param listeners those that it is attached to */
export function translateStream(
  reader: Reader,
  collections: BackendCollections,
  kind: StreamKind,
  route: StreamRoute,
  listeners: readonly ListenerPlan[],
  quarantine: Quarantine | undefined,
): TranslatedStream {
  const key = objectKey(route);
  const seniority = `${route.metadata.creationTimestamp ?? ''} ${key}`;
  if (quarantine !== undefined && quarantine.generation === route.metadata.generation) {
    const unusable = `The proxies refuse what this route becomes: ${quarantine.message}`;
    return { seniority, targets: {}, clusters: [], unusable, conditions: [resolvedRefs([])] };
  }
  const from = { group: gatewayGroup, kind, namespace: route.metadata.namespace ?? '' };
  const resolve = (
    use: StreamUse,
    clientCertificate: ObjectKey | undefined,
  ): { target: StreamTarget; unresolved: UnresolvedReference[] } => {
    const weights = new Map<string, number>();
    const unresolved: UnresolvedReference[] = [];
    let rejected = 0;
    // The schema allows one rule: a connection says nothing by which to choose between several.
    for (const reference of route.spec.rules[0]?.backendRefs ?? []) {
      const weight = reference.weight ?? 1;
      const backend = resolveBackend(reader, { ...collections, clientCertificate }, reference, from, use);
      if (isUnresolved(backend)) {
        unresolved.push(backend);
        rejected += weight;
      } else if (weight > 0) {
        weights.set(backend.cluster, (weights.get(backend.cluster) ?? 0) + weight);
      }
    }
    return {
      target: { backends: [...weights].map(([cluster, weight]) => ({ cluster, weight })), rejected },
      unresolved,
    };
  };
  const targets: Record<string, StreamTarget> = {};
  const unresolved: UnresolvedReference[] = [];
  for (const listener of listeners) {
    const name = targetName(listener);
    if (targets[name] !== undefined) continue;
    const resolved = resolve(useOn(listener), listener.clientCertificate);
    targets[name] = resolved.target;
    unresolved.push(...resolved.unresolved);
  }
  // References are judged on a route that is attached to no listener, too.
  if (listeners.length === 0) unresolved.push(...resolve(kind === 'UDPRoute' ? 'udp' : 'tcp', undefined).unresolved);
  const named = Object.values(targets).flatMap(({ backends }) => backends.map(({ cluster }) => cluster));
  return {
    seniority,
    targets,
    clusters: kind === 'UDPRoute' ? [] : [...new Set(named)],
    unusable: undefined,
    conditions: [resolvedRefs(unresolved)],
  };
}
