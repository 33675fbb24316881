import { describe, expect, test } from 'vitest';

import { knownKinds, lookUpKind, nearest } from './kinds.ts';

const gateway = 'gateway.networking.k8s.io';

describe('kinds that are read', () => {
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
  // Versions of the past and versions that never were.
  [
    `${gateway}/v1alpha2`,
    'HTTPRoute',
    `HTTPRoute has no version "v1alpha2" any more; write apiVersion: ${gateway}/v1.`,
  ],
  [
    `${gateway}/v1alpha2`,
    'GRPCRoute',
    `GRPCRoute has no version "v1alpha2" any more; write apiVersion: ${gateway}/v1.`,
  ],
  [`${gateway}/v1alpha3`, 'TLSRoute', `TLSRoute has no version "v1alpha3" any more; write apiVersion: ${gateway}/v1.`],
  [`${gateway}/v2`, 'Gateway', `Gateway has no version "v2"; write apiVersion: ${gateway}/v1.`],
  ['sluice.dev/v1', 'DataPlane', 'DataPlane has no version "v1"; write apiVersion: sluice.dev/v1alpha1.'],
  // Kinds of the past.
  [
    `${gateway}/v1alpha2`,
    'ReferencePolicy',
    `${gateway}/v1alpha2 ReferencePolicy exists no more; write kind: ReferenceGrant with apiVersion: ${gateway}/v1.`,
  ],
  [
    'networking.x-k8s.io/v1alpha1',
    'HTTPRoute',
    `networking.x-k8s.io/v1alpha1 HTTPRoute exists no more; write apiVersion: ${gateway}/v1.`,
  ],
  // Kinds that never were.
  [`${gateway}/v1`, 'HTTPRuote', `there is no kind HTTPRuote in ${gateway}/v1; did you mean HTTPRoute?`],
  ['v1', 'service', 'there is no kind service in v1; did you mean Service?'],
  ['v1', 'Gateway', `there is no kind Gateway in "v1"; write apiVersion: ${gateway}/v1.`],
  ['gateway.k8s.io/v1', 'HTTPRoute', `there is no kind HTTPRoute in gateway.k8s.io; write apiVersion: ${gateway}/v1.`],
  ['apps/v1', 'Zeppelin', 'there is no kind Zeppelin in apps/v1; correct or remove it.'],
  [
    'example.com/v1',
    'Zeppelin',
    'Sluice does not know the kind Zeppelin of example.com/v1 and leaves the object out; remove it, or correct apiVersion and kind.',
  ],
])('%s %s', (apiVersion, kind, message) => {
  expect(lookUpKind(apiVersion, kind)).toMatchObject({ message });
});

test('a misspelling is near, a different word is not', () => {
  expect(nearest('hostnmaes', ['hostnames', 'rules'])).toBe('hostnames');
  expect(nearest('abc', ['hostnames', 'rules'])).toBeUndefined();
});
