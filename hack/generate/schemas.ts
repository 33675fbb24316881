/**
 * Generates `api/validation/generated/schemas.json`: the schemas of every kind of ours and of Gateway API's experimental
 * channel, without what only readers need, so that objects are validated where there is neither a cluster nor Go.
 */
import type { GeneratedSchemas } from '../../api/validation/knownKinds.ts';
import type { JSONSchemaProps } from '../../api/validation/schema.ts';
import type { CustomResourceDefinition } from './customResourceDefinition.ts';
import type { GeneratedFiles } from './files.ts';
import { gatewayAPIDefinitions } from './gateway/definitions.ts';
import { preferredVersion } from './gateway/types.ts';
import { ourDefinitions } from './kinds/definitions.ts';

const folder = 'api/validation/generated';

function withoutDescriptions(schema: JSONSchemaProps): JSONSchemaProps {
  const { description: _, ...result } = schema;
  if (result.properties !== undefined) {
    result.properties = Object.fromEntries(
      Object.entries(result.properties).map(([name, property]) => [name, withoutDescriptions(property)]),
    );
  }
  if (typeof result.additionalProperties === 'object') {
    result.additionalProperties = withoutDescriptions(result.additionalProperties);
  }
  if (result.items !== undefined) result.items = withoutDescriptions(result.items);
  return result;
}

function collect(definitions: readonly CustomResourceDefinition[]): GeneratedSchemas {
  const indexes = new Map<string, number>();
  const indexOf = (schema: JSONSchemaProps): number => {
    const text = JSON.stringify(withoutDescriptions(schema));
    const index = indexes.get(text) ?? indexes.size;
    indexes.set(text, index);
    return index;
  };
  const kinds = definitions.map((definition) => ({
    group: definition.spec.group,
    kind: definition.spec.names.kind,
    plural: definition.spec.names.plural,
    namespaced: definition.spec.scope === 'Namespaced',
    version: preferredVersion(definition).name,
    versions: definition.spec.versions.map(({ name, served, schema }) => ({
      name,
      served,
      schema: indexOf(schema.openAPIV3Schema),
    })),
  }));
  return { kinds, schemas: [...indexes.keys()].map((text): JSONSchemaProps => JSON.parse(text)) };
}

function lines(list: object[]): string {
  return list.map((item) => `    ${JSON.stringify(item)}`).join(',\n');
}

/** One line per kind and per schema, so that a change shows as the change of one kind. */
export function generateSchemas(): GeneratedFiles {
  const { kinds, schemas } = collect([...ourDefinitions, ...gatewayAPIDefinitions('experimental')]);
  const text = `{\n  "kinds": [\n${lines(kinds)}\n  ],\n  "schemas": [\n${lines(schemas)}\n  ]\n}\n`;
  return { folder, files: new Map([[`${folder}/schemas.json`, text]]) };
}
