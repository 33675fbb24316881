/**
 * Objects of all kinds that a translation is made from, with names drawn from a small pool, so that references meet. For
 * property tests only.
 */
import fc from 'fast-check';
import type { KubernetesObject } from '../../api/object.ts';
import { readAuthorityConfigMap, type SourceChange, type SourceKind } from '../index.ts';
import { fillCertificates, makeGoldenCertificates } from './certificates.ts';
import { sourceChangeOf, sourceChanges } from './golden.ts';
import { objectArbitraryOf, type Hints } from './schemaArbitrary.ts';

/** What stands in Secrets and ConfigMaps, because no schema makes certificates. */
export interface Material {
  /** Contents of `data` of Secrets. */
  secrets: readonly Record<string, string>[];
  /** Contents of `data` of ConfigMaps. */
  configMaps: readonly Record<string, string>[];
  /** What is there to begin with, so that what comes meets something: it may be edited and removed like all else. */
  world: readonly SourceChange[];
}

type Hint = readonly [pattern: RegExp, values: fc.Arbitrary<unknown>];

const names = ['a', 'a', 'b', 'c'];
const namespaces = ['default', 'default', 'default', 'other'];
const labels = ['a', 'b'];
const sections = ['l0', 'l1', 'l2'];
const ports = [80, 80, 81, 443, 53];
const groups: Readonly<Record<string, string>> = {
  Gateway: 'gateway.networking.k8s.io',
  ListenerSet: 'gateway.networking.k8s.io',
  HTTPRoute: 'gateway.networking.k8s.io',
  GRPCRoute: 'gateway.networking.k8s.io',
  TLSRoute: 'gateway.networking.k8s.io',
  TCPRoute: 'gateway.networking.k8s.io',
  UDPRoute: 'gateway.networking.k8s.io',
  XBackend: 'gateway.networking.x-k8s.io',
  ServiceImport: 'multicluster.x-k8s.io',
  Service: '',
  Secret: '',
  ConfigMap: '',
};
const routeKinds = ['HTTPRoute', 'GRPCRoute', 'TLSRoute', 'TCPRoute', 'UDPRoute'];

const from = <Value>(...values: Value[]): fc.Arbitrary<Value> => fc.constantFrom(...values);
const rarely = <Value>(usual: fc.Arbitrary<Value>, rare: fc.Arbitrary<Value>): fc.Arbitrary<Value> =>
  fc.oneof({ depthSize: 'max' }, { weight: 12, arbitrary: usual }, { weight: 1, arbitrary: rare });

