#!/usr/bin/env node
/**
 * The `sluice` command. Each command is a file beside this one and a line in `commands`.
 *
 * A command ends by returning, or by throwing: a SluiceError becomes one line and its exit code (docs/standalone.md).
 */
import { Command, CommanderError } from 'commander';

import { exitCodes, messageOf, SluiceError } from '../standalone/sluiceError.ts';
import { explainCommand } from './explain/command.ts';
import { getCommand } from './get/command.ts';
import { operatorCommand } from './operator.ts';
import { runCommand } from './run.ts';
import { shutdownManagerCommand } from './shutdownManager.ts';
import { validateCommand } from './validate/command.ts';
import { versionCommand, versionText } from './version.ts';

const commands: (() => Command)[] = [
  runCommand,
  explainCommand,
  validateCommand,
  getCommand,
  operatorCommand,
  shutdownManagerCommand,
  versionCommand,
];

async function main(): Promise<number> {
  const program = new Command('sluice')
    .description('API gateways on Envoy: run by a Kubernetes operator, or from files.')
    .version(versionText(), '-V, --version', 'print the version')
    .showHelpAfterError('(add --help to see what there is)');
  for (const command of commands) program.addCommand(command());
  for (const each of [program, ...program.commands]) each.exitOverride();
  try {
    await program.parseAsync();
    // Some commands answer with it.
    return Number(process.exitCode ?? 0);
  } catch (error) {
    // Commander has said it already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.InvalidArgument;
    if (error instanceof SluiceError) {
      process.stderr.write(`sluice: ${error.message}\n`);
      return exitCodes[error.code];
    }
    process.stderr.write(`sluice: ${messageOf(error)}\n${error instanceof Error ? `${error.stack}\n` : ''}`);
    return 1;
  }
}

process.exitCode = await main();
