/** The objects of files, read once as `sluice run` reads them. */
import { readFile } from 'node:fs/promises';
import { Catalog, type FileContent } from '../../standalone/catalog.ts';
import { fileSystemSentence, scan } from '../../standalone/fileScanner.ts';
import type { Problem } from '../../standalone/problem.ts';
import { SluiceError } from '../../standalone/sluiceError.ts';

export interface ReadFiles {
  catalog: Catalog;
  /** What is wrong with the files, in their order. */
  problems: Problem[];
  /** The files, in the order in which they were named. */
  order: string[];
}

/** @throws SluiceError FileNotFound for an argument that cannot be read */
export async function readCatalog(paths: readonly string[]): Promise<ReadFiles> {
  const { files, unreadable } = await scan(paths);
  const missing = unreadable.find(({ file }) => paths.includes(file));
  if (missing !== undefined) throw new SluiceError('FileNotFound', `${missing.file} ${missing.message}`);
  const contents = await Promise.all(
    files.map(async ({ file, absolute }): Promise<FileContent> => {
      try {
        return { file, bytes: await readFile(absolute) };
      } catch (error) {
        return { file, unreadable: fileSystemSentence(error) };
      }
    }),
  );
  const now = new Date();
  const catalog = new Catalog(() => now);
  const order = [...files, ...unreadable].map(({ file }) => file);
  const { problems } = catalog.update(
    [...contents, ...unreadable.map(({ file, message }) => ({ file, unreadable: message }))],
    order,
  );
  return { catalog, problems, order };
}
