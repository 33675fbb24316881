import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { differences, type GeneratedFiles, writeFiles } from './files.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'sluice-generate-'));
});
afterEach(() => rmSync(root, { recursive: true }));

const generated: GeneratedFiles[] = [
  {
    folder: 'out',
    files: new Map([
      ['out/a/b.txt', 'b'],
      ['out/c.txt', 'c'],
    ]),
  },
  { files: new Map([['single.txt', 's']]) },
];

test('what is missing is written, and then nothing differs', () => {
  expect(writeFiles(root, generated)).toEqual(['out/a/b.txt', 'out/c.txt', 'single.txt']);
  expect(readFileSync(join(root, 'out/a/b.txt'), 'utf8')).toBe('b');
  expect(differences(root, generated)).toEqual([]);
});

test('what changed, is missing or is no longer made differs', () => {
  writeFiles(root, generated);
  writeFileSync(join(root, 'out/c.txt'), 'changed');
  rmSync(join(root, 'single.txt'));
  mkdirSync(join(root, 'out/old'));
  writeFileSync(join(root, 'out/old/d.txt'), 'd');
  writeFileSync(join(root, 'beside.txt'), 'not ours');
  const expected = ['out/c.txt', 'out/old/d.txt', 'single.txt'];
  expect(differences(root, generated)).toEqual(expected);
  expect(writeFiles(root, generated)).toEqual(expected);
  expect(differences(root, generated)).toEqual([]);
  expect(readFileSync(join(root, 'beside.txt'), 'utf8')).toBe('not ours');
});

test('what is right is not touched', () => {
  writeFiles(root, generated);
  const { mtimeNs } = statSync(join(root, 'out/c.txt'), { bigint: true });
  expect(writeFiles(root, generated)).toEqual([]);
  expect(statSync(join(root, 'out/c.txt'), { bigint: true }).mtimeNs).toBe(mtimeNs);
});
