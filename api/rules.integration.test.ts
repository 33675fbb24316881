/** Every CEL rule of Sluice's kinds has an object that it admits and one that it refuses, tried against a real kube-apiserver. */
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { ourDefinitions } from '../hack/generate/kinds/definitions.ts';
import { sharedKubeApiServer } from '../test/fixtures/sharedKubeApiServer.ts';
import { apiVersion } from './names.ts';
import type { KubernetesObject } from './object.ts';
import { validateObject } from './validation/index.ts';
import type { JSONSchemaProps, ValidationRule } from './validation/schema.ts';

const server = sharedKubeApiServer();
let namespace: string;

beforeAll(async () => {
  await server.applyCrds(join(import.meta.dirname, '../config/crd'));
  namespace = await server.createNamespace();
});

type Kind = 'DataPlane' | 'ControlPlane' | 'GatewayConfiguration';

interface Case {
  kind: Kind;
  /** Where the rule stands, as `kubectl explain` spells it. */
  path: string;
  /** The beginning of its message. */
  says: string;
  admits: object;
  refuses: object;
  /** For a rule about change: the object that is there before. */
  before?: object;
  name?: { admits: string; refuses: string };
}

/** What holds for a DataPlane holds for the template of one. */
function inBoth(path: string, says: string, admits: object, refuses: object): Case[] {
  return [
    { kind: 'DataPlane', path: `spec.${path}`, says, admits, refuses },
    {
      kind: 'GatewayConfiguration',
      path: `spec.dataPlane.${path}`,
      says,
      admits: { dataPlane: admits },
      refuses: { dataPlane: refuses },
    },
  ];
}

const controlPlane = { dataPlaneRef: { name: 'edge' } };

const cases: Case[] = [
  ...inBoth(
    'service',
    'loadBalancerClass needs',
    { service: { type: 'LoadBalancer', loadBalancerClass: 'example.com/lb' } },
    { service: { type: 'NodePort', loadBalancerClass: 'example.com/lb' } },
  ),
  ...inBoth(
    'service',
    'loadBalancerSourceRanges need',
    { service: { type: 'LoadBalancer', loadBalancerSourceRanges: ['192.0.2.0/24'] } },
    { service: { type: 'ClusterIP', loadBalancerSourceRanges: ['192.0.2.0/24'] } },
  ),
  ...inBoth(
    'service',
    'externalTrafficPolicy needs',
    { service: { type: 'NodePort', externalTrafficPolicy: 'Local' } },
    { service: { type: 'ClusterIP', externalTrafficPolicy: 'Local' } },
  ),
  ...inBoth(
    'service.loadBalancerSourceRanges[]',
    'a source range is',
    { service: { loadBalancerSourceRanges: ['2001:db8::/32', '192.0.2.7/32'] } },
    { service: { loadBalancerSourceRanges: ['192.0.2.0/33'] } },
  ),
  ...inBoth(
    'service.labels',
    'a key of labels',
    { service: { labels: { 'example.com/team': 'edge', team: '' } } },
    { service: { labels: { 'example.com/': 'edge' } } },
  ),
  ...inBoth(
    'service.annotations',
    'a key of annotations',
    { service: { annotations: { 'service.beta.kubernetes.io/aws-load-balancer-type': 'nlb' } } },
    { service: { annotations: { 'not a key': 'x' } } },
  ),
  ...inBoth(
    'envoy.drainTimeout',
    'a proxy drains',
    { envoy: { drainTimeout: '59m60s' } },
    { envoy: { drainTimeout: '1h1ms' } },
  ),
  {
    kind: 'DataPlane',
    path: '',
    says: 'the name becomes',
    admits: {},
    refuses: {},
    name: { admits: `e${'-'.repeat(61)}e`, refuses: 'edge.example' },
  },
  {
    kind: 'ControlPlane',
    path: 'spec.dataPlaneRef',
    says: 'dataPlaneRef cannot be changed',
    before: controlPlane,
    admits: { ...controlPlane, watchNamespaces: { type: 'own' } },
    refuses: { dataPlaneRef: { name: 'another' } },
  },
  ...(['ControlPlane', 'GatewayConfiguration'] as const).flatMap((kind): Case[] => {
    const wrap = (watchNamespaces: object): object =>
      kind === 'ControlPlane' ? { ...controlPlane, watchNamespaces } : { controlPlane: { watchNamespaces } };
    const path = kind === 'ControlPlane' ? 'spec.watchNamespaces' : 'spec.controlPlane.watchNamespaces';
    return [
      {
        kind,
        path,
        says: 'type list needs',
        admits: wrap({ type: 'list', list: ['web'] }),
        refuses: wrap({ type: 'list' }),
      },
      {
        kind,
        path,
        says: 'list is read only',
        admits: wrap({ type: 'own' }),
        refuses: wrap({ type: 'all', list: ['web'] }),
      },
    ];
  }),
  {
    kind: 'GatewayConfiguration',
    path: 'spec',
    says: 'controlPlaneRef brings its own',
    admits: { controlPlaneRef: { name: 'edge' } },
    refuses: { controlPlaneRef: { name: 'edge' }, dataPlane: {} },
  },
  {
    kind: 'GatewayConfiguration',
    path: 'spec',
    says: 'controlPlaneRef names an existing',
    admits: { controlPlane: {}, dataPlane: {} },
    refuses: { controlPlaneRef: { name: 'edge' }, controlPlane: {} },
  },
];

