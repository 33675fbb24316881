/** Properties of the translation as a whole, over whatever the API server would take of all kinds. */
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  changeArbitrary,
  lastOfEach,
  objectMaterial,
  propertyRuns,
  type Material,
} from './testing/arbitraryObjects.ts';
import { newTranslator, readable, TranslationState } from './testing/golden.ts';
import type { HTTPRoute } from '../api/gateway/index.ts';
import type { ResourceType } from '../api/resource.ts';
import type { SourceChange } from './index.ts';

const now = Date.parse('2026-06-01T00:00:00Z');
let material: Material;

beforeAll(async () => {
  material = await objectMaterial(now);
});

function present(changes: readonly (SourceChange | undefined)[]): SourceChange[] {
  return changes.filter((change) => change !== undefined);
}

describe('a translation of anything the API server takes', () => {
  test('never throws, and is incrementally what it is from scratch, in whatever order', { timeout: 120_000 }, () => {
    const change = changeArbitrary(material, now);
    fc.assert(
      fc.property(fc.array(fc.array(change, { maxLength: 8 }), { maxLength: 8, size: 'max' }), (made) => {
        const batches = [material.world, ...made.map(present)];
        const incremental = new TranslationState();
        const translator = newTranslator();
        for (const batch of batches) {
          translator.apply(batch);
          incremental.take(translator);
        }
        expect(incremental.faults).toEqual([]);
        expect(danglingReferences(incremental)).toEqual([]);
        const scratch = new TranslationState();
        const other = newTranslator();
        other.apply(lastOfEach(batches.flat()).toReversed());
        scratch.take(other);
        expect(incremental.readable()).toEqual(scratch.readable());
      }),
      propertyRuns(40),
    );
  });

  test('a rule that answers by itself leads to no cluster, mirror or not', () => {
    const state = new TranslationState();
    const translator = newTranslator();
    const mirror = { type: 'RequestMirror', requestMirror: { backendRef: { name: 'a', port: 80 } } };
    const route = {
      metadata: { namespace: 'default', name: 'r' },
      spec: { parentRefs: [{ name: 'a' }], rules: [{ backendRefs: [], filters: [mirror] }] },
    };
    translator.apply([
      ...material.world,
      { kind: 'HTTPRoute', key: 'default/r', object: route as unknown as HTTPRoute },
    ]);
    state.take(translator);
    translator.apply([{ kind: 'Service', key: 'default/a', object: undefined }]);
    state.take(translator);
    expect(danglingReferences(state)).toEqual([]);
  });
});

/** What resources refer to and is not there: proxies would wait for it, and serve nothing meanwhile. */
function danglingReferences(state: TranslationState): string[] {
  const missing: string[] = [];
  const need = (from: string, type: ResourceType, name: string): void => {
    if (!state.resources.has(`${type} ${name}`)) missing.push(`${from} needs ${type} ${name}`);
  };
  for (const [identity, { type, resource }] of state.resources) {
    for (const cluster of resource.clusters?.() ?? []) need(identity, 'cluster', cluster);
    const visit = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return;
      const fields = value as Record<string, unknown>;
      if (typeof fields['route_config_name'] === 'string') need(identity, 'route', fields['route_config_name']);
      if ('sds_config' in fields) need(identity, 'secret', String(fields['name']));
      if ('eds_cluster_config' in fields) need(identity, 'endpoint', String(fields['name']));
      Object.values(fields).forEach(visit);
    };
    visit(readable(type, resource));
  }
  return missing;
}
