/** Properties of the translation as a whole. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { newTranslator, TranslationState } from './testing/golden.ts';
import type { SourceChange } from './index.ts';

const namespaces = fc.constantFrom('default', 'other');
const hostnames = fc.constantFrom('a.example.com', 'b.example.com', '*.example.com', '*.com', 'example.org');
const services = fc.constantFrom('app', 'api', 'missing');
const generation = fc.integer({ min: 1, max: 5 });
const created = fc.constantFrom('2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z');

const listener = fc.record(
  {
    port: fc.constantFrom(80, 81, 443),
    protocol: fc.constantFrom('HTTP', 'HTTP', 'HTTPS', 'TCP'),
    hostname: hostnames,
    tls: fc.constant({ certificateRefs: [{ name: 'absent' }] }),
    allowedRoutes: fc.record({ namespaces: fc.record({ from: fc.constantFrom('All', 'Same', 'None') }) }),
  },
  { requiredKeys: ['port', 'protocol'] },
);

const gateway = fc.record({
  key: fc.constantFrom('default/one', 'default/two'),
  metadata: fc.record({ generation, creationTimestamp: created }),
  listeners: fc.array(listener, { minLength: 1, maxLength: 4 }),
});

const pathMatch = fc.oneof(
  fc.record({ type: fc.constantFrom('Exact', 'PathPrefix'), value: fc.constantFrom('/', '/a', '/a/', '/a/b') }),
  fc.record({ type: fc.constant('RegularExpression'), value: fc.constantFrom('/a.*', '(', '/(?=a)') }),
);
const header = fc.record({
  name: fc.constantFrom('x-a', 'Host', 'x b', ':path'),
  value: fc.constantFrom('1', '50%', 'a\nb', '%REQ(x)%'),
});
const filter = fc.oneof(
  fc.record({
    type: fc.constant('RequestHeaderModifier'),
    requestHeaderModifier: fc.record({ set: fc.array(header, { maxLength: 2 }) }),
  }),
  fc.record({
    type: fc.constant('RequestRedirect'),
    requestRedirect: fc.record(
      { port: fc.integer({ min: 1, max: 65_535 }), hostname: fc.constant('x.example.com') },
      { requiredKeys: [] },
    ),
  }),
  fc.record({
    type: fc.constant('URLRewrite'),
    urlRewrite: fc.record({
      path: fc.oneof(
        fc.record({
          type: fc.constant('ReplacePrefixMatch'),
          replacePrefixMatch: fc.constantFrom('', '/', '/x', '/x/'),
        }),
        fc.record({ type: fc.constant('ReplaceFullPath'), replaceFullPath: fc.constantFrom('/', '/x\\1') }),
      ),
    }),
  }),
);
const rule = fc.record(
  {
    matches: fc.array(
      fc.record({ path: pathMatch, method: fc.constantFrom('GET', 'POST') }, { requiredKeys: ['path'] }),
      {
        minLength: 1,
        maxLength: 3,
      },
    ),
    filters: fc.array(filter, { maxLength: 2 }),
    backendRefs: fc.array(
      fc.record(
        {
          name: services,
          namespace: namespaces,
          port: fc.constantFrom(80, 81),
          weight: fc.integer({ min: 0, max: 3 }),
        },
        { requiredKeys: ['name', 'port'] },
      ),
      { maxLength: 3 },
    ),
  },
  { requiredKeys: ['backendRefs'] },
);
const route = fc.record({
  namespace: namespaces,
  name: fc.constantFrom('r1', 'r2', 'r3'),
  metadata: fc.record({ generation, creationTimestamp: created }),
  parents: fc.array(
    fc.record(
      {
        name: fc.constantFrom('one', 'two'),
        namespace: fc.constant('default'),
        sectionName: fc.constantFrom('l0', 'l1'),
        port: fc.constantFrom(80, 443),
      },
      { requiredKeys: ['name', 'namespace'] },
    ),
    { minLength: 1, maxLength: 2 },
  ),
  hostnames: fc.array(hostnames, { maxLength: 2 }),
  rules: fc.array(rule, { minLength: 1, maxLength: 3 }),
});

/** An object that is there, or its removal. */
const change: fc.Arbitrary<SourceChange> = fc.oneof(
  fc.tuple(gateway, fc.boolean()).map(([{ key, metadata, listeners }, isThere]) => {
    const [namespace, name] = key.split('/') as [string, string];
    const spec = { gatewayClassName: 'sluice', listeners: listeners.map((one, i) => ({ name: `l${i}`, ...one })) };
    return {
      kind: 'Gateway',
      key,
      object: isThere ? { metadata: { namespace, name, ...metadata }, spec } : undefined,
    } as SourceChange;
  }),
  fc.tuple(route, fc.boolean()).map(([{ namespace, name, metadata, parents, hostnames: names, rules }, isThere]) => {
    const object = {
      metadata: { namespace, name, ...metadata },
      spec: { parentRefs: parents, hostnames: names, rules },
    };
    return { kind: 'HTTPRoute', key: `${namespace}/${name}`, object: isThere ? object : undefined } as SourceChange;
  }),
  fc
    .tuple(namespaces, services, fc.boolean(), fc.constantFrom(undefined, 'kubernetes.io/h2c'))
    .map(([namespace, name, isThere, appProtocol]) => {
      const object = {
        metadata: { namespace, name },
        spec: { ports: [{ port: 80, ...(appProtocol === undefined ? {} : { appProtocol }) }] },
      };
      return { kind: 'Service', key: `${namespace}/${name}`, object: isThere ? object : undefined } as SourceChange;
    }),
  fc
    .tuple(namespaces, services, fc.array(fc.constantFrom('192.0.2.1', '192.0.2.2')))
    .map(([namespace, name, addresses]) => {
      const object = {
        metadata: { namespace, name, labels: { 'kubernetes.io/service-name': name } },
        addressType: 'IPv4',
        ports: [{ port: 3000 }],
        endpoints: addresses.map((address) => ({ addresses: [address] })),
      };
      return { kind: 'EndpointSlice', key: `${namespace}/${name}`, object } as unknown as SourceChange;
    }),
  fc.boolean().map((isThere) => {
    const spec = {
      from: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace: 'default' }],
      to: [{ group: '', kind: 'Service' }],
    };
    return {
      kind: 'ReferenceGrant',
      key: 'other/grant',
      object: isThere ? { metadata: { namespace: 'other', name: 'grant' }, spec } : undefined,
    } as SourceChange;
  }),
);

