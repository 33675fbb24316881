/**
 * Measures how fast edits are served. It ends by itself and removes what it made.
 *
 *     node test/bench/bench.ts                        everything, and writes docs/benchmarks.md
 *     node test/bench/bench.ts --only floor,in-process --sizes 1000 --edits 50
 *     node test/bench/bench.ts --only in-process --profile /tmp     writes a CPU profile of each size there
 *     node test/bench/bench.ts --only data-path       the data path, and its section of docs/benchmarks.md
 *     node test/bench/bench.ts --only data-path --shapes paths --routes 5000 --rounds 3
 *
 * A cluster that does not run yet is started, and stopped at the end.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readVersions } from '../../hack/tools/versions.ts';
import { measureCluster, type ClusterMeasurement } from './cluster.ts';
import { measureDataPath, type DataPathMeasurement } from './dataPath/dataPath.ts';
import type { Scenario, Shape } from './dataPath/routes.ts';
import { measureLocally, type LocalMeasurement, type LocalServer } from './local.ts';
import { page, tables, withDataPath, type Machine, type Results } from './report.ts';

const root = join(import.meta.dirname, '../..');
/** Where the data path was measured before, while there was no cluster. */
const measuredBefore = process.env['SLUICE_BENCH_DATA_PATH'];
const parts = ['floor', 'in-process', 'cluster', 'data-path'];
/** Far beyond what a run takes: it ends one that hangs. */
const limit = 45 * 60_000;

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: parts.join(',') },
    sizes: { type: 'string', default: '1000,3000,5000' },
    edits: { type: 'string', default: '40' },
    gateways: { type: 'string', default: '3' },
    shapes: { type: 'string', default: 'hosts,paths' },
    routes: { type: 'string', default: '1,5000' },
    rounds: { type: 'string', default: '10' },
    seconds: { type: 'string', default: '0.4' },
    profile: { type: 'string' },
  },
});

const only = options.only.split(',');
const unknown = only.filter((part) => !parts.includes(part));
if (unknown.length > 0) throw new Error(`--only ${unknown.join(',')}: it takes some of ${parts.join(',')}`);
const sizes = options.sizes
  .split(',')
  .map(positive)
  .toSorted((a, b) => a - b);
const edits = positive(options.edits);
const gateways = positive(options.gateways);
const isWhole = parts.every((part) => only.includes(part)) && options.sizes === '1000,3000,5000';
const scenarios = dataPathScenarios();
const rounds = positive(options.rounds);
const seconds = Number(options.seconds);
if (!(seconds > 0)) throw new Error(`--seconds ${options.seconds} is not a number above 0`);
const isWholeDataPath = options.shapes === 'hosts,paths' && options.routes === '1,5000' && rounds >= 10;

if (only.includes('cluster') && process.env['SLUICE_CLUSTER_KIND'] === undefined)
  process.exitCode = await runInCluster();
else await run();

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`"${text}" is not a whole number above 0`);
  return value;
}

/** One route is the same in both shapes. */
function dataPathScenarios(): Scenario[] {
  const shapes = options.shapes.split(',');
  const others = shapes.filter((shape) => shape !== 'hosts' && shape !== 'paths');
  if (others.length > 0) throw new Error(`--shapes ${others.join(',')}: it takes hosts, paths or both`);
  const numbers = options.routes.split(',').map(positive);
  return numbers.flatMap((routes) =>
    (routes === 1 ? shapes.slice(0, 1) : shapes).map((shape) => ({ shape: shape as Shape, routes })),
  );
}

function log(line: string): void {
  process.stderr.write(`${line}\n`);
}

async function dataPathOnce(signal: AbortSignal): Promise<DataPathMeasurement> {
  if (measuredBefore !== undefined) return JSON.parse(readFileSync(measuredBefore, 'utf8')) as DataPathMeasurement;
  return await measureDataPath({ scenarios, rounds, seconds, signal, log });
}

