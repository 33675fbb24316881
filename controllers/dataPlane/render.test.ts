import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { dataPlaneSpec, type DataPlane, type DataPlaneSpecInput } from '../../api/dataPlane.ts';
import { concurrencyOf } from './podTemplate.ts';
import {
  renderBootstrap,
  renderCertificate,
  renderDeployment,
  renderService,
  renderServiceAccount,
  type DataPlaneSurroundings,
} from './render.ts';

function dataPlane(spec: DataPlaneSpecInput = {}): DataPlane {
  return {
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'DataPlane',
    metadata: { namespace: 'shop', name: 'web', uid: 'c0ffee', generation: 1 },
    spec: dataPlaneSpec.parse(spec),
  };
}

const surroundings: DataPlaneSurroundings = {
  settings: { operatorImage: 'sluice:test', envoyImage: 'envoy:test', isDualStack: false },
  ports: [
    { port: 443, protocol: 'TCP' },
    { port: 80, protocol: 'TCP' },
  ],
  requestedAddresses: [],
};
const ofGateway: DataPlaneSurroundings = {
  ...surroundings,
  gateway: {
    name: 'web',
    labels: { team: 'shop', 'app.kubernetes.io/instance': 'mine' },
    annotations: { 'example.com/note': 'x' },
  },
};
const files = { 'envoy.json': '{}' };

const golden = (objects: unknown[]): string =>
  objects.map((object) => stringify(object, { aliasDuplicateObjects: false })).join('---\n');

test('the objects of a plain DataPlane', async () => {
  const plain = dataPlane();
  const objects = [
    renderServiceAccount(plain, surroundings),
    renderBootstrap(plain, surroundings, files),
    renderCertificate(plain, surroundings, { certificate: 'C', privateKey: 'K', trustBundle: 'B' }),
    renderDeployment(plain, surroundings, files),
    renderService(plain, surroundings),
  ];
  await expect(golden(objects)).toMatchFileSnapshot('testdata/plain.out.yaml');
});

test('the objects of a DataPlane that a Gateway made, with every field set', async () => {
  const full = dataPlane({
    deployment: {
      replicas: 3,
      image: 'envoy:mine',
      resources: { requests: { cpu: 1, memory: '1Gi' }, limits: { cpu: '1500m' } },
      podTemplate: {
        metadata: { labels: { 'app.kubernetes.io/component': 'other', tier: 'edge' } },
        spec: {
          containers: [
            { name: 'sidecar', image: 'x' },
            { name: 'envoy', env: [{ name: 'A', value: 'b' }] },
          ],
        },
      },
    },
    service: {
      type: 'LoadBalancer',
      annotations: { 'lb.example.com/kind': 'fast' },
      labels: { team: 'edge' },
      externalTrafficPolicy: 'Local',
      loadBalancerClass: 'example.com/lb',
      loadBalancerSourceRanges: ['192.0.2.0/24'],
    },
    envoy: { logLevel: 'debug', drainTimeout: '1m30s' },
  });
  const objects = [
    renderServiceAccount(full, ofGateway),
    renderDeployment(full, ofGateway, files),
    renderService(full, { ...ofGateway, requestedAddresses: ['198.51.100.7', '2001:db8::7'] }),
  ];
  await expect(golden(objects)).toMatchFileSnapshot('testdata/full.out.yaml');
});

function templateOf(spec: unknown): unknown {
  return typeof spec === 'object' && spec !== null && 'template' in spec ? spec.template : undefined;
}

test('what needs no new Pods leaves the Pod template alone', () => {
  const before = renderDeployment(dataPlane(), surroundings, files);
  const after = renderDeployment(
    dataPlane({ deployment: { replicas: 7 }, service: { type: 'ClusterIP', annotations: { a: 'b' } } }),
    {
      ...surroundings,
      ports: [
        { port: 9000, protocol: 'TCP' },
        { port: 9000, protocol: 'UDP' },
      ],
    },
    files,
  );
  expect(after.spec).toHaveProperty('replicas', 7);
  expect(after.spec).toHaveProperty('template', templateOf(before.spec));
});

test('a new bootstrap makes new Pods', () => {
  const before = renderDeployment(dataPlane(), surroundings, files);
  const after = renderDeployment(dataPlane(), surroundings, { 'envoy.json': '{"node":{}}' });
  expect(after).not.toEqual(before);
});

test('a port may be both, for TCP and for UDP', () => {
  const both = (['UDP', 'TCP'] as const).map((protocol) => ({ port: 53, protocol }));
  expect(renderService(dataPlane(), { ...surroundings, ports: both })?.spec).toMatchObject({
    ports: [
      { name: 'tcp-53', port: 53, protocol: 'TCP', targetPort: 53 },
      { name: 'udp-53', port: 53, protocol: 'UDP', targetPort: 53 },
    ],
  });
});

test('without a listener there is no Service to make', () => {
  expect(renderService(dataPlane(), { ...surroundings, ports: [] })).toBeUndefined();
});

test('a Service has addresses of both families where the cluster has both', () => {
  const dual = { ...surroundings, settings: { ...surroundings.settings, isDualStack: true } };
  expect(renderService(dataPlane(), dual)?.spec).toMatchObject({ ipFamilyPolicy: 'PreferDualStack' });
  expect(renderService(dataPlane(), surroundings)?.spec).not.toHaveProperty('ipFamilyPolicy');
});

test('an address that is asked for goes where the type of Service takes it', () => {
  const asking = { ...surroundings, requestedAddresses: ['198.51.100.7', '2001:db8::7'] };
  expect(renderService(dataPlane(), asking)?.spec).toMatchObject({ loadBalancerIP: '198.51.100.7' });
  expect(renderService(dataPlane({ service: { type: 'ClusterIP' } }), asking)?.spec).toMatchObject({
    externalIPs: ['198.51.100.7', '2001:db8::7'],
  });
});

test.each([
  [undefined, undefined],
  ['2', 2],
  ['1500m', 2],
  ['100m', 1],
  [0.5, 1],
  ['x', undefined],
])('a CPU limit of %s makes %s workers', (limit, workers) => {
  expect(concurrencyOf(limit)).toBe(workers);
});
