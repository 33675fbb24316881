import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

import { request } from 'undici';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { freePort, waitFor } from '../test/fixtures/index.ts';

const sluice = path.join(import.meta.dirname, 'sluice.ts');
const quickstart = path.join(import.meta.dirname, '../config/samples/quickstart.yaml');

let directory: string;
interface Started {
  child: ChildProcess;
  output: { out: string; err: string };
  exited: Promise<[number | null, NodeJS.Signals | null]>;
}
const children: Started[] = [];

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'cli-run-'));
});
afterEach(async () => {
  for (const { child, exited } of children.splice(0)) {
    child.kill('SIGKILL');
    await exited;
  }
  rmSync(directory, { recursive: true, force: true });
});

function start(...args: string[]): Started {
  const child = spawn(process.execPath, [sluice, 'run', ...args], {
    env: { ...process.env, TMPDIR: directory },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.err += text));
  const exited = once(child, 'close') as Started['exited'];
  const started = { child, output, exited };
  children.push(started);
  return started;
}

/** Runs to the end. @returns exit code and what it wrote to stderr */
async function fails(...args: string[]): Promise<[code: number, error: string]> {
  try {
    await promisify(execFile)(process.execPath, [sluice, ...args], { env: { ...process.env, TMPDIR: directory } });
    return [0, ''];
  } catch (error) {
    const { code, stderr } = error as { code: number; stderr: string };
    return [code, stderr];
  }
}

test('the quickstart answers, prints what to try, and ends on SIGTERM', async () => {
  const port = await freePort();
  const { child, output, exited } = start(
    quickstart,
    '--port',
    `80=${port}`,
    '--address',
    '127.0.0.1',
    '--demo-upstream',
  );
  const line = await waitFor(
    'the curl line',
    () => /^ {2}curl -i (http:\/\/127\.0\.0\.1:\d+\/echo)$/m.exec(output.out)?.[1],
  );
  expect(line).toBe(`http://127.0.0.1:${port}/echo`);
  const { statusCode, headers, body } = await request(line);
  expect(statusCode).toBe(200);
  expect(headers['x-served-by']).toBe('sluice');
  expect(await body.json()).toMatchObject({ path: '/echo', method: 'GET', namespace: 'default', service: 'echo' });
  expect(output.out).toMatch(/default\/quickstart +http +http:\/\/127\.0\.0\.1:\d+ +1 +Programmed/);
  expect(output.err).toMatch(/Left out, because only a cluster runs them: Deployment echo\.$/m);
  expect(output.err).not.toMatch(/warning|error/);
  child.kill('SIGTERM');
  expect(await exited).toEqual([0, null]);
});

test('a run that is killed does not stand in the way of the next', async () => {
  const port = await freePort();
  const args = [quickstart, '--port', `80=${port}`, '--address', '127.0.0.1', '--demo-upstream'];
  const first = start(...args);
  await waitFor('the first to serve', () => first.output.out.includes('curl -i'));
  first.child.kill('SIGKILL');
  await first.exited;
  const second = start(...args);
  await waitFor('the second to serve', () => second.output.out.includes('curl -i'));
  expect((await request(`http://127.0.0.1:${port}/echo`)).statusCode).toBe(200);
});

test('mistakes on the command line are one sentence and an exit code', async () => {
  const file = path.join(directory, 'a.yaml');
  writeFileSync(file, '');
  const noEnvoy = path.join(directory, 'envoy');
  expect(await fails('run', path.join(directory, 'none.yaml'))).toEqual([
    4,
    expect.stringMatching(/^sluice: .*none\.yaml does not exist; correct the path or create it\.\n$/),
  ]);
  expect(await fails('run', file, '--envoy', noEnvoy)).toEqual([
    3,
    `sluice: There is no Envoy binary at ${noEnvoy}, which --envoy names; correct --envoy.\n`,
  ]);
  expect(await fails('run', file, '--service', 'x')).toEqual([
    2,
    expect.stringMatching(/^sluice: --service x cannot be read; .*\n$/),
  ]);
  expect(await fails('run', file, '--port', 'x')).toEqual([
    2,
    expect.stringMatching(/^sluice: --port x cannot be read; .*\n$/),
  ]);
  expect(await fails('run', file, '--address', 'x')).toEqual([
    2,
    expect.stringMatching(/^sluice: --address x is no IP address; .*\n$/),
  ]);
  expect(await fails('run', file, '--prots', 'auto')).toEqual([2, expect.stringMatching(/unknown option '--prots'/)]);
  expect(await fails('run')).toEqual([2, expect.stringMatching(/missing required argument/)]);
});
