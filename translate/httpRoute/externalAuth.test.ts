import { RE2JS } from 're2js';
import { describe, expect, test } from 'vitest';
import { noneOf } from './externalAuth.ts';

describe('an expression for all texts but some', () => {
  const expression = RE2JS.compile(noneOf([':', 'te', 'trailer', 'transfer-encoding', 'content-', 'x-envoy-', 'date']));

  test.each([
    't',
    'tea',
    'trail',
    'trailers',
    'transfer-',
    'content',
    'x-envoy',
    'x',
    'x-user',
    'dat',
    'dates',
    'authorization',
  ])('takes %s', (text) => {
    expect(expression.matches(text)).toBe(true);
  });

  test.each([':status', 'te', 'trailer', 'transfer-encoding', 'content-', 'content-type', 'x-envoy-upstream', 'date'])(
    'leaves out %s',
    (text) => {
      expect(expression.matches(text)).toBe(false);
    },
  );
});
