/** Questions to a real API server: with all rights, with few, and where something is missing. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import type { Gateway, HTTPRoute } from '../../api/gateway/index.ts';
import { controllerName } from '../../api/names.ts';
import type { KubernetesObject } from '../../api/object.ts';
import { World } from '../../controllers/testing/world.ts';
import { resources } from '../../controllers/resources.ts';
import { SluiceError } from '../../standalone/sluiceError.ts';
import { freePort } from '../../test/fixtures/index.ts';
import { answer } from '../explain/answer.ts';
import { parseRequest } from '../explain/request.ts';
import { gatewayRows, routeRows } from '../get/rows.ts';
import { certificateReferences, gatherFromCluster } from './cluster.ts';
import type { Gathered } from './gathered.ts';

const shop = path.join(import.meta.dirname, '../../translate/explain/testing/shop.yaml');

let world: World;
let directory: string;

/** A kubeconfig of somebody who may do what RBAC allows. */
async function kubeconfigOf(name: string): Promise<string> {
  const { certificate, key } = await world.apiServer.issueClient({ name });
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const file = path.join(directory, `${name}.json`);
  const cluster = { server: world.apiServer.url, 'certificate-authority-data': base64(world.apiServer.ca) };
  const user = { 'client-certificate-data': base64(certificate), 'client-key-data': base64(key) };
  writeFileSync(
    file,
    JSON.stringify({
      clusters: [{ name: 'c', cluster }],
      users: [{ name: 'u', user }],
      contexts: [
        { name: 'all', context: { cluster: 'c', user: 'u' } },
        { name: 'team', context: { cluster: 'c', user: 'u', namespace: 'team' } },
      ],
      'current-context': 'all',
    }),
  );
  return file;
}

function gather(kubeconfig: string, context?: string, namespace?: string): Promise<Gathered> {
  return gatherFromCluster({ kubeconfig, context, namespace });
}

const condition = (type: string, status: 'True' | 'False', message: string) => ({
  type,
  status,
  reason: type,
  message,
  lastTransitionTime: '2026-01-01T00:00:00Z',
});

beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'cli-cluster-'));
  world = await World.create({ gatewayApi: 'experimental' });
  await world.namespace('team');
  const objects = parseAllDocuments(readFileSync(shop, 'utf8')).map((document) => document.toJS() as KubernetesObject);
  for (const { metadata, ...rest } of objects) {
    const { generation: _generation, creationTimestamp: _created, ...stated } = metadata;
    await world.apply({ ...rest, metadata: stated });
  }
});
afterAll(async () => {
  await world.close();
  rmSync(directory, { recursive: true });
});

describe('with all rights', () => {
  test('explain and get say what the objects come to', async () => {
    const gathered = await gather(world.apiServer.kubeconfigPath);
    expect(gathered.warnings).toEqual([]);
    const { met, answers } = answer(gathered, parseRequest(['http://shop.example.com/cart'], []), 'edge');
    expect(met).toBe(true);
    expect(answers).toMatchObject([
      {
        gateways: ['default/edge'],
        route: { name: 'shop', rule: 1 },
        action: { backends: [{ endpoints: ['192.0.2.1:3000', '192.0.2.2:3000'] }] },
        notes: ['Gateway default/edge is not programmed: Waiting for controller'],
      },
    ]);
    expect(routeRows(gathered, 'default')).toMatchObject([
      {
        name: 'blog',
        gateway: 'default/edge',
        hostnames: ['blog.example.com'],
        accepted: '-',
        backends: [{ ready: 2 }],
      },
      { name: 'narrow', hostnames: ['a.admin.test'] },
      { name: 'refused', listeners: [], hostnames: [] },
      { name: 'shop', listeners: [{ name: 'http', port: 80 }], backends: [{ ready: 2 }, { ready: 0 }] },
      { name: 'wide', hostnames: ['*.admin.test'] },
    ]);
    expect(routeRows(gathered, 'team')).toEqual([]);
  });

  test('what the cluster stores is what is shown, and its objections are told', async () => {
    const { client } = world;
    const gateway = await client.get<Gateway>(resources.gateways, 'default/edge');
    await client.updateStatus(resources.gateways, {
      ...gateway,
      status: {
        addresses: [{ type: 'IPAddress', value: '192.0.2.80' }],
        conditions: [condition('Accepted', 'True', ''), condition('Programmed', 'False', 'No proxy is ready')],
        listeners: [
          { name: 'http', attachedRoutes: 7, supportedKinds: [], conditions: [condition('Programmed', 'True', '')] },
        ],
      },
    });
    const route = await client.get<HTTPRoute>(resources.httpRoutes, 'default/shop');
    await client.updateStatus(resources.httpRoutes, {
      ...route,
      status: {
        parents: [
          {
            parentRef: { name: 'edge', sectionName: 'http', group: 'gateway.networking.k8s.io', kind: 'Gateway' },
            controllerName,
            conditions: [condition('Accepted', 'False', 'The proxies refuse what this route becomes: no')],
          },
        ],
      },
    });

    const gathered = await gather(world.apiServer.kubeconfigPath);
    // Without --gateway the address says which Gateway is meant.
    const { answers } = answer(
      gathered,
      parseRequest(['http://192.0.2.80/cart'], ['Host: shop.example.com']),
      undefined,
    );
    expect(answers[0]!.notes).toEqual([
      'Gateway default/edge is not programmed: No proxy is ready',
      'HTTPRoute default/shop has Accepted=False: The proxies refuse what this route becomes: no',
    ]);
    expect(gatewayRows(gathered, undefined)).toMatchObject([
      { listener: 'http', addresses: ['192.0.2.80'], attachedRoutes: 7, programmed: 'True' },
      { listener: 'isolated', attachedRoutes: undefined, programmed: '-' },
      { listener: 'admin' },
      { listener: 'https' },
      { listener: '', accepted: 'True', programmed: 'False', problems: [{ message: 'No proxy is ready' }] },
    ]);
    expect(routeRows(gathered, undefined).find(({ name }) => name === 'shop')).toMatchObject({
      accepted: 'False',
      problems: [{ type: 'Accepted', message: 'The proxies refuse what this route becomes: no' }],
    });
  });
});

