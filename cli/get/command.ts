/** `sluice get`: Gateways or routes on one screen. */
import { Argument, Command } from 'commander';
import { SluiceError } from '../../standalone/sluiceError.ts';
import { gatherObjects, type SourceOptions, sourceOptions } from '../objects/options.ts';

interface Options extends SourceOptions {
  allNamespaces: boolean;
}

const names: Readonly<Record<string, 'gateways' | 'routes'>> = {
  gateways: 'gateways',
  gateway: 'gateways',
  gw: 'gateways',
  routes: 'routes',
  route: 'routes',
};

/** The subcommand, to be added to the program. */
export function getCommand(): Command {
  const command = new Command('get')
    .summary('Show Gateways or routes on one screen.')
    .description(
      'Show Gateways or routes on one screen: attachment, conditions, effective hostnames, endpoints.\n' +
        'From a cluster with the conditions that it stores; from files as they translate.',
    )
    .addArgument(new Argument('<what>', 'gateways or routes').choices(Object.keys(names)))
    .option('-A, --all-namespaces', 'of all namespaces; for files this is the default', false);
  return sourceOptions(command).action(run);
}

async function run(what: string, options: Options): Promise<void> {
  if (options.allNamespaces && options.namespace !== undefined) {
    throw new SluiceError('InvalidArgument', '-A and -n exclude each other; leave one of the two out.');
  }
  const gathered = await gatherObjects(options);
  // Loaded here, so that other commands start without it.
  const { gatewayRows, routeRows } = await import('./rows.ts');
  const { renderGateways, renderRoutes } = await import('./render.ts');
  for (const warning of gathered.warnings) process.stderr.write(`sluice: ${warning}\n`);
  const isAll = options.allNamespaces || (options.filename.length > 0 && options.namespace === undefined);
  const namespace = isAll ? undefined : gathered.namespace;
  if (names[what] === 'gateways') {
    const rows = gatewayRows(gathered, namespace);
    write(rows, () => renderGateways(rows, isAll));
  } else {
    const rows = routeRows(gathered, namespace);
    write(rows, () => renderRoutes(rows, isAll));
  }

  function write(rows: readonly object[], render: () => string): void {
    if (options.output === 'json') {
      process.stdout.write(`${JSON.stringify(rows, undefined, 2)}\n`);
    } else if (rows.length > 0) {
      process.stdout.write(render());
    } else {
      const where =
        namespace === undefined ? `in ${gathered.source}` : `in namespace ${namespace}; look at all with -A`;
      process.stderr.write(`sluice: There are no ${names[what]} ${where}.\n`);
    }
  }
}
