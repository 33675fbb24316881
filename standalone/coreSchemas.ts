/**
 * Checks what an API server checks of the built-in kinds that files may hold, and of every object's metadata.
 * Custom kinds are checked against their own definitions, in api/validation.
 * Source: Kubernetes API reference v1.36.
 */
import { isIP, isIPv4, isIPv6 } from 'node:net';

import { z } from 'zod';

import { nearest } from './kinds.ts';

/** What is wrong with one field. */
export interface FieldError {
  /** `spec.ports[0].port`. */
  path: string;
  message: string;
}

const strings = z.record(z.string(), z.string());
const portNumber = z.int().min(1).max(65_535);
const protocol = z.enum(['TCP', 'UDP', 'SCTP']);
const base64 = z
  .string()
  .refine(
    (value) => /^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(value),
    'must be base64; write plain text under stringData instead',
  );

const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const labelKey =
  /^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const labelValue = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;

const metadata = z.strictObject({
  name: z
    .string()
    .max(253)
    .regex(
      subdomain,
      'must consist of lower case letters, digits, "-" and ".", and begin and end with a letter or digit',
    ),
  generateName: z.string().optional(),
  namespace: z
    .string()
    .max(63)
    .regex(label, 'must consist of lower case letters, digits and "-"')
    .or(z.literal(''))
    .optional(),
  labels: z
    .record(z.string(), z.string())
    .superRefine((labels, context) => {
      for (const [key, value] of Object.entries(labels)) {
        if (!labelKey.test(key)) context.addIssue({ code: 'custom', path: [key], message: 'is no valid label key' });
        else if (!labelValue.test(value))
          context.addIssue({ code: 'custom', path: [key], message: 'is no valid label value' });
      }
    })
    .nullable()
    .optional(),
  annotations: strings.nullable().optional(),
  finalizers: z.array(z.string()).optional(),
  ownerReferences: z.array(z.record(z.string(), z.unknown())).optional(),
  managedFields: z.array(z.unknown()).optional(),
  uid: z.string().optional(),
  resourceVersion: z.string().optional(),
  generation: z.int().optional(),
  creationTimestamp: z.iso.datetime({ offset: true }).nullable().optional(),
  deletionTimestamp: z.iso.datetime({ offset: true }).nullable().optional(),
  deletionGracePeriodSeconds: z.int().optional(),
  selfLink: z.string().optional(),
});

/** Every kind: known and typed fields of metadata, the rest as it is. */
const anyObject = z.looseObject({ apiVersion: z.string(), kind: z.string(), metadata });

const head = { apiVersion: z.string(), kind: z.string(), metadata };

const servicePort = z.strictObject({
  name: z.string().optional(),
  port: portNumber,
  protocol: protocol.default('TCP'),
  appProtocol: z.string().optional(),
  targetPort: z.union([portNumber, z.string()], 'must be a port number or the name of a port').optional(),
  nodePort: z.int().min(0).max(65_535).optional(),
});

