/** `sluice run`: a gateway from files, with a local Envoy. */
import { Command, InvalidArgumentError, Option } from 'commander';

import type { LogFormat, SummaryInput } from '../standalone/index.ts';
import { versionText } from './version.ts';

interface Options {
  gatewayClass: string[];
  service: string[];
  port: string[];
  ports?: 'auto' | 'listener';
  address: string;
  statusDir?: string;
  demoUpstream: boolean;
  envoy?: string;
  concurrency?: number;
  envoyLogLevel: string;
  drainTimeout: number;
  logLevel: string;
  logFormat: LogFormat;
}

const collect = (value: string, previous: string[]): string[] => [...previous, value];

function positive(value: string): number {
  const number = Number(value);
  if (!Number.isFinite(number) || number < 0) throw new InvalidArgumentError('A number is needed.');
  return number;
}

function count(value: string): number {
  const number = positive(value);
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError('A whole number from 1 is needed.');
  return number;
}

/** The subcommand, to be added to the program. */
export function runCommand(): Command {
  return new Command('run')
    .description('Serve the Gateways and routes of YAML or JSON files with a local Envoy. The files are watched.')
    .argument('<file or directory...>', 'files, and directories that are searched to their depth')
    .option(
      '--service <[namespace/]name[:port]=host:port>',
      'where a Service is; may be given several times',
      collect,
      [],
    )
    .option(
      '--port <listener=bound>',
      'bind another port than the listener states; may be given several times',
      collect,
      [],
    )
    .addOption(
      new Option('--ports <how>', 'auto: bind free high ports for all listeners without --port')
        .choices(['listener', 'auto'])
        .default('listener'),
    )
    .option('--address <ip>', 'bind listeners to this address', '0.0.0.0')
    .option('--gateway-class <name>', 'serve Gateways of this class, too; may be given several times', collect, [])
    .option('--status-dir <directory>', 'write each object with its status there, as a cluster would show it')
    .option('--demo-upstream', 'answer for Services without an address with what was asked', false)
    .option('--envoy <file>', 'the Envoy binary (default: $ENVOY, the pinned one of a checkout, or envoy in PATH)')
    .option('--concurrency <n>', 'worker threads of Envoy (default: one for each processor)', count)
    .addOption(
      new Option('--envoy-log-level <level>', "Envoy's log level; its info is shown at our debug")
        .choices(['trace', 'debug', 'info', 'warning', 'error', 'critical', 'off'])
        .default('info'),
    )
    .option('--drain-timeout <seconds>', 'longest wait for open requests at the end', positive, 10)
    .addOption(
      new Option('--log-level <level>', 'what is logged')
        .choices(['trace', 'debug', 'info', 'warn', 'error'])
        .default('info'),
    )
    .addOption(
      new Option('--log-format <format>', 'for people or for machines').choices(['text', 'json']).default('text'),
    )
    .action(run);
}

/** How long a summary waits for the proxies' answers, in milliseconds: then it is shown with what is pending. */
const summaryPatience = 2000;
/** Changes that come together are shown together, in milliseconds. */
const summaryPause = 50;

async function run(paths: string[], options: Options): Promise<void> {
  // Loaded here, so that other commands start without it.
  const {
    checkPaths,
    createLogger,
    curlLines,
    findEnvoy,
    isSettled,
    parsePortMapping,
    parseServiceMapping,
    renderSummary,
    SluiceError,
    Standalone,
  } = await import('../standalone/index.ts');
  const { isIP } = await import('node:net');
  const services = options.service.map(parseServiceMapping);
  const ports = new Map(options.port.map(parsePortMapping));
  if (isIP(options.address) === 0) {
    throw new SluiceError(
      'InvalidArgument',
      `--address ${options.address} is no IP address; write for example 127.0.0.1.`,
    );
  }
  const logger = createLogger({
    level: options.logLevel,
    format: options.logFormat,
    write: (text) => process.stderr.write(text),
  });
  await checkPaths({ paths, statusDirectory: options.statusDir });
  const envoy = await findEnvoy({ flag: options.envoy });
  logger.info(`Sluice ${versionText()} with Envoy ${envoy.version} serves ${paths.join(', ')}.`);

  let latest: SummaryInput | undefined;
  let shown = '';
  let tried = false;
  let timer: NodeJS.Timeout | undefined;
  let waitingSince: number | undefined;
  const show = (): void => {
    timer = undefined;
    waitingSince = undefined;
    if (latest === undefined) return;
    const text = renderSummary(latest);
    if (text !== shown) process.stdout.write(`\n${text}`);
    shown = text;
    const lines = tried ? [] : curlLines(latest);
    if (lines.length === 0) return;
    tried = true;
    process.stdout.write(`Try:\n${lines.map((line) => `  ${line}\n`).join('')}\n`);
  };
  const onSummary = (summary: SummaryInput): void => {
    latest = summary;
    const now = performance.now();
    waitingSince ??= now;
    clearTimeout(timer);
    timer = setTimeout(show, isSettled(summary) ? summaryPause : Math.max(0, waitingSince + summaryPatience - now));
  };

  const stopping = new AbortController();
  const hurry = new AbortController();
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stopping.signal.aborted) {
      hurry.abort();
      return;
    }
    logger.info(`${signal}: open requests may end, for up to ${options.drainTimeout} s; a second signal ends them.`);
    stopping.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  // Whoever reads the summary may go, as in `| head`: the gateway stays.
  process.stdout.on('error', () => undefined);

  const standalone = await Standalone.start({
    paths,
    envoy,
    logger,
    gatewayClasses: options.gatewayClass,
    services,
    ports,
    automaticPorts: options.ports === 'auto',
    address: options.address,
    statusDirectory: options.statusDir,
    demoUpstream: options.demoUpstream,
    concurrency: options.concurrency,
    envoyLogLevel: options.envoyLogLevel,
    drainTimeout: options.drainTimeout * 1000,
    onSummary,
  });
  process.once('exit', () => standalone.kill());
  await new Promise<void>((resolve) => {
    if (stopping.signal.aborted) resolve();
    stopping.signal.addEventListener('abort', () => resolve());
  });
  clearTimeout(timer);
  await standalone.stop(hurry.signal);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, onSignal);
}
