import { afterEach, beforeEach, expect, test } from 'vitest';
import { Registry } from 'prom-client';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KubernetesObject } from '../api/object.ts';
import { type KubeApiServerConnection, sharedKubeApiServer, startKubeApiServer } from '../test/fixtures/index.ts';
import { waitFor } from '../test/fixtures/waitFor.ts';
import { ApiError } from './apiError.ts';
import { Cache } from './cache.ts';
import type { Client } from './client.ts';
import { ClusterAccess, loadClusterAccess } from './clusterAccess.ts';
import { apiVersionOf, defineResource, type Resource } from './resource.ts';
import { FaultProxy } from './testing/faultProxy.ts';
import { accessTo, clientOf, type ConfigMap, configMap, configMaps, logger, namespaces } from './testing/fixtures.ts';

interface Deployment extends KubernetesObject<
  { replicas?: number; selector: object; template: object; paused?: boolean },
  { replicas?: number; readyReplicas?: number }
> {}

const deployments = defineResource<Deployment>({
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  plural: 'deployments',
  namespaced: true,
});

let server: KubeApiServerConnection;
let namespace: string;
let client: Client & AsyncDisposable;

beforeEach(async () => {
  server = sharedKubeApiServer();
  namespace = await server.createNamespace('client');
  client = clientOf(accessTo(server));
});

afterEach(() => client.close());

/** The ApiError that a promise rejects with. */
async function errorOf(promise: Promise<unknown>): Promise<ApiError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ApiError);
  return error as ApiError;
}

function deployment(name: string): Deployment {
  const labels = { app: name };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { namespace, name },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'a', image: 'a' }] } },
    },
  };
}

test('objects are created, read, replaced and deleted', async () => {
  const created = await client.create(configMaps, configMap(namespace, 'a', { value: '1' }));
  expect(created.metadata.uid).toBeDefined();
  expect(await client.get(configMaps, `${namespace}/a`)).toEqual(created);
  const updated = await client.update(configMaps, { ...created, data: { value: '2' } });
  expect(updated.data).toEqual({ value: '2' });
  expect((await errorOf(client.update(configMaps, { ...created, data: { value: '3' } }))).reason).toBe('Conflict');
  expect(await client.delete(configMaps, created.metadata)).toBe(true);
  expect(await client.delete(configMaps, created.metadata)).toBe(false);
  expect(await client.find(configMaps, created.metadata)).toBeUndefined();
  expect((await client.get(namespaces, namespace)).metadata.name).toBe(namespace);
});

test('a refusal has the reason and the words of the API server', async () => {
  const missing = await errorOf(client.get(configMaps, `${namespace}/missing`));
  expect(missing).toMatchObject({
    status: 404,
    reason: 'NotFound',
    message: 'configmaps "missing" not found',
    details: { name: 'missing', kind: 'configmaps' },
  });
  await client.create(configMaps, configMap(namespace, 'a'));
  const twice = await errorOf(client.create(configMaps, configMap(namespace, 'a')));
  expect(twice).toMatchObject({ status: 409, reason: 'AlreadyExists' });
  const invalid = await errorOf(
    client.create(deployments, { ...deployment('b'), spec: { ...deployment('b').spec!, replicas: -1 } }),
  );
  expect(invalid).toMatchObject({ status: 422, reason: 'Invalid' });
  expect(invalid.message).toContain('spec.replicas: Invalid value: -1');
  expect(invalid.details.causes?.[0]).toMatchObject({ field: 'spec.replicas' });
  const unnamed = client.get(configMaps, 'without-namespace');
  await expect(unnamed).rejects.toThrow('named without its namespace');
});

test('server-side apply owns what it gives and leaves the rest to others', async () => {
  const metadata = { namespace, name: 'a' };
  await client.apply(configMaps, { metadata, data: { ours: '1', dropped: '1' } });
  await client.apply(configMaps, { metadata, data: { theirs: '1' } }, { fieldOwner: 'others' });
  const applied = await client.apply(configMaps, { metadata, data: { ours: '2' } });
  expect(applied.data).toEqual({ ours: '2', theirs: '1' });

  const conflict = await errorOf(client.apply(configMaps, { metadata, data: { theirs: '2' } }, { force: false }));
  expect(conflict.reason).toBe('Conflict');
  expect(conflict.message).toContain('conflict with "others"');
  expect((await client.apply(configMaps, { metadata, data: { theirs: '2' } })).data).toEqual({ theirs: '2' });
});

