/** Routes of all kinds: where they attach, what they say, and which of them are accepted. */
import { isDeepStrictEqual } from 'node:util';
import type { GRPCRoute, HTTPRoute } from '../../api/gateway/index.ts';
import { byClientCertificate } from '../backend/index.ts';
import {
  acceptedParents,
  attachedListeners,
  attachRoute,
  contend,
  judge,
  rivalKeys,
  withoutLost,
} from '../gateway/index.ts';
import { translateGrpcRoute } from '../grpcRoute/index.ts';
import { translateRoute, type TranslatedRoute } from '../httpRoute/route.ts';
import type { Graph } from '../incremental/index.ts';
import { parseRouteId } from '../sources.ts';
import { refusedParents, translationFailed } from '../status/index.ts';
import { deriveStreams } from '../streamRoute/index.ts';
import type { BackendStage } from './backends.ts';
import type { GatewayStage } from './gateways.ts';
import type { Sources } from './sources.ts';

export type RouteStage = ReturnType<typeof deriveRoutes>;

/** Attachments, translations, and the last word on what is accepted, each by the id of the route. */
export function deriveRoutes(
  graph: Graph,
  sources: Sources,
  { backends, referenceReads, trafficPoliciesByTarget }: BackendStage,
  { gateways, defaultGateways, listenerSets }: GatewayStage,
) {
  const attachments = graph.derive(
    'attachments',
    sources.Route,
    [gateways, defaultGateways, listenerSets, sources.Namespace],
    (reader, route, id) =>
      attachRoute(
        reader,
        { gateways, defaultGateways, listenerSets, namespaces: sources.Namespace },
        parseRouteId(id).kind,
        route,
      ),
    { equals: isDeepStrictEqual },
  );
  const translations = graph.derive(
    'translations',
    sources.Route,
    [attachments, sources.Quarantine, trafficPoliciesByTarget, ...referenceReads],
    (reader, route, id): TranslatedRoute | undefined => {
      const parents = reader.get(attachments, id);
      if (parents === undefined) return undefined;
      const { kind } = parseRouteId(id);
      if (kind !== 'HTTPRoute' && kind !== 'GRPCRoute') return undefined;
      const quarantine = reader.get(sources.Quarantine, id);
      const shown = parents.flatMap(({ listeners: on }) => on.map((one) => one.listener.clientCertificate));
      return byClientCertificate(shown, (clientCertificate) => {
        const collections = { ...backends, trafficPoliciesByTarget, clientCertificate };
        return kind === 'GRPCRoute'
          ? translateGrpcRoute(reader, collections, route as GRPCRoute, quarantine)
          : translateRoute(reader, collections, route as HTTPRoute, quarantine);
      });
    },
    // Without its own translation a route is served no more: what it was may be what its author took away.
    { fallback: () => undefined },
  );
  const streams = deriveStreams(graph, {
    attachments,
    routes: sources.Route,
    quarantine: sources.Quarantine,
    backends,
    reads: referenceReads,
  });
  // A listener may let in a route that cannot be served at all.
  const candidates = graph.derive(
    'candidates',
    attachments,
    [translations, streams],
    (reader, parents, id) => {
      const translation = reader.get(translations, id) ?? reader.get(streams, id);
      return translation === undefined
        ? refusedParents(parents, translationFailed)
        : refusedParents(
            parents,
            translation.unusable,
            'unusableReason' in translation ? translation.unusableReason : undefined,
          );
    },
    { equals: isDeepStrictEqual },
  );
  const candidatesByHostname = candidates.index('by listener, kind and hostname', rivalKeys);
  const contenders = graph.derive(
    'contenders',
    candidates,
    [candidatesByHostname, sources.Route],
    (reader, parents, id) => contend(reader, candidatesByHostname, parents, id, reader.get(sources.Route, id)),
    { equals: isDeepStrictEqual },
  );
  const contendersByListener = contenders.index('by listener', ({ hostnames }) => hostnames.keys());
  const verdicts = graph.deriveGroups('verdicts', contendersByListener, [], (_, members, id) => judge(id, members), {
    equals: isDeepStrictEqual,
  });
  // The last word on what is accepted.
  const acceptances = graph.derive(
    'acceptances',
    candidates,
    [contenders, verdicts],
    (reader, parents, id) => withoutLost(reader, verdicts, reader.get(contenders, id), parents, id),
    { equals: isDeepStrictEqual },
  );
  const acceptancesByListener = acceptances.index('by listener', (parents) =>
    attachedListeners(acceptedParents(parents)).keys(),
  );
  return { attachments, translations, streams, acceptances, acceptancesByListener };
}
