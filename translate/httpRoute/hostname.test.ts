import { describe, expect, test } from 'vitest';
import { covers, intersections, mostSpecific } from './hostname.ts';

describe('hostnames', () => {
  test.each([
    ['', 'a.example.com', true],
    ['a.example.com', 'a.example.com', true],
    ['*.example.com', 'a.example.com', true],
    ['*.example.com', 'b.a.example.com', true],
    ['*.example.com', '*.a.example.com', true],
    ['*.example.com', 'example.com', false],
    ['*.example.com', '*.com', false],
    ['*.example.com', 'badexample.com', false],
    ['a.example.com', '*.example.com', false],
  ])('"%s" covers "%s": %s', (pattern, hostname, expected) => {
    expect(covers(pattern, hostname)).toBe(expected);
  });

  // The examples of HTTPRouteSpec.hostnames.
  test.each([
    ['test.example.com', [], ['test.example.com']],
    ['test.example.com', ['*.example.com'], ['test.example.com']],
    ['*.example.com', ['test.example.com', 'test.example.net'], ['test.example.com']],
    ['*.example.com', ['example.com', 'test.example.net'], []],
    ['', ['A.example.com', '*.example.com'], ['a.example.com', '*.example.com']],
    ['', [], ['']],
  ])('a listener with "%s" and a route with %j have %j in common', (listener, hostnames, expected) => {
    expect(intersections(listener, hostnames)).toEqual(expected);
  });

  test('the most specific wins', () => {
    const patterns = ['', '*.example.com', '*.a.example.com', 'b.a.example.com'];
    expect(mostSpecific(patterns, 'b.a.example.com')).toBe('b.a.example.com');
    expect(mostSpecific(patterns, 'c.a.example.com')).toBe('*.a.example.com');
    expect(mostSpecific(patterns, 'c.example.com')).toBe('*.example.com');
    expect(mostSpecific(patterns, 'example.com')).toBe('');
    expect(mostSpecific(['*.example.com'], 'example.org')).toBeUndefined();
  });
});
