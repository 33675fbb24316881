/** Access to the cluster under test: a client, kubectl, and the processes of the node. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll } from 'vitest';
import { Client, loadClusterAccess } from '../../../runtime/index.ts';

/** The repository. */
export const root = join(import.meta.dirname, '../../..');

/** Whether the processes of the node can be stopped and started: not where somebody else runs the cluster. */
export const controlsNode = process.env['SLUICE_CLUSTER_KIND'] === 'node';

/**
 * A client as the administrator of the cluster, closed after the tests of the file.
 * @throws Error where the tests do not run in the network of a cluster
 */
export function useClient(): Client {
  if (process.env['SLUICE_CLUSTER_KIND'] === undefined) {
    throw new Error(
      'These tests run in the network of a cluster: make cluster-up, then hack/cluster/exec vitest run …',
    );
  }
  const client = new Client({
    access: loadClusterAccess(),
    fieldOwner: 'cluster-tests',
    logger: pino({ level: process.env['LOG_LEVEL'] ?? 'silent' }),
  });
  afterAll(() => client.close());
  return client;
}

/**
 * Runs a command in the repository.
 * @param input what it reads
 * @returns what it printed on standard output
 * @throws Error with all that it printed, where it fails
 */
export async function run(command: string, args: readonly string[], input = ''): Promise<string> {
  const child = spawn(command, args, { cwd: root, stdio: ['pipe', 'pipe', 'pipe'] });
  const output: Buffer[] = [];
  const everything: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => {
    output.push(chunk);
    everything.push(chunk);
  });
  child.stderr.on('data', (chunk: Buffer) => everything.push(chunk));
  child.stdin.on('error', () => undefined); // it may end without reading; its exit code tells
  child.stdin.end(input);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) {
    throw new Error(`${command} ${args.join(' ')} exited with ${code}: ${Buffer.concat(everything).toString()}`);
  }
  return Buffer.concat(output).toString();
}

/** kubectl as the administrator of the cluster. */
export async function kubectl(args: readonly string[], input?: string): Promise<string> {
  return await run('kubectl', args, input);
}

/** Stops or starts a process of the node: hack/cluster/component. */
export async function component(verb: 'restart' | 'kill' | 'stop' | 'start', name: string): Promise<void> {
  await run('hack/cluster/component', [verb, name]);
}
