/** Random Gateways, routes and requests that have much to do with one another. For tests only. */
import fc from 'fast-check';
import { stringify } from 'yaml';

const hosts = ['a.example.com', 'b.example.com', 'x.a.example.com', 'example.org', 'www.example.org', 'other.test'];
const hostnames = fc.constantFrom(
  'a.example.com',
  '*.example.com',
  '*.a.example.com',
  'example.org',
  '*.org',
  '*.test',
);
const listenerHostnames = fc.constantFrom(undefined, '*.example.com', 'a.example.com', 'example.org', '*.org');
const paths = [
  '/',
  '/a',
  '/a/',
  '/a/b',
  '/ab',
  '/a/b/c',
  '/A',
  '/v1/x',
  '/v22/',
  '/a//b',
  '/a/%2e%2e/ab',
  '/a%2Fb',
  '/c d',
];

const pathMatch = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant('PathPrefix'), value: fc.constantFrom('/', '/a', '/a/', '/a/b', '/v1') }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant('Exact'), value: fc.constantFrom('/', '/a', '/a/b', '/ab', '/c%20d') }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('RegularExpression'),
      value: fc.constantFrom('/v[0-9]+/.*', '/(a|b)', '/[aA](/.*)?'),
    }),
  },
);
const headerMatch = fc.oneof(
  fc.record({
    name: fc.constantFrom('x-env', 'X-Env', 'x-user', 'Host'),
    value: fc.constantFrom('one', 'two', 'a.example.com'),
  }),
  fc.record({
    type: fc.constant('RegularExpression'),
    name: fc.constant('x-env'),
    value: fc.constantFrom('o.*', '(one|two)', 't'),
  }),
);
const queryMatch = fc.oneof(
  fc.record({ name: fc.constantFrom('q', 'r'), value: fc.constantFrom('1', '2', '', 'a%20b') }),
  fc.record({ type: fc.constant('RegularExpression'), name: fc.constant('q'), value: fc.constantFrom('[0-9]', '.*') }),
);
const match = fc.oneof(
  { weight: 3, arbitrary: fc.record({ path: pathMatch }) },
  {
    weight: 2,
    arbitrary: fc.record(
      {
        path: pathMatch,
        method: fc.constantFrom('GET', 'POST', 'DELETE'),
        headers: fc.array(headerMatch, { minLength: 1, maxLength: 2 }),
        queryParams: fc.array(queryMatch, { minLength: 1, maxLength: 2 }),
      },
      { requiredKeys: ['path'] },
    ),
  },
);

const replacement = fc.oneof(
  fc.record({ type: fc.constant('ReplacePrefixMatch'), replacePrefixMatch: fc.constantFrom('/', '/x', '/x/', '') }),
  fc.record({ type: fc.constant('ReplaceFullPath'), replaceFullPath: fc.constantFrom('/', '/full', '/f\\1') }),
);
const header = fc.record({
  name: fc.constantFrom('x-one', 'x-two', 'X-Env'),
  value: fc.constantFrom('1', '50% off', 'b'),
});
const headerFilter = fc
  .record({ set: fc.array(header, { maxLength: 1 }), remove: fc.constantFrom([], ['x-user'], ['x-one']) })
  .map((requestHeaderModifier) => ({ type: 'RequestHeaderModifier', requestHeaderModifier }));
const redirect = fc
  .record(
    {
      scheme: fc.constantFrom('http', 'https'),
      hostname: fc.constant('to.example.com'),
      port: fc.constantFrom(80, 443, 8080),
      path: replacement,
      statusCode: fc.constantFrom(301, 302, 307),
    },
    { requiredKeys: [] },
  )
  .map((requestRedirect) => ({ type: 'RequestRedirect', requestRedirect }));
const rewrite = fc
  .record({ hostname: fc.constant('inner.example.com'), path: replacement }, { requiredKeys: [] })
  .map((urlRewrite) => ({ type: 'URLRewrite', urlRewrite }));
