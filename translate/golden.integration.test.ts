/** What the golden files hold is what the real Envoy takes: each output as a static configuration, in `--mode validate`. */
import { execFile } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { envoyBinary } from '../test/fixtures/index.ts';
import { newTranslator, readable, sourceChanges, TranslationState } from './testing/golden.ts';
import { fillCertificates, makeGoldenCertificates, type GoldenCertificates } from './testing/certificates.ts';

const directory = import.meta.dirname;
const cases = globSync('**/*.in.yaml', { cwd: directory }).toSorted();
const run = promisify(execFile);
const scratch = mkdtempSync(join(tmpdir(), 'sluice-golden-'));
afterAll(() => rmSync(scratch, { recursive: true }));

type Json = { [key: string]: Json } & Json[] & string;

/** Replaces what a proxy would fetch over xDS by what it would get. */
export function staticConfiguration(state: TranslationState): unknown {
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
      for (const sds of (chain['transport_socket']?.['typed_config']?.['common_tls_context']?.[
        'tls_certificate_sds_secret_configs'
      ] ?? []) as Json[]) {
        delete (sds as { sds_config?: unknown }).sds_config;
      }
    }
    return listener;
  });
  const clusters = byType['cluster']!.map((cluster) => {
    const { eds_cluster_config: _, ...rest } = cluster as unknown as Record<string, unknown>;
    return { ...rest, type: 'STATIC', load_assignment: endpoints.get(cluster['name'] as string) };
  });
  return { static_resources: { listeners, clusters, secrets: byType['secret'] } };
}

describe('the real Envoy takes', () => {
  let certificates: GoldenCertificates;
  let envoy: string;
  const now = Date.now();
  beforeAll(async () => {
    certificates = await makeGoldenCertificates(now);
    envoy = await envoyBinary();
  });

  test.each(cases)('%s', async (name) => {
    const translator = newTranslator();
    translator.apply(sourceChanges(fillCertificates(readFileSync(join(directory, name), 'utf8'), certificates), now));
    const state = new TranslationState();
    state.take(translator);
    const file = join(scratch, name.replaceAll('/', '-').replace('.yaml', '.json'));
    writeFileSync(file, JSON.stringify(staticConfiguration(state)));
    const { stdout } = await run(envoy, ['--mode', 'validate', '--config-path', file]);
    expect(stdout).toContain('OK');
  });
});
