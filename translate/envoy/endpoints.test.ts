import { describe, expect, test } from 'vitest';
import type { Endpoint, EndpointSlice } from '../../api/core.ts';
import { endpointAddresses } from './endpoints.ts';

function slice(
  addressType: 'IPv4' | 'IPv6',
  ports: EndpointSlice['ports'],
  endpoints: (Endpoint | string)[],
): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'a' },
    addressType,
    ports: ports ?? [],
    endpoints: endpoints.map((endpoint) => (typeof endpoint === 'string' ? { addresses: [endpoint] } : endpoint)),
  };
}

const pod = (address: string, uid: string): Endpoint => ({
  addresses: [address],
  targetRef: { kind: 'Pod', namespace: 'default', name: uid, uid },
});
const web = { name: 'web', port: 80, targetPort: 3000 };

describe('endpointAddresses', () => {
  test('a Pod with both families comes once, with the preferred one first', () => {
    const slices = [
      slice('IPv4', [{ name: 'web', port: 3000 }], [pod('192.0.2.1', 'a'), pod('192.0.2.2', 'b')]),
      slice('IPv6', [{ name: 'web', port: 3000 }], [pod('2001:db8::1', 'a')]),
    ];
    expect(endpointAddresses(web, ['IPv6', 'IPv4'], slices)).toEqual([
      { address: '192.0.2.2', port: 3000 },
      { address: '2001:db8::1', port: 3000, others: [{ address: '192.0.2.1', port: 3000 }] },
    ]);
    expect(endpointAddresses(web, [], slices)).toEqual([
      { address: '192.0.2.1', port: 3000, others: [{ address: '2001:db8::1', port: 3000 }] },
      { address: '192.0.2.2', port: 3000 },
    ]);
  });

  test('slices that somebody wrote by hand: of several addresses, and of several slices with ports of their own', () => {
    const slices = [
      slice(
        'IPv4',
        [
          { name: 'web', port: 3000 },
          { name: 'metrics', port: 9 },
        ],
        ['192.0.2.1', '192.0.2.2'],
      ),
      slice('IPv4', [{ name: 'web', port: 4000 }], ['192.0.2.1']),
      slice('IPv4', [{ name: 'web' }], ['192.0.2.3']),
      slice('IPv4', [{ name: 'other', port: 5000 }], ['192.0.2.4']),
    ];
    expect(endpointAddresses(web, ['IPv4'], slices)).toEqual([
      { address: '192.0.2.1', port: 3000 },
      { address: '192.0.2.1', port: 4000 },
      { address: '192.0.2.2', port: 3000 },
      { address: '192.0.2.3', port: 3000 },
    ]);
  });

  test('ports of TCP and UDP are apart', () => {
    const slices = [
      slice(
        'IPv4',
        [
          { name: 'dns', port: 53, protocol: 'UDP' },
          { name: 'dns-tcp', port: 53 },
        ],
        ['192.0.2.1'],
      ),
    ];
    expect(endpointAddresses({ name: 'dns', port: 53 }, [], slices)).toEqual([]);
    expect(endpointAddresses({ name: 'dns', port: 53, protocol: 'UDP' }, [], slices)).toHaveLength(1);
  });

  test('nothing where there is no port', () => {
    expect(endpointAddresses(undefined, [], [slice('IPv4', [{ port: 1 }], ['192.0.2.1'])])).toEqual([]);
  });
});