test('with few rights as much as can be', async () => {
  const rbac = { apiGroup: 'rbac.authorization.k8s.io' };
  const kinds = { apiVersion: 'rbac.authorization.k8s.io/v1' };
  await world.apply(
    {
      ...kinds,
      kind: 'ClusterRole',
      metadata: { name: 'gateways-only' },
      rules: [
        {
          apiGroups: ['gateway.networking.k8s.io'],
          resources: ['gateways', 'gatewayclasses', 'httproutes'],
          verbs: ['list'],
        },
      ],
    } as KubernetesObject,
    {
      ...kinds,
      kind: 'ClusterRoleBinding',
      metadata: { name: 'gateways-only' },
      subjects: [{ kind: 'User', name: 'guest', ...rbac }],
      roleRef: { kind: 'ClusterRole', name: 'gateways-only', ...rbac },
    } as KubernetesObject,
  );
  const kubeconfig = await kubeconfigOf('guest');
  const gathered = await gather(kubeconfig, 'team');
  expect(gathered.namespace).toBe('team');
  expect(gathered.warnings).toEqual([
    expect.stringMatching(
      /^Only namespace team could be read of BackendTLSPolicy, .*Service.*: what lies elsewhere is not known here\.$/,
    ),
    'Secret default/absent may not be read, and is taken for a good certificate.',
  ]);
  // The listener with the certificate that may not be read is taken to be served.
  const { answers } = answer(gathered, parseRequest(['https://shop.example.com/'], []), 'default/edge');
  expect(answers[0]).toMatchObject({ status: 404, listener: { name: 'https' } });
});

describe('a cluster that cannot be asked', () => {
  test('because nobody answers', async () => {
    const file = path.join(directory, 'nobody.json');
    const server = `https://127.0.0.1:${await freePort()}`;
    writeFileSync(
      file,
      JSON.stringify({
        clusters: [{ name: 'c', cluster: { server } }],
        users: [{ name: 'u', user: {} }],
        contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
        'current-context': 'x',
      }),
    );
    const failure = await gather(file).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(SluiceError);
    expect(failure).toMatchObject({ code: 'ClusterUnreachable' });
    expect((failure as SluiceError).message).toMatch(
      new RegExp(`^${server} cannot be read: .*; see that it runs and that --kubeconfig and --context mean it\\.$`),
    );
  });

  test('because its context does not exist', async () => {
    await expect(gather(world.apiServer.kubeconfigPath, 'nope')).rejects.toMatchObject({
      code: 'FileNotFound',
      message: expect.stringMatching(/has no context "nope", or name files with -f\.$/),
    });
  });
});

test('only the certificates that objects name are read', () => {
  const object = {
    metadata: { namespace: 'a', name: 'x' },
    spec: {
      listeners: [{ tls: { certificateRefs: [{ name: 'one' }, { name: 'two', namespace: 'b' }] } }],
      tls: { backend: { clientCertificateRef: { kind: 'Secret', name: 'three' } } },
      validation: { caCertificateRefs: [{ kind: 'ConfigMap', group: '', name: 'four' }] },
      other: { secretName: 'five' },
    },
  } as unknown as KubernetesObject;
  expect(certificateReferences([object])).toEqual({
    secrets: new Set(['a/one', 'b/two', 'a/three']),
    configMaps: new Set(['a/four']),
  });
});
