import { expect, test } from 'vitest';
import { coreKinds } from './coreKinds.ts';
import generated from './generated/schemas.json' with { type: 'json' };
import { metadataSchema } from './metadata.ts';
import { matchesPattern, patternInWords, patternsInWords } from './pattern.ts';

function* patternsIn(value: unknown): Generator<string> {
  if (typeof value !== 'object' || value === null) return;
  if ('pattern' in value && typeof value.pattern === 'string') yield value.pattern;
  for (const item of Object.values(value)) yield* patternsIn(item);
}

const metadata = (['subdomain', 'label', 'serviceLabel'] as const).map((names) => metadataSchema(true, names));
const all = new Set([...patternsIn(generated), ...patternsIn(coreKinds), ...patternsIn(metadata)]);

test('every pattern is read', () => {
  expect(all.size).toBeGreaterThan(10);
  for (const pattern of all) expect(() => matchesPattern(pattern, 'a'), pattern).not.toThrow();
});

test('every pattern that is put in words is in use', () => {
  expect([...patternsInWords].filter((pattern) => !all.has(pattern))).toEqual([]);
});

test('the pattern of header values takes linear time', () => {
  // With JavaScript's own engine this does not end.
  expect(matchesPattern('^[!-~]+([\\t ]?[!-~]+)*$', `${'a'.repeat(4096)}\n`)).toBe(false);
});

test('some part of the text is enough, as in Go', () => {
  expect(matchesPattern('b', 'abc')).toBe(true);
  expect(matchesPattern('^b', 'abc')).toBe(false);
});

test('a pattern without words is quoted', () => {
  expect(patternInWords('^x$')).toBe('text that matches ^x$');
});