test('status and scale are written apart from the rest', async () => {
  const created = await client.create(deployments, deployment('a'));
  await client.apply(
    deployments,
    { metadata: { namespace, name: 'a' }, status: { replicas: 1, readyReplicas: 1 } },
    { subresource: 'status' },
  );
  const read = await client.get(deployments, created.metadata);
  expect(read.status).toMatchObject({ replicas: 1, readyReplicas: 1 });
  const updated = await client.updateStatus(deployments, {
    ...read,
    spec: { ...read.spec!, replicas: 7 },
    status: { replicas: 2 },
  });
  expect(updated.status).toMatchObject({ replicas: 2 });
  expect(updated.spec?.replicas).toBe(1);
  expect((await client.setScale(deployments, created.metadata, 5)).spec?.replicas).toBe(5);
  expect((await client.getScale(deployments, created.metadata)).spec?.replicas).toBe(5);
});

test('merge and JSON patches', async () => {
  const { metadata } = await client.create(configMaps, configMap(namespace, 'a', { a: '1', b: '2' }));
  expect((await client.mergePatch(configMaps, metadata, { data: { a: null, c: '3' } })).data).toEqual({
    b: '2',
    c: '3',
  });
  const patched = await client.jsonPatch(configMaps, metadata, [
    { op: 'test', path: '/data/b', value: '2' },
    { op: 'replace', path: '/data/b', value: '4' },
    { op: 'remove', path: '/data/c' },
  ]);
  expect(patched.data).toEqual({ b: '4' });
});

test('preconditions, dry runs and strict fields', async () => {
  const { metadata } = await client.create(configMaps, configMap(namespace, 'a'));
  const other = await errorOf(
    client.delete(configMaps, metadata, { preconditions: { uid: '00000000-0000-0000-0000-000000000000' } }),
  );
  expect(other.reason).toBe('Conflict');
  await client.create(configMaps, configMap(namespace, 'dry'), { dryRun: true });
  expect(await client.find(configMaps, `${namespace}/dry`)).toBeUndefined();
  const unknown = { ...configMap(namespace, 'strict'), nonsense: 1 };
  expect((await errorOf(client.create(configMaps, unknown, { fieldValidation: 'Strict' }))).message).toContain(
    'unknown field "nonsense"',
  );
});

test('lists come in pages and whole, with their kind', async () => {
  for (let i = 0; i < 7; i++) {
    const object = configMap(namespace, `object-${i}`);
    await client.create(configMaps, {
      ...object,
      metadata: { ...object.metadata, labels: { odd: String(i % 2 === 1) } },
    });
  }
  const list = await client.list(configMaps, { namespace, pageSize: 2 });
  expect(list.items.length).toBe(7);
  expect(list.items[0]).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap' });
  const odd = await client.list(configMaps, { namespace, labelSelector: 'odd=true' });
  expect(odd.items.map((item) => item.metadata.name)).toEqual(['object-1', 'object-3', 'object-5']);
});

test('discovery tells what is served', async () => {
  expect(await client.serves(deployments)).toBe(true);
  expect(await client.serves({ ...deployments, version: 'v1beta1' })).toBe(false);
  expect(await client.serves({ ...configMaps, plural: 'nothings', kind: 'Nothing' })).toBe(false);
  expect(await client.serverVersion()).toMatch(/^v1\.\d+/);
});

