import { describe, expect, test } from 'vitest';

import type { EndpointSlice, Service } from '../api/core.ts';
import { parseServiceMapping, parseTargets, planServices, type ServiceSources, slicesOf } from './serviceAddresses.ts';

const service = (name: string, more: Partial<Service> = {}, annotations: Record<string, string> = {}): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'default', annotations },
  spec: { ports: [{ port: 80, targetPort: 8080 }] },
  ...more,
});

const slice = (name: string): EndpointSlice => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name: `${name}-1`, namespace: 'default', labels: { 'kubernetes.io/service-name': name } },
  addressType: 'IPv4',
  endpoints: [{ addresses: ['192.0.2.1'] }],
  ports: [{ name: '', port: 8080 }],
});

const plan = (sources: Partial<ServiceSources>) =>
  planServices({
    services: [],
    slices: [],
    mappings: [],
    referencedPorts: new Map(),
    fallback: () => undefined,
    ...sources,
  });

const endpointsOf = (sources: Partial<ServiceSources>, names: Record<string, string[]> = {}) =>
  slicesOf(plan(sources), (host) => names[host] ?? []).map(({ addressType, endpoints, ports, metadata }) => [
    metadata.labels?.['kubernetes.io/service-name'],
    addressType,
    ports?.[0]?.name,
    ports?.[0]?.port,
    endpoints.flatMap(({ addresses }) => addresses),
  ]);

describe('flags', () => {
  test.each([
    [
      'web=localhost:3000',
      { namespace: 'default', name: 'web', port: undefined, targets: [{ host: 'localhost', port: 3000 }] },
    ],
    [
      'shop/web:80=10.0.0.1',
      { namespace: 'shop', name: 'web', port: 80, targets: [{ host: '10.0.0.1', port: undefined }] },
    ],
    [
      'web=[::1]:80,h:2',
      {
        namespace: 'default',
        name: 'web',
        port: undefined,
        targets: [
          { host: '::1', port: 80 },
          { host: 'h', port: 2 },
        ],
      },
    ],
  ])('%s', (text, expected) => {
    expect(parseServiceMapping(text)).toEqual(expected);
  });

  test.each(['web', 'web=', '=x:1', 'web=x:0', 'web=x:70000', 'web:0=x:1', 'a/b/c=x:1', 'web=http://x:1'])(
    '%s is refused',
    (text) => {
      expect(() => parseServiceMapping(text)).toThrow(/^--service .* cannot be read; write \[NAMESPACE\/\]NAME/);
    },
  );

  test('addresses', () => {
    expect(parseTargets('::1')).toEqual([{ host: '::1', port: undefined }]);
    expect(parseTargets('a:1, b')).toEqual([
      { host: 'a', port: 1 },
      { host: 'b', port: undefined },
    ]);
    expect(parseTargets('a b')).toBeUndefined();
  });
});

describe('where a Service is', () => {
  test('EndpointSlices of the files are taken as they are', () => {
    const result = plan({ services: [service('web', {}, { 'sluice.dev/address': 'x:1' })], slices: [slice('web')] });
    expect(result).toMatchObject({ bindings: [], unaddressed: new Map(), overridden: new Set() });
  });

  test('a flag overrides them', () => {
    const given = slice('web');
    const sources = {
      services: [service('web')],
      slices: [given],
      mappings: [parseServiceMapping('web=127.0.0.1:3000')],
    };
    expect(plan(sources).overridden).toEqual(new Set([given]));
    expect(endpointsOf(sources)).toEqual([['web', 'IPv4', '', 3000, ['127.0.0.1']]]);
  });

  test('the annotation, with and without port', () => {
    expect(endpointsOf({ services: [service('web', {}, { 'sluice.dev/address': '127.0.0.1' })] })).toEqual([
      ['web', 'IPv4', '', 8080, ['127.0.0.1']],
    ]);
    expect(endpointsOf({ services: [service('web', {}, { 'sluice.dev/address': '[::1]:9, 127.0.0.1:9' })] })).toEqual([
      ['web', 'IPv6', '', 9, ['::1']],
      ['web', 'IPv4', '', 9, ['127.0.0.1']],
    ]);
  });

  test('an annotation that cannot be read', () => {
    const result = plan({ services: [service('web', {}, { 'sluice.dev/address': 'http://x' })] });
    expect([...result.faults.values()]).toEqual([
      'Service default/web: the annotation sluice.dev/address is "http://x", but must be HOST:PORT.',
    ]);
    expect(result.unaddressed.has('default/web')).toBe(true);
  });

  test('ports by number, and their names in the slices', () => {
    const ports = [
      { name: 'http', port: 80 },
      { name: 'admin', port: 81 },
    ];
    const services = [service('web', { spec: { ports } })];
    const mappings = ['web:81=127.0.0.1:1', 'web=127.0.0.1:2'].map(parseServiceMapping);
    expect(endpointsOf({ services, mappings })).toEqual([
      ['web', 'IPv4', 'http', 2, ['127.0.0.1']],
      ['web', 'IPv4', 'admin', 1, ['127.0.0.1']],
    ]);
  });

  test('host names stand for their addresses, none while there are none', () => {
    const sources = { services: [service('web')], mappings: [parseServiceMapping('web=api.test:1')] };
    expect(endpointsOf(sources)).toEqual([]);
    expect(endpointsOf(sources, { 'api.test': ['192.0.2.2', '192.0.2.1'] })).toEqual([
      ['web', 'IPv4', '', 1, ['192.0.2.1', '192.0.2.2']],
    ]);
  });

  test('a Service that only a flag knows gets the ports that routes name', () => {
    const referencedPorts = new Map([['default/web', new Set(['tcp/8080', 'tcp/80', 'udp/80'])]]);
    const { madeUp } = plan({ mappings: [parseServiceMapping('web=127.0.0.1:1')], referencedPorts });
    expect(
      madeUp.map(({ metadata, spec }) => [
        metadata.name,
        spec?.ports?.map(({ name, port, protocol }) => [name, port, protocol]),
      ]),
    ).toEqual([
      [
        'web',
        [
          ['port-80', 80, 'TCP'],
          ['udp-80', 80, 'UDP'],
          ['port-8080', 8080, 'TCP'],
        ],
      ],
    ]);
  });

  test('nothing says where it is', () => {
    expect([...plan({ services: [service('web')] }).unaddressed.values()]).toEqual([
      'Service default/web has no address here: say where it is with --service default/web=HOST:PORT, the annotation sluice.dev/address: HOST:PORT or an EndpointSlice',
    ]);
  });
});
