import { expect, test } from 'vitest';
import type { KubernetesObject } from '../object.ts';
import { validateObject } from './index.ts';

const gatewayAPI = 'gateway.networking.k8s.io/v1';

function route(spec: object): object {
  return { apiVersion: gatewayAPI, kind: 'HTTPRoute', metadata: { name: 'shop', namespace: 'web' }, spec };
}
function gateway(spec: object): object {
  return {
    apiVersion: gatewayAPI,
    kind: 'Gateway',
    metadata: { name: 'edge' },
    spec: { gatewayClassName: 'sluice', ...spec },
  };
}
function errorsOf(object: unknown): string[] {
  return validateObject(object).errors?.map(({ path, message }) => `${path}: ${message}`) ?? [];
}
function objectOf(object: unknown): KubernetesObject & Record<string, unknown> {
  const { object: valid, errors } = validateObject(object);
  if (valid === undefined) throw new Error(JSON.stringify(errors));
  return { ...valid };
}

test('defaults are filled in, in a copy', () => {
  const input = route({ parentRefs: [{ name: 'edge' }], rules: [{ backendRefs: [{ name: 'one', port: 80 }] }, {}] });
  const before = structuredClone(input);
  expect(objectOf(input).spec).toEqual({
    parentRefs: [{ group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'edge' }],
    rules: [
      {
        matches: [{ path: { type: 'PathPrefix', value: '/' } }],
        backendRefs: [{ group: '', kind: 'Service', name: 'one', port: 80, weight: 1 }],
      },
      { matches: [{ path: { type: 'PathPrefix', value: '/' } }] },
    ],
  });
  expect(input).toEqual(before);
});

test('an object without a namespace is in the default one, a cluster-scoped one in none', () => {
  expect(objectOf(gateway({ listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }] })).metadata.namespace).toBe(
    'default',
  );
  expect(objectOf({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'web' } }).metadata).toEqual({
    name: 'web',
  });
  expect(errorsOf({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'web', namespace: 'web' } })).toEqual([
    'metadata.namespace: the kind is cluster-scoped: remove the namespace',
  ]);
});

test('an object of another served version is given in the one that Sluice watches', () => {
  const { apiVersion } = objectOf({ ...route({}), apiVersion: 'gateway.networking.k8s.io/v1beta1' });
  expect(apiVersion).toBe(gatewayAPI);
});

test.each([
  [
    'an unknown field',
    route({ rules: [{ matchs: [] }] }),
    'spec.rules[0].matchs: unknown field: did you mean matches?',
  ],
  [
    'a field of metadata',
    { ...route({}), metadata: { name: 'a', label: {} } },
    'metadata.label: unknown field: did you mean labels?',
  ],
  [
    'a string for a number',
    route({ rules: [{ backendRefs: [{ name: 'one', port: '80' }] }] }),
    'spec.rules[0].backendRefs[0].port: must be a whole number, not the string "80"',
  ],
  [
    'a number for a string',
    route({ rules: [{ matches: [{ headers: [{ name: 'x-a', value: 1 }] }] }] }),
    'spec.rules[0].matches[0].headers[0].value: must be a string, not the number 1; put it in quotes: "1"',
  ],
  [
    'a word that is none of an enum',
    route({ rules: [{ matches: [{ path: { type: 'Prefix', value: '/' } }] }] }),
    'spec.rules[0].matches[0].path.type: must be one of Exact, PathPrefix, RegularExpression, not "Prefix"',
  ],
  [
    'a near miss of an enum',
    route({ rules: [{ matches: [{ method: 'GTE' }] }] }),
    'spec.rules[0].matches[0].method: must be one of GET, HEAD, POST, PUT, DELETE, CONNECT, OPTIONS, TRACE, PATCH, not "GTE": did you mean GET?',
  ],
  [
    'a pattern',
    route({ hostnames: ['Shop.example.com'] }),
    'spec.hostnames[0]: must be a host name in lowercase such as api.example.com, or *.example.com for every name below, not "Shop.example.com"',
  ],
  [
    'a CEL rule',
    route({ rules: [{ matches: [{ path: { value: 'shop' } }] }] }),
    "spec.rules[0].matches[0].path: value must be an absolute path and start with '/' when type one of ['Exact', 'PathPrefix']",
  ],
  [
    'a bound',
    gateway({ listeners: [{ name: 'http', port: 65536, protocol: 'HTTP' }] }),
    'spec.listeners[0].port: must be from 1 to 65535, not 65536',
  ],
  [
    'a key that is used twice',
    gateway({
      listeners: [
        { name: 'http', port: 80, protocol: 'HTTP' },
        { name: 'http', port: 81, protocol: 'HTTP' },
      ],
    }),
    'spec.listeners[1]: name "http" is used by item 0 already',
  ],
  [
    'alternatives of formats',
    gateway({ listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }], addresses: [{ value: 'here' }] }),
    'spec.addresses[0].value: must be an IPv4 address such as 192.0.2.1 or an IPv6 address such as 2001:db8::1, not "here"',
  ],
  ['a missing field', gateway({}), 'spec.listeners: is required'],
  ['a missing name', { apiVersion: 'v1', kind: 'ConfigMap', metadata: {} }, 'metadata.name: is required'],
  ['no metadata', { apiVersion: 'v1', kind: 'ConfigMap' }, 'metadata: is required'],
  ['nothing', null, ': must be a Kubernetes object: a map with apiVersion, kind and metadata'],
  ['a list', [], ': must be a Kubernetes object: a map with apiVersion, kind and metadata'],
  ['no kind', { apiVersion: 'v1' }, 'kind: is required: a Kubernetes object says its kind'],
])('%s gets one clear sentence', (_, object, message) => {
  expect(errorsOf(object)).toEqual([message]);
});

