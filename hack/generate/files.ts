/** What a generator makes, and how it is written or compared with what is committed. */
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

/** The whole content of one generated folder, or of single files where `folder` is undefined. */
export interface GeneratedFiles {
  /** The folder that holds nothing but these files, so that what is no longer generated is removed. */
  folder?: string;
  /** Content by path, both relative to the root of the repository. */
  files: Map<string, string>;
}

function present(root: string, folder: string): string[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

function isUpToDate(path: string, content: string): boolean {
  return existsSync(path) && readFileSync(path, 'utf8') === content;
}

/** Paths whose content on disk is not what the generators make: changed, missing, or no longer made. */
export function differences(root: string, generated: GeneratedFiles[]): string[] {
  return generated
    .flatMap(({ folder, files }) => [
      ...[...files].filter(([path, content]) => !isUpToDate(join(root, path), content)).map(([path]) => path),
      ...(folder === undefined ? [] : present(root, folder).filter((path) => !files.has(path))),
    ])
    .toSorted();
}

/** Writes what differs and removes what is no longer made; untouched files keep their modification time. */
export function writeFiles(root: string, generated: GeneratedFiles[]): string[] {
  const changed = differences(root, generated);
  const contents = new Map(generated.flatMap(({ files }) => [...files]));
  for (const path of changed) {
    const content = contents.get(path);
    if (content === undefined) {
      rmSync(join(root, path));
    } else {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), content);
    }
  }
  return changed;
}
