/**
 * The pinned tool versions of `versions.env` and the cache that tools are installed into.
 */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * Reads `hack/tools/versions.env`.
 * @returns the value of each name, e.g. `ENVOY_VERSION`
 * @throws Error on a line that is neither `NAME=value`, a comment nor blank
 */
export function readVersions(
  text = readFileSync(new URL('versions.env', import.meta.url), 'utf8'),
): Map<string, string> {
  const versions = new Map<string, string>();
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const match = /^([A-Z_]+)=([\w.-]+)$/.exec(line);
    if (match === null) throw new Error(`hack/tools/versions.env: expected NAME=value, found: ${line}`);
    versions.set(match[1]!, match[2]!);
  }
  return versions;
}

/** The folder that tools are installed into: `$SLUICE_CACHE`, or `~/.cache/sluice`. */
export function cacheDirectory(): string {
  return process.env['SLUICE_CACHE'] || join(homedir(), '.cache', 'sluice');
}
