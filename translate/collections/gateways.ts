/** Gateways with their ListenerSets, and the ports that they share. */
import { isDeepStrictEqual } from 'node:util';
import { sameResource } from '../encoding/index.ts';
import { sessionTicketKeys } from '../envoy/index.ts';
import { defaultScope, planGateway, planListenerSet, planPort, portKey } from '../gateway/index.ts';
import type { Graph } from '../incremental/index.ts';
import { sessionTicketKeysName } from '../sources.ts';
import type { BackendStage } from './backends.ts';
import type { SourceIndexes, Sources } from './sources.ts';

export type GatewayStage = ReturnType<typeof deriveGateways>;

/** @param reserved TCP ports that no listener can have */
export function deriveGateways(
  graph: Graph,
  sources: Sources,
  { grantsByNamespace }: SourceIndexes,
  { trusted }: BackendStage,
  reserved: readonly number[],
) {
  const reservedPorts = new Set(reserved);
  const listenerSets = graph.derive(
    'listenerSets',
    sources.ListenerSet,
    [sources.Gateway, sources.Namespace],
    (reader, listenerSet) =>
      planListenerSet(reader, { gateways: sources.Gateway, namespaces: sources.Namespace }, listenerSet),
    { equals: isDeepStrictEqual },
  );
  const listenerSetsByGateway = listenerSets.index('by Gateway', ({ gateway }) => [gateway]);
  const gateways = graph.derive(
    'gateways',
    sources.Gateway,
    [listenerSets, listenerSetsByGateway, sources.Secret, sources.ConfigMap, grantsByNamespace],
    (reader, gateway, key) =>
      planGateway(
        reader,
        { ...trusted, reservedPorts },
        gateway,
        reader.group(listenerSetsByGateway, key).map(({ value }) => value),
      ),
    { equals: isDeepStrictEqual },
  );
  const gatewaysByPort = gateways.index('by port', ({ listeners }) => new Set(listeners.map(portKey)));
  const ticketKeys = graph.derive('ticketKeys', sources.SessionTicketKeys, [], (_, keys) => sessionTicketKeys(keys), {
    equals: sameResource,
  });
  const ports = graph.deriveGroups(
    'ports',
    gatewaysByPort,
    [ticketKeys],
    (reader, members, key) => planPort(key, members, reader.get(ticketKeys, sessionTicketKeysName) !== undefined),
    { equals: isDeepStrictEqual },
  );

  const defaultGateways = gateways.index('default', ({ isDefault }) => (isDefault ? [defaultScope] : []));
  return { listenerSets, gateways, defaultGateways, ticketKeys, ports };
}
