/**
 * Finds the files that the user named, and the directories in which a change of them would show.
 * Symbolic links are followed one by one, because a ConfigMap volume changes a link in the middle of a path.
 */
import { lstat, readdir, readlink, realpath, stat } from 'node:fs/promises';
import path from 'node:path';

import { messageOf, systemCode } from './sluiceError.ts';

export interface ScannedFile {
  /** As the user named it, or below a directory that the user named. */
  file: string;
  absolute: string;
  /** Equal as long as nobody wrote to the file or put another in its place. */
  signature: string;
  /** Bytes. */
  size: number;
  /** Milliseconds since 1970. */
  modifiedAt: number;
}

export interface Scan {
  /** In the order of the arguments, within a directory by name. */
  files: ScannedFile[];
  /** Absolute paths of directories where a change of the files, or of which files there are, would show. */
  directories: Set<string>;
  /** What cannot be read; one sentence each. */
  unreadable: { file: string; message: string; /** It does not exist. */ missing: boolean }[];
}

const extensions = new Set(['.yaml', '.yml', '.json']);

/** One sentence on an error of the file system. */
export function fileSystemSentence(error: unknown): string {
  switch (systemCode(error)) {
    case 'ENOENT':
      return 'does not exist; correct the path or create it.';
    case 'EACCES':
    case 'EPERM':
      return 'cannot be read: permission denied; give this user the right to read it.';
    case 'ELOOP':
      return 'cannot be read: its symbolic links lead in a circle.';
    default:
      return `cannot be read: ${messageOf(error)}.`;
  }
}

/** Adds the directories of every link on the way to a path, and the directory that holds its end. */
async function watchWay(absolute: string, directories: Set<string>, followed = 0): Promise<void> {
  if (followed > 40) return;
  const { root } = path.parse(absolute);
  let current = root;
  const segments = absolute.slice(root.length).split(path.sep).filter(Boolean);
  for (const [index, segment] of segments.entries()) {
    const parent = current;
    current = path.join(current, segment);
    let isLink: boolean;
    try {
      isLink = (await lstat(current)).isSymbolicLink();
    } catch {
      // What is missing would appear here.
      directories.add(parent);
      return;
    }
    if (index === segments.length - 1) directories.add(parent);
    if (isLink) {
      directories.add(parent);
      const target = path.resolve(parent, await readlink(current).catch(() => '.'));
      await watchWay(path.join(target, ...segments.slice(index + 1)), directories, followed + 1);
      return;
    }
  }
}

/**
 * Looks at everything below the arguments. Directories are searched to their depth for `.yaml`, `.yml` and `.json`; names that
 * begin with a dot are left out (editors' swap files, `.git`, the hidden directories of ConfigMap volumes).
 */
export async function scan(paths: readonly string[]): Promise<Scan> {
  const result: Scan = { files: [], directories: new Set(), unreadable: [] };
  const seen = new Set<string>();

  const visitFile = async (file: string, absolute: string): Promise<void> => {
    const real = await realpath(absolute);
    if (seen.has(real)) return;
    seen.add(real);
    const { dev, ino, size, mtimeNs, ctimeNs, mtimeMs } = await stat(absolute, { bigint: true });
    const signature = [real, dev, ino, size, mtimeNs, ctimeNs].join(' ');
    result.files.push({ file, absolute, signature, size: Number(size), modifiedAt: Number(mtimeMs) });
  };
  const visitDirectory = async (directory: string, absolute: string): Promise<void> => {
    const real = await realpath(absolute);
    if (seen.has(real)) return;
    seen.add(real);
    result.directories.add(real);
    const entries = await readdir(absolute, { withFileTypes: true });
    entries.sort((left, right) => (left.name < right.name ? -1 : 1));
    for (const entry of entries) {
      if (entry.name.startsWith('.')) continue;
      const child = path.join(directory, entry.name);
      const childAbsolute = path.join(absolute, entry.name);
      await guarded(
        child,
        async () => {
          const wanted = extensions.has(path.extname(entry.name).toLowerCase());
          if (entry.isSymbolicLink()) {
            await watchWay(childAbsolute, result.directories);
            const target = await stat(childAbsolute);
            if (target.isDirectory()) await visitDirectory(child, childAbsolute);
            else if (target.isFile() && wanted) await visitFile(child, childAbsolute);
          } else if (entry.isDirectory()) {
            await visitDirectory(child, childAbsolute);
          } else if (entry.isFile() && wanted) {
            await visitFile(child, childAbsolute);
          }
        },
        true,
      );
    }
  };
  /** @param inDirectory where a file may vanish between two looks */
  const guarded = async (file: string, visit: () => Promise<void>, inDirectory: boolean): Promise<void> => {
    try {
      await visit();
    } catch (error) {
      if (inDirectory && systemCode(error) === 'ENOENT') return;
      result.unreadable.push({ file, message: fileSystemSentence(error), missing: systemCode(error) === 'ENOENT' });
    }
  };

  for (const argument of paths) {
    const absolute = path.resolve(argument);
    await watchWay(absolute, result.directories);
    await guarded(
      argument,
      async () => {
        const found = await stat(absolute);
        if (found.isDirectory()) await visitDirectory(argument, absolute);
        else await visitFile(argument, absolute);
      },
      false,
    );
  }
  return result;
}
