/** `sluice explain`: which way a request takes, or why it takes none. */
import { Command } from 'commander';
import { gatherObjects, type SourceOptions, sourceOptions } from '../objects/options.ts';

interface Options extends SourceOptions {
  gateway?: string;
  header: string[];
  serverName?: string;
}

const collect = (value: string, previous: string[]): string[] => [...previous, value];

/** The subcommand, to be added to the program. */
export function explainCommand(): Command {
  const command = new Command('explain')
    .summary('Say which way a request takes, or why it takes none.')
    .description(
      'Say which listener, route, rule, filters and backend a request meets, or why it meets none.\n' +
        'Nothing is sent: the objects of a cluster, or of files, are translated and asked.',
    )
    .argument(
      '<[METHOD] URL...>',
      'GET http://shop.example.com/cart; tls://, tcp://, udp:// and grpc:// are known, too',
    )
    .option('-H, --header <Name: value>', 'a header of the request; may be given several times', collect, [])
    .option('--gateway <[namespace/]name>', 'ask this Gateway (default: all)')
    .option('--server-name <name>', 'the server name (SNI) of TLS (default: the host of the URL)')
    .addHelpText('after', '\nExit status: 0 if a route answers, 1 if none does, 2 for a wrong command line.');
  return sourceOptions(command).action(run);
}

async function run(words: string[], options: Options): Promise<void> {
  // Loaded here, so that other commands start without it.
  const { parseRequest } = await import('./request.ts');
  const asked = parseRequest(words, options.header, options.serverName);
  const gathered = await gatherObjects(options);
  const { answer } = await import('./answer.ts');
  const answers = answer(gathered, asked, options.gateway);
  for (const warning of gathered.warnings) process.stderr.write(`sluice: ${warning}\n`);
  if (options.output === 'json') {
    process.stdout.write(`${JSON.stringify({ request: asked.text, ...answers }, undefined, 2)}\n`);
  } else {
    const { renderAnswers } = await import('./render.ts');
    process.stdout.write(renderAnswers(answers, asked.text));
  }
  process.exitCode = answers.met ? 0 : 1;
}