const backendRef = fc.record(
  { name: fc.constantFrom('one', 'two', 'missing'), port: fc.constant(80), weight: fc.constantFrom(0, 1, 1, 1, 3) },
  { requiredKeys: ['name', 'port'] },
);
const rule = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      matches: fc.array(match, { minLength: 1, maxLength: 3 }),
      filters: fc.constant([]),
      backendRefs: fc.array(backendRef, { minLength: 1, maxLength: 2 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      matches: fc.array(match, { minLength: 1, maxLength: 2 }),
      filters: redirect.map((filter) => [filter]),
      backendRefs: fc.constant([]),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      matches: fc.array(match, { minLength: 1, maxLength: 2 }),
      filters: fc.tuple(headerFilter, rewrite).map((filters) => [...filters]),
      backendRefs: fc.array(backendRef, { minLength: 1, maxLength: 1 }),
    }),
  },
);
const listener = fc.record({
  port: fc.constantFrom(80, 81),
  protocol: fc.constant('HTTP'),
  hostname: listenerHostnames,
});
const secureListener = fc.record({
  port: fc.constant(443),
  protocol: fc.constant('HTTPS'),
  hostname: listenerHostnames,
  tls: fc.constant({ certificateRefs: [{ name: 'valid' }] }),
});
const route = fc.record({
  hostnames: fc.array(hostnames, { maxLength: 3 }),
  created: fc.constantFrom('2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'),
  section: fc.constantFrom(undefined, undefined, 'l0'),
  rules: fc.array(rule, { minLength: 1, maxLength: 3 }),
});

const api = 'gateway.networking.k8s.io/v1';

/** YAML of a Gateway with its routes and Services. */
export const world: fc.Arbitrary<string> = fc
  .record({
    listeners: fc
      .tuple(
        fc.uniqueArray(listener, {
          minLength: 1,
          maxLength: 3,
          selector: ({ port, hostname }) => `${port} ${hostname}`,
        }),
        fc.uniqueArray(secureListener, { minLength: 1, maxLength: 3, selector: ({ hostname }) => hostname }),
      )
      .map((groups) => groups.flat()),
    routes: fc.array(route, { minLength: 4, maxLength: 9 }),
  })
  .map(({ listeners, routes }) => {
    const objects: unknown[] = [
      {
        apiVersion: api,
        kind: 'Gateway',
        metadata: { name: 'g', namespace: 'default' },
        spec: { gatewayClassName: 'sluice', listeners: listeners.map((one, index) => ({ name: `l${index}`, ...one })) },
      },
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'valid', namespace: 'default' },
        type: 'kubernetes.io/tls',
        data: { 'tls.crt': '${valid.crt}', 'tls.key': '${valid.key}' },
      },
      ...['one', 'two'].map((name) => ({
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name, namespace: 'default' },
        spec: { ports: [{ port: 80 }] },
      })),
      ...routes.map(({ hostnames: names, created, section, rules }, index) => ({
        apiVersion: api,
        kind: 'HTTPRoute',
        metadata: { name: `r${index}`, namespace: 'default', creationTimestamp: created },
        spec: {
          parentRefs: [{ name: 'g', ...(section === undefined ? {} : { sectionName: section }) }],
          hostnames: names,
          rules,
        },
      })),
    ];
    return objects.map((object) => stringify(object)).join('---\n');
  });

export interface RandomRequest {
  listenerPort: number;
  host: string;
  /** Of TLS; differs from the host at times. */
  serverName: string;
  method: string;
  path: string;
  headers: [name: string, value: string][];
}

/** A request that may meet something of a world. */
export const request: fc.Arbitrary<RandomRequest> = fc
  .record({
    listenerPort: fc.constantFrom(80, 80, 81, 443, 443),
    host: fc.constantFrom(...hosts, 'A.Example.Com', 'a.example.com:80', 'b.example.com:443', 'example.org:8080'),
    foreignName: fc.constantFrom(undefined, undefined, undefined, ...hosts, ''),
    method: fc.constantFrom('GET', 'GET', 'POST', 'DELETE'),
    path: fc
      .tuple(
        fc.constantFrom(...paths),
        fc.constantFrom('', '', '', '?q=1', '?q=2&q=1', '?r=&q', '?q=a%20b', '?q=x&r=2'),
      )
      .map(([path, query]) => (path + query).replaceAll(' ', '%20')),
    headers: fc.array(
      fc.tuple(fc.constantFrom('x-env', 'X-Env', 'x-user', 'x-one'), fc.constantFrom('one', 'two', 'TWO')),
      { maxLength: 3 },
    ),
  })
  .map(({ foreignName, ...rest }) => ({
    ...rest,
    serverName: foreignName ?? rest.host.replace(/:\d+$/, '').toLowerCase(),
  }));
