/** What a translation holds as one static configuration, for tests that give it to the real Envoy. For tests only. */
import { readable, type TranslationState } from './golden.ts';

type Json = { [key: string]: Json } & Json[] & string;

/** Replaces what a proxy would fetch over xDS by what it would get. */
export function staticConfiguration(state: TranslationState): Record<string, unknown> {
  const byType = { cluster: [], endpoint: [], listener: [], route: [], secret: [] } as Record<string, Json[]>;
  for (const { type, resource } of state.resources.values()) byType[type]!.push(readable(type, resource) as Json);
  const tables = new Map(byType['route']!.map((table) => [table['name'] as string, table]));
  const endpoints = new Map(byType['endpoint']!.map((set) => [set['cluster_name'] as string, set]));
  const listeners = byType['listener']!.map((listener) => {
    for (const chain of (listener['filter_chains'] ?? []) as Json[]) {
      for (const filter of chain['filters'] as Json[]) {
        const manager = filter['typed_config']!;
        const rds = manager['rds'];
        if (rds === undefined) continue;
        delete (manager as { rds?: unknown }).rds;
        // Envoy's default differs between tables that come over RDS and those that do not.
        const table = Object.assign({}, tables.get(String(rds['route_config_name'])), { validate_clusters: false });
        manager['route_config'] = table;
      }
    }
    return withoutSds(listener);
  });
  const clusters = byType['cluster']!.map((cluster) => {
    const { eds_cluster_config: eds, ...rest } = withoutSds(cluster) as unknown as Record<string, unknown>;
    if (eds === undefined) return rest;
    return { ...rest, type: 'STATIC', load_assignment: endpoints.get(cluster['name'] as string) };
  });
  return {
    static_resources: { listeners, clusters, secrets: byType['secret'] },
    // As in the bootstrap of proxies: Envoy's own limit refuses everyday expressions.
    layered_runtime: {
      layers: [{ name: 'static', static_layer: { re2: { max_program_size: { error_level: 65_536 } } } }],
    },
  };
}

/** Secrets without a source are those of the static configuration. */
function withoutSds<Value>(value: Value): Value {
  return JSON.parse(
    JSON.stringify(value, (key, inner: unknown) => (key === 'sds_config' ? undefined : inner)),
  ) as Value;
}
