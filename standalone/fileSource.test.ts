import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';

import { afterEach, beforeEach, expect, test } from 'vitest';

import type { FileContent } from './catalog.ts';
import { FileSource } from './fileSource.ts';

let directory: string;
let source: FileSource | undefined;

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'file-source-'));
});
afterEach(async () => {
  await source?.close();
  source = undefined;
  rmSync(directory, { recursive: true, force: true });
});

/** Follows a source: what each file holds at present, by its name below the directory. */
class Follower {
  readonly files = new Map<string, string>();
  readonly history: string[] = [];
  order: string[] = [];
  #listeners = new Set<() => void>();

  readonly onChange = (contents: FileContent[], order: string[]): void => {
    for (const { file, bytes, unreadable, missing } of contents) {
      const name = path.relative(directory, file) || '.';
      const text = bytes === undefined ? (unreadable ?? missing) : Buffer.from(bytes).toString();
      if (text === undefined) this.files.delete(name);
      else this.files.set(name, text);
      this.history.push(`${name}=${text ?? 'gone'}`);
    }
    this.order = order.map((file) => path.relative(directory, file));
    for (const listener of this.#listeners) listener();
  };

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        const listener = (): void => {
          this.#listeners.delete(listener);
          resolve();
        };
        this.#listeners.add(listener);
      });
    }
  }

  async untilFiles(expected: Record<string, string>): Promise<void> {
    await this.until(() => isDeepStrictEqual(Object.fromEntries(this.files), expected));
  }
}

// Without polling, so that a notice that is missed fails the test.
const never = 2 ** 30;

async function follow(paths: string[] = [directory], poll = never): Promise<Follower> {
  const follower = new Follower();
  source = new FileSource({
    paths,
    poll,
    onChange: follower.onChange,
    onWarning: (message) => {
      throw new Error(message);
    },
  });
  await source.start();
  return follower;
}

const at = (name: string): string => path.join(directory, name);
const write = (name: string, text: string): void => writeFileSync(at(name), text);

test('reads directories to their depth, in order, and leaves out what is no YAML or JSON', async () => {
  mkdirSync(at('sub/deep'), { recursive: true });
  mkdirSync(at('.git'));
  for (const name of [
    'b.yaml',
    'a.yml',
    'c.json',
    'sub/deep/d.yaml',
    'notes.md',
    '.b.yaml.swp',
    '.hidden.yaml',
    'a.yml~',
    '.git/x.yaml',
  ]) {
    write(name, name);
  }
  const follower = await follow();
  expect(follower.order).toEqual(['a.yml', 'b.yaml', 'c.json', 'sub/deep/d.yaml']);
  expect(Object.fromEntries(follower.files)).toEqual(Object.fromEntries(follower.order.map((name) => [name, name])));
});

test('a file named twice, itself and by its directory, is read once; arguments keep their order', async () => {
  write('a.yaml', 'a');
  write('b.yaml', 'b');
  const follower = await follow([at('b.yaml'), directory]);
  expect(follower.order).toEqual(['b.yaml', 'a.yaml']);
});

test('edits in place, new files, deleted files', async () => {
  write('a.yaml', '1');
  const follower = await follow();
  write('a.yaml', '2');
  await follower.untilFiles({ 'a.yaml': '2' });
  write('b.yaml', 'new');
  await follower.untilFiles({ 'a.yaml': '2', 'b.yaml': 'new' });
  mkdirSync(at('later/on'), { recursive: true });
  write('later/on/c.yaml', 'deep');
  await follower.untilFiles({ 'a.yaml': '2', 'b.yaml': 'new', 'later/on/c.yaml': 'deep' });
  write('later/on/c.yaml', 'deeper');
  await follower.untilFiles({ 'a.yaml': '2', 'b.yaml': 'new', 'later/on/c.yaml': 'deeper' });
  unlinkSync(at('a.yaml'));
  rmSync(at('later'), { recursive: true });
  await follower.untilFiles({ 'b.yaml': 'new' });
});

test('an edit that keeps length and time of modification', async () => {
  const time = new Date('2024-01-01');
  write('a.yaml', '1');
  utimesSync(at('a.yaml'), time, time);
  const follower = await follow();
  write('a.yaml', '2');
  utimesSync(at('a.yaml'), time, time);
  await follower.untilFiles({ 'a.yaml': '2' });
});

