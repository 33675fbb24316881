import { fromBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ClusterLoadAssignmentSchema } from '../../api/envoy/envoy/config/endpoint/v3/endpoint_pb.ts';
import { udpEndpoints, type WeightedEndpoints } from './udp.ts';

function weights(backends: WeightedEndpoints[], rejected: number): Record<string, number> {
  const assignment = fromBinary(ClusterLoadAssignmentSchema, udpEndpoints('udp/53', backends, rejected).bytes);
  const found = assignment.endpoints.flatMap(({ lbEndpoints }) =>
    lbEndpoints.map(({ hostIdentifier, loadBalancingWeight }): [string, number] => {
      const address = hostIdentifier.case === 'endpoint' ? hostIdentifier.value.address?.address : undefined;
      if (address?.case !== 'socketAddress') throw new Error('an endpoint has no socket address');
      const port = address.value.portSpecifier.case === 'portValue' ? address.value.portSpecifier.value : -1;
      return [`${address.value.address}:${port}`, loadBalancingWeight ?? 0];
    }),
  );
  return Object.fromEntries(found);
}

function shares(backends: WeightedEndpoints[], rejected: number): Record<string, number> {
  const found = Object.entries(weights(backends, rejected));
  const total = found.reduce((sum, [, weight]) => sum + weight, 0);
  return Object.fromEntries(found.map(([name, weight]) => [name, Math.round((weight / total) * 1000) / 1000]));
}

const pods = (...names: string[]): WeightedEndpoints['addresses'] =>
  names.map((name) => ({ address: `10.0.0.${name}`, port: 53 }));

describe('udpEndpoints', () => {
  test('a backend shares its weight among its endpoints', () => {
    const backends = [
      { weight: 3, addresses: pods('1', '2', '3') },
      { weight: 1, addresses: pods('4') },
    ];
    expect(shares(backends, 0)).toEqual({
      '10.0.0.1:53': 0.25,
      '10.0.0.2:53': 0.25,
      '10.0.0.3:53': 0.25,
      '10.0.0.4:53': 0.25,
    });
  });

  test('an endpoint behind two backends has the weight of both', () => {
    const backends = [
      { weight: 1, addresses: pods('1', '2') },
      { weight: 1, addresses: pods('2') },
    ];
    expect(shares(backends, 0)).toEqual({ '10.0.0.1:53': 0.25, '10.0.0.2:53': 0.75 });
  });

  test('the share of what is invalid or empty goes nowhere', () => {
    const backends = [
      { weight: 5, addresses: pods('1') },
      { weight: 3, addresses: [] },
    ];
    expect(shares(backends, 2)).toEqual({ '10.0.0.1:53': 0.5, '127.0.0.1:0': 0.5 });
  });

  test('a backend of weight zero gets nothing, and without any endpoint there are none', () => {
    const backends = [
      { weight: 0, addresses: pods('1') },
      { weight: 1, addresses: pods('2') },
    ];
    expect(shares(backends, 0)).toEqual({ '10.0.0.2:53': 1 });
    expect(weights([{ weight: 0, addresses: pods('1') }], 0)).toEqual({});
    expect(weights([{ weight: 1, addresses: [] }], 5)).toEqual({});
    expect(weights([], 0)).toEqual({});
  });

  test('whatever the weights, Envoy can add them up, and none is zero', () => {
    const backend = fc.record({
      weight: fc.nat({ max: 1_000_000 }),
      addresses: fc.array(fc.record({ address: fc.ipV4(), port: fc.integer({ min: 1, max: 65_535 }) }), {
        maxLength: 50,
      }),
    });
    fc.assert(
      fc.property(fc.array(backend, { maxLength: 16 }), fc.nat({ max: 16_000_000 }), (backends, rejected) => {
        const found = Object.values(weights(backends, rejected));
        for (const weight of found) expect(weight).toBeGreaterThan(0);
        expect(found.reduce((sum, weight) => sum + weight, 0)).toBeLessThan(2 ** 32);
      }),
    );
  });
});
