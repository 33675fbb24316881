/**
 * The metadata of every object. Source: k8s.io/apimachinery, `pkg/apis/meta/v1` and `pkg/api/validation`.
 */
import type { JSONSchemaProps } from './schema.ts';

const string: JSONSchemaProps = { type: 'string' };
const boolean: JSONSchemaProps = { type: 'boolean' };
const integer: JSONSchemaProps = { type: 'integer', format: 'int64' };
const time: JSONSchemaProps = { type: 'string', format: 'date-time', nullable: true };

const key =
  "'^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$'";
const keyMessage =
  'a key is a name of at most 63 letters, digits, hyphens, underscores and dots, optionally behind a DNS domain and a slash, as in example.com/team';

/** How the names of a kind look. */
export type NameStyle = 'subdomain' | 'label' | 'serviceLabel';

const namePatterns: Record<NameStyle, JSONSchemaProps> = {
  subdomain: { maxLength: 253, pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$' },
  label: { maxLength: 63, pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$' },
  serviceLabel: { maxLength: 63, pattern: '^[a-z]([-a-z0-9]*[a-z0-9])?$' },
};

/** The schema of `metadata` of a kind. */
export function metadataSchema(namespaced: boolean, names: NameStyle): JSONSchemaProps {
  return {
    type: 'object',
    required: ['name'],
    'x-kubernetes-validations': namespaced
      ? []
      : [
          {
            rule: '!has(self.__namespace__)',
            message: 'the kind is cluster-scoped: remove the namespace',
            fieldPath: '.namespace',
          },
        ],
    properties: {
      name: { type: 'string', minLength: 1, ...namePatterns[names] },
      namespace: { type: 'string', ...namePatterns.label },
      generateName: string,
      uid: string,
      resourceVersion: string,
      generation: integer,
      creationTimestamp: time,
      deletionTimestamp: time,
      deletionGracePeriodSeconds: integer,
      selfLink: string,
      labels: {
        type: 'object',
        additionalProperties: {
          type: 'string',
          maxLength: 63,
          pattern: '^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$',
        },
        'x-kubernetes-validations': [
          { rule: `self.all(key, key.split('/')[0].size() <= 253 && key.matches(${key}))`, message: keyMessage },
        ],
      },
      annotations: {
        type: 'object',
        additionalProperties: string,
        // Annotation keys may be written in capitals.
        'x-kubernetes-validations': [
          {
            rule: `self.all(key, key.split('/')[0].size() <= 253 && key.lowerAscii().matches(${key}))`,
            message: keyMessage,
          },
        ],
      },
      finalizers: { type: 'array', items: string },
      ownerReferences: {
        type: 'array',
        items: {
          type: 'object',
          required: ['apiVersion', 'kind', 'name', 'uid'],
          properties: {
            apiVersion: string,
            kind: string,
            name: string,
            uid: string,
            controller: boolean,
            blockOwnerDeletion: boolean,
          },
        },
      },
      managedFields: { type: 'array', items: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
    },
  };
}
