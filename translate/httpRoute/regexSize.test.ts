import { describe, expect, test } from 'vitest';
import { regexSize } from './regexSize.ts';

describe('the size of an expression', () => {
  // The first number is the "RE2 program size" that Envoy 1.40 tells of.
  test.each([
    ['a{100}', 104],
    ['\\pL{1000}', 7004],
    ['\\pS{1000}', 15_004],
    ['(abc|bcd|cdex){1000}', 12_004],
    ['.{1000}', 2004],
    ['(.{30}){30}', 1864],
    ['((\\pL\\pN){10}){10}', 1324],
    ['[\\w-]{1000}', 4004],
    ['[[:punct:]]{1000}', 4004],
    ['a{0,1000}', 2004],
    ['(a|b){2,500}', 2002],
    ['(?i)k{1000}', 1004],
    ['ä{1000}', 1005],
    ['a{3,}', 8],
    ['\\x{ff}', 5],
  ])('%s: not less than Envoy says, and of its order', (text, envoys) => {
    const size = regexSize(text);
    expect(size).toBeGreaterThanOrEqual(envoys);
    expect(size).toBeLessThan(7 * envoys);
  });

  test('of what is no expression, too', () => {
    for (const text of [
      '',
      '(',
      ')',
      '[',
      '[^]',
      '{',
      'a{',
      '\\',
      '\\Q',
      '*',
      '((((',
      'a{99999}',
      '\ud800',
      '[[:',
      '(?P<',
    ]) {
      expect(regexSize(text)).toBeGreaterThan(0);
    }
  });

  test('without doing the work', () => {
    expect(regexSize(`((${'a'.repeat(4000)}){1000}){1000}`)).toBeGreaterThan(4e9);
  });
});
