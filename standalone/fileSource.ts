/**
 * Watches files. What the operating system reports is only a hint to look again; what a look finds is the truth, so nothing is
 * lost where events are coalesced, dropped or (network file systems) never sent.
 *
 * A file that was written to in place counts once it has stood still for a moment, because a write in progress shows half a
 * file; a file that was moved into place counts at once if its content is older than that moment.
 */
import { type FSWatcher, watch } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import type { FileContent } from './catalog.ts';
import { fileSystemSentence, type Scan, scan, type ScannedFile } from './fileScanner.ts';
import { messageOf, systemCode } from './sluiceError.ts';

export interface FileSourceOptions {
  /** Files and directories. */
  paths: readonly string[];
  /** Called, one at a time, with what changed and all files in order. */
  onChange(contents: FileContent[], order: string[]): void;
  /** One sentence where watching works less well than it should. */
  onWarning(message: string): void;
  /** How long a file stands still before it counts as written, in milliseconds. */
  settle?: number;
  /** The same for a file that has become empty or is gone: many tools empty or remove a file before they write it anew. */
  settleEmpty?: number;
  /** How often to look without being told, in milliseconds. */
  poll?: number;
}

interface Known {
  signature: string | undefined;
  /** The last look's signature, and since when it has been so (monotonic milliseconds). */
  seen: string | undefined;
  seenSince: number;
}

const absent = undefined;

/** Between two looks, in milliseconds. */
const breath = 5;

export class FileSource {
  readonly #options: Required<FileSourceOptions>;
  readonly #known = new Map<string, Known>();
  readonly #watchers = new Map<string, { watcher: FSWatcher; inode: string }>();
  #unreadable = new Map<string, string>();
  #dirty = false;
  #closed = false;
  #wake: (() => void) | undefined;
  #loop: Promise<void> | undefined;
  #warned = false;

  constructor(options: FileSourceOptions) {
    this.#options = { settle: 50, settleEmpty: 500, poll: 5000, ...options };
  }

  /** Reads everything once, reports it to `onChange` and watches from then on. */
  async start(): Promise<void> {
    // Watching begins before reading: a change in between is seen twice rather than never.
    await this.#watch((await scan(this.#options.paths)).directories);
    await this.#look(true);
    this.#loop = this.#run();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#wake?.();
    for (const { watcher } of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
    await this.#loop;
  }

  async #run(): Promise<void> {
    let wait = this.#options.poll;
    while (!this.#closed) {
      if (!this.#dirty) {
        const timer = new AbortController();
        const woken = new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        await Promise.race([woken, sleep(wait, undefined, { signal: timer.signal }).catch(() => undefined)]);
        timer.abort();
        this.#wake = undefined;
      }
      if (this.#closed) return;
      // A directory may be busy with files that are none of ours.
      await sleep(breath);
      this.#dirty = false;
      const settlesIn = await this.#look(false);
      wait = settlesIn ?? this.#options.poll;
    }
  }

  #hint(): void {
    this.#dirty = true;
    this.#wake?.();
  }

