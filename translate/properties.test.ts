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
import { newTranslator, TranslationState } from './testing/golden.ts';
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
        const scratch = new TranslationState();
        const other = newTranslator();
        other.apply(lastOfEach(batches.flat()).toReversed());
        scratch.take(other);
        expect(incremental.readable()).toEqual(scratch.readable());
      }),
      propertyRuns(40),
    );
  });
});
