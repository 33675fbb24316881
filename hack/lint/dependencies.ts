/**
 * Checks which top-level folder imports which. `make lint` runs it:  node hack/lint/dependencies.ts
 */
import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/** What the files of a folder may import: paths, or folders with all that is in them. */
export const rules: Record<string, readonly string[]> = {
  api: [],
  runtime: ['api'],
  // It knows what a resource is, and nothing of gateways.
  xds: ['api/object.ts', 'api/resource.ts', 'api/envoy'],
  translate: ['api'],
  controlplane: ['api', 'translate', 'xds'],
  shutdown: [],
  controllers: ['api', 'runtime', 'xds', 'translate', 'controlplane', 'shutdown', 'webhooks'],
  webhooks: ['api', 'runtime', 'xds', 'translate', 'controlplane', 'controllers'],
  standalone: ['api', 'runtime', 'xds', 'translate', 'controlplane', 'shutdown', 'controllers', 'webhooks'],
  cli: ['api', 'runtime', 'xds', 'translate', 'controlplane', 'shutdown', 'controllers', 'webhooks', 'standalone'],
};

/** Tests beside the code and what they share; left out of the build by tsconfig.build.json. */
const testSources = [/\.test\.ts$/, /\.fixture\.ts$/, /\/testing\//];
/** What these may import as well; `controlplane/testing` is a gateway on a real Envoy. */
const forTests = ['test/fixtures', 'hack/tools', 'hack/generate', 'controlplane/testing'];
/** Folders that nothing of the product may import, and which may import everything but `cli`. */
const tools = ['hack', 'test', 'examples'];

const importPattern =
  /(?:^|[\s;}])(?:import|export)\b(?:[^'"`;]*?\bfrom)?\s*['"]([^'"]+)['"]|\bimport\s*\(\s*['"]([^'"]+)['"]/g;

/** The relative paths that a source file imports. */
export function importsOf(source: string): string[] {
  const code = source.replace(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/[^\n]*/g, ' ');
  return [...code.matchAll(importPattern)]
    .map((match) => (match[1] ?? match[2])!)
    .filter((path) => path.startsWith('.'));
}

/**
 * The imports of a file that the rules forbid, one sentence each.
 * @param path relative to the root of the repository, as is everything here
 */
export function violations(path: string, source: string): string[] {
  const folder = path.split('/')[0]!;
  if (!path.includes('/')) return []; // configuration files at the top
  const isTest = testSources.some((pattern) => pattern.test(path));
  const allowed = rules[folder];
  if (allowed === undefined && !tools.includes(folder)) {
    return [`${path}: there is no rule for the folder ${folder}; add one to hack/lint/dependencies.ts`];
  }
  const found: string[] = [];
  for (const specifier of importsOf(source)) {
    const target = relative('.', resolve(dirname(path), specifier));
    const within = (place: string): boolean => target === place || target.startsWith(`${place}/`);
    if (within(folder)) continue;
    const permitted =
      allowed === undefined
        ? !within('cli')
        : allowed.some(within) || target === 'package.json' || (isTest && forTests.some(within));
    if (permitted) continue;
    const may = allowed === undefined ? 'anything but cli' : ['itself', ...allowed].join(', ');
    found.push(`${path}: imports ${target}, but ${folder} may import only ${may}`);
  }
  return found;
}

async function sources(root: string): Promise<string[]> {
  const folders = (await readdir(root, { withFileTypes: true })).filter(
    (entry) =>
      entry.isDirectory() && !entry.name.startsWith('.') && !['node_modules', 'dist', 'coverage'].includes(entry.name),
  );
  const files = await Promise.all(
    folders.map(async (folder) =>
      (await readdir(join(root, folder.name), { recursive: true }))
        .filter((name) => name.endsWith('.ts') && !name.includes('node_modules'))
        .map((name) => join(folder.name, name)),
    ),
  );
  return files.flat().toSorted();
}

async function main(root: string): Promise<void> {
  const files = await sources(root);
  const found = files.flatMap((path) => violations(path, readFileSync(join(root, path), 'utf8')));
  for (const violation of found) process.stderr.write(`${violation}\n`);
  if (found.length > 0) process.exitCode = 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main(join(import.meta.dirname, '../..'));
