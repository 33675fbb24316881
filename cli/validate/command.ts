/** `sluice validate`: says of files what admission would say of their objects in a cluster, with file and line. */
import { Command, Option } from 'commander';
import { gatewayClassName } from '../../api/names.ts';
import { findingsIn } from './findings.ts';
import { type Format, formats, render } from './render.ts';

interface Options {
  output: Format;
  strict: boolean;
  gatewayClass: string[];
}

/** The subcommand, to be added to the program. */
export function validateCommand(): Command {
  return new Command('validate')
    .description(
      'Check files before they are applied: definitions, expressions, references. For a CI: exit code 1 on errors.',
    )
    .argument('<file...>', 'files or directories of YAML or JSON')
    .addOption(new Option('-o, --output <format>', 'how to print what was found').choices(formats).default('text'))
    .option('--strict', 'warnings are errors, too: for files that hold everything they refer to', false)
    .option(
      '--gateway-class <name>',
      'a GatewayClass of Sluice that is not in the files; may be given again',
      (name: string, names: string[]) => [...names, name],
      [gatewayClassName],
    )
    .action(run);
}

async function run(paths: string[], { output, strict, gatewayClass }: Options): Promise<void> {
  const { findings, objects } = await findingsIn({ paths, gatewayClasses: gatewayClass });
  const judged = strict ? findings.map((finding) => ({ ...finding, severity: 'error' as const })) : findings;
  process.stdout.write(render(judged, objects, output));
  process.exitCode = judged.some(({ severity }) => severity === 'error') ? 1 : 0;
}