const service = z.strictObject({
  ...head,
  spec: z
    .strictObject({
      type: z.enum(['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName']).default('ClusterIP'),
      clusterIP: z.string().optional(),
      clusterIPs: z.array(z.string()).optional(),
      externalIPs: z.array(z.string()).optional(),
      externalName: z.string().optional(),
      externalTrafficPolicy: z.enum(['Cluster', 'Local']).optional(),
      internalTrafficPolicy: z.enum(['Cluster', 'Local']).optional(),
      healthCheckNodePort: z.int().optional(),
      ipFamilies: z.array(z.enum(['IPv4', 'IPv6'])).optional(),
      ipFamilyPolicy: z.enum(['SingleStack', 'PreferDualStack', 'RequireDualStack']).optional(),
      allocateLoadBalancerNodePorts: z.boolean().optional(),
      loadBalancerClass: z.string().optional(),
      loadBalancerIP: z.string().optional(),
      loadBalancerSourceRanges: z.array(z.string()).optional(),
      ports: z
        .array(servicePort)
        .superRefine((ports, context) => {
          const seen = new Set<string>();
          const names = new Set<string>();
          for (const [index, port] of ports.entries()) {
            const id = `${port.port}/${port.protocol}`;
            if (seen.has(id))
              context.addIssue({ code: 'custom', path: [index, 'port'], message: `port ${id} stands twice` });
            seen.add(id);
            if (ports.length > 1 && port.name === undefined) {
              context.addIssue({
                code: 'custom',
                path: [index, 'name'],
                message: 'is required where a Service has several ports',
              });
            } else if (port.name !== undefined && names.has(port.name)) {
              context.addIssue({ code: 'custom', path: [index, 'name'], message: `"${port.name}" stands twice` });
            }
            names.add(port.name ?? '');
          }
        })
        .optional(),
      publishNotReadyAddresses: z.boolean().optional(),
      selector: strings.optional(),
      sessionAffinity: z.enum(['None', 'ClientIP']).optional(),
      sessionAffinityConfig: z.record(z.string(), z.unknown()).optional(),
      trafficDistribution: z.string().optional(),
    })
    .optional(),
  status: z.unknown().optional(),
});

const endpoint = z.strictObject({
  addresses: z.array(z.string()).min(1).max(100),
  conditions: z
    .strictObject({
      ready: z.boolean().optional(),
      serving: z.boolean().optional(),
      terminating: z.boolean().optional(),
    })
    .optional(),
  hostname: z.string().optional(),
  nodeName: z.string().optional(),
  zone: z.string().optional(),
  deprecatedTopology: strings.optional(),
  hints: z
    .strictObject({
      forZones: z.array(z.strictObject({ name: z.string() })).optional(),
      forNodes: z.array(z.strictObject({ name: z.string() })).optional(),
    })
    .optional(),
  targetRef: z.record(z.string(), z.unknown()).optional(),
});

const endpointSlice = z
  .strictObject({
    ...head,
    addressType: z.enum(['IPv4', 'IPv6', 'FQDN']),
    endpoints: z
      .array(endpoint)
      .nullable()
      .default([])
      .transform((endpoints) => endpoints ?? []),
    ports: z
      .array(
        z.strictObject({
          name: z.string().default(''),
          port: portNumber.optional(),
          protocol: protocol.default('TCP'),
          appProtocol: z.string().optional(),
        }),
      )
      .nullable()
      .optional()
      .transform((ports) => ports ?? undefined),
  })
  .superRefine((slice, context) => {
    for (const [index, { addresses }] of slice.endpoints.entries()) {
      for (const [position, address] of addresses.entries()) {
        const wrong =
          (slice.addressType === 'IPv4' && !isIPv4(address)) ||
          (slice.addressType === 'IPv6' && !isIPv6(address)) ||
          (slice.addressType === 'FQDN' && isIP(address) !== 0);
        if (!wrong) continue;
        const path = ['endpoints', index, 'addresses', position];
        context.addIssue({ code: 'custom', path, message: `"${address}" is no ${slice.addressType} address` });
      }
    }
  });

const secret = z
  .strictObject({
    ...head,
    type: z.string().default('Opaque'),
    immutable: z.boolean().optional(),
    data: z.record(z.string(), base64).nullable().optional(),
    stringData: strings.nullable().optional(),
  })
  // An API server folds stringData into data, and never shows it again.
  .transform(({ stringData, data, ...rest }) => {
    const folded = { ...data };
    for (const [key, value] of Object.entries(stringData ?? {})) folded[key] = Buffer.from(value).toString('base64');
    return { ...rest, data: folded };
  });

const configMap = z.strictObject({
  ...head,
  immutable: z.boolean().optional(),
  data: strings.nullable().optional(),
  binaryData: z.record(z.string(), base64).nullable().optional(),
});