function withoutUndefined(fields: object): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** Places whose values have to meet those of other objects, by the end of their path. */
const parentRef = fc.record(
  {
    kind: rarely(from<unknown>(undefined), from('Gateway', 'ListenerSet', 'Service')),
    name: from('a', 'a', 'a', 'b'),
    namespace: rarely(from<unknown>('default'), from('other', 'absent')),
    sectionName: rarely(from<unknown>(undefined), from(...sections)),
    port: rarely(from<unknown>(undefined), from(...ports)),
  },
  { noNullPrototype: true },
);
const common: readonly Hint[] = [
  [/\.parentRefs$/, fc.array(parentRef.map(withoutUndefined), { minLength: 1, maxLength: 2 })],
  [/\.useDefaultGateways$/, rarely(from<unknown>(undefined), from('All', 'None'))],
  [
    /\.(backendRefs\[\]|backendRef)\.kind$/,
    from(...Array<undefined>(8).fill(undefined), 'ServiceImport', 'XBackend', 'Gateway'),
  ],
  [/\.certificateRefs\[\]\.kind$/, rarely(from(undefined), from('Secret', 'ConfigMap'))],
  [/\.(caCertificateRefs\[\]|clientCertificateRef)\.kind$/, from('ConfigMap', 'ConfigMap', 'Secret')],
  [/\.allowedRoutes\.kinds\[\]\.kind$/, rarely(from(...routeKinds), from('Nonsense'))],
  [/\.from\[\]\.kind$/, from(...routeKinds, 'Gateway', 'ListenerSet', 'BackendTLSPolicy')],
  [/\.to\[\]\.kind$/, from('Service', 'Secret', 'ConfigMap', 'XBackend')],
  [/\.targetRefs\[\]\.kind$/, from('Service', 'Service', 'XBackend', 'ServiceImport', 'Gateway')],
  [/\.parentRef\.kind$/, from(undefined, 'Gateway')],
  [/\.extensionRef$/, from({ group: 'example.com', kind: 'Thing', name: 'a' })],
  [/\.remove\[\]$/, rarely(from('x-a', 'x-b'), from('Host', 'a/b'))],
  // Follows from the kind.
  [/\.group$/, from(undefined)],
  [/\.parentRef\.name$/, from('a', 'a', 'a', 'a', 'b')],
  [/\.backendRefs?(\[\])?\.name$/, from('a', 'a', 'a', 'b', 'c')],
  [/\.backendRefs?(\[\])?\.namespace$/, rarely(from(undefined), from(...namespaces))],
  [/\.backendRefs?(\[\])?\.port$/, rarely(from(80, 443), from(...ports, undefined))],
  [/Ref(s\[\])?\.name$|\.to\[\]\.name$/, from(...names)],
  [/\.namespace$/, rarely(from(undefined, undefined, undefined, undefined, ...namespaces), from('absent'))],
  [
    /\.allowedRoutes\.namespaces$/,
    from(
      { from: 'All' },
      { from: 'All' },
      { from: 'Same' },
      { from: 'Selector', selector: { matchLabels: { team: 'a' } } },
    ),
  ],
  [/\.allowedListeners$/, from({ namespaces: { from: 'All' } }, { namespaces: { from: 'Same' } }, undefined)],
  [/\.sectionName$/, from(undefined, undefined, undefined, undefined, ...sections)],
  [/\.port$/, rarely(from(...ports), fc.integer({ min: 1, max: 65_535 }))],
  [
    /\.(hostname|hostnames\[\])$/,
    from('a.example.com', 'b.example.com', '*.example.com', '*.com', 'example.org', undefined),
  ],
  [/\.weight$/, from(undefined, 1, 2, 0)],
  [/\.(sessionName|headerName)$/, rarely(from('a', 'x-a'), from('/a', 'a b'))],
  [
    /\.(requestHeaderModifier|responseHeaderModifier)\.\w+\[\]\.name$/,
    rarely(from('x-a', 'x-b', 'accept'), from('Host', 'a/b', ':path')),
  ],
  [/\.rules\[\]\.name$/, from(undefined, ...sections)],
];

// As of a name of its own, not a pattern.
const host = from('a.example.com', 'b.example.com');
const validation: readonly Hint[] = [
  [/\.validation\.hostname$/, host],
  [
    /\.subjectAltNames\[\]$/,
    from({ type: 'Hostname', hostname: '*.example.com' }, { type: 'URI', uri: 'spiffe://a/b' }),
  ],
  [/\.wellKnownCACertificates$/, from(undefined, undefined, 'System', 'example.com/own')],
];

const list = (values: readonly string[]): fc.Arbitrary<string> =>
  fc.subarray([...values]).map((chosen) => chosen.join(','));
const tlsOptions = fc
  .record({
    'sluice.dev/tls-minimum-version': from(undefined, '1.2', '1.3'),
    'sluice.dev/tls-maximum-version': rarely(from(undefined, '1.2', '1.3'), from('1.1')),
    'sluice.dev/tls-cipher-suites': list([
      'ECDHE-RSA-AES128-GCM-SHA256',
      'AES128-SHA',
      'ECDHE-ECDSA-CHACHA20-POLY1305',
    ]),
    'sluice.dev/tls-curves': list(['X25519', 'P-256', 'P-521', 'X25519MLKEM768']),
    'sluice.dev/tls-alpn': rarely(from(undefined, 'h2', 'http/1.1', 'h2,http/1.1'), from('', 'spdy', 'acme-tls/1')),
    'example.com/option': from(undefined, 'a'),
  })
  // An empty list is rarely what is meant.
  .map((options) =>
    Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined && value !== '')),
  );

