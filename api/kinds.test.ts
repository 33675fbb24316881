import { expect, test } from 'vitest';
import { kinds } from './kinds.ts';

test.each(kinds.map((definition) => ({ kind: definition.kind, definition })))(
  'every reason of $kind is one that a condition may have, with a meaning',
  ({ definition }) => {
    for (const [type, meanings] of Object.entries(definition.reasons)) {
      expect(type).toMatch(/^[A-Z][A-Za-z]+$/);
      for (const [reason, meaning] of Object.entries(meanings)) {
        expect(reason).toMatch(/^[A-Z][A-Za-z]+$/);
        expect(meaning).toMatch(/\.$/);
      }
    }
  },
);

test('names and short names are used once', () => {
  const names = kinds.flatMap(({ singular, plural, shortNames }) => [singular, plural, ...shortNames]);
  expect(new Set(names).size).toBe(names.length);
});
