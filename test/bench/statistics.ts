/** What is said of a series of measurements. */

/**
 * The value that a share of the values does not exceed, by nearest rank: always one of the values, so the 99th percentile of
 * fewer than a hundred is the worst.
 * @param share between 0 and 1
 * @throws RangeError where there are no values
 */
export function percentile(values: readonly number[], share: number): number {
  if (values.length === 0) throw new RangeError('there is no percentile of nothing');
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
}

export interface Summary {
  p50: number;
  p99: number;
}

export function summary(values: readonly number[]): Summary {
  return { p50: percentile(values, 0.5), p99: percentile(values, 0.99) };
}