test.each([
  [
    'gateway.networking.k8s.io/v1alpha2',
    'HTTPRoute',
    'apiVersion: gateway.networking.k8s.io/v1alpha2 HTTPRoute is no longer served: v1 is served, write apiVersion: gateway.networking.k8s.io/v1',
  ],
  [
    'gateway.networking.k8s.io/v3',
    'Gateway',
    'apiVersion: gateway.networking.k8s.io/v3 Gateway does not exist: v1 is served, write apiVersion: gateway.networking.k8s.io/v1',
  ],
  [
    'networking.x-k8s.io/v1alpha1',
    'GatewayClass',
    'apiVersion: the group networking.x-k8s.io became gateway.networking.k8s.io: write apiVersion: gateway.networking.k8s.io/v1',
  ],
  [
    'gateway.networking.k8s.io/v1alpha2',
    'ReferencePolicy',
    'kind: gateway.networking.k8s.io/v1alpha2 ReferencePolicy is not read: it became ReferenceGrant in gateway.networking.k8s.io/v1',
  ],
  [
    'gateway.networking.k8s.io/v1',
    'HttpRoute',
    'kind: there is no kind HttpRoute in gateway.networking.k8s.io/v1: did you mean HTTPRoute?',
  ],
  ['v1', 'HTTPRoute', 'apiVersion: there is no HTTPRoute in v1: write apiVersion: gateway.networking.k8s.io/v1'],
  [
    'networking.k8s.io/v1',
    'Ingress',
    'kind: networking.k8s.io/v1 Ingress is not read: Sluice reads Gateway and HTTPRoute of gateway.networking.k8s.io/v1 in its place',
  ],
  ['example.com/v1', 'Whatever', 'kind: example.com/v1 Whatever is not a kind that Sluice reads'],
])('%s %s gets one clear sentence', (apiVersion, kind, message) => {
  expect(errorsOf({ apiVersion, kind, metadata: { name: 'a' } })).toEqual([message]);
});

test('every error of an object is told, and rules stay silent over what is wrong below', () => {
  expect(
    errorsOf(
      route({ hostname: 'a', rules: [{ matches: [{ path: { type: 'Exact', value: 5 } }], backendRefs: [{}] }] }),
    ),
  ).toEqual([
    'spec.hostname: unknown field: did you mean hostnames?',
    'spec.rules[0].matches[0].path.value: must be a string, not the number 5; put it in quotes: "5"',
    'spec.rules[0].backendRefs[0].name: is required',
  ]);
});

