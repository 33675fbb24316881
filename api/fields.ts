/** Fields that several kinds have. Every string, list and map has a bound: the API server prices CEL rules by the bounds. */
import { z } from 'zod';
import { rules } from './kind.ts';

/** A name of a namespaced object that Sluice reads. Source: Kubernetes docs, "Object Names and IDs", DNS subdomain names. */
export const objectName = z
  .string()
  .min(1)
  .max(253)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/);

/** A name of a namespace. Source: Kubernetes docs, "Object Names and IDs", RFC 1123 label names. */
export const namespaceName = z
  .string()
  .min(1)
  .max(63)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);

/** A reference to an object of a fixed kind in the same namespace. */
export function localReference(what: string) {
  return z.object({ name: objectName.describe(`Name of the ${what}, in the namespace of this object.`) });
}

/** A span of time. Source: Gateway API, GEP-2257, "Gateway API Duration Format". */
export const duration = z
  .string()
  .max(32)
  .regex(/^([0-9]{1,5}(h|m|s|ms)){1,4}$/);

const keyPattern =
  '^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$';

function validKeys(what: 'labels' | 'annotations') {
  // Annotation keys may be written in capitals.
  const key = what === 'annotations' ? 'key.lowerAscii()' : 'key';
  return {
    rule: `self.all(key, key.split('/')[0].size() <= 253 && ${key}.matches('${keyPattern}'))`,
    message: `a key of ${what} is a name of at most 63 characters, optionally behind a DNS domain and a slash, as in example.com/team`,
  };
}

/** Labels for an object that Sluice makes. Source: Kubernetes docs, "Labels and Selectors", syntax. */
export const labelMap = z
  .record(
    z.string(),
    z
      .string()
      .max(63)
      .regex(/^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/),
  )
  .meta({ maxProperties: 32, ...rules(validKeys('labels')) });

/** Annotations for an object that Sluice makes. Source: Kubernetes docs, "Annotations", syntax. */
export const annotationMap = z
  .record(z.string(), z.string().max(4096))
  .meta({ maxProperties: 32, ...rules(validKeys('annotations')) });

/** An amount of a resource. Source: Kubernetes docs, "Quantity" (`resource.Quantity`). */
const quantity = z.union([z.int(), z.string()]).meta({
  'x-kubernetes-int-or-string': true,
  pattern:
    '^(\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))))?$',
});

/** Requests and limits of a container. Source: Kubernetes API reference, ResourceRequirements. */
export const resourceRequirements = z.object({
  limits: z
    .record(z.string(), quantity)
    .meta({ maxProperties: 16 })
    .describe('The most of each resource that the container may use, for example cpu: "2" or memory: 1Gi.')
    .exactOptional(),
  requests: z
    .record(z.string(), quantity)
    .meta({ maxProperties: 16 })
    .describe('What of each resource a node reserves for the container. Where it is left out, the limit is reserved.')
    .exactOptional(),
});

/** Any JSON object, checked by whoever it is handed to. */
export const anyObject = z.record(z.string(), z.unknown()).meta({ 'x-kubernetes-preserve-unknown-fields': true });

/** One condition. Source: Kubernetes API conventions, `metav1.Condition`. */
const condition = z
  .object({
    type: z
      .string()
      .max(316)
      .regex(
        /^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$/,
      )
      .describe('What the condition is about, in CamelCase.'),
    status: z.enum(['True', 'False', 'Unknown']).describe('Whether it holds.'),
    observedGeneration: z
      .int()
      .min(0)
      .meta({ format: 'int64' })
      .describe('The metadata.generation that the condition speaks of; older than the current one: not looked at yet.')
      .exactOptional(),
    lastTransitionTime: z.string().meta({ format: 'date-time' }).describe('When the status last changed.'),
    reason: z
      .string()
      .min(1)
      .max(1024)
      .regex(/^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/)
      .describe('Why, in one CamelCase word.'),
    message: z.string().max(32768).describe('Why, in a sentence that says what to do.'),
  })
  .describe('One thing that is true or not of the object as it is now.');

/** The conditions of a status, at most one of each type. */
export const conditions = z
  .array(condition)
  .max(16)
  .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] });

/** How many of the proxies have which configuration. */
export const configurationStatus = z.object({
  version: z
    .string()
    .max(128)
    .describe(
      'Version of the configuration that was last sent: a hash of its content, equal on every operator replica.',
    ),
  acknowledged: z.int32().min(0).describe('How many of the connected proxies have acknowledged that version.'),
  total: z.int32().min(0).describe('How many proxies are connected.'),
});
