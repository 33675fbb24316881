import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LineSplitter } from './watchStream.ts';

/** The same bytes, cut at the given places. */
function cut(bytes: Buffer, places: number[]): Buffer[] {
  const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b);
  return ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end));
}

test('lines come out whole wherever the bytes are cut, also inside a character', () => {
  const line = fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !text.includes('\n'));
  fc.assert(
    fc.property(fc.array(line), fc.array(fc.nat(1000)), line, (lines, places, rest) => {
      const seen: string[] = [];
      const splitter = new LineSplitter((text) => seen.push(text));
      const bytes = Buffer.from(`${lines.map((text) => `${text}\n`).join('')}${rest}`);
      for (const chunk of cut(bytes, places)) splitter.push(chunk);
      expect(seen).toEqual(lines);
      expect(splitter.isMidLine).toBe(true);
    }),
  );
});

test('a line is handed out by the chunk that completes it', () => {
  const seen: string[] = [];
  const splitter = new LineSplitter((text) => seen.push(text));
  splitter.push(Buffer.from('{"a":'));
  expect(seen).toEqual([]);
  splitter.push(Buffer.from('1}\n\n{"b":2}\n'));
  expect(seen).toEqual(['{"a":1}', '{"b":2}']);
  expect(splitter.isMidLine).toBe(false);
});
