import { expect, test } from 'vitest';
import { didYouMean, suggestion } from './suggestion.ts';

test.each([
  ['hostname', ['hostnames', 'rules'], 'hostnames'],
  ['HttpRoute', ['HTTPRoute', 'GRPCRoute'], 'HTTPRoute'],
  ['prot', ['port', 'name'], 'port'],
  ['matchs', ['matches', 'filters'], 'matches'],
  ['zz', ['rules', 'hostnames'], undefined],
  ['', ['a'], 'a'],
])('%s of %j', (word, candidates, expected) => {
  expect(suggestion(word, candidates)).toBe(expected);
});

test('nothing near is nothing said', () => {
  expect(didYouMean('elephant', ['port'])).toBe('');
  expect(didYouMean('prot', ['port'])).toBe(': did you mean port?');
});