const byKind: Readonly<Record<string, readonly Hint[]>> = {
  Gateway: [
    [/\.tls\.options$/, fc.oneof(from<unknown>(undefined), tlsOptions)],
    [/\.gatewayClassName$/, from('sluice')],
    [/\.listeners\[\]\.name$/, from(...sections)],
    [
      /\.listeners\[\]\.protocol$/,
      rarely(from('HTTP', 'HTTP', 'HTTPS', 'HTTPS', 'TLS', 'TCP', 'UDP'), from('SCTP', 'example.com/x')),
    ],
    [/\.infrastructure$/, from(undefined)],
  ],
  ListenerSet: [
    [/\.listeners\[\]\.name$/, from(...sections)],
    [/\.listeners\[\]\.protocol$/, from('HTTP', 'HTTPS', 'TLS', 'TCP', 'UDP')],
  ],
  BackendTLSPolicy: validation,
  XBackend: [
    [/\.spec\.port$/, from<unknown>({ port: 443 }, { name: 'l0', port: 80 })],
    [/\.spec\.type$/, from('ExternalHostname')],
    [/\.externalHostname\.hostname$/, host],
    ...validation,
  ],
  Service: [
    [/\.spec\.(?!type$|clusterIP$|ports|externalName$)\w+$/, from(undefined)],
    [/\.spec\.externalName$/, from('example.com')],
    [/\.spec\.type$/, rarely(from(undefined), from('ExternalName', 'NodePort'))],
    [/\.spec\.clusterIP$/, rarely(from(undefined), from('None', '192.0.2.9'))],
    [/\.spec\.ports\[\]\.name$/, from(...sections)],
    [/\.spec\.ports\[\]\.targetPort$/, from<unknown>(undefined, 8080, 'http')],
    [
      /\.appProtocol$/,
      from(undefined, undefined, 'http', 'kubernetes.io/h2c', 'kubernetes.io/ws', 'https', 'example.com/x', 'a b'),
    ],
  ],
  EndpointSlice: [
    [/\.addressType$/, from('IPv4', 'IPv4', 'IPv6', 'FQDN')],
    [/\.addresses\[\]$/, from('192.0.2.1', '192.0.2.2')],
    [/\.ports\[\]\.name$/, from(...sections, '', undefined)],
    [/\.ports\[\]\.port$/, from(3000, 3001, 53)],
    [/\.targetRef$/, from(undefined)],
  ],
};

function hintsFor(kind: string, more: readonly Hint[] = []): Hints {
  const all = [...more, ...(byKind[kind] ?? []), ...common];
  return (path) => all.find(([pattern]) => pattern.test(path))?.[1];
}

const metadataOf = (own: readonly string[] = names): fc.Arbitrary<KubernetesObject['metadata']> =>
  fc.record({
    namespace: from(...namespaces),
    name: from(...own),
    generation: fc.integer({ min: 1, max: 3 }),
    creationTimestamp: from('2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'),
    labels: fc.record({
      team: from(...labels),
      'kubernetes.io/service-name': from(...names),
      'multicluster.kubernetes.io/service-name': from(...names),
    }),
  });

/** Kinds with their API versions, as often as they are to be there. */
export const kinds: readonly [kind: string, apiVersion: string, weight: number][] = [
  ['Gateway', 'gateway.networking.k8s.io/v1', 4],
  ['ListenerSet', 'gateway.networking.k8s.io/v1', 2],
  ['HTTPRoute', 'gateway.networking.k8s.io/v1', 6],
  ['GRPCRoute', 'gateway.networking.k8s.io/v1', 4],
  ['TLSRoute', 'gateway.networking.k8s.io/v1', 2],
  ['TCPRoute', 'gateway.networking.k8s.io/v1', 2],
  ['UDPRoute', 'gateway.networking.k8s.io/v1', 2],
  ['ReferenceGrant', 'gateway.networking.k8s.io/v1', 3],
  ['BackendTLSPolicy', 'gateway.networking.k8s.io/v1', 3],
  ['XBackend', 'gateway.networking.x-k8s.io/v1alpha1', 2],
  ['XBackendTrafficPolicy', 'gateway.networking.x-k8s.io/v1alpha1', 2],
  ['Service', 'v1', 6],
  ['EndpointSlice', 'discovery.k8s.io/v1', 4],
  ['Secret', 'v1', 3],
  ['ConfigMap', 'v1', 2],
];

