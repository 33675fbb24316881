/**
 * Which filter chain of a listener takes a connection.
 * Source: Envoy docs, config.listener.v3.FilterChainMatch.
 */
import type { FilterChain } from '../../api/envoy/envoy/config/listener/v3/listener_components_pb.ts';
import type { Listener } from '../../api/envoy/envoy/config/listener/v3/listener_pb.ts';

/** How a client connects. */
export interface Connection {
  isTls: boolean;
  /** The server name that the client sends (SNI); undefined for none. */
  serverName: string | undefined;
}

/**
 * The chain with the most specific server name, then the one that asks for this transport, then that for any. Other
 * conditions of chains are not looked at: none is in use.
 */
export function findFilterChain(listener: Listener, connection: Connection): FilterChain | undefined {
  const byName = new Map<string, FilterChain[]>();
  for (const chain of listener.filterChains) {
    const names = chain.filterChainMatch?.serverNames ?? [];
    for (const name of names.length === 0 ? [''] : names) {
      const there = byName.get(name.toLowerCase());
      if (there === undefined) byName.set(name.toLowerCase(), [chain]);
      else there.push(chain);
    }
  }
  for (const name of candidates(connection)) {
    const chains = byName.get(name);
    // Envoy does not come back from a name to a less specific one.
    if (chains !== undefined) return byTransport(chains, connection) ?? listener.defaultFilterChain;
  }
  return listener.defaultFilterChain;
}

/** `a.b.c` is looked for as itself, as `*.b.c`, as `*.c`, and at last as no name. */
function candidates({ isTls, serverName }: Connection): string[] {
  if (!isTls || serverName === undefined) return [''];
  const labels = serverName.toLowerCase().split('.');
  return [labels.join('.'), ...labels.slice(1).map((_, index) => `*.${labels.slice(index + 1).join('.')}`), ''];
}

function byTransport(chains: readonly FilterChain[], { isTls }: Connection): FilterChain | undefined {
  const transport = isTls ? 'tls' : 'raw_buffer';
  return (
    chains.find(({ filterChainMatch }) => filterChainMatch?.transportProtocol === transport) ??
    chains.find(({ filterChainMatch }) => (filterChainMatch?.transportProtocol ?? '') === '')
  );
}
