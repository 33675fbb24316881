/**
 * The part of the translation that is about stream routes.
 *
 *     attachments ─► streams ──┐
 *     acceptances ─────────────┴► placements ─► leaders ─► chains
 *     ports ─► udpClusters ─────────────────────────┴────► udpEndpoints
 */
import { hash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { EncodedResource } from '../../api/resource.ts';
import type { BackendCollections } from '../backend/index.ts';
import { sameBytes, sameResource } from '../encoding/index.ts';
import {
  listenerName,
  streamChain,
  udpCluster,
  udpEndpoints,
  type StreamChain,
  type WeightedEndpoints,
} from '../envoy/index.ts';
import { attachedListeners, portKey, type ParentAttachment, type PortPlan } from '../gateway/index.ts';
import { mostSpecific } from '../httpRoute/hostname.ts';
import type { Collection, Graph, Index, Leveled, Reader } from '../incremental/index.ts';
import { parseRouteId, type AnyRoute, type Quarantine } from '../sources.ts';
import type { ResourceReference, Served } from '../status/index.ts';
import { leaderOf, placeKey, placeStream, type Leader, type StreamPlace, type StreamPlacement } from './placement.ts';
import { isStreamKind, translateStream, type StreamRoute, type TranslatedStream } from './route.ts';

/** What stream routes say, before it is known where they stand; for each that is attached to a Gateway. */
export function deriveStreams(
  graph: Graph,
  from: {
    attachments: Collection<ParentAttachment[]>;
    routes: Collection<AnyRoute>;
    quarantine: Collection<Quarantine>;
    backends: BackendCollections;
    /** What the resolution of references reads. */
    reads: readonly Leveled[];
  },
): Collection<TranslatedStream> {
  return graph.derive(
    'streams',
    from.attachments,
    [from.routes, from.quarantine, ...from.reads],
    (reader, parents, id) => {
      const { kind } = parseRouteId(id);
      const route = reader.get(from.routes, id);
      if (route === undefined || !isStreamKind(kind)) return undefined;
      const listeners = [...attachedListeners(parents).values()].map(({ listener }) => listener);
      const quarantine = reader.get(from.quarantine, id);
      return translateStream(reader, from.backends, kind, route as StreamRoute, listeners, quarantine);
    },
    // Without its own translation a route is served no more: what it was may be what its author took away.
    { equals: isDeepStrictEqual, fallback: () => undefined },
  );
}

export interface StreamCollections {
  /** The clusters that routes lead to, by the id of the route. */
  clusters: Collection<readonly string[]>;
  chainsByPort: Index<StreamChain>;
  udpClusters: Collection<EncodedResource>;
  udpEndpoints: Collection<EncodedResource>;
  /** Who is served in a place, outside of any transform: for whoever explains it. */
  leaderAt: (place: StreamPlace) => Leader | undefined;
  /** What the status of a stream route reads. */
  statusReads: readonly Leveled[];
  /** Changes with what proxies need for a route. */
  fingerprint: (reader: Reader, id: string) => string;
  served: (reader: Reader, id: string, parent: ParentAttachment, byListener: boolean) => Served;
}

interface PlacedStream extends StreamPlacement {
  clusters: readonly string[];
  fingerprint: string;
}

/** What becomes of stream routes, in Envoy's words. */
export function deriveStreamResources(
  graph: Graph,
  from: {
    acceptances: Collection<readonly ParentAttachment[]>;
    streams: Collection<TranslatedStream>;
    ports: Collection<PortPlan>;
    /** The addresses behind a cluster. */
    addresses: (reader: Reader, cluster: string) => WeightedEndpoints['addresses'];
    /** What `addresses` reads. */
    reads: readonly Leveled[];
  },
): StreamCollections {
  const { acceptances, streams, ports } = from;
  const placements = graph.derive(
    'streamPlacements',
    acceptances,
    [streams, ports],
    (reader, parents, id): PlacedStream | undefined => {
      const stream = reader.get(streams, id);
      if (stream === undefined) return undefined;
      const accepted = parents.filter((parent) => parent.accepted.status === 'True');
      const placement = placeStream(stream, accepted, (key) => reader.get(ports, key));
      return { ...placement, clusters: stream.clusters, fingerprint: fingerprintOf(placement) };
    },
    { equals: isDeepStrictEqual },
  );
  const clusters = graph.derive(
    'streamClusters',
    placements,
    [],
    (_, { places, clusters: names }) => (places.size === 0 ? undefined : names),
    { equals: isDeepStrictEqual },
  );
  const leaders = graph.deriveGroups(
    'leaders',
    placements.index('by place', ({ places }) => places.keys()),
    [],
    (_, members, key) => leaderOf(members, key),
    { equals: isDeepStrictEqual },
  );
  const chains = graph.derive(
    'chains',
    leaders,
    [ports],
    (reader, { port, hostname, route, target }) => {
      const plan = reader.get(ports, port);
      if (plan === undefined || plan.mode === 'udp') return undefined;
      const owner = mostSpecific(
        plan.listeners.map((listener) => listener.hostname),
        hostname,
      );
      const on = plan.listeners.find((listener) => listener.hostname === owner);
      return on === undefined ? undefined : streamChain(plan, on, hostname, { name: route, ...target });
    },
    { equals: (before, after) => sameBytes(before.bytes, after.bytes) },
  );
  const udpClusters = graph.derive('udpClusters', ports, [], (_, plan) => udpCluster(plan), { equals: sameResource });
  const endpoints = graph.derive(
    'udpEndpoints',
    udpClusters,
    [leaders, ...from.reads],
    (reader, { name }, port) => {
      const target = reader.get(leaders, placeKey({ port, hostname: '' }))?.target;
      const backends = (target?.backends ?? []).map(({ cluster, weight }) => ({
        weight,
        addresses: from.addresses(reader, cluster),
      }));
      return udpEndpoints(name, backends, target?.rejected ?? 0);
    },
    { equals: sameResource },
  );
  return {
    clusters,
    chainsByPort: chains.index('by port', ({ port }) => [port]),
    udpClusters,
    udpEndpoints: endpoints,
    leaderAt: (place) => leaders.get(placeKey(place)),
    statusReads: [placements, leaders],
    fingerprint: (reader, id) => {
      const placement = reader.get(placements, id);
      if (placement === undefined) return '';
      // What becomes of a route depends on who else asks for its places.
      const won = [...placement.places.keys()].filter((key) => reader.get(leaders, key)?.route === id);
      return `${placement.fingerprint} ${won.join(' ')}`;
    },
    served: (reader, id, parent, byListener) =>
      servedOf(parent, byListener, reader.get(placements, id), (key) => reader.get(leaders, key), id),
  };
}

function fingerprintOf({ places }: StreamPlacement): string {
  return hash('sha1', JSON.stringify([...places]), 'base64url');
}

function servedOf(
  parent: ParentAttachment,
  byListener: boolean,
  placement: StreamPlacement | undefined,
  leader: (key: string) => Leader | undefined,
  id: string,
): Served {
  const asked = [...attachedListeners([parent]).values()];
  const own = [...(placement?.places ?? [])].filter(([, { port, hostname }]) =>
    asked.some(({ listener, hostnames }) => portKey(listener) === port && hostnames.includes(hostname)),
  );
  const won = own.filter(([key]) => leader(key)?.route === id);
  const resources = [...new Set(won.map(([, { port }]) => port))].flatMap((port): ResourceReference[] => {
    const listener: ResourceReference = { type: 'listener', name: listenerName(port) };
    return port.startsWith('udp/') ? [listener, { type: 'cluster', name: port }] : [listener];
  });
  const [lost] = own;
  if (won.length > 0 || lost === undefined) return { byListener, resources };
  const { kind, key } = parseRouteId(leader(lost[0])!.route);
  const where = lost[1].hostname === '' ? `port ${lost[1].port.split('/')[1]}` : `hostname ${lost[1].hostname}`;
  const overridden = `${kind} ${key}, which came first, has ${where}: a ${kind} shares it with no other`;
  return { byListener, resources, overridden };
}
