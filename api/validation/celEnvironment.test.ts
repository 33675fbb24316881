import { describe, expect, test } from 'vitest';
import { compileExpression, isTransition } from './celEnvironment.ts';
import { coreKinds } from './coreKinds.ts';
import generated from './generated/schemas.json' with { type: 'json' };
import { metadataSchema } from './metadata.ts';

function* rulesIn(value: unknown): Generator<string> {
  if (typeof value !== 'object' || value === null) return;
  if ('rule' in value && typeof value.rule === 'string') yield value.rule;
  if ('messageExpression' in value && typeof value.messageExpression === 'string') yield value.messageExpression;
  for (const item of Object.values(value)) yield* rulesIn(item);
}

const all = [...new Set([...rulesIn(generated), ...rulesIn(coreKinds), ...rulesIn(metadataSchema(true, 'subdomain'))])];

test('every rule of every kind is understood', () => {
  expect(all.length).toBeGreaterThan(100);
  const notUnderstood = all.flatMap((rule) => {
    try {
      compileExpression(rule);
      return [];
    } catch (error) {
      return [String(error)];
    }
  });
  expect(notUnderstood).toEqual([]);
});

test.each(['self.unknownFunction()', 'self +', 'elsewhere == 1', '1 + "a" == self', 'has(self)'])(
  'what is not understood is an error: %s',
  (rule) => {
    expect(() => compileExpression(rule)).toThrow();
  },
);

describe('as the API server evaluates', () => {
  test.each([
    ['has(self[0].path)', [{}], false],
    ['has(self[0].path)', [{ path: {} }], true],
    ['has(self.a.b)', { a: { b: '' } }, true],
    ['has(self.a.toString)', { a: {} }, false],
    ["self.matches('^(?i)abc$')", 'ABC', true],
    ["self.matches(r'^a\\.b$')", 'a.b', true],
    ["self.matches(r'^a\\.b$')", 'axb', false],
    ["self == '.matches(' || self == 'has('", '.matches(', true],
    ["self == 'x has(y'", 'x has(y', true],
    ['self == "a\\".matches("', 'a".matches(', true],
    ['isIP(self)', '2001:db8::1', true],
    ['isIP(self)', '::ffff:192.0.2.1', false],
    ['isIP(self)', 'fe80::1%eth0', false],
    ['isCIDR(self)', '192.0.2.0/24', true],
    ['isCIDR(self)', '192.0.2.0/024', false],
    ['isCIDR(self)', '192.0.2.0', false],
    ["duration(self) > duration('1h')", '61m', true],
    ['self.size() == 1', '\u{1f600}', true],
    ['self.__namespace__ == "a"', { __namespace__: 'a' }, true],
  ])('%s on %j is %s', (rule, self, expected) => {
    expect(compileExpression(rule)({ self })).toBe(expected);
  });

  test('a field that is not there is an error, not false', () => {
    expect(() => compileExpression("self.mode == ''")({ self: {} })).toThrow('mode');
  });
});

test('a rule that compares with the value before an update is known by it', () => {
  expect(isTransition('self == oldSelf')).toBe(true);
  expect(isTransition("self == 'oldSelf'")).toBe(false);
  expect(isTransition('self.oldSelfish == 1')).toBe(false);
});
