import { expect, test } from 'vitest';
import { withDefaults } from './defaults.ts';
import { Node } from './node.ts';

const node = new Node({
  type: 'object',
  properties: {
    outer: {
      type: 'object',
      default: {},
      properties: {
        inner: { type: 'string', default: 'a' },
        other: { type: 'string' },
        maybe: { type: 'string', nullable: true },
      },
    },
    list: { type: 'array', items: { type: 'object', properties: { size: { type: 'integer', default: 1 } } } },
    map: {
      type: 'object',
      additionalProperties: { type: 'object', properties: { on: { type: 'boolean', default: true } } },
    },
  },
});

test.each([
  ['a default holds defaults', {}, { outer: { inner: 'a' } }],
  ['what is there stays', { outer: { inner: 'b' } }, { outer: { inner: 'b' } }],
  ['null counts as absent where there is a default', { outer: null }, { outer: { inner: 'a' } }],
  ['null is taken out where there is none', { outer: { other: null } }, { outer: { inner: 'a' } }],
  ['null stays where the schema takes it', { outer: { maybe: null } }, { outer: { inner: 'a', maybe: null } }],
  [
    'items get theirs',
    { list: [{}, { size: 2 }, null] },
    { outer: { inner: 'a' }, list: [{ size: 1 }, { size: 2 }, null] },
  ],
  ['values of a map get theirs', { map: { a: {} } }, { outer: { inner: 'a' }, map: { a: { on: true } } }],
  ['unknown fields stay, to be told', { what: null, is: [null] }, { outer: { inner: 'a' }, what: null, is: [null] }],
  ['a wrong type stays, to be told', { outer: 'text' }, { outer: 'text' }],
])('%s', (_, input, expected) => {
  expect(withDefaults(node, input)).toEqual(expected);
});

test('defaults are not shared between objects', () => {
  const first = withDefaults(node, {}) as { outer: { inner: string } };
  first.outer.inner = 'changed';
  expect(withDefaults(node, {})).toEqual({ outer: { inner: 'a' } });
});
