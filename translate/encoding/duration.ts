/** Durations of Gateway API (GEP-2257) and of protobuf. */
import type { Init } from './encode.ts';
import type { DurationSchema } from '@bufbuild/protobuf/wkt';

const unitMilliseconds = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const;

/** Milliseconds of a duration such as `1h30m` or `500ms`; undefined if it is none. Source: GEP-2257. */
export function parseDuration(text: string): number | undefined {
  if (!/^([0-9]{1,5}(h|m|s|ms)){1,4}$/.test(text)) return undefined;
  let milliseconds = 0;
  for (const [, amount, unit] of text.matchAll(/([0-9]+)(ms|h|m|s)/g)) {
    milliseconds += Number(amount) * unitMilliseconds[unit as keyof typeof unitMilliseconds];
  }
  return milliseconds;
}

/** A protobuf duration of so many milliseconds. */
export function duration(milliseconds: number): Init<typeof DurationSchema> {
  const seconds = Math.floor(milliseconds / 1000);
  return { seconds: BigInt(seconds), nanos: Math.round((milliseconds - seconds * 1000) * 1e6) };
}