test('an answer that asks to wait is waited for; one that does not is an error at once', async () => {
  await using proxy = await FaultProxy.start(server);
  await using through = clientOf(proxy.access);
  const tooMany = JSON.stringify({ kind: 'Status', code: 429, reason: 'TooManyRequests', message: 'slow down' });
  proxy.onRequest = () =>
    proxy.requests.length < 3 ? { status: 429, headers: { 'retry-after': '0.05' }, body: tooMany } : undefined;
  await through.create(configMaps, configMap(namespace, 'a'));
  expect(proxy.requests.length).toBe(3);

  proxy.onRequest = () => ({ status: 429, headers: { 'retry-after': '3600' }, body: tooMany });
  const error = await errorOf(through.get(configMaps, `${namespace}/a`));
  expect(error).toMatchObject({
    status: 429,
    reason: 'TooManyRequests',
    message: 'slow down',
    retryAfterMs: 3_600_000,
  });
  expect(proxy.requests.length).toBe(4);

  proxy.onRequest = () => ({ status: 503, headers: { 'content-type': 'text/plain' }, body: 'upstream connect error' });
  const gateway = await errorOf(through.get(configMaps, `${namespace}/a`));
  expect(gateway).toMatchObject({ status: 503, reason: 'ServiceUnavailable' });
  expect(gateway.message).toContain('upstream connect error');
  expect(proxy.requests.length).toBe(5);
});

test('a request that is not answered in time, or is aborted, ends', async () => {
  await using proxy = await FaultProxy.start(server);
  await using through = clientOf(proxy.access);
  proxy.onRequest = () => new Promise(() => undefined);
  const late = await errorOf(through.get(configMaps, `${namespace}/a`, { timeoutMs: 100 }));
  expect(late.reason).toBe('RequestTimeout');
  expect(late.message).toMatch(/did not answer GET .* within 0\.1 s/);
  const abort = new AbortController();
  const aborted = through.get(configMaps, `${namespace}/a`, { signal: abort.signal });
  await waitFor('the request', () => proxy.requests.length === 2);
  abort.abort(new Error('enough'));
  await expect(aborted).rejects.toThrow('enough');
  await expect(through.get(configMaps, `${namespace}/a`, { signal: abort.signal })).rejects.toThrow('enough');
  proxy.onRequest = () => undefined;
  expect(await through.find(configMaps, `${namespace}/a`)).toBeUndefined();
});

test('no API server at all is one clear sentence', async () => {
  await using nobody = clientOf(
    new ClusterAccess({ name: 'none', server: 'https://127.0.0.1:1', skipTLSVerify: true }, { name: 'nobody' }),
  );
  const error = await errorOf(nobody.get(configMaps, 'default/a'));
  expect(error.reason).toBe('Unreachable');
  expect(error.message).toBe(
    'The API server at https://127.0.0.1:1 cannot be reached for GET /api/v1/namespaces/default/configmaps/a: connect ECONNREFUSED 127.0.0.1:1',
  );
});

test('a silent connection is given up and the requests after it are answered', async () => {
  await using proxy = await FaultProxy.start(server);
  await using through = clientOf(proxy.access);
  await through.get(namespaces, namespace);
  proxy.freezeConnections();
  expect((await errorOf(through.get(namespaces, namespace, { timeoutMs: 200 }))).reason).toBe('RequestTimeout');
  await waitFor(
    'a new connection',
    async () => (await through.get(namespaces, namespace, { timeoutMs: 500 })).metadata.name === namespace,
  );
  expect(proxy.connectionCount).toBeGreaterThan(1);
});

test('20 watched kinds and 200 requests at once share a few connections', async () => {
  await using proxy = await FaultProxy.start(server);
  await using through = clientOf(proxy.access);
  const kinds = await listableKinds(client);
  expect(kinds.length).toBeGreaterThanOrEqual(20);
  const caches = kinds.slice(0, 20).map((resource) => new Cache({ client: through, resource, logger }));
  for (const cache of caches) cache.start();
  try {
    await Promise.all(caches.map((cache) => cache.whenSynced()));
    await waitFor('all watches', () => proxy.watches.size === 20);
    await Promise.all(
      Array.from({ length: 200 }, (_, i) => through.create(configMaps, configMap(namespace, `object-${i}`))),
    );
    expect(proxy.connectionCount).toBeLessThan(10);
  } finally {
    await Promise.all(caches.map((cache) => cache.stop()));
  }
});

