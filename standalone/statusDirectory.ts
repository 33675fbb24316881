/**
 * Writes the objects with their status into a directory, one YAML file for each, as a cluster would show them. Files are moved
 * into place whole, so that a reader never sees half of one; files of objects that are gone are removed.
 */
import { access, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

import type { Logger } from 'pino';
import { stringify } from 'yaml';

import type { KubernetesObject } from '../api/object.ts';
import { messageOf, SluiceError, systemCode } from './sluiceError.ts';

/** The first line of each file, by which later runs know what they may remove. */
const marker = '# Written by `sluice run --status-dir`; changes are overwritten.';

/** The name of the file of an object. Names of objects have no underscore. */
export function statusFileName({ kind, metadata }: KubernetesObject): string {
  return (
    [kind.toLowerCase(), metadata.namespace, metadata.name].filter((part) => part !== undefined).join('_') + '.yaml'
  );
}

interface Entry {
  object: KubernetesObject;
  status: object | undefined;
  /** Made when it is written: most entries stay as they are. */
  text: string | undefined;
}

function spell({ object, status }: Entry): string {
  const { apiVersion, kind, metadata, ...rest } = object;
  const whole = { apiVersion, kind, metadata, ...rest, ...(status === undefined ? {} : { status }) };
  return `${marker}\n${stringify(whole, {
    lineWidth: 0,
    aliasDuplicateObjects: false,
    // Readers of YAML 1.1 would take a time for a date and `on` for true.
    compat: 'yaml-1.1',
  })}`;
}

/**
 * Makes a directory with those above it. Node's own `recursive` never returns in a file system, such as /proc, that denies a
 * new directory by saying that the one above it does not exist.
 */
async function makeDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'EEXIST') return;
    const parent = path.dirname(directory);
    if (code !== 'ENOENT' || (await exists(parent))) throw error;
    await makeDirectory(parent);
    await mkdir(directory);
  }
}

async function exists(directory: string): Promise<boolean> {
  return await access(directory).then(
    () => true,
    () => false,
  );
}

export class StatusDirectory {
  readonly #directory: string;
  readonly #logger: Logger;
  /** What is to be in the directory, by file name. */
  #wanted = new Map<string, Entry>();
  readonly #written = new Map<string, string>();
  #running: Promise<void> | undefined;
  #fault: string | undefined;

  private constructor(directory: string, logger: Logger) {
    this.#directory = directory;
    this.#logger = logger;
  }

  /**
   * Opens a directory, which is made if it is missing.
   *
   * @throws SluiceError NotWritable
   */
  static async open(directory: string, logger: Logger): Promise<StatusDirectory> {
    const probe = path.join(directory, `.probe-${process.pid}`);
    try {
      await makeDirectory(directory);
      await writeFile(probe, '');
      await rm(probe);
    } catch (error) {
      throw new SluiceError(
        'NotWritable',
        `The directory ${directory} of --status-dir cannot be written to (${messageOf(error)}); name another one.`,
      );
    }
    const opened = new StatusDirectory(directory, logger);
    for (const name of await readdir(directory)) {
      if (!name.endsWith('.yaml')) continue;
      const text = await readFile(path.join(directory, name), 'utf8').catch(() => '');
      if (text.startsWith(marker)) opened.#written.set(name, text);
    }
    return opened;
  }

  /** States all objects there are, with their status. They are written soon; see `flushed`. */
  set(objects: Iterable<{ object: KubernetesObject; status: object | undefined }>): void {
    const wanted = new Map<string, Entry>();
    for (const { object, status } of objects) {
      const name = statusFileName(object);
      const before = this.#wanted.get(name);
      wanted.set(
        name,
        before?.object === object && before.status === status ? before : { object, status, text: undefined },
      );
    }
    this.#wanted = wanted;
    this.#running ??= this.#write().finally(() => {
      this.#running = undefined;
    });
  }

  /** Resolves when everything stated so far has been written. */
  async flushed(): Promise<void> {
    await this.#running;
  }

  async #write(): Promise<void> {
    let wanted: Map<string, Entry> | undefined;
    // What is stated while this is under way is written in the next round.
    while (wanted !== this.#wanted) {
      wanted = this.#wanted;
      let fault: string | undefined;
      for (const [name, entry] of wanted) {
        const text = (entry.text ??= spell(entry));
        if (this.#written.get(name) === text) continue;
        const failed = await this.#attempt(name, () => this.#replace(name, text));
        if (failed === undefined) this.#written.set(name, text);
        fault ??= failed;
      }
      for (const name of this.#written.keys()) {
        if (wanted.has(name)) continue;
        fault = (await this.#attempt(name, () => rm(path.join(this.#directory, name), { force: true }))) ?? fault;
        this.#written.delete(name);
      }
      if (fault !== undefined && fault !== this.#fault) this.#logger.error(fault);
      this.#fault = fault;
    }
  }

  async #replace(name: string, text: string): Promise<void> {
    const temporary = path.join(this.#directory, `.${name}.${process.pid}`);
    await writeFile(temporary, text);
    await rename(temporary, path.join(this.#directory, name));
  }

  async #attempt(name: string, action: () => Promise<void>): Promise<string | undefined> {
    try {
      await action();
      return undefined;
    } catch (error) {
      return `The status file ${path.join(this.#directory, name)} cannot be written: ${messageOf(error)}.`;
    }
  }
}