function* rulesBelow(schema: JSONSchemaProps, path: string): Generator<{ path: string; rule: ValidationRule }> {
  for (const rule of schema['x-kubernetes-validations'] ?? []) yield { path, rule };
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    yield* rulesBelow(property, path === '' ? name : `${path}.${name}`);
  }
  if (schema.items !== undefined) yield* rulesBelow(schema.items, `${path}[]`);
  if (typeof schema.additionalProperties === 'object') yield* rulesBelow(schema.additionalProperties, `${path}[*]`);
}

const declared = ourDefinitions.flatMap((definition) =>
  [...rulesBelow(definition.spec.versions[0]!.schema.openAPIV3Schema, '')].map(({ path, rule }) => ({
    kind: definition.spec.names.kind,
    path,
    message: rule.message ?? '',
  })),
);

test('each rule has its case', () => {
  const isCaseOf = (rule: (typeof declared)[number]) => (candidate: Case) =>
    candidate.kind === rule.kind && candidate.path === rule.path && rule.message.startsWith(candidate.says);
  expect(declared.length).toBeGreaterThan(10);
  expect(declared.filter((rule) => cases.filter(isCaseOf(rule)).length !== 1)).toEqual([]);
  expect(cases.filter((candidate) => !declared.some((rule) => isCaseOf(rule)(candidate)))).toEqual([]);
});

interface Verdict {
  server: { status: number; message: string };
  offline: string[];
}

function messageOf(body: unknown): string {
  return typeof body === 'object' && body !== null && 'message' in body ? String(body.message) : '';
}

describe.each(cases)('$kind $path: $says', ({ kind, says, admits, refuses, before, name }) => {
  const path = (): string => `/apis/${apiVersion}/namespaces/${namespace}/${kind.toLowerCase()}s`;

  async function verdict(spec: object, objectName: string): Promise<Verdict> {
    const object = { apiVersion, kind, metadata: { name: objectName, namespace }, spec };
    const previous = before === undefined ? undefined : { ...object, spec: before };
    const offline = validateObject(object, previous === undefined ? {} : { previous: withDefaults(previous) });
    if (previous !== undefined) {
      const stored = await server.request('PATCH', `${path()}/${objectName}?fieldManager=tests&force=true`, previous);
      expect(stored.status, messageOf(stored.body)).toBeLessThan(300);
    }
    const { status, body } =
      previous === undefined
        ? await server.request('POST', `${path()}?dryRun=All&fieldValidation=Strict`, object)
        : await server.request('PATCH', `${path()}/${objectName}?fieldManager=tests&force=true&dryRun=All`, object);
    return {
      server: { status, message: messageOf(body) },
      offline: offline.errors?.map(({ message }) => message) ?? [],
    };
  }

  test('admits', async () => {
    const { server: answer, offline } = await verdict(
      admits,
      name?.admits ?? (before === undefined ? 'admitted' : 'changed'),
    );
    expect(answer.message).toBe('');
    expect(answer.status).toBeLessThan(300);
    expect(offline).toEqual([]);
  });

  test('refuses', async () => {
    const { server: answer, offline } = await verdict(
      refuses,
      name?.refuses ?? (before === undefined ? 'refused' : 'changed'),
    );
    expect(answer.status).toBe(422);
    expect(answer.message).toContain(says);
    expect(offline).toEqual([expect.stringMatching(`^${says}`)]);
  });
});

function withDefaults(object: KubernetesObject): KubernetesObject {
  const { object: complete, errors } = validateObject(object);
  if (complete === undefined) throw new Error(JSON.stringify(errors));
  return complete;
}
