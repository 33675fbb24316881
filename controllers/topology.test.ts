import { expect, test } from 'vitest';
import type { ControlPlane, ControlPlaneSpec } from '../api/controlPlane.ts';
import { type DataPlane, dataPlaneSpec } from '../api/dataPlane.ts';
import type { GatewayConfiguration, GatewayConfigurationSpec } from '../api/gatewayConfiguration.ts';
import type { Gateway, GatewayClass } from '../api/gateway/index.ts';
import { keyOf, type ObjectMeta } from '../api/object.ts';
import { computeTopology, emptyTopology, type Topology } from './topology.ts';

const ours: GatewayClass = {
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'GatewayClass',
  metadata: { name: 'sluice' },
  spec: { controllerName: 'sluice.dev/gateway-controller' },
};

function gateway(name: string, change: Partial<Gateway['spec']> = {}): Gateway {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    metadata: { namespace: 'shop', name, uid: `uid-${name}` },
    spec: { gatewayClassName: 'sluice', listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }], ...change },
  };
}
const withConfiguration = (name: string): Partial<Gateway['spec']> => ({
  infrastructure: { parametersRef: { group: 'sluice.dev', kind: 'GatewayConfiguration', name } },
});
const ownedBy = (name: string): Pick<ObjectMeta, 'ownerReferences'> => ({
  ownerReferences: [
    { apiVersion: 'gateway.networking.k8s.io/v1', kind: 'Gateway', name, uid: `uid-${name}`, controller: true },
  ],
});
function controlPlane(
  name: string,
  metadata: Partial<ObjectMeta> = {},
  spec: Partial<ControlPlaneSpec> = {},
): ControlPlane {
  return {
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'ControlPlane',
    metadata: { namespace: 'shop', name, creationTimestamp: '2026-01-01T00:00:00Z', ...metadata },
    spec: { dataPlaneRef: { name }, watchNamespaces: { type: 'all' }, ...spec },
  };
}
function topology(
  world: {
    gateways?: Gateway[];
    controlPlanes?: ControlPlane[];
    dataPlanes?: string[];
    configurations?: Record<string, GatewayConfigurationSpec>;
    gatewayClass?: GatewayClass;
  },
  before = emptyTopology,
): Topology {
  const dataPlanes = new Set((world.dataPlanes ?? []).map((name) => keyOf('shop', name)));
  const dataPlane: DataPlane = {
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'DataPlane',
    metadata: { name: 'x' },
    spec: dataPlaneSpec.parse({}),
  };
  return computeTopology(
    {
      gateways: () => world.gateways ?? [],
      gatewayClass: (name) => (name === 'sluice' ? (world.gatewayClass ?? ours) : undefined),
      configuration: (key): GatewayConfiguration | undefined => {
        const [namespace = '', name = ''] = key.split('/');
        const spec = world.configurations?.[key];
        return spec === undefined
          ? undefined
          : { apiVersion: 'sluice.dev/v1alpha1', kind: 'GatewayConfiguration', metadata: { namespace, name }, spec };
      },
      controlPlanes: () => world.controlPlanes ?? [],
      dataPlane: (key) => (dataPlanes.has(key) ? dataPlane : undefined),
    },
    before,
  );
}

test('a Gateway has a pair of its own', () => {
  const before = topology({ gateways: [gateway('web')] });
  expect(before.attachments.get('shop/web')).toEqual({ own: true, parameters: { templates: {} } });
  const after = topology({
    gateways: [gateway('web')],
    controlPlanes: [controlPlane('web', ownedBy('web'))],
    dataPlanes: ['web'],
  });
  expect(after.attachments.get('shop/web')).toMatchObject({ own: true, controlPlane: 'shop/web' });
  expect(after.scopes.get('shop/web')).toEqual({
    controlPlane: 'shop/web',
    gateways: new Set(['shop/web']),
    namespaces: undefined,
  });
});

test('a ControlPlane of that name that someone made by hand is not taken over', () => {
  const result = topology({ gateways: [gateway('web')], controlPlanes: [controlPlane('web')], dataPlanes: ['web'] });
  expect(result.attachments.get('shop/web')).not.toHaveProperty('controlPlane');
  expect(result.scopes.get('shop/web')?.gateways.size).toBe(0);
});

test('a Gateway of another class is nobody of ours', () => {
  const theirs = { ...ours, spec: { controllerName: 'example.com/other' } };
  expect(topology({ gateways: [gateway('web')], gatewayClass: theirs }).attachments.size).toBe(0);
  expect(topology({ gateways: [gateway('web', { gatewayClassName: 'none' })] }).attachments.size).toBe(0);
});

