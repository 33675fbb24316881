/**
 * `sluice operator` as a process of its own, against the API server of the cluster: what it says where it may not, or cannot,
 * do its work. It has a namespace, a Lease and ports of its own, and no permission to write: the operator in the cluster goes
 * on undisturbed.
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { freePort, type ServerProcess, startServerProcess, waitFor } from '../fixtures/index.ts';
import { kubectl, root } from './support/cluster.ts';
import { send } from './support/request.ts';
import { useScene } from './support/scene.ts';

const scene = useScene('outside');
/** Of the API server, for any user: the cluster and its authority. */
let cluster: { server: string; 'certificate-authority-data'?: string };

beforeAll(async () => {
  const view = parse(await kubectl(['config', 'view', '--raw', '--flatten', '--minify'])) as {
    clusters: { cluster: typeof cluster }[];
  };
  cluster = view.clusters[0]!.cluster;
  await kubectl(['create', 'serviceaccount', 'restricted', '--namespace', scene().namespace]);
});

/** Starts an operator as the restricted account. */
async function startOperator(server: string): Promise<{ process: ServerProcess; readiness: () => Promise<string> }> {
  const { namespace } = scene();
  const token = (await kubectl(['create', 'token', 'restricted', '--namespace', namespace])).trim();
  const directory = mkdtempSync(join(tmpdir(), 'sluice-outside-'));
  const kubeconfig = join(directory, 'kubeconfig');
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'test', cluster: { ...cluster, server } }],
      users: [{ name: 'restricted', user: { token } }],
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'restricted' } }],
      'current-context': 'test',
    }),
    { mode: 0o600 },
  );
  const healthPort = await freePort();
  const ports = ['--discovery-port=0', '--metrics-port=0', `--health-port=${healthPort}`];
  const process = startServerProcess({
    command: join(root, 'node_modules/.bin/node'),
    args: [join(root, 'cli/sluice.ts'), 'operator', `--kubeconfig=${kubeconfig}`, `--namespace=${namespace}`, ...ports],
    outputFile: join(directory, 'operator.log'),
  });
  onTestFinished(async () => {
    await process.stop();
    rmSync(directory, { recursive: true });
  });
  return {
    process,
    readiness: async () => {
      const answer = await send({ address: '127.0.0.1', port: healthPort, host: 'localhost', path: '/readyz' });
      return `${answer.status}\n${answer.body}`;
    },
  };
}

/** Until readiness fails for the reasons that are expected: one line each. */
async function untilReadinessSays(
  operator: { process: ServerProcess; readiness: () => Promise<string> },
  ...parts: readonly RegExp[]
): Promise<void> {
  await waitFor(
    `readiness to match ${parts.join(' and ')}`,
    async () => {
      const text = await operator.readiness();
      const right = text.startsWith('503\n') && parts.every((part) => text.split('\n').some((line) => part.test(line)));
      if (!right) throw new Error(`Readiness says: ${text}`);
      return true;
    },
    { signal: operator.process.exited, intervalMilliseconds: 100 },
  );
}

function forbidden(resource: string, apiGroup: string): RegExp {
  const user = `system:serviceaccount:${scene().namespace}:restricted`;
  return new RegExp(`failed: .*${user}.* cannot (list|watch) resource "${resource}" in API group "${apiGroup}"`);
}

test('an operator that may not read says what it lacks, and goes on when it is granted', async () => {
  const operator = await startOperator(cluster.server);
  await untilReadinessSays(
    operator,
    forbidden('gateways', 'gateway.networking.k8s.io'),
    forbidden('dataplanes', 'sluice.dev'),
    forbidden('secrets', ''),
    /leases/,
  );

  const name = scene().namespace;
  const readable = ['gateways', 'gatewayclasses', 'httproutes', 'referencegrants'].map(
    (each) => `${each}.gateway.networking.k8s.io`,
  );
  await kubectl(['create', 'clusterrole', name, '--verb=get,list,watch', `--resource=${readable.join(',')}`]);
  onTestFinished(
    async () => void (await kubectl(['delete', 'clusterrole,clusterrolebinding', name, '--ignore-not-found'])),
  );
  await kubectl(['create', 'clusterrolebinding', name, `--clusterrole=${name}`, `--serviceaccount=${name}:restricted`]);
  await waitFor(
    'the readiness to say no more that Gateways cannot be read',
    async () => !forbidden('gateways', 'gateway.networking.k8s.io').test(await operator.readiness()),
    { signal: operator.process.exited, intervalMilliseconds: 100 },
  );
  await untilReadinessSays(operator, forbidden('secrets', ''));
});

test('an operator that reaches no API server says so, and waits for it', async () => {
  const port = await freePort();
  const operator = await startOperator(`https://127.0.0.1:${port}`);
  await untilReadinessSays(operator, new RegExp(`https://127\\.0\\.0\\.1:${port} cannot be reached`));
  expect(operator.process.exited.aborted).toBe(false);
});

test.for([
  {
    what: 'a kubeconfig that is not there',
    args: ['--kubeconfig=/nowhere/kubeconfig'],
    says: /\/nowhere\/kubeconfig cannot be read/,
    code: 4,
  },
  {
    what: 'a port in use',
    args: ['--health-port=USED'],
    says: /cannot listen on .*USED .*free that address or configure another/,
    code: 2,
  },
])('an operator with $what ends with one sentence', async ({ args, says, code }) => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-outside-'));
  const listening = createServer().listen();
  onTestFinished(() => {
    rmSync(directory, { recursive: true });
    listening.close();
  });
  await once(listening, 'listening');
  const used = String((listening.address() as AddressInfo).port);
  const operator = startServerProcess({
    command: join(root, 'node_modules/.bin/node'),
    args: [
      join(root, 'cli/sluice.ts'),
      'operator',
      '--log-level=fatal',
      '--metrics-port=0',
      ...args.map((arg) => arg.replace('USED', used)),
    ],
    outputFile: join(directory, 'operator.log'),
  });
  onTestFinished(() => operator.stop());
  await waitFor('the operator to end', () => operator.exited.aborted);
  expect(operator.output()).toMatch(new RegExp(says.source.replace('USED', used)));
  expect(operator.output().trim().split('\n')).toHaveLength(1);
  expect(String(operator.exited.reason)).toContain(`exit code ${code}`);
});
