import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { clusterName, clusterNameOf, parseClusterName, type BackendAddress } from './clusterName.ts';

const name = fc.stringMatching(/^[a-z0-9]([a-z0-9.-]{0,8}[a-z0-9])?$/);
const port = fc.integer({ min: 1, max: 65_535 });
const use = fc.constantFrom('http' as const, 'grpc' as const, 'tls' as const, 'tcp' as const, 'udp' as const);
const clientCertificate = fc.option(
  fc.tuple(name, name).map((parts) => parts.join('/')),
  { nil: undefined },
);
const address: fc.Arbitrary<BackendAddress> = fc.oneof(
  fc.record({
    kind: fc.constantFrom('Service' as const, 'ServiceImport' as const),
    namespace: name,
    name,
    port,
    use,
    clientCertificate,
  }),
  fc.record({
    kind: fc.constant('XBackend' as const),
    namespace: name,
    name,
    port: fc.constant(undefined),
    use,
    clientCertificate,
  }),
);

describe('names of clusters', () => {
  test('say all that they mean', () => {
    fc.assert(
      fc.property(address, (one) => {
        expect(parseClusterName(clusterNameOf(one))).toEqual(one);
      }),
    );
  });

  test('are short for what is usual', () => {
    expect(clusterName('default', 'app', 80)).toBe('service/default/app/80');
  });

  test('of others are not ours', () => {
    expect(parseClusterName('invalid-backend')).toBeUndefined();
  });
});