/** Runs this again in the network of the cluster. */
async function runInCluster(): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
  const isRunning = (await command('hack/cluster/exec', ['true'], 'ignore')) === 0;
  try {
    if (only.includes('data-path')) {
      // Before the cluster starts, which takes its share of the machine also when nothing happens in it.
      const file = join(directory, 'data-path.json');
      writeFileSync(file, JSON.stringify(await dataPathOnce(interruptible())));
      process.env['SLUICE_BENCH_DATA_PATH'] = file;
    }
    const up = await command('hack/cluster/up', []);
    if (up !== 0) return up;
    return await command('hack/cluster/exec', [process.execPath, import.meta.filename, ...process.argv.slice(2)]);
  } finally {
    if (!isRunning) await command('hack/cluster/down', []);
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Aborts when the run is interrupted, or takes far too long. */
function interruptible(): AbortSignal {
  const interrupted = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => interrupted.abort(new Error(`interrupted by ${name}`)));
  }
  return AbortSignal.any([interrupted.signal, AbortSignal.timeout(limit)]);
}

async function command(
  name: string,
  args: readonly string[],
  stdio: 'inherit' | 'ignore' = 'inherit',
): Promise<number> {
  const child = spawn(join(root, name), args, { stdio, cwd: root });
  // A terminal interrupts both; it is the child that has to clean up.
  const forward = (signal: NodeJS.Signals): void => void child.kill(signal);
  process.on('SIGINT', () => undefined).on('SIGTERM', forward);
  return await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => {
      process.removeAllListeners('SIGINT').off('SIGTERM', forward);
      resolve(code ?? 1);
    });
  });
}

async function run(): Promise<void> {
  const signal = interruptible();
  const floor = new Map<number, LocalMeasurement>();
  const inProcess = new Map<number, LocalMeasurement>();
  let cluster: ClusterMeasurement | undefined;

  const locally = async (server: LocalServer, routes: number, into: Map<number, LocalMeasurement>): Promise<void> => {
    log(`${routes} routes: ${server} ...`);
    const profile = options.profile === undefined ? undefined : join(options.profile, `${server}-${routes}.cpuprofile`);
    into.set(routes, await measureLocally({ server, routes, edits, steady: into !== floor, signal, profile }));
  };
  const before = async (routes: number): Promise<void> => {
    if (only.includes('floor')) await locally('floorServer', routes, floor);
    if (only.includes('in-process')) await locally('controlPlaneServer', routes, inProcess);
  };
  if (only.includes('cluster')) cluster = await measureCluster({ sizes, edits, gateways, signal, before, log });
  else for (const routes of sizes) await before(routes);

  let dataPath: DataPathMeasurement | undefined;
  if (only.includes('data-path')) dataPath = await dataPathOnce(signal);

  const results: Results = { edits, floor, inProcess, cluster, dataPath };
  process.stdout.write(`${tables(results)}\n`);
  const file = join(root, 'docs/benchmarks.md');
  if (dataPath !== undefined && isWholeDataPath && only.length === 1) {
    writeFileSync(file, withDataPath(readFileSync(file, 'utf8'), dataPath));
    log('wrote the data path into docs/benchmarks.md');
  }
  if (!isWhole || cluster === undefined) return;
  mkdirSync(join(root, 'docs'), { recursive: true });
  writeFileSync(file, page(results, machine(cluster)));
  log('wrote docs/benchmarks.md');
}

function machine({ kubernetes }: ClusterMeasurement): Machine {
  return {
    cores: availableParallelism(),
    memory: totalmem(),
    versions: [
      ['Envoy', readVersions().get('ENVOY_VERSION')!],
      ['Kubernetes', kubernetes.replace(/^v/, '')],
      ['etcd', readVersions().get('ETCD_VERSION')!],
      ['Node.js', process.versions.node],
    ],
  };
}