const namespace = z.strictObject({
  ...head,
  spec: z.strictObject({ finalizers: z.array(z.string()).optional() }).optional(),
  status: z.unknown().optional(),
});

const schemas: Readonly<Record<string, z.ZodType>> = {
  Service: service,
  EndpointSlice: endpointSlice,
  Secret: secret,
  ConfigMap: configMap,
  Namespace: namespace,
};

function formatPath(path: readonly PropertyKey[]): string {
  return path
    .map((segment) => {
      if (typeof segment === 'number') return `[${segment}]`;
      const name = String(segment);
      return /^[A-Za-z_][A-Za-z0-9_-]*$/.test(name) ? `.${name}` : `["${name}"]`;
    })
    .join('')
    .replace(/^\./, '');
}

const typeNames: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  record: 'a map',
};

/** A value as it would be written in a file, shortened. */
export function showValue(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'a map';
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 57)}..."` : text;
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value = root;
  for (const segment of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<PropertyKey, unknown>)[segment];
  }
  return value;
}

function fieldsOf(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let current: unknown = schema;
  for (let hops = 0; hops < 50; hops++) {
    if (current instanceof z.ZodOptional || current instanceof z.ZodNullable || current instanceof z.ZodDefault) {
      current = current.unwrap();
    } else if (current instanceof z.ZodPipe) {
      current = current.in;
    } else if (path.length === 0) {
      return current instanceof z.ZodObject ? Object.keys(current.shape) : [];
    } else if (current instanceof z.ZodObject) {
      current = current.shape[String(path[0])];
      path = path.slice(1);
    } else if (current instanceof z.ZodArray) {
      current = current.element;
      path = path.slice(1);
    } else {
      return [];
    }
  }
  return [];
}

function toFieldErrors(issue: z.core.$ZodIssue, schema: z.ZodType, input: unknown): FieldError[] {
  const path = formatPath(issue.path);
  const found = valueAt(input, issue.path);
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => {
        const meant = nearest(key, fieldsOf(schema, issue.path));
        const hint = meant === undefined ? 'remove it' : `did you mean "${meant}"?`;
        return { path: formatPath([...issue.path, key]), message: `unknown field; ${hint}` };
      });
    case 'invalid_type': {
      if (found === undefined) return [{ path, message: 'is required' }];
      const wanted = typeNames[issue.expected] ?? `of type ${issue.expected}`;
      const quotes = issue.expected === 'string' && typeof found !== 'object' ? '; put it in quotes' : '';
      return [{ path, message: `must be ${wanted}, but is ${showValue(found)}${quotes}` }];
    }
    case 'invalid_value':
      return [{ path, message: `must be one of ${issue.values.map(String).join(', ')}, but is ${showValue(found)}` }];
    case 'too_small':
      return [
        {
          path,
          message: `must be at least ${issue.minimum}${issue.origin === 'array' ? ' items long' : `, but is ${showValue(found)}`}`,
        },
      ];
    case 'too_big':
      return [
        {
          path,
          message: `must be at most ${issue.maximum}${issue.origin === 'array' ? ' items long' : `, but is ${showValue(found)}`}`,
        },
      ];
    case 'invalid_format':
      return [{ path, message: `is ${showValue(found)}, but ${issue.message}` }];
    default:
      return [{ path, message: issue.message }];
  }
}

export type CheckResult = { object: unknown } | { errors: FieldError[] };

/**
 * Checks an object of a built-in kind, defaults applied as an API server applies them; for other kinds only
 * apiVersion, kind and metadata.
 */
export function checkCore(kind: string, group: string, value: unknown): CheckResult {
  const builtIn = group === '' || group === 'discovery.k8s.io';
  const schema = (builtIn ? schemas[kind] : undefined) ?? anyObject;
  const result = schema.safeParse(value);
  if (result.success) return { object: result.data };
  return { errors: result.error.issues.flatMap((issue) => toFieldErrors(issue, schema, value)) };
}
