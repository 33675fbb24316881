/**
 * Light schemas of the core kinds that Sluice reads, and of ServiceImport: every field by name and type, and those rules whose
 * breach would make Sluice read the object in another way than its author meant. Source: Kubernetes API reference, v1.
 */
import { multiclusterGroup, multiclusterVersion } from '../multicluster.ts';
import type { NameStyle } from './metadata.ts';
import type { JSONSchemaProps } from './schema.ts';

export interface CoreKind {
  group: string;
  version: string;
  kind: string;
  plural: string;
  namespaced: boolean;
  names: NameStyle;
  /** All of the object but `apiVersion`, `kind` and `metadata`. */
  schema: JSONSchemaProps;
}

const string: JSONSchemaProps = { type: 'string' };
const boolean: JSONSchemaProps = { type: 'boolean' };
const integer: JSONSchemaProps = { type: 'integer', format: 'int32' };
const strings: JSONSchemaProps = { type: 'array', items: string };
const stringMap: JSONSchemaProps = { type: 'object', additionalProperties: string };
const base64Map: JSONSchemaProps = { type: 'object', additionalProperties: { type: 'string', format: 'byte' } };
const any: JSONSchemaProps = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
const port: JSONSchemaProps = { type: 'integer', minimum: 1, maximum: 65535 };
const protocol: JSONSchemaProps = { type: 'string', enum: ['TCP', 'UDP', 'SCTP'], default: 'TCP' };

function choice(...values: string[]): JSONSchemaProps {
  return { type: 'string', enum: values };
}
function record(properties: Record<string, JSONSchemaProps>, ...required: string[]): JSONSchemaProps {
  return { type: 'object', properties, ...(required.length > 0 && { required }) };
}
function list(items: JSONSchemaProps): JSONSchemaProps {
  return { type: 'array', items };
}

const service: JSONSchemaProps = {
  ...record(
    {
      spec: {
        ...record({
          type: { ...choice('ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'), default: 'ClusterIP' },
          ports: list(
            record(
              {
                name: { type: 'string', maxLength: 63, pattern: '^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$' },
                port,
                protocol,
                appProtocol: string,
                targetPort: { 'x-kubernetes-int-or-string': true },
                nodePort: { type: 'integer', minimum: 0, maximum: 65535 },
              },
              'port',
            ),
          ),
          selector: stringMap,
          clusterIP: string,
          clusterIPs: strings,
          externalIPs: strings,
          externalName: string,
          ipFamilies: list(choice('IPv4', 'IPv6')),
          ipFamilyPolicy: choice('SingleStack', 'PreferDualStack', 'RequireDualStack'),
          sessionAffinity: choice('None', 'ClientIP'),
          sessionAffinityConfig: record({ clientIP: record({ timeoutSeconds: integer }) }),
          externalTrafficPolicy: choice('Cluster', 'Local'),
          internalTrafficPolicy: choice('Cluster', 'Local'),
          trafficDistribution: string,
          publishNotReadyAddresses: boolean,
          healthCheckNodePort: integer,
          allocateLoadBalancerNodePorts: boolean,
          loadBalancerClass: string,
          loadBalancerIP: string,
          loadBalancerSourceRanges: strings,
        }),
        'x-kubernetes-validations': [
          {
            rule: "self.type == 'ExternalName' || (has(self.clusterIP) && self.clusterIP == 'None') || (has(self.ports) && self.ports.size() > 0)",
            message: 'a Service has at least one port, unless it is headless or an ExternalName',
            fieldPath: '.ports',
          },
          {
            rule: '!has(self.ports) || self.ports.size() <= 1 || self.ports.all(p, has(p.name) && p.name.size() > 0)',
            message: 'every port needs a name where there are several',
            fieldPath: '.ports',
          },
          {
            rule: '!has(self.ports) || self.ports.size() <= 1 || self.ports.all(p, !has(p.name) || self.ports.exists_one(q, has(q.name) && p.name == q.name))',
            message: 'no two ports may have one name',
            fieldPath: '.ports',
          },
          {
            rule: '!has(self.ports) || self.ports.all(p, self.ports.exists_one(q, p.port == q.port && p.protocol == q.protocol))',
            message: 'no two ports may have one number and protocol',
            fieldPath: '.ports',
          },
          {
            rule: "self.type != 'ExternalName' || (has(self.externalName) && self.externalName.size() > 0)",
            message: 'type ExternalName needs externalName',
            fieldPath: '.externalName',
          },
        ],
      },
      status: any,
    },
    'spec',
  ),
};

const endpointSlice: JSONSchemaProps = {
  ...record(
    {
      addressType: choice('IPv4', 'IPv6', 'FQDN'),
      endpoints: list(
        record(
          {
            addresses: { ...strings, minItems: 1, maxItems: 100 },
            conditions: record({ ready: boolean, serving: boolean, terminating: boolean }),
            hostname: string,
            nodeName: string,
            zone: string,
            hints: record({
              forZones: list(record({ name: string })),
              forNodes: list(record({ name: string })),
            }),
            targetRef: record({
              apiVersion: string,
              kind: string,
              namespace: string,
              name: string,
              uid: string,
              resourceVersion: string,
              fieldPath: string,
            }),
            deprecatedTopology: stringMap,
          },
          'addresses',
        ),
      ),
      ports: list(record({ name: { ...string, default: '' }, port, protocol, appProtocol: string })),
    },
    'addressType',
  ),
  'x-kubernetes-validations': [
    {
      rule: "self.addressType == 'FQDN' || !has(self.endpoints) || self.endpoints.all(e, e.addresses.all(a, isIP(a) && a.contains(':') == (self.addressType == 'IPv6')))",
      message: 'every address must be of the addressType',
      fieldPath: '.endpoints',
    },
    {
      rule: '!has(self.ports) || self.ports.all(p, self.ports.exists_one(q, p.name == q.name))',
      message: 'no two ports may have one name',
      fieldPath: '.ports',
    },
  ],
};

