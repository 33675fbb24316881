/** The options by which users say where objects are: those of kubectl. */
import { type Command, Option } from 'commander';
import { SluiceError } from '../../standalone/sluiceError.ts';
import type { Gathered } from './gathered.ts';

export interface SourceOptions {
  filename: string[];
  gatewayClass: string[];
  kubeconfig?: string;
  context?: string;
  namespace?: string;
  output: 'text' | 'json';
}

const collect = (value: string, previous: string[]): string[] => [...previous, value];

/** Adds the options to a command. */
export function sourceOptions(command: Command): Command {
  return command
    .option(
      '-f, --filename <file or directory>',
      'read objects from files instead of a cluster; may be given several times',
      collect,
      [],
    )
    .option('--gateway-class <name>', 'of files: take Gateways of this class as ours, too', collect, [])
    .option('--kubeconfig <file>', 'how to reach the cluster (default: $KUBECONFIG, the Pod or ~/.kube/config)')
    .option('--context <name>', 'the context in the kubeconfig (default: its current one)')
    .option('-n, --namespace <name>', 'the namespace that is meant where none is named')
    .addOption(
      new Option('-o, --output <format>', 'for people or for machines').choices(['text', 'json']).default('text'),
    );
}

/** @throws SluiceError */
export async function gatherObjects(options: SourceOptions): Promise<Gathered> {
  const { filename: paths, gatewayClass: gatewayClasses, kubeconfig, context, namespace } = options;
  if (paths.length === 0) {
    if (gatewayClasses.length > 0) {
      throw new SluiceError('InvalidArgument', '--gateway-class is for files; name them with -f, or leave it out.');
    }
    const { gatherFromCluster } = await import('./cluster.ts');
    return await gatherFromCluster({ kubeconfig, context, namespace });
  }
  const clusterOption = kubeconfig !== undefined ? '--kubeconfig' : context !== undefined ? '--context' : undefined;
  if (clusterOption !== undefined) {
    throw new SluiceError('InvalidArgument', `-f and ${clusterOption} exclude each other; leave one of the two out.`);
  }
  const { gatherFromFiles } = await import('./files.ts');
  return await gatherFromFiles({ paths, gatewayClasses, namespace });
}