/** References say the group that their kind has. */
function withGroups<Value>(value: Value): Value {
  if (Array.isArray(value)) return value.map(withGroups) as Value;
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.fromEntries(Object.entries(value).map(([name, field]) => [name, withGroups(field)]));
  if (fields['addressType'] === 'IPv6') fields['endpoints'] = [{ addresses: ['2001:db8::1'] }];
  if (fields['addressType'] === 'FQDN') fields['endpoints'] = [{ addresses: ['a.example.com'] }];
  // One of the two has to be there.
  if ('wellKnownCACertificates' in fields && 'caCertificateRefs' in fields) delete fields['wellKnownCACertificates'];
  else if ('validation' in fields && typeof fields['validation'] === 'object' && fields['validation'] !== null) {
    const own = fields['validation'] as Record<string, unknown>;
    if ('hostname' in own && !('caCertificateRefs' in own)) own['wellKnownCACertificates'] ??= 'System';
  }
  const { kind } = fields as { kind?: unknown };
  const group = typeof kind === 'string' ? groups[kind] : undefined;
  return { ...fields, ...(group === undefined || 'apiVersion' in fields ? {} : { group }) } as Value;
}

/** Objects of one of `kinds`. */
export function kindArbitrary(material: Material, kind: string): fc.Arbitrary<KubernetesObject | undefined> {
  const apiVersion = kinds.find(([name]) => name === kind)![1];
  const data: Record<string, Hint[]> = {
    Secret: [
      [/^\.type$/, from('kubernetes.io/tls', 'Opaque')],
      [/^\.data$/, from(...material.secrets)],
      [/^\.(stringData|immutable)$/, from(undefined)],
    ],
    ConfigMap: [
      [/^\.data$/, from(...material.configMaps)],
      [/^\.(binaryData|immutable)$/, from(undefined)],
    ],
  };
  return objectArbitraryOf(
    apiVersion,
    kind,
    metadataOf(kind === 'Gateway' ? ['a', 'b', 'b', 'c'] : names),
    hintsFor(kind, data[kind]),
    withGroups,
  );
}

/** Objects of all kinds, as they would come from the API server; undefined now and then. */
export function objectArbitrary(material: Material): fc.Arbitrary<KubernetesObject | undefined> {
  const serviceImport = fc
    .record({
      metadata: metadataOf(),
      ports: fc.array(fc.record({ name: from(...sections), port: from(...ports), protocol: from('TCP', 'UDP') }), {
        maxLength: 2,
      }),
    })
    .map(({ metadata, ports: own }) => ({
      apiVersion: 'multicluster.x-k8s.io/v1alpha1',
      kind: 'ServiceImport',
      metadata,
      spec: { type: 'ClusterSetIP', ports: own },
    }));
  const namespace = fc
    .tuple(from(...namespaces), from(...labels))
    .map(([name, team]) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { team } } }));
  return fc.oneof(
    { depthSize: 'max' },
    ...kinds.map(([kind, , weight]) => ({ weight, arbitrary: kindArbitrary(material, kind) })),
    { weight: 1, arbitrary: serviceImport },
    { weight: 1, arbitrary: namespace },
  );
}

/** An object that comes or is edited, or its removal. */
export function changeArbitrary(material: Material, now: number): fc.Arbitrary<SourceChange | undefined> {
  return fc.tuple(objectArbitrary(material), fc.nat({ max: 9 })).map(([object, fate]) => {
    if (object === undefined) return undefined;
    const change = sourceChangeOf(object, now);
    return fate === 9 ? { ...change, object: undefined } : change;
  });
}