test('Gateways that name one ControlPlane are merged onto it', () => {
  const configurations = { 'shop/shared': { controlPlaneRef: { name: 'edge' } } };
  const gateways = [gateway('web', withConfiguration('shared')), gateway('api', withConfiguration('shared'))];
  const result = topology({ gateways, configurations, controlPlanes: [controlPlane('edge')], dataPlanes: ['edge'] });
  expect(result.scopes.get('shop/edge')?.gateways).toEqual(new Set(['shop/web', 'shop/api']));
  expect(result.attachments.get('shop/api')).toMatchObject({ own: false, controlPlane: 'shop/edge' });
});

test('a class names its configuration in another namespace', () => {
  const gatewayClass: GatewayClass = {
    ...ours,
    spec: {
      ...ours.spec,
      parametersRef: { group: 'sluice.dev', kind: 'GatewayConfiguration', namespace: 'sluice-system', name: 'all' },
    },
  };
  const result = topology({
    gateways: [gateway('web')],
    gatewayClass,
    configurations: { 'sluice-system/all': { dataPlane: { deployment: { replicas: 2 } } } },
  });
  expect(result.attachments.get('shop/web')?.parameters?.templates).toEqual({
    dataPlane: { deployment: { replicas: 2 } },
  });
});

test('bad parameters are told, and what runs stays where it is', () => {
  const good = {
    gateways: [gateway('web', withConfiguration('shared'))],
    configurations: { 'shop/shared': { controlPlaneRef: { name: 'edge' } } },
    controlPlanes: [controlPlane('edge')],
    dataPlanes: ['edge'],
  };
  const before = topology(good);
  const after = topology({ ...good, configurations: {} }, before);
  expect(after.attachments.get('shop/web')).toEqual({
    own: false,
    controlPlane: 'shop/edge',
    problem:
      'spec.infrastructure.parametersRef of Gateway shop/web names GatewayConfiguration shop/shared, which does not exist. Create it or correct the name.',
  });
  const elsewhere = topology(
    { ...good, configurations: { 'shop/shared': { controlPlaneRef: { name: 'nowhere' } } } },
    before,
  );
  expect(elsewhere.attachments.get('shop/web')).toMatchObject({
    controlPlane: 'shop/edge',
    problem: expect.stringContaining('shop/nowhere'),
  });
});

test('parameters of another kind are told', () => {
  const infrastructure = { parametersRef: { group: '', kind: 'ConfigMap', name: 'x' } };
  expect(topology({ gateways: [gateway('web', { infrastructure })] }).attachments.get('shop/web')?.problem).toContain(
    'takes a GatewayConfiguration',
  );
});

test('of two ControlPlanes on one DataPlane the older has it', () => {
  const result = topology({
    controlPlanes: [
      controlPlane('b', { creationTimestamp: '2026-01-02T00:00:00Z' }, { dataPlaneRef: { name: 'edge' } }),
      controlPlane('a', {}, { dataPlaneRef: { name: 'edge' } }),
    ],
    dataPlanes: ['edge'],
  });
  expect(result.controlPlanes.get('shop/a')).toEqual({ dataPlane: 'shop/edge' });
  expect(result.controlPlanes.get('shop/b')).toEqual({ taken: 'shop/edge', by: 'shop/a' });
  expect(result.scopes.get('shop/edge')?.controlPlane).toBe('shop/a');
});

test('a ControlPlane without a DataPlane says so', () => {
  expect(topology({ controlPlanes: [controlPlane('a')] }).controlPlanes.get('shop/a')).toEqual({ missing: 'shop/a' });
});

test('namespaces in effect, and a Gateway outside of them', () => {
  const own = controlPlane('edge', {}, { watchNamespaces: { type: 'own' } });
  expect(topology({ controlPlanes: [own], dataPlanes: ['edge'] }).scopes.get('shop/edge')?.namespaces).toEqual(
    new Set(['shop']),
  );
  const listed = controlPlane('edge', {}, { watchNamespaces: { type: 'list', list: ['a', 'b'] } });
  const configurations = { 'shop/shared': { controlPlaneRef: { name: 'edge' } } };
  const result = topology({
    gateways: [gateway('web', withConfiguration('shared'))],
    configurations,
    controlPlanes: [listed],
    dataPlanes: ['edge'],
  });
  expect(result.scopes.get('shop/edge')?.namespaces).toEqual(new Set(['a', 'b']));
  expect(result.attachments.get('shop/web')?.problem).toContain('does not read the namespace shop');
});
