/** The roles of the three people of Gateway API, asked of a real API server. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { knownKinds } from '../../api/validation/index.ts';
import { type KubeApiServerConnection, sharedKubeApiServer, waitFor } from '../../test/fixtures/index.ts';

interface Role {
  metadata: { name: string };
  rules: { apiGroups: string[]; resources: string[]; verbs: string[] }[];
}

const rbac = '/apis/rbac.authorization.k8s.io/v1';
const roles = parseAllDocuments(
  readFileSync(join(import.meta.dirname, '../../config/rbac-extras/personas.yaml'), 'utf8'),
).map((document) => document.toJS() as Role);
const gatewayApi = 'gateway.networking.k8s.io';
let server: KubeApiServerConnection;

async function apply(kind: string, object: { metadata: { name: string } }): Promise<void> {
  const path = `${rbac}/${kind}/${object.metadata.name}?fieldManager=tests&force=true`;
  const { status, body } = await server.request('PATCH', path, object);
  expect(status, JSON.stringify(body)).toBeLessThan(300);
}

beforeAll(async () => {
  server = sharedKubeApiServer();
  for (const role of roles) {
    await apply('clusterroles', role);
    const { name } = role.metadata;
    await apply('clusterrolebindings', {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: `test-${name}` },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name }],
    } as never);
    const [first] = role.rules;
    // The authorizer hears of a binding a moment after it is stored.
    await waitFor(`${name} to be bound`, () => may(name, first!.verbs[0]!, first!.apiGroups[0]!, first!.resources[0]!));
  }
});

async function may(group: string, verb: string, apiGroup: string, resource: string): Promise<boolean> {
  const { body } = await server.request('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    spec: {
      user: 'somebody',
      groups: [group],
      resourceAttributes: { group: apiGroup, resource, verb, namespace: 'default' },
    },
  });
  return (body as { status: { allowed: boolean } }).status.allowed;
}

test.each([
  ['sluice-infrastructure-provider', 'create', gatewayApi, 'gatewayclasses', true],
  ['sluice-infrastructure-provider', 'update', 'sluice.dev', 'dataplanes', true],
  ['sluice-infrastructure-provider', 'create', gatewayApi, 'httproutes', false],
  ['sluice-cluster-operator', 'create', gatewayApi, 'gateways', true],
  ['sluice-cluster-operator', 'create', gatewayApi, 'referencegrants', true],
  ['sluice-cluster-operator', 'patch', 'sluice.dev', 'dataplanes/scale', true],
  ['sluice-cluster-operator', 'create', gatewayApi, 'gatewayclasses', false],
  ['sluice-application-developer', 'create', gatewayApi, 'httproutes', true],
  ['sluice-application-developer', 'create', gatewayApi, 'gateways', false],
  ['sluice-application-developer', 'create', gatewayApi, 'referencegrants', false],
  ['sluice-application-developer', 'get', '', 'secrets', false],
  ['sluice-view', 'list', gatewayApi, 'gateways', true],
  ['sluice-view', 'patch', gatewayApi, 'httproutes', false],
])('%s: %s %s/%s: %s', async (role, verb, group, resource, allowed) => {
  expect(await may(role, verb, group, resource)).toBe(allowed);
});

test('every kind can be read by who explains, and written by somebody; nothing is granted by a wildcard', () => {
  // Services and the like have roles of their own, GatewayClasses are no namespace's, and nothing is made of a mesh.
  const kinds = knownKinds.filter(
    ({ group, kind }) => (group.startsWith('gateway.networking') || group === 'sluice.dev') && kind !== 'XMesh',
  );
  const grants = (role: Role, group: string, plural: string, verb: string): boolean =>
    role.rules.some(
      (rule) => rule.apiGroups.includes(group) && rule.resources.includes(plural) && rule.verbs.includes(verb),
    );
  const view = roles.find(({ metadata }) => metadata.name === 'sluice-view')!;
  const unreadable = kinds.filter(
    ({ group, plural, kind }) => kind !== 'GatewayClass' && !grants(view, group, plural, 'watch'),
  );
  const unwritable = kinds.filter(({ group, plural }) => !roles.some((role) => grants(role, group, plural, 'create')));
  expect({ unreadable, unwritable }).toEqual({ unreadable: [], unwritable: [] });
  expect(JSON.stringify(roles)).not.toContain('"*"');
});
