/**
 * Which virtual host of a table a Host header leads to.
 * Source: Envoy docs, config.route.v3.VirtualHost.domains.
 */
import type { VirtualHost } from '../../api/envoy/envoy/config/route/v3/route_components_pb.ts';
import type { RouteConfiguration } from '../../api/envoy/envoy/config/route/v3/route_pb.ts';
import { withoutPort } from './request.ts';

/** Exact domains go before suffixes (`*.example.com`), those before prefixes (`example.*`), longer before shorter, and `*` last. */
export function findVirtualHost(table: RouteConfiguration, authority: string): VirtualHost | undefined {
  const host = table.ignorePortInHostMatching ? withoutPort(authority) : authority.toLowerCase();
  let best: { rank: number; virtualHost: VirtualHost } | undefined;
  for (const virtualHost of table.virtualHosts) {
    for (const domain of virtualHost.domains) {
      const rank = rankOf(domain.toLowerCase(), host);
      if (rank !== undefined && (best === undefined || rank > best.rank)) best = { rank, virtualHost };
    }
  }
  return best?.virtualHost;
}

// Names have at most 255 characters.
const longest = 1000;

function rankOf(domain: string, host: string): number | undefined {
  if (domain === host) return 3 * longest;
  if (domain === '*') return 0;
  // A wildcard stands for one character at least.
  if (host.length < domain.length) return undefined;
  if (domain.startsWith('*')) return host.endsWith(domain.slice(1)) ? 2 * longest + domain.length : undefined;
  if (domain.endsWith('*')) return host.startsWith(domain.slice(0, -1)) ? longest + domain.length : undefined;
  return undefined;
}