test('the status is dropped, but its unknown fields are told', () => {
  expect(objectOf({ ...route({}), status: { parents: 'wrong' } }).status).toBeUndefined();
  expect(errorsOf({ ...route({}), status: { parent: [] } })).toEqual([
    'status.parent: unknown field: did you mean parents?',
  ]);
});

test('a status is checked where it is asked for', () => {
  const withConditions = (conditions: object[]): object => ({
    ...route({}),
    status: {
      parents: [{ parentRef: { name: 'edge' }, controllerName: 'sluice.dev/gateway-controller', conditions }],
    },
  });
  const wrong = validateObject(withConditions([{ type: 'Accepted' }]), { subresource: 'status' });
  expect(wrong.errors?.map(({ path, message }) => `${path} ${message}`)).toEqual([
    'status.parents[0].conditions[0].lastTransitionTime is required',
    'status.parents[0].conditions[0].message is required',
    'status.parents[0].conditions[0].reason is required',
    'status.parents[0].conditions[0].status is required',
  ]);
  const condition = {
    type: 'Accepted',
    status: 'True',
    reason: 'Accepted',
    message: '',
    lastTransitionTime: '2026-01-31T12:00:00Z',
  };
  const right = validateObject(withConditions([condition]), { subresource: 'status' });
  expect(right.object?.status).toMatchObject({ parents: [{ conditions: [condition] }] });
});

test('rules about change are asked where the object before is known', () => {
  const object = (name: string): KubernetesObject => ({
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'ControlPlane',
    metadata: { name: 'edge' },
    spec: { dataPlaneRef: { name } },
  });
  expect(validateObject(object('b')).errors).toBeUndefined();
  expect(validateObject(object('a'), { previous: object('a') }).errors).toBeUndefined();
  expect(validateObject(object('b'), { previous: object('a') }).errors).toEqual([
    {
      path: 'spec.dataPlaneRef',
      message: 'dataPlaneRef cannot be changed: make another ControlPlane for the other DataPlane',
    },
  ]);
});

test('stringData becomes data', () => {
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'a' },
    stringData: { key: 'größe' },
    data: { other: 'YQ==' },
  };
  const object = objectOf(secret);
  expect(object['data']).toEqual({ key: Buffer.from('größe').toString('base64'), other: 'YQ==' });
  expect(object['stringData']).toBeUndefined();
  expect(object['type']).toBe('Opaque');
});

test.each([
  [
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'a' },
      type: 'kubernetes.io/tls',
      data: { 'tls.crt': 'YQ==' },
    },
    'data: a Secret of type kubernetes.io/tls has the key tls.key',
  ],
  [
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a' }, data: { key: 'not base64' } },
    'data.key: must be base64, not "not base64"',
  ],
  [
    { apiVersion: 'v1', kind: 'Service', metadata: { name: 'a' }, spec: { ports: [{ port: 1 }, { port: 2 }] } },
    'spec.ports: every port needs a name where there are several',
  ],
  [
    { apiVersion: 'v1', kind: 'Service', metadata: { name: '1a' }, spec: { ports: [{ port: 1 }] } },
    'metadata.name: must be lowercase letters, digits and hyphens, first a letter, last no hyphen, not "1a"',
  ],
  [
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'a' },
      addressType: 'IPv6',
      endpoints: [{ addresses: ['192.0.2.1'] }],
    },
    'endpoints: every address must be of the addressType',
  ],
])('%# a core object that would be read in another way than meant is refused', (object, message) => {
  expect(errorsOf(object)).toEqual([message]);
});

test('a Service gets its defaults', () => {
  const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'a' }, spec: { ports: [{ port: 80 }] } };
  expect(objectOf(service).spec).toEqual({ type: 'ClusterIP', ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }] });
});

test('a field that is named like a part of JavaScript is a field like any other', () => {
  const input: unknown = JSON.parse(
    `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"__proto__":"x","constructor":"y"}}`,
  );
  expect(JSON.stringify(objectOf(input)['data'])).toBe('{"__proto__":"x","constructor":"y"}');
  const route2: unknown = JSON.parse(
    `{"apiVersion":"${gatewayAPI}","kind":"HTTPRoute","metadata":{"name":"a"},"spec":{"__proto__":{}}}`,
  );
  expect(errorsOf(route2)).toHaveLength(1);
});
