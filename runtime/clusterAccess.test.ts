import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { loadClusterAccess, parseKubeconfig } from './clusterAccess.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-kubeconfig-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

const kubeconfig = {
  clusters: [{ name: 'c', cluster: { server: 'https://api.example:6443/prefix/', 'certificate-authority': 'ca.crt' } }],
  users: [
    { name: 'u', user: { token: 'secret', as: 'someone' } },
    { name: 'basic', user: { username: 'me', password: 'pass' } },
  ],
  contexts: [
    { name: 'x', context: { cluster: 'c', user: 'u', namespace: 'mine' } },
    { name: 'basic', context: { cluster: 'c', user: 'basic' } },
    { name: 'nobody', context: { cluster: 'c' } },
    { name: 'lost', context: { cluster: 'elsewhere', user: 'u' } },
  ],
  'current-context': 'x',
};

function write(name: string, content: object | string): string {
  const file = join(directory, name);
  writeFileSync(file, typeof content === 'string' ? content : stringify(content));
  return file;
}

test('a kubeconfig gives server, user, namespace and headers; its paths are relative to it', async () => {
  const file = write('config', kubeconfig);
  write('ca.crt', 'certificate');
  const access = loadClusterAccess({ environment: { KUBECONFIG: file } });
  expect(access.server).toBe('https://api.example:6443/prefix');
  expect(access.namespace).toBe('mine');
  expect(await access.headers()).toEqual({ Authorization: 'Bearer secret', 'Impersonate-User': 'someone' });
  expect((await access.tls()).ca?.toString()).toBe('certificate');
  write('ca.crt', 'rotated');
  expect((await access.tls()).ca?.toString()).toBe('rotated');
});

test('another context, basic credentials and none', async () => {
  const text = stringify(kubeconfig);
  const basic = parseKubeconfig(text, { context: 'basic' });
  expect(await basic.headers()).toEqual({ Authorization: `Basic ${Buffer.from('me:pass').toString('base64')}` });
  expect(await parseKubeconfig(text, { context: 'nobody' }).headers()).toEqual({});
});

test('of several files the first that says something wins', () => {
  const first = write('first', { 'current-context': 'x' });
  const second = write('second', { ...kubeconfig, 'current-context': 'basic' });
  const access = loadClusterAccess({ environment: { KUBECONFIG: [first, second].join(delimiter) } });
  expect(access.user.name).toBe('u');
});

test('what is wrong is told in one sentence', () => {
  const text = stringify(kubeconfig);
  const at = (content: object): string => stringify({ ...kubeconfig, ...content });
  expect(() => parseKubeconfig(text, { context: 'y' })).toThrow('The kubeconfig has no context "y".');
  expect(() => parseKubeconfig(text, { context: 'lost' })).toThrow(
    'has no cluster "elsewhere", which context "lost" names.',
  );
  expect(() => parseKubeconfig(at({ users: [] }))).toThrow('has no user "u", which context "x" names.');
  expect(() => parseKubeconfig(at({ 'current-context': '' }))).toThrow('has no current-context: name a context.');
  expect(() => parseKubeconfig('a: [')).toThrow('The kubeconfig is not valid:');
  expect(() => parseKubeconfig('')).toThrow('has no current-context');
  expect(() => parseKubeconfig(at({ clusters: [{ name: 'c', cluster: { server: 'nonsense' } }] }))).toThrow(
    'has no valid URL as server of cluster "c": nonsense',
  );
  const missing = join(directory, 'missing');
  expect(() => loadClusterAccess({ kubeconfig: missing })).toThrow(`The kubeconfig ${missing} cannot be read: ENOENT`);
  expect(() => loadClusterAccess({ environment: { HOME: directory } })).toThrow(
    `No API server is configured: this is no Pod with a ServiceAccount and there is no ${join(directory, '.kube', 'config')}. Set KUBECONFIG to a kubeconfig file.`,
  );
});

test('credentials that are none are told in a sentence', async () => {
  const at = (user: object, cluster: object = {}) =>
    parseKubeconfig(
      stringify({
        clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:1', ...cluster } }],
        users: [{ name: 'u', user }],
        contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
        'current-context': 'x',
      }),
    );
  await expect(at({}).check()).resolves.toBeUndefined();
  const garbage = { 'client-certificate-data': 'aGVsbG8=', 'client-key-data': 'aGVsbG8=' };
  await expect(at(garbage).check()).rejects.toThrow(
    /^The credentials for the API server at https:\/\/127.0.0.1:1 cannot be used: .*no start line\. Correct cluster "c" or user "u"/,
  );
  const missing = join(directory, 'none.crt');
  await expect(at({}, { 'certificate-authority': missing }).check()).rejects.toThrow(`ENOENT: no such file`);
});

test('a kubeconfig that does not parse is told in one line', () => {
  expect(() => parseKubeconfig('a: [b')).toThrow(/^The kubeconfig is not valid: [^\n]*\.$/);
});
