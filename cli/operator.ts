/** `sluice operator`: runs in a cluster, watches its objects and serves its proxies. */
import { once } from 'node:events';
import { isIP } from 'node:net';
import { Command } from 'commander';
import { pino } from 'pino';
import { systemNamespace } from '../api/names.ts';
import type { ClusterAccess } from '../runtime/index.ts';
import { SluiceError, systemCode } from '../standalone/sluiceError.ts';

interface Options {
  kubeconfig?: string;
  namespace: string;
  operatorImage: string;
  envoyImage: string;
  discoveryService: string;
  discoveryPort: number;
  webhookPort: number;
  healthPort: number;
  metricsPort: number;
  podIps: string;
  leaderElection: boolean;
  logLevel: string;
  certificateLifetime?: number;
}

/** The subcommand, to be added to the program. */
export function operatorCommand(): Command {
  return new Command('operator')
    .description('Run gateways in a cluster: watch its objects, make and configure its proxies.')
    .option(
      '--kubeconfig <file>',
      'how to reach the API server; default: $KUBECONFIG, or the ServiceAccount of the Pod',
    )
    .option('--namespace <name>', 'where the operator runs', process.env['POD_NAMESPACE'] ?? systemNamespace)
    .option(
      '--operator-image <image>',
      'image of the shutdown manager beside each proxy',
      process.env['SLUICE_IMAGE'] ?? 'sluice.dev/sluice:dev',
    )
    .option(
      '--envoy-image <image>',
      'image of the proxies',
      process.env['ENVOY_IMAGE'] ?? 'docker.io/envoyproxy/envoy:distroless-v1.40.0',
    )
    .option('--discovery-service <name>', 'Service by which proxies find this operator', 'sluice')
    .option('--discovery-port <port>', 'port of the xDS server', Number, 18_000)
    .option('--webhook-port <port>', 'port on which the API server asks about objects; 0 for none', Number, 9443)
    .option('--health-port <port>', 'port of /healthz and /readyz', Number, 8081)
    .option('--metrics-port <port>', 'port of /metrics', Number, 8080)
    .option(
      '--pod-ips <addresses>',
      'addresses of this Pod, which tell the families that Pods have',
      process.env['POD_IPS'] ?? '',
    )
    .option('--no-leader-election', 'there is only this replica')
    .option(
      '--certificate-lifetime <seconds>',
      "lifetime of the proxies' certificates and of the server's; default: 24 h",
      Number,
    )
    .option('--log-level <level>', 'trace, debug, info, warn or error', 'info')
    .action(run);
}

async function run(options: Options): Promise<void> {
  // Only here, so that the other commands start without what the operator needs.
  const { defaultCertificatePolicy, Operator } = await import('../controllers/index.ts');
  const { KubeconfigError, loadClusterAccess } = await import('../runtime/index.ts');
  const logger = pino({ name: 'sluice', level: options.logLevel });
  const stopped = Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
  const leafLifetime = options.certificateLifetime === undefined ? undefined : options.certificateLifetime * 1000;
  let access: ClusterAccess;
  try {
    access = loadClusterAccess({ kubeconfig: options.kubeconfig });
    await access.check();
  } catch (error) {
    if (error instanceof KubeconfigError) throw new SluiceError('FileNotFound', error.message, { cause: error });
    throw error;
  }
  const operator = new Operator({
    access,
    logger,
    namespace: options.namespace,
    operatorImage: options.operatorImage,
    envoyImage: options.envoyImage,
    discovery: { service: options.discoveryService, port: options.discoveryPort },
    ...(options.webhookPort === 0 ? {} : { webhookPort: options.webhookPort }),
    healthPort: options.healthPort,
    metricsPort: options.metricsPort,
    leaderElection: options.leaderElection,
    addressFamilies: familiesOf(options.podIps),
    ...(leafLifetime === undefined ? {} : { certificates: { ...defaultCertificatePolicy, leafLifetime } }),
  });
  try {
    await operator.start();
  } catch (error) {
    if (error instanceof Error && systemCode(error.cause) === 'EADDRINUSE') {
      throw new SluiceError('InvalidArgument', error.message, { cause: error });
    }
    throw error;
  }
  await stopped;
  logger.info('The operator stops.');
  await operator.stop();
}

/** The families of addresses in a list such as `198.18.0.3,fd00::3`; IPv4 for an empty one. */
function familiesOf(addresses: string): ('IPv4' | 'IPv6')[] {
  const versions = new Set(addresses.split(',').map((address) => isIP(address.trim())));
  const families = [...(versions.has(4) ? (['IPv4'] as const) : []), ...(versions.has(6) ? (['IPv6'] as const) : [])];
  return families.length === 0 ? ['IPv4'] : families;
}
