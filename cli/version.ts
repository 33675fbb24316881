/** `sluice version`. */
import { Command } from 'commander';
import description from '../package.json' with { type: 'json' };

/** The version of Sluice. */
export function versionText(): string {
  return description.version;
}

/** The subcommand, to be added to the program. */
export function versionCommand(): Command {
  return new Command('version').description('Print the version.').action(() => {
    process.stdout.write(`${versionText()}\n`);
  });
}
