import { describe, expect, test } from 'vitest';
import { duration, parseDuration } from './duration.ts';

describe('durations', () => {
  test.each([
    ['0s', 0],
    ['500ms', 500],
    ['1m30s', 90_000],
    ['1h1m1s1ms', 3_661_001],
    ['99999h', 359_996_400_000],
    ['', undefined],
    ['5', undefined],
    ['1.5s', undefined],
    ['-1s', undefined],
    ['1s1s1s1s1s', undefined],
  ])('%s is %s ms', (text, expected) => {
    expect(parseDuration(text)).toBe(expected);
  });

  test('keeps milliseconds in protobuf', () => {
    expect(duration(1500)).toEqual({ seconds: 1n, nanos: 500_000_000 });
  });
});
