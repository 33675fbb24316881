/** The CustomResourceDefinitions as a real kube-apiserver and kubectl take them. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from 'vitest';
import { kinds } from '../../../api/kinds.ts';
import { apiVersion, group } from '../../../api/names.ts';
import type { JSONSchemaProps } from '../../../api/validation/schema.ts';
import { startKubeApiServer } from '../../../test/fixtures/kubeApiServer.ts';
import { sharedKubeApiServer } from '../../../test/fixtures/sharedKubeApiServer.ts';
import { gatewayAPIDefinitions, gatewayAPIDirectory } from '../gateway/definitions.ts';
import { cacheDirectory } from '../../tools/versions.ts';
import { ourDefinitions } from './definitions.ts';

const run = promisify(execFile);
const server = sharedKubeApiServer();
const crdPath = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const ours = join(import.meta.dirname, '../../../config/crd');
let namespace: string;

beforeAll(async () => {
  await server.applyCrds(ours);
  namespace = await server.createNamespace();
});

async function kubectl(...parameters: string[]): Promise<string> {
  const command = join(cacheDirectory(), 'node/bin/kubectl');
  const { stdout } = await run(command, [
    `--kubeconfig=${server.kubeconfigPath}`,
    `--namespace=${namespace}`,
    ...parameters,
  ]);
  return stdout;
}

async function apply(kind: string, name: string, spec: object): Promise<void> {
  const plural = kinds.find((candidate) => candidate.kind === kind)!.plural;
  const path = `/apis/${apiVersion}/namespaces/${namespace}/${plural}/${name}?fieldManager=tests`;
  const answer = await server.request('PATCH', path, { apiVersion, kind, metadata: { name }, spec });
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
}

interface Conditions {
  status: { conditions: { type: string; status: string; message: string }[] };
}

test.each(ourDefinitions.map((definition) => definition.metadata.name))(
  '%s is structural and established',
  async (name) => {
    const { body } = await server.request('GET', `${crdPath}/${name}`);
    const { conditions } = (body as Conditions).status;
    expect(conditions.map(({ type, status }) => `${type}=${status}`).toSorted()).toEqual([
      'Established=True',
      'NamesAccepted=True',
    ]);
  },
);

test('the API server says nothing against them', async () => {
  for (const definition of ourDefinitions) {
    const copy = { ...definition, metadata: { name: definition.metadata.name } };
    const { status } = await server.request(
      'PATCH',
      `${crdPath}/${definition.metadata.name}?fieldManager=tests&force=true&fieldValidation=Strict`,
      copy,
    );
    expect(status).toBe(200);
  }
});

function* fieldPaths(
  schema: JSONSchemaProps,
  path: string,
): Generator<[path: string, description: string | undefined]> {
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const below = `${path}.${name}`;
    yield [below, property.description];
    yield* fieldPaths(property.items ?? property, below);
  }
}

test.each(ourDefinitions.map((definition) => ({ kind: definition.spec.names.kind, definition })))(
  'kubectl explain describes every field of $kind',
  async ({ definition }) => {
    const { plural } = definition.spec.names;
    const schema = definition.spec.versions[0]!.schema.openAPIV3Schema;
    const { spec, status } = schema.properties!;
    const paths = [...fieldPaths(spec!, 'spec'), ...fieldPaths(status!, 'status')];
    expect(paths.filter(([, description]) => !description)).toEqual([]);

    const squeezed = (text: string): string => text.replaceAll(/\s+/g, ' ');
    const all = squeezed(await kubectl('explain', `${plural}.${group}`));
    expect(all).toContain(squeezed(schema.description!));
    const [path, description] = paths.find(([candidate]) => candidate.split('.').length === 3)!;
    expect(squeezed(await kubectl('explain', `${plural}.${group}.${path}`))).toContain(squeezed(description!));
  },
);

test('short names, columns and the scale subresource work', async () => {
  await apply('DataPlane', 'scaled', {});
  await apply('ControlPlane', 'columns', { dataPlaneRef: { name: 'scaled' } });
  await apply('GatewayConfiguration', 'columns', {});

  expect((await kubectl('get', 'dp', 'scaled')).split('\n')[0]).toMatch(
    /^NAME +READY +PROGRAMMED +PROXIES +ADDRESS +AGE$/,
  );
  expect(await kubectl('get', 'cp', 'columns')).toMatch(/columns +scaled/);
  expect(await kubectl('get', 'gwcfg')).toContain('columns');
  expect(await kubectl('get', 'sluice', '--output=name')).toContain('dataplane.sluice.dev/scaled');

  await kubectl('scale', 'dp/scaled', '--replicas=3');
  expect(await kubectl('get', 'dp', 'scaled', '--output=jsonpath={.spec.deployment.replicas}')).toBe('3');
});

test('the status subresource takes what the schema says and keeps the selector for scale', async () => {
  await apply('DataPlane', 'status', {});
  const path = `/apis/${apiVersion}/namespaces/${namespace}/dataplanes/status`;
  const condition = {
    type: 'Ready',
    status: 'True',
    observedGeneration: 1,
    lastTransitionTime: '2026-01-31T12:00:00Z',
    reason: 'Ready',
    message: '2 of 2 proxies are ready.',
  };
  const status = {
    conditions: [condition],
    addresses: [{ type: 'IPAddress', value: '192.0.2.1' }],
    selector: 'app=envoy',
    replicas: 2,
    readyReplicas: 2,
    configuration: { version: 'abc', acknowledged: 2, total: 2 },
  };
  const object = { apiVersion, kind: 'DataPlane', metadata: { name: 'status' }, status };
  const answer = await server.request('PATCH', `${path}/status?fieldManager=tests&force=true`, object);
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  expect(answer.body).toMatchObject({ status });
  const scale = await server.request('GET', `${path}/scale`);
  expect(scale.body).toMatchObject({ spec: { replicas: 1 }, status: { replicas: 2, selector: 'app=envoy' } });

  const twice = { ...object, status: { conditions: [condition, condition] } };
  expect(
    (await server.request('PATCH', `${path}/status?fieldManager=tests&force=true`, twice)).status,
  ).toBeGreaterThanOrEqual(400);
});

test.each(['standard', 'experimental'] as const)("ours install beside Gateway API's %s channel", async (channel) => {
  await using own = await startKubeApiServer();
  await own.applyCrds(join(gatewayAPIDirectory(), 'config/crd', channel));
  await own.applyCrds(ours);
  const { body } = await own.request('GET', crdPath);
  const { items } = body as { items: (Conditions & { metadata: { name: string } })[] };
  expect(items.map(({ metadata }) => metadata.name).toSorted()).toEqual(
    [...ourDefinitions, ...gatewayAPIDefinitions(channel)].map(({ metadata }) => metadata.name).toSorted(),
  );
  const wrong = items.flatMap(({ metadata, status }) =>
    status.conditions
      .filter(({ type, status: is }) => type === 'NonStructuralSchema' || is !== 'True')
      .map(({ type, message }) => `${metadata.name} ${type}: ${message}`),
  );
  expect(wrong).toEqual([]);
});