test('without HTTP/2 the same works over HTTP/1.1', async () => {
  await using proxy = await FaultProxy.start(server, { allowHttp2: false });
  await using through = clientOf(proxy.access);
  const caches = [configMaps, namespaces, deployments].map(
    (resource: Resource) => new Cache({ client: through, resource, logger }),
  );
  for (const cache of caches) cache.start();
  await Promise.all(caches.map((cache) => cache.whenSynced()));
  await through.create(configMaps, configMap(namespace, 'a'));
  await waitFor('the event', () => caches[0]!.get(`${namespace}/a`));
  await Promise.all(caches.map((cache) => cache.stop()));
});

/** All kinds with a list and a watch, over all groups of the API server. */
async function listableKinds(api: Client): Promise<Resource[]> {
  const { groups } = await api.request<{ groups: { name: string; preferredVersion: { version: string } }[] }>(
    'GET',
    '/apis',
  );
  const versions = [
    { group: '', version: 'v1' },
    ...groups.map(({ name, preferredVersion }) => ({ group: name, version: preferredVersion.version })),
  ];
  const found: Resource[] = [];
  for (const { group, version } of versions) {
    for (const { name, kind, namespaced, verbs } of (await api.discover(group, version)) ?? []) {
      if (verbs?.includes('watch') && verbs.includes('list'))
        found.push(defineResource({ group, version, kind, plural: name, namespaced }));
    }
  }
  return found;
}

test('requests are counted by code, method and host', async () => {
  const registry = new Registry();
  await using counted = clientOf(accessTo(server), { registry });
  await counted.find(configMaps, `${namespace}/missing`);
  await counted.create(configMaps, configMap(namespace, 'a'));
  const text = await registry.metrics();
  const { host } = new URL(server.url);
  expect(text).toContain(`rest_client_requests_total{code="404",method="GET",host="${host}"} 1`);
  expect(text).toContain(`rest_client_requests_total{code="201",method="POST",host="${host}"} 1`);
});

test('a token file is read again when its token is refused', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-client-'));
  await using own = await startKubeApiServer({ flags: [`--token-auth-file=${await tokens(directory, 'second')}`] });
  const file = join(directory, 'token');
  try {
    await writeFile(file, 'first\n');
    const access = new ClusterAccess(
      { name: 'test', server: own.url, caData: Buffer.from(own.ca).toString('base64'), skipTLSVerify: false },
      { name: 'pod', authProvider: { name: 'tokenFile', config: { tokenFile: file } } },
    );
    await using pod = clientOf(access);
    expect(await errorOf(pod.list(namespaces))).toMatchObject({ status: 401, reason: 'Unauthorized' });
    await writeFile(file, 'second\n');
    expect((await pod.list(namespaces)).items.length).toBeGreaterThan(0);
    await rm(file);
    access.refresh();
    const missing = await errorOf(pod.list(namespaces));
    expect(missing.reason).toBe('CredentialsUnavailable');
    expect(missing.message).toContain(`There are no credentials for the API server at ${own.url}: ENOENT`);
  } finally {
    await rm(directory, { recursive: true });
  }
});

async function tokens(directory: string, token: string): Promise<string> {
  const file = join(directory, 'tokens.csv');
  await writeFile(file, `${token},pod,1,"system:masters"\n`);
  return file;
}

test('a kubeconfig, and a plugin that it names, give access', async () => {
  await using fromFile = clientOf(loadClusterAccess({ kubeconfig: server.kubeconfigPath }));
  expect((await fromFile.get(namespaces, namespace)).metadata.name).toBe(namespace);
  const credential = {
    apiVersion: 'client.authentication.k8s.io/v1',
    kind: 'ExecCredential',
    status: { clientCertificateData: server.clientCert, clientKeyData: server.clientKey },
  };
  const access = new ClusterAccess(
    { name: 'test', server: server.url, caData: Buffer.from(server.ca).toString('base64'), skipTLSVerify: false },
    { name: 'plugin', exec: { command: 'echo', args: [JSON.stringify(credential)] } },
  );
  await using fromPlugin = clientOf(access);
  expect((await fromPlugin.get(namespaces, namespace)).metadata.name).toBe(namespace);
});

test('an object of another kind is sent with its own kind', async () => {
  const bare = { metadata: { namespace, name: 'bare' } } as ConfigMap;
  expect(await client.create(configMaps, bare)).toMatchObject({
    kind: 'ConfigMap',
    apiVersion: apiVersionOf(configMaps),
  });
});
