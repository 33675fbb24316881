import { expect, test } from 'vitest';
import { mergeConfigurations } from './merge.ts';

test('fields of both are kept, and the Gateway has the last word', () => {
  expect(
    mergeConfigurations(
      {
        dataPlane: {
          deployment: {
            replicas: 2,
            image: 'one',
            resources: { limits: { cpu: 1, memory: '1Gi' } },
            podTemplate: {
              spec: { containers: [{ name: 'envoy', env: [{ name: 'A', value: '1' }] }], tolerations: [{ key: 'a' }] },
            },
          },
          service: {
            type: 'LoadBalancer',
            annotations: { a: '1', b: '1' },
            loadBalancerSourceRanges: ['192.0.2.0/24'],
          },
        },
        controlPlane: { watchNamespaces: { type: 'own' } },
      },
      {
        dataPlane: {
          deployment: {
            image: 'two',
            resources: { limits: { cpu: 2 } },
            podTemplate: { spec: { containers: [{ name: 'envoy', env: [{ name: 'B', value: '2' }] }] } },
          },
          service: { annotations: { b: '2' } },
          envoy: { logLevel: 'debug' },
        },
      },
    ),
  ).toEqual({
    dataPlane: {
      deployment: {
        replicas: 2,
        image: 'two',
        resources: { limits: { cpu: 2, memory: '1Gi' } },
        podTemplate: {
          spec: {
            containers: [
              {
                name: 'envoy',
                env: [
                  { name: 'A', value: '1' },
                  { name: 'B', value: '2' },
                ],
              },
            ],
            tolerations: [{ key: 'a' }],
          },
        },
      },
      service: { type: 'LoadBalancer', annotations: { a: '1', b: '2' }, loadBalancerSourceRanges: ['192.0.2.0/24'] },
      envoy: { logLevel: 'debug' },
    },
    controlPlane: { watchNamespaces: { type: 'own' } },
  });
});

test('a reference and templates exclude each other, and the Gateway decides', () => {
  const shared = { controlPlaneRef: { name: 'shared' } };
  const own = { dataPlane: { deployment: { replicas: 1 } } };
  expect(mergeConfigurations(own, shared)).toEqual(shared);
  expect(mergeConfigurations(shared, own)).toEqual(own);
  expect(mergeConfigurations(shared, {})).toEqual(shared);
  expect(mergeConfigurations(shared, undefined)).toEqual(shared);
  expect(mergeConfigurations(undefined, undefined)).toEqual({});
});