test.each(['file', 'directory'])('an editor that moves a new file into place, watched by %s', async (by) => {
  write('a.yaml', '1');
  const follower = await follow(by === 'file' ? [at('a.yaml')] : [directory]);
  for (const text of ['2', '3', '4']) {
    write('.a.yaml.tmp', text);
    renameSync(at('.a.yaml.tmp'), at('a.yaml'));
    await follower.untilFiles({ 'a.yaml': text });
  }
});

test('an editor that moves the old file away and writes a new one never shows the file as gone', async () => {
  write('a.yaml', '1');
  const follower = await follow();
  renameSync(at('a.yaml'), at('a.yaml~'));
  await new Promise((resolve) => setImmediate(resolve));
  write('a.yaml', '2');
  await follower.untilFiles({ 'a.yaml': '2' });
  expect(follower.history).toEqual(['a.yaml=1', 'a.yaml=2']);
});

test('a file that is emptied and filled in steps is read when it stands still', async () => {
  write('a.yaml', 'first');
  const follower = await follow();
  write('a.yaml', '');
  await new Promise((resolve) => setImmediate(resolve));
  for (const part of ['o', 'n', 'e']) appendFileSync(at('a.yaml'), part);
  await follower.untilFiles({ 'a.yaml': 'one' });
  expect(follower.history).not.toContain('a.yaml=');
});

test.each(['file', 'directory'])(
  'a ConfigMap volume swaps a link in the middle of the path, watched by %s',
  async (by) => {
    mkdirSync(at('..2024_1'));
    write('..2024_1/a.yaml', '1');
    symlinkSync('..2024_1', at('..data'));
    symlinkSync('..data/a.yaml', at('a.yaml'));
    const follower = await follow(by === 'file' ? [at('a.yaml')] : [directory]);
    expect(Object.fromEntries(follower.files)).toEqual({ 'a.yaml': '1' });
    for (const version of ['2', '3']) {
      mkdirSync(at(`..2024_${version}`));
      write(`..2024_${version}/a.yaml`, version);
      symlinkSync(`..2024_${version}`, at('..data_tmp'));
      renameSync(at('..data_tmp'), at('..data'));
      rmSync(at(`..2024_${Number(version) - 1}`), { recursive: true });
      await follower.untilFiles({ 'a.yaml': version });
    }
  },
);

test('a directory of the arguments is replaced as a whole', async () => {
  mkdirSync(at('conf'));
  write('conf/a.yaml', 'old');
  const follower = await follow([at('conf')]);
  mkdirSync(at('next'));
  write('next/a.yaml', 'new');
  write('next/b.yaml', 'b');
  renameSync(at('conf'), at('previous'));
  renameSync(at('next'), at('conf'));
  await follower.untilFiles({ 'conf/a.yaml': 'new', 'conf/b.yaml': 'b' });
  write('conf/a.yaml', 'newer');
  await follower.untilFiles({ 'conf/a.yaml': 'newer', 'conf/b.yaml': 'b' });
});

test('an argument that does not exist is one sentence, and is read once it is there', async () => {
  const follower = await follow([at('a.yaml')]);
  expect(Object.fromEntries(follower.files)).toEqual({ 'a.yaml': 'does not exist; correct the path or create it.' });
  write('a.yaml', 'here');
  await follower.untilFiles({ 'a.yaml': 'here' });
  unlinkSync(at('a.yaml'));
  await follower.untilFiles({ 'a.yaml': 'does not exist; correct the path or create it.' });
  write('a.yaml', 'again');
  await follower.untilFiles({ 'a.yaml': 'again' });
});

test('links in a circle are one sentence, the rest is read', async () => {
  symlinkSync('b', at('a.yaml'));
  symlinkSync('a.yaml', at('b'));
  mkdirSync(at('sub'));
  symlinkSync('..', at('sub/up'));
  write('sub/c.yaml', 'c');
  const follower = await follow();
  expect(follower.files.get('sub/c.yaml')).toBe('c');
  expect(follower.files.get('a.yaml')).toMatch(/circle/);
  expect([...follower.files.keys()].toSorted()).toEqual(['a.yaml', 'b', 'sub/c.yaml']);
});

test('where no notices come, looking from time to time finds the change', async () => {
  write('a.yaml', '1');
  const follower = await follow([directory], 20);
  // What a file system without notices would do: nothing wakes the source.
  write('a.yaml', '2');
  await follower.untilFiles({ 'a.yaml': '2' });
});