function finalState(changes: readonly SourceChange[]): SourceChange[] {
  return [...new Map(changes.map((one) => [`${one.kind} ${one.key}`, one])).values()];
}

describe('Translator', () => {
  test('never throws, and is incrementally what it is from scratch, in whatever order', () => {
    fc.assert(
      fc.property(fc.array(fc.array(change, { maxLength: 5 }), { maxLength: 6 }), (batches) => {
        const incremental = new TranslationState();
        const translator = newTranslator();
        for (const batch of batches) {
          translator.apply(batch);
          incremental.take(translator);
        }
        expect(incremental.faults).toEqual([]);
        const scratch = new TranslationState();
        const other = newTranslator();
        other.apply(finalState(batches.flat()).toReversed());
        scratch.take(other);
        expect(incremental.readable()).toEqual(scratch.readable());
      }),
      { numRuns: 300 },
    );
  });

  test('a changed endpoint touches its endpoints and nothing else', () => {
    const translator = newTranslator();
    const state = new TranslationState();
    const slice = (address: string): SourceChange =>
      ({
        kind: 'EndpointSlice',
        key: 'default/app-1',
        object: {
          metadata: { namespace: 'default', name: 'app-1', labels: { 'kubernetes.io/service-name': 'app' } },
          addressType: 'IPv4',
          ports: [{ port: 3000 }],
          endpoints: [{ addresses: [address] }],
        },
      }) as unknown as SourceChange;
    translator.apply([
      {
        kind: 'Gateway',
        key: 'default/g',
        object: {
          metadata: { namespace: 'default', name: 'g' },
          spec: { listeners: [{ name: 'l', port: 80, protocol: 'HTTP' }] },
        },
      },
      {
        kind: 'Service',
        key: 'default/app',
        object: { metadata: { namespace: 'default', name: 'app' }, spec: { ports: [{ port: 80 }] } },
      },
      {
        kind: 'HTTPRoute',
        key: 'default/r',
        object: {
          metadata: { namespace: 'default', name: 'r' },
          spec: { parentRefs: [{ name: 'g' }], rules: [{ backendRefs: [{ name: 'app', port: 80 }] }] },
        },
      },
      slice('192.0.2.1'),
    ] as SourceChange[]);
    state.take(translator);
    translator.apply([slice('192.0.2.2')]);
    expect(translator.step(() => false)).toBe(true);
    const output = translator.takeOutput();
    expect(output.resources.map(({ type, name }) => `${type} ${name}`)).toEqual(['endpoint service/default/app/80']);
    expect(output.statuses).toEqual([]);
  });
});