  /** @returns when to look again because a file has not stood still yet, in milliseconds */
  async #look(first: boolean): Promise<number | undefined> {
    const result = await scan(this.#options.paths);
    await this.#watch(result.directories);
    const contents: FileContent[] = [];
    let again: number | undefined;
    const waitFor = (milliseconds: number): void => {
      again = Math.max(1, Math.min(again ?? Number.POSITIVE_INFINITY, milliseconds));
    };

    const present = new Map(result.files.map((file) => [file.file, file]));
    for (const file of result.files) {
      const remaining = this.#unsettled(file.file, file.signature, file, first);
      if (remaining === undefined) continue;
      if (remaining > 0) {
        waitFor(remaining);
        continue;
      }
      const content = await this.#read(file);
      if (content === undefined) {
        waitFor(this.#options.settle);
        continue;
      }
      this.#known.get(file.file)!.signature = file.signature;
      contents.push(content);
    }
    // A directory that cannot be read tells nothing of its files: they stay.
    const blocked = result.unreadable.filter(({ missing }) => !missing).map(({ file }) => file);
    const isBelowUnreadable = (file: string): boolean =>
      blocked.some((above) => file === above || file.startsWith(above.endsWith(path.sep) ? above : above + path.sep));
    for (const [file, known] of this.#known) {
      if (present.has(file) || isBelowUnreadable(file)) continue;
      const remaining = this.#unsettled(file, absent, undefined, first);
      if (remaining === undefined || remaining > 0) {
        // A file that is gone keeps its objects until it is clear that it stays gone.
        if (remaining !== undefined) waitFor(remaining);
        continue;
      }
      known.signature = absent;
      this.#known.delete(file);
      contents.push({ file });
    }
    contents.push(...this.#unreadableContents(result, contents));

    if (contents.length > 0 || first) this.#options.onChange(contents, this.#orderOf(result));
    return again;
  }

  /**
   * Undefined if the file is as it was when it was last read; otherwise how long it has yet to stand still, in milliseconds.
   */
  #unsettled(
    file: string,
    signature: string | undefined,
    scanned: ScannedFile | undefined,
    first: boolean,
  ): number | undefined {
    const now = performance.now();
    const known = this.#known.get(file) ?? { signature: absent, seen: absent, seenSince: now };
    this.#known.set(file, known);
    if (known.seen !== signature) {
      known.seen = signature;
      known.seenSince = now;
    }
    if (known.signature === signature) return undefined;
    if (first) return 0;
    const wanted =
      (scanned?.size ?? 0) === 0 && known.signature !== absent ? this.#options.settleEmpty : this.#options.settle;
    let stoodStill = now - known.seenSince;
    const age = scanned === undefined ? 0 : Date.now() - scanned.modifiedAt;
    if (age > stoodStill) stoodStill = age;
    return Math.max(0, wanted - stoodStill);
  }

  /** Undefined if the file changed under the reader. */
  async #read({ file, absolute, signature }: ScannedFile): Promise<FileContent | undefined> {
    try {
      const bytes = await readFile(absolute);
      const { ino, size, mtimeNs, ctimeNs } = await stat(absolute, { bigint: true });
      return signature.endsWith([ino, size, mtimeNs, ctimeNs].join(' ')) ? { file, bytes } : undefined;
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined;
      return { file, unreadable: fileSystemSentence(error) };
    }
  }

  /** What changed of the paths that cannot be read, or of arguments that do not exist. */
  #unreadableContents(result: Scan, contents: readonly FileContent[]): FileContent[] {
    const changed: FileContent[] = [];
    const current = new Map<string, string>();
    for (const { file, message, missing } of result.unreadable) {
      // A file that is gone may be on its way back; it is missed once it has been gone for a while.
      if (missing && this.#known.has(file)) continue;
      current.set(file, message);
      const removed = contents.some((content) => content.file === file);
      if (this.#unreadable.get(file) === message && !removed) continue;
      changed.push(missing ? { file, missing: message } : { file, unreadable: message });
    }
    for (const file of this.#unreadable.keys()) {
      // A file that can be read again speaks for itself, a directory through its files.
      if (!current.has(file) && !this.#known.has(file)) changed.push({ file });
    }
    this.#unreadable = current;
    return changed;
  }

  /** All files, with those that are gone for a moment, or cannot be read, in their places. */
  #orderOf(result: Scan): string[] {
    const order = result.files.map(({ file }) => file);
    const listed = new Set(order);
    for (const { file } of result.unreadable) if (!listed.has(file)) order.push(file);
    for (const file of this.#known.keys()) if (!listed.has(file)) order.push(file);
    return [...new Set(order)];
  }

  async #watch(wanted: ReadonlySet<string>): Promise<void> {
    for (const [directory, { watcher }] of this.#watchers) {
      if (wanted.has(directory)) continue;
      watcher.close();
      this.#watchers.delete(directory);
    }
    for (const directory of wanted) {
      if (this.#closed) return;
      let inode: string;
      try {
        const found = await stat(directory, { bigint: true });
        inode = `${found.dev} ${found.ino}`;
      } catch {
        // Gone since the scan: the directory above is watched as well.
        continue;
      }
      const existing = this.#watchers.get(directory);
      if (existing?.inode === inode) continue;
      existing?.watcher.close();
      try {
        const watcher = watch(directory, { persistent: true }, () => this.#hint());
        watcher.on('error', () => {
          watcher.close();
          this.#watchers.delete(directory);
          this.#hint();
        });
        this.#watchers.set(directory, { watcher, inode });
      } catch (error) {
        if (systemCode(error) === 'ENOENT' || this.#warned) continue;
        this.#warned = true;
        const seconds = this.#options.poll / 1000;
        this.#options.onWarning(
          `The system gives no more notices of changed files (${messageOf(error)}); changes are found within ${seconds} s instead.`,
        );
      }
    }
  }
}
