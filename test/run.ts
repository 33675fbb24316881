/**
 * Runs the suites of this repository. `make test` and so CI call it:
 *
 *     node test/run.ts [SUITE…]
 *
 * Suites that need built tools wait for them, while those that need none run. The output of each is in .cache/test, and
 * is shown where it fails. The last line is `N passed, N failed`. On CI (`CI=true`) a suite that cannot run is a failure.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './runner/command.ts';
import { readLog } from '../hack/conformance/log.ts';
import { countSuite, countVitest, summarize, type SuiteResult, type VitestReport } from './runner/result.ts';

const root = join(import.meta.dirname, '..');
const output = join(root, '.cache/test');
const strict = process.env['CI'] === 'true';

interface Suite {
  name: string;
  /** Why it cannot run on this machine. */
  unable?: () => string | undefined;
  run: (log: string) => Promise<Pick<SuiteResult, 'passed' | 'failed' | 'skipped'>>;
}

/** A suite of commands, each of which counts as one test. */
function commands(name: string, lines: string[][], unable?: Suite['unable']): Suite {
  return {
    name,
    ...(unable === undefined ? {} : { unable }),
    async run(log) {
      let passed = 0;
      for (const line of lines) if (await run(line, log)) passed += 1;
      return { passed, failed: lines.length - passed, skipped: 0 };
    },
  };
}

/** Runs one project of vitest.config.ts, in the network of the cluster where `prefix` says so. */
async function vitest(project: string, log: string, prefix: string[] = []): ReturnType<Suite['run']> {
  const report = join(output, `${project}.json`);
  rmSync(report, { force: true });
  const exitedWell = await run(
    [
      ...prefix,
      'vitest',
      'run',
      '--project',
      project,
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
    ],
    log,
    { NO_COLOR: '1' },
  );
  let counted: VitestReport | undefined;
  try {
    counted = JSON.parse(readFileSync(report, 'utf8')) as VitestReport;
  } catch {
    counted = undefined; // counted as a failure; the log says why there is none
  }
  return countVitest(counted, exitedWell);
}

function answers(command: string, ...args: string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

function noGo(): string | undefined {
  return answers('go', 'version') ? undefined : 'go is needed to build or generate; install it';
}

function noCluster(): string | undefined {
  if (answers('docker', 'info')) return noGo();
  if (process.getuid?.() !== 0) return 'root is needed to run a Kubernetes node (or a docker daemon)';
  if (!answers('unshare', '--net', 'true')) return 'network namespaces are not available here (unshare --net)';
  return noGo();
}

function build(...parts: string[]): Promise<boolean> {
  return run(['hack/cluster/build', ...parts], join(output, 'build.log'));
}

/** They share one cluster, which is stopped after the last of them. */
const clusterSuites = ['conformance', 'cluster'];

/** Built in the background, one after the other, from the first moment on. */
interface Built {
  apiServer: Promise<boolean>;
  node: Promise<boolean>;
  conformance: Promise<boolean>;
}

function startBuilding(wanted: (name: string) => boolean): Built {
  const nothing = Promise.resolve(true);
  const forIntegration = wanted('integration') && noGo() === undefined;
  const forCluster = clusterSuites.some(wanted) && noCluster() === undefined;
  const apiServer = forIntegration || forCluster ? build('etcd', 'kubernetes') : nothing;
  const node = forCluster ? apiServer.then(() => build()) : nothing;
  // The suite shares most of its packages with what has been built by then.
  const conformance = wanted('conformance') && forCluster ? node.then(() => build('conformance')) : nothing;
  return { apiServer, node, conformance };
}

const nothingRan = { passed: 0, failed: 1, skipped: 0 };

/** Gateway API's own suite, all of it. It disturbs nothing, so it comes first on the cluster that both suites share. */
async function conformanceSuite(built: Built, log: string): ReturnType<Suite['run']> {
  if (!(await built.node) || !(await built.conformance)) return nothingRan;
  if (!(await run(['hack/cluster/up'], log))) return nothingRan;
  const said = join(root, '.cache/conformance/log');
  rmSync(said, { force: true });
  const exitedWell = await run(['hack/cluster/conformance'], log, { REPORTS: output });
  const counted = existsSync(said) ? countSuite(readLog(readFileSync(said, 'utf8')), exitedWell) : nothingRan;
  if (counted.failed > 0) await run(['hack/cluster/diagnose'], log);
  return counted;
}

async function clusterSuite(built: Built, log: string): ReturnType<Suite['run']> {
  if (!(await built.node)) return nothingRan;
  if (!(await run(['hack/cluster/up'], log))) return nothingRan;
  const counted = await vitest('cluster', log, ['hack/cluster/exec']);
  if (counted.failed > 0) await run(['hack/cluster/diagnose'], log);
  return counted;
}

function suites(built: Built): Suite[] {
  return [
    commands('lint', [['make', 'lint']]),
    commands('generate', [['node', 'hack/generate/generate.ts', '--check']], noGo),
    { name: 'unit', run: (log) => vitest('unit', log) },
    {
      name: 'integration',
      unable: noGo,
      run: async (log) => {
        if (!(await built.apiServer)) return nothingRan;
        return await vitest('integration', log);
      },
    },
    { name: 'conformance', unable: noCluster, run: (log) => conformanceSuite(built, log) },
    { name: 'cluster', unable: noCluster, run: (log) => clusterSuite(built, log) },
  ];
}

async function runSuite(suite: Suite): Promise<SuiteResult> {
  const log = join(output, `${suite.name}.log`);
  rmSync(log, { force: true });
  const unable = suite.unable?.();
  if (unable !== undefined) return { name: suite.name, passed: 0, failed: 0, skipped: 0, seconds: 0, unable };
  process.stdout.write(`${suite.name} ...\n`);
  const start = performance.now();
  const counted = await suite.run(log);
  const result = { name: suite.name, ...counted, seconds: (performance.now() - start) / 1000 };
  if (result.failed > 0) process.stdout.write(`${readFileSync(log, 'utf8')}\n`);
  process.stdout.write(`${suite.name}: ${result.passed} passed, ${result.failed} failed\n`);
  return result;
}

async function main(names: string[]): Promise<void> {
  const wanted = (name: string): boolean => names.length === 0 || names.includes(name);
  mkdirSync(output, { recursive: true });
  rmSync(join(output, 'build.log'), { force: true });
  const built = startBuilding(wanted);
  const chosen = suites(built).filter((suite) => wanted(suite.name));
  const results: SuiteResult[] = [];
  // One after the other: each fills both cores, and the first ones run while the tools of the others are built.
  for (const suite of chosen) results.push(await runSuite(suite));
  const onCluster = results.findLast(({ name, unable }) => clusterSuites.includes(name) && unable === undefined);
  if (onCluster !== undefined && !(await run(['hack/cluster/down'], join(output, 'down.log')))) {
    process.stdout.write(`${readFileSync(join(output, 'down.log'), 'utf8')}\n`);
    onCluster.failed += 1;
  }
  if (!(await built.node) || !(await built.apiServer) || !(await built.conformance)) {
    process.stdout.write(`${readFileSync(join(output, 'build.log'), 'utf8')}\n`);
  }
  const { text, passed } = summarize(results, strict);
  process.stdout.write(`\n${text}\n`);
  if (!passed) process.exitCode = 1;
}

process.chdir(root);
await main(process.argv.slice(2));