const configMap: JSONSchemaProps = {
  ...record({ data: stringMap, binaryData: base64Map, immutable: boolean }),
  'x-kubernetes-validations': [
    {
      rule: '!has(self.data) || !has(self.binaryData) || self.data.all(key, !(key in self.binaryData))',
      message: 'a key stands in data or in binaryData, not in both',
    },
  ],
};

const secretTypes: [type: string, key: string][] = [
  ['kubernetes.io/tls', 'tls.crt'],
  ['kubernetes.io/tls', 'tls.key'],
];

const secret: JSONSchemaProps = {
  ...record({ type: { ...string, default: 'Opaque' }, data: base64Map, stringData: stringMap, immutable: boolean }),
  'x-kubernetes-validations': secretTypes.map(([type, key]) => ({
    rule: `self.type != '${type}' || (has(self.data) && '${key}' in self.data)`,
    message: `a Secret of type ${type} has the key ${key}`,
    fieldPath: '.data',
  })),
};

/** No core kind, but none whose definition is installed with ours either. Source: sigs.k8s.io/mcs-api, pkg/apis/v1alpha1. */
const serviceImport: JSONSchemaProps = record(
  {
    spec: record(
      {
        type: choice('ClusterSetIP', 'Headless'),
        ips: { ...strings, maxItems: 2 },
        ports: list(record({ name: string, port, protocol: protocol, appProtocol: string }, 'port')),
        ipFamilies: list(choice('IPv4', 'IPv6')),
        sessionAffinity: choice('None', 'ClientIP'),
        sessionAffinityConfig: any,
      },
      'type',
      'ports',
    ),
    status: any,
  },
  'spec',
);

const namespace: JSONSchemaProps = record({ spec: record({ finalizers: strings }), status: any });

export const coreKinds: readonly CoreKind[] = [
  {
    group: '',
    version: 'v1',
    kind: 'Service',
    plural: 'services',
    namespaced: true,
    names: 'serviceLabel',
    schema: service,
  },
  {
    group: 'discovery.k8s.io',
    version: 'v1',
    kind: 'EndpointSlice',
    plural: 'endpointslices',
    namespaced: true,
    names: 'subdomain',
    schema: endpointSlice,
  },
  { group: '', version: 'v1', kind: 'Secret', plural: 'secrets', namespaced: true, names: 'subdomain', schema: secret },
  {
    group: '',
    version: 'v1',
    kind: 'ConfigMap',
    plural: 'configmaps',
    namespaced: true,
    names: 'subdomain',
    schema: configMap,
  },
  {
    group: '',
    version: 'v1',
    kind: 'Namespace',
    plural: 'namespaces',
    namespaced: false,
    names: 'label',
    schema: namespace,
  },
  {
    group: multiclusterGroup,
    version: multiclusterVersion,
    kind: 'ServiceImport',
    plural: 'serviceimports',
    namespaced: true,
    names: 'label',
    schema: serviceImport,
  },
];

interface SecretFields {
  data?: Record<string, unknown>;
  stringData?: Record<string, unknown>;
}

/** What the API server fills in of core kinds that no schema says. Changes the object. */
export function fillInCore(kind: string, object: Record<string, unknown>): void {
  if (kind === 'Secret') foldStringData(object);
  if (kind === 'Service') fillInService(object);
}

/** `stringData` is how a file writes `data`; it is never read. */
function foldStringData(secretFields: SecretFields): void {
  const { stringData } = secretFields;
  if (typeof stringData !== 'object' || stringData === null) return;
  if (!Object.values(stringData).every((value) => typeof value === 'string')) return;
  const encoded = Object.entries(stringData).map(([key, value]) => [
    key,
    Buffer.from(String(value)).toString('base64'),
  ]);
  secretFields.data = { ...secretFields.data, ...Object.fromEntries(encoded) };
  delete secretFields.stringData;
}

interface ServiceFields {
  spec?: { type?: unknown; ports?: unknown };
}

/** An empty string counts as absent there. */
function fillInService({ spec }: ServiceFields): void {
  if (typeof spec !== 'object' || spec === null) return;
  if (spec.type === '') spec.type = 'ClusterIP';
  if (!Array.isArray(spec.ports)) return;
  for (const entry of spec.ports as ({ port?: unknown; targetPort?: unknown; protocol?: unknown } | null)[]) {
    if (typeof entry !== 'object' || entry === null) continue;
    if (entry.protocol === '') entry.protocol = 'TCP';
    if (typeof entry.port === 'number') entry.targetPort ??= entry.port;
  }
}
