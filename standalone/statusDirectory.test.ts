import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, expect, test } from 'vitest';
import { StatusDirectory } from './statusDirectory.ts';

const logger = pino({ level: 'silent' });
const directory = mkdtempSync(join(tmpdir(), 'sluice-status-'));
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test('a directory is made with those above it', async () => {
  await StatusDirectory.open(join(directory, 'a/b/c'), logger);
  expect(readdirSync(join(directory, 'a/b/c'))).toEqual([]);
});

test.each(['/proc/x', '/proc/x/y', '/dev/null/x'])('%s cannot be made, and that is told', async (path) => {
  await expect(StatusDirectory.open(path, logger)).rejects.toMatchObject({
    code: 'NotWritable',
    message: expect.stringContaining(`The directory ${path} of --status-dir cannot be written to`),
  });
});

test('a file is no directory', async () => {
  const file = join(tmpdir(), `sluice-status-file-${process.pid}`);
  writeFileSync(file, '');
  await expect(StatusDirectory.open(file, logger)).rejects.toMatchObject({ code: 'NotWritable' });
  rmSync(file);
});
