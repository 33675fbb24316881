/** `sluice shutdown-manager`: runs beside each Envoy in a cluster and lets its Pod end without losing a request. */
import { once } from 'node:events';
import { Command } from 'commander';
import { pino } from 'pino';
import { envoyAdmin, ShutdownManager } from '../shutdown/index.ts';

interface Options {
  admin: string;
  port: number;
  drainTimeout: number;
}

/** The subcommand, to be added to the program. */
export function shutdownManagerCommand(): Command {
  return new Command('shutdown-manager')
    .description('Run beside Envoy in a Pod: on SIGTERM, drain it, then answer the preStop hook that holds it.')
    .option('--admin <origin>', "Envoy's admin interface", 'http://127.0.0.1:19000')
    .option('--port <port>', 'port that the preStop hook calls', Number, 19002)
    .option('--drain-timeout <seconds>', 'longest wait for requests in flight', Number, 60)
    .action(run);
}

async function run(options: Options): Promise<void> {
  const logger = pino({ name: 'shutdown-manager' });
  const terminated = once(process, 'SIGTERM');
  const admin = envoyAdmin(options.admin);
  const timeout = options.drainTimeout * 1000;
  const manager = new ShutdownManager({
    admin,
    logger,
    policy: { timeout, settle: Math.min(5000, timeout / 2), quiet: 3000 },
    interval: 500,
    patience: 10_000,
    linger: 5000,
  });
  await manager.listen(options.port);
  await terminated;
  await manager.drain();
  await admin.close();
}
