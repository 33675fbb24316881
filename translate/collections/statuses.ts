/** What is said of Gateways, ListenerSets and routes. */
import { isDeepStrictEqual } from 'node:util';
import { clientAuthoritiesName } from '../envoy/index.ts';
import {
  listenerId,
  portKey,
  tableName,
  type GatewayPlan,
  type ListenerOwner,
  type ListenerPlan,
  type ParentAttachment,
} from '../gateway/index.ts';
import type { Graph, Reader } from '../incremental/index.ts';
import { parseRouteId } from '../sources.ts';
import {
  gatewayContribution,
  isListenerSetAccepted,
  listenerContribution,
  listenerSetContribution,
  routeContribution,
  type ListenerContribution,
  type Served,
  type StatusContribution,
} from '../status/index.ts';
import { isStreamKind, type StreamCollections } from '../streamRoute/index.ts';
import type { GatewayStage } from './gateways.ts';
import type { ListenerStage } from './listeners.ts';
import type { RouteStage } from './routes.ts';
import type { Sources } from './sources.ts';
import { virtualHostKey, type VirtualHostStage } from './virtualHosts.ts';

export function deriveStatuses(
  graph: Graph,
  sources: Sources,
  { gateways, listenerSets, ports }: GatewayStage,
  { acceptances, acceptancesByListener, translations, streams }: RouteStage,
  { placements }: VirtualHostStage,
  { listeners, secrets, clientAuthorities }: ListenerStage,
  streamResources: StreamCollections,
) {
  const listenerStatuses = (
    reader: Reader,
    plan: GatewayPlan,
    owner: Pick<ListenerOwner, 'kind' | 'key'>,
  ): { listeners: ListenerContribution[]; fingerprint: string } => {
    const own = plan.listeners.filter((one) => one.owner.kind === owner.kind && one.owner.key === owner.key);
    const versions = own.flatMap((one) => [
      reader.get(listeners, portKey(one))?.version ?? '',
      ...one.secrets.map((name) => reader.get(secrets, name)?.version ?? ''),
      ...(one.clientValidation === undefined
        ? []
        : [reader.get(clientAuthorities, clientAuthoritiesName(one.clientValidation.authorities))?.version ?? '']),
    ]);
    const contributions = own.map((one) => {
      const port = reader.get(ports, portKey(one));
      return listenerContribution(one, port, reader.count(acceptancesByListener, listenerId(one)));
    });
    return { listeners: contributions, fingerprint: versions.join(' ') };
  };
  const listenerSetStatuses = graph.derive(
    'listenerSetStatuses',
    listenerSets,
    [sources.ListenerSet, gateways, ports, acceptancesByListener, listeners, secrets, clientAuthorities],
    (reader, plan, key): StatusContribution => {
      const gateway = reader.get(gateways, plan.gateway);
      const { listeners: said, fingerprint } =
        gateway === undefined ? { listeners: [], fingerprint: '' } : listenerStatuses(reader, gateway, plan.owner);
      return listenerSetContribution(
        plan,
        reader.get(sources.ListenerSet, key)?.metadata.generation,
        said,
        fingerprint,
      );
    },
    { equals: isDeepStrictEqual },
  );
  const gatewayStatuses = graph.derive(
    'gatewayStatuses',
    gateways,
    [sources.Gateway, listenerSets, ports, acceptancesByListener, listeners, secrets, clientAuthorities],
    (reader, plan, key): StatusContribution => {
      const { listeners: said, fingerprint } = listenerStatuses(reader, plan, { kind: 'Gateway', key });
      const attached = plan.listenerSets.filter((set) => {
        const setPlan = reader.get(listenerSets, set);
        if (setPlan === undefined) return false;
        return isListenerSetAccepted(setPlan, listenerStatuses(reader, plan, setPlan.owner).listeners);
      });
      return gatewayContribution(
        plan,
        reader.get(sources.Gateway, key)?.metadata.generation,
        said,
        attached.length,
        fingerprint,
      );
    },
    { equals: isDeepStrictEqual },
  );
  const isServed = (reader: Reader, on: ListenerPlan): boolean =>
    reader.get(ports, portKey(on))?.listeners.some((served) => listenerId(served) === listenerId(on)) === true;
  const routeStatuses = graph.derive(
    'routeStatuses',
    acceptances,
    [sources.Route, translations, placements, streams, ...streamResources.statusReads, ports],
    (reader, parents, id): StatusContribution => {
      const { kind, key } = parseRouteId(id);
      const isStream = isStreamKind(kind);
      const placement = reader.get(placements, id);
      const served = (parent: ParentAttachment): Served => {
        const on = parent.listeners.filter(({ listener: one }) => isServed(reader, one));
        if (isStream) return streamResources.served(reader, id, parent, on.length > 0);
        const tables = new Set(
          on.flatMap(({ listener: one, hostnames }) => {
            const table = tableName(one);
            return hostnames.some((hostname) => placement?.hosts.has(virtualHostKey(table, hostname))) ? table : [];
          }),
        );
        return { byListener: on.length > 0, resources: [...tables].map((name) => ({ type: 'route', name })) };
      };
      return routeContribution(
        kind,
        key,
        reader.get(sources.Route, id)?.metadata.generation,
        parents,
        isStream ? reader.get(streams, id) : reader.get(translations, id),
        served,
        isStream ? streamResources.fingerprint(reader, id) : (placement?.fingerprint ?? ''),
      );
    },
    { equals: isDeepStrictEqual },
  );
  return { gatewayStatuses, listenerSetStatuses, routeStatuses };
}
