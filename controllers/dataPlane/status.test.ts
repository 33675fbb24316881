import { describe, expect, test } from 'vitest';
import type { Service } from '../../api/core.ts';
import { dataPlaneReasons, dataPlaneSpec, type DataPlane } from '../../api/dataPlane.ts';
import { addressesOf, dataPlaneStatus, type DataPlaneObservation } from './status.ts';

const dataPlane: DataPlane = {
  apiVersion: 'sluice.dev/v1alpha1',
  kind: 'DataPlane',
  metadata: { namespace: 'shop', name: 'web', uid: 'u', generation: 1 },
  spec: dataPlaneSpec.parse({ deployment: { replicas: 2 } }),
};
const service: Service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { namespace: 'shop', name: 'web' },
  spec: { type: 'LoadBalancer' },
  status: { loadBalancer: { ingress: [{ ip: '198.51.100.100' }] } },
};
const good: DataPlaneObservation = {
  deployment: {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', generation: 3 },
    spec: { replicas: 2 },
    status: { observedGeneration: 3, replicas: 2, updatedReplicas: 2, readyReplicas: 2 },
  },
  pods: [],
  service,
  hasListeners: true,
  controlPlane: 'web',
  configuration: { version: 'abc', acknowledged: 2, total: 2 },
};

function conditions(observation: DataPlaneObservation): Record<string, string> {
  const result: Record<string, string> = {};
  for (const { type, status, reason, message } of dataPlaneStatus(dataPlane, observation).conditions) {
    result[type] = `${status} ${reason}: ${message}`;
    const table: Record<string, Record<string, string>> = dataPlaneReasons;
    expect(table[type]).toHaveProperty(reason);
  }
  return result;
}

test('a good one', () => {
  expect(dataPlaneStatus(dataPlane, good)).toMatchObject({
    addresses: [{ type: 'IPAddress', value: '198.51.100.100' }],
    selector: 'app.kubernetes.io/name=sluice,app.kubernetes.io/instance=web,app.kubernetes.io/component=data-plane',
    replicas: 2,
    readyReplicas: 2,
    configuration: { version: 'abc', acknowledged: 2, total: 2 },
  });
  expect(Object.values(conditions(good)).map((text) => text.split(' ')[0])).toEqual(['True', 'True', 'True']);
});

describe('Ready', () => {
  test.each<[string, Partial<DataPlaneObservation>, string]>([
    [
      'nothing made yet',
      { deployment: { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' } } },
      'False Pending: 0 of 2 proxies are ready.',
    ],
    [
      'a rollout',
      {
        deployment: {
          ...good.deployment!,
          status: { observedGeneration: 3, replicas: 3, updatedReplicas: 1, readyReplicas: 2 },
        },
      },
      'False Pending: 1 of 2 proxies run the present Pod template; 2 are ready.',
    ],
    [
      'a status that is older than the spec',
      { deployment: { ...good.deployment!, status: { ...good.deployment!.status, observedGeneration: 2 } } },
      'False Pending: 2 of 2 proxies are ready.',
    ],
    [
      'zero',
      { deployment: { ...good.deployment!, spec: { replicas: 0 } } },
      'False ScaledToZero: deployment.replicas is 0, so no proxy runs. Set it to 1 or more to serve.',
    ],
    [
      'an object of someone else',
      { problem: { reason: 'Conflict', message: 'The Service shop/web is not ours.' } },
      'False NotAccepted: The Service shop/web is not ours.',
    ],
    [
      'a quota',
      {
        deployment: {
          ...good.deployment!,
          status: {
            observedGeneration: 3,
            conditions: [{ type: 'ReplicaFailure', status: 'True', message: 'exceeded quota' }],
          },
        },
      },
      'False PodsNotReady: Pods cannot be created: exceeded quota',
    ],
  ])('%s', (_what, change, expected) => {
    expect(conditions({ ...good, ...change })['Ready']).toBe(expected);
  });

  test('a load balancer that gives no address says what to do', () => {
    const without = { ...good, service: { ...service, status: {} } };
    expect(conditions(without)['Ready']).toMatch(
      /^False AddressPending: .*LoadBalancer.*service\.type to NodePort or ClusterIP/,
    );
  });

  test('without a listener no address is missed', () => {
    const { service: _none, ...rest } = good;
    expect(conditions({ ...rest, hasListeners: false })['Ready']).toMatch(/^True/);
  });
});

describe('Programmed', () => {
  test.each<[string, Partial<DataPlaneObservation>, string]>([
    ['some', { configuration: { version: 'a', acknowledged: 1, total: 2 } }, 'False Pending: 1 of 2'],
    ['none connected', { configuration: { version: 'a', acknowledged: 0, total: 0 } }, 'False NoProxies: '],
    [
      'refused',
      { configuration: { version: 'a', acknowledged: 2, total: 2, rejection: 'bad regex' } },
      'False Rejected: A proxy refused a part of the configuration and keeps what it had: bad regex',
    ],
  ])('%s', (_what, change, expected) => {
    expect(conditions({ ...good, ...change })['Programmed']).toContain(expected);
  });

  test('no ControlPlane', () => {
    const { controlPlane: _none, ...rest } = good;
    expect(conditions(rest)['Programmed']).toMatch(/^False NoControlPlane: /);
  });
});

test('addresses by type of Service', () => {
  expect(addressesOf({ ...service, status: { loadBalancer: { ingress: [{ hostname: 'lb.example.com' }] } } })).toEqual([
    { type: 'Hostname', value: 'lb.example.com' },
  ]);
  expect(addressesOf({ ...service, spec: { type: 'ClusterIP', clusterIPs: ['10.0.0.1', 'fd00::1'] } })).toEqual([
    { type: 'IPAddress', value: '10.0.0.1' },
    { type: 'IPAddress', value: 'fd00::1' },
  ]);
  expect(
    addressesOf({ ...service, spec: { type: 'NodePort', clusterIP: '10.0.0.1', externalIPs: ['192.0.2.1'] } }),
  ).toEqual([{ type: 'IPAddress', value: '192.0.2.1' }]);
});
