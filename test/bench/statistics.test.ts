import { describe, expect, it } from 'vitest';
import { percentile, summary } from './statistics.ts';

const upTo = (end: number): number[] => Array.from({ length: end }, (_, index) => end - index);

describe('percentile', () => {
  it.each([
    { values: upTo(100), share: 0.5, expected: 50 },
    { values: upTo(100), share: 0.99, expected: 99 },
    { values: upTo(30), share: 0.99, expected: 30 },
    { values: upTo(3), share: 0.5, expected: 2 },
    { values: [7], share: 0, expected: 7 },
    { values: [10, 9], share: 1, expected: 10 },
  ])('of $values.length values at $share is $expected', ({ values, share, expected }) => {
    expect(percentile(values, share)).toBe(expected);
  });

  it('leaves the values in their order', () => {
    const values = [3, 1, 2];
    summary(values);
    expect(values).toEqual([3, 1, 2]);
  });

  it('refuses no values', () => {
    expect(() => percentile([], 0.5)).toThrow(RangeError);
  });
});
