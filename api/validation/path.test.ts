import { expect, test } from 'vitest';
import { type Path, spellPath } from './path.ts';

test.each([
  [[], ''],
  [['spec', 'rules', 0, 'matches', 1, 'path', 'value'], 'spec.rules[0].matches[1].path.value'],
  [['metadata', 'labels', 'example.com/a'], 'metadata.labels[example.com/a]'],
  [['metadata', 'labels', 'a-b'], 'metadata.labels.a-b'],
])('%j is %s', (steps, expected) => {
  const path = steps.reduce<Path | undefined>((parent, step) => ({ parent, step }), undefined);
  expect(spellPath(path)).toBe(expected);
});
