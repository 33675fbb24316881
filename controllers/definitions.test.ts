import { expect, test } from 'vitest';
import { missingWith } from './definitions.ts';
import type { Bundle } from './gatewayClass/bundle.ts';
import type { Feature } from './gatewayClass/features.ts';

const kinds = [
  'GatewayClass',
  'Gateway',
  'ListenerSet',
  'HTTPRoute',
  'GRPCRoute',
  'TLSRoute',
  'TCPRoute',
  'UDPRoute',
  'ReferenceGrant',
  'BackendTLSPolicy',
  'ServiceImport',
  'XBackend',
  'XBackendTrafficPolicy',
];
const served = (bundle: Bundle, without: readonly string[] = []): Map<string, Bundle> =>
  new Map(kinds.filter((kind) => !without.includes(kind)).map((kind) => [kind, bundle]));
const some: Feature[] = [
  { name: 'HTTPRoute', needs: ['HTTPRoute'] },
  { name: 'HTTPRouteRetry', needs: ['HTTPRoute'], channel: 'experimental' },
  { name: 'TCPRoute', needs: ['TCPRoute'] },
];

test('with everything installed nothing is missing', () => {
  expect(missingWith(served({ version: 'v1.6.3', channel: 'experimental' }), some)).toBeUndefined();
});

test('the standard channel alone lacks kinds and features, and what has them is named', () => {
  const missing = missingWith(
    served({ version: 'v1.6.3', channel: 'standard' }, ['XBackend', 'XBackendTrafficPolicy', 'ServiceImport']),
    some,
  );
  expect(missing).toEqual({
    kinds: ['ServiceImport', 'XBackend', 'XBackendTrafficPolicy'],
    features: ['HTTPRouteRetry: HTTPRoute is of the standard channel'],
    install: [
      expect.stringContaining('experimental-install.yaml'),
      expect.stringContaining('github.com/kubernetes-sigs/mcs-api'),
    ],
  });
});

test('older definitions lack kinds of the standard channel', () => {
  const missing = missingWith(served({ version: 'v1.4.1', channel: 'experimental' }, ['TCPRoute']), some);
  expect(missing).toEqual({
    kinds: ['TCPRoute'],
    features: ['TCPRoute: TCPRoute is not served'],
    install: [expect.stringContaining('Gateway API v1.6')],
  });
});