/** What is left of a sequence of changes. */
export function lastOfEach(changes: readonly SourceChange[]): SourceChange[] {
  const id = ({ kind, key }: { kind: SourceKind; key: string }): string => `${kind} ${key}`;
  return [...new Map(changes.map((change) => [id(change), change])).values()];
}

/** Certificates and authorities, good and bad ones. */
export async function objectMaterial(now: number): Promise<Material> {
  const certificates = await makeGoldenCertificates(now);
  const { values } = certificates;
  const pair = (name: string): Record<string, string> => ({
    'tls.crt': values.get(`\${${name}.crt}`) ?? '',
    'tls.key': values.get(`\${${name}.key}`) ?? '',
  });
  const pem = (name: string): string => Buffer.from(values.get(`\${${name}.ca}`) ?? '', 'base64').toString();
  return {
    secrets: [pair('valid'), pair('second'), pair('expired'), { 'tls.crt': 'YQ==', 'tls.key': 'YQ==' }],
    configMaps: [{ 'ca.crt': pem('ca') }, { 'ca.crt': pem('both') }, { 'ca.crt': 'garbage' }, { other: 'key' }],
    world: [
      ...sourceChanges(fillCertificates(world, certificates), now),
      {
        kind: 'ConfigMap',
        key: 'default/a',
        object: readAuthorityConfigMap(
          {
            apiVersion: 'v1',
            kind: 'ConfigMap',
            metadata: { name: 'a', namespace: 'default' },
            data: { 'ca.crt': pem('ca') },
          },
          now,
        ),
      },
    ],
  };
}

const world = `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: a, namespace: default, generation: 1, creationTimestamp: "2026-01-01T00:00:00Z"}
spec:
  gatewayClassName: sluice
  allowedListeners: {namespaces: {from: All}}
  listeners:
  - {name: l0, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}
  - {name: l1, port: 443, protocol: HTTPS, hostname: "*.example.com", tls: {certificateRefs: [{name: a}]}, allowedRoutes: {namespaces: {from: All}}}
  - {name: l2, port: 443, protocol: TLS, hostname: example.org, tls: {mode: Passthrough}, allowedRoutes: {namespaces: {from: All}}}
  - {name: l3, port: 81, protocol: TCP, allowedRoutes: {namespaces: {from: All}}}
  - {name: l4, port: 53, protocol: UDP, allowedRoutes: {namespaces: {from: All}}}
  - {name: l5, port: 8443, protocol: TLS, tls: {mode: Terminate, certificateRefs: [{name: a}]}, allowedRoutes: {namespaces: {from: All}}}
${['a', 'b']
  .map(
    (name) => `---
apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: default}
spec:
  ports:
  - {name: l0, port: 80, protocol: TCP}
  - {name: l1, port: 443, protocol: TCP}
  - {name: l2, port: 53, protocol: UDP}
  - {name: l3, port: 53, protocol: TCP}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: ${name}, namespace: default, labels: {kubernetes.io/service-name: ${name}}}
addressType: IPv4
endpoints: [{addresses: [192.0.2.1]}]
ports: [{name: l0, port: 3000}, {name: l1, port: 3001}, {name: l2, port: 53, protocol: UDP}, {name: l3, port: 53}]
`,
  )
  .join('')}---
apiVersion: v1
kind: Secret
metadata: {name: a, namespace: default}
type: kubernetes.io/tls
data: {tls.crt: "\${valid.crt}", tls.key: "\${valid.key}"}
`;

/** How often a property is tried; `PROPERTY_RUNS` tries it more often, and `PROPERTY_SEED` again as it was reported. */
export function propertyRuns(usual: number): { numRuns: number; seed?: number } {
  const { PROPERTY_RUNS: runs, PROPERTY_SEED: seed } = process.env;
  return { numRuns: Number(runs ?? usual), ...(seed === undefined ? {} : { seed: Number(seed) }) };
}
