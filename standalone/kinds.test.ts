import { describe, expect, test } from 'vitest';

import { knownKinds } from '../api/validation/index.ts';
import { lookUpKind } from './kinds.ts';

describe('kinds that are read, in every version that is served', () => {
  test.each(knownKinds.map(({ group, kind, versions }) => [group, kind, versions] as const))(
    '%s %s in %j',
    (group, kind, versions) => {
      for (const version of versions) {
        expect(lookUpKind(group === '' ? version : `${group}/${version}`, kind)).toMatchObject({ entry: { kind } });
      }
    },
  );
});

test.each([
  ['apps/v1', 'Deployment'],
  ['v1', 'Pod'],
  ['rbac.authorization.k8s.io/v1', 'ClusterRole'],
])('only a cluster makes something of %s %s', (apiVersion, kind) => {
  expect(lookUpKind(apiVersion, kind)).toEqual({ clusterOnly: true });
});

test.each([
  ['gateway.networking.k8s.io/v1alpha1', 'HTTPRoute', 'apiVersion', /v1/],
  ['networking.x-k8s.io/v1alpha1', 'HTTPRoute', 'apiVersion', /gateway\.networking\.k8s\.io/],
  ['gateway.networking.k8s.io/v1', 'HTTPRuote', 'kind', /HTTPRoute/],
  ['v1', 'Gateway', 'apiVersion', /gateway\.networking\.k8s\.io\/v1/],
  ['example.com/v1', 'Zeppelin', 'kind', /Zeppelin/],
])('%s %s is one sentence at its %s', (apiVersion, kind, field, message) => {
  expect(lookUpKind(apiVersion, kind)).toMatchObject({ field, message: expect.stringMatching(message) });
});

test('what the API server counts', () => {
  expect(lookUpKind('v1', 'Secret')).toMatchObject({ entry: { generation: false, status: false } });
  expect(lookUpKind('gateway.networking.k8s.io/v1', 'HTTPRoute')).toMatchObject({
    entry: { generation: true, status: true },
  });
});
