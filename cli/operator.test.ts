import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { exitCodes } from '../standalone/sluiceError.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-operator-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const withUser = (user: object): string =>
  JSON.stringify({
    clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:1' } }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  });

test.each([
  ['is not YAML', 'a: [b', /is not valid: /],
  [
    'holds a certificate that is none',
    withUser({ 'client-certificate-data': 'aGVsbG8=', 'client-key-data': 'aGVsbG8=' }),
    /The credentials for the API server at https:\/\/127\.0\.0\.1:1 cannot be used: /,
  ],
  ['names a certificate that is not there', withUser({ 'client-certificate': 'none.crt' }), /ENOENT/],
])('a kubeconfig that %s is one sentence, and no stack', (_, text, expected) => {
  const kubeconfig = join(directory, 'kubeconfig');
  writeFileSync(kubeconfig, text);
  const sluice = join(import.meta.dirname, 'sluice.ts');
  const { stdout, stderr, status } = spawnSync(process.execPath, [sluice, 'operator', '--kubeconfig', kubeconfig], {
    encoding: 'utf8',
  });
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^sluice: [^\n]+\n$/);
  expect(stderr).toMatch(expected);
  expect(status).toBe(exitCodes.FileNotFound);
});
