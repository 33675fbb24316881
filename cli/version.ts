/** `sluice version`. */
import { readFileSync } from 'node:fs';

import { Command } from 'commander';

/** The version of Sluice. */
export function versionText(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** The subcommand, to be added to the program. */
export function versionCommand(): Command {
  return new Command('version').description('Print the version.').action(() => {
    process.stdout.write(`${versionText()}\n`);
  });
}
