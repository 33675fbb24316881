/** From a zod schema to the structural OpenAPI v3 schema that a CustomResourceDefinition holds. */
import { z } from 'zod';
import type { JSONSchemaProps } from '../../../api/validation/schema.ts';

/** Keys of JSON Schema that say nothing which a CustomResourceDefinition could hold. */
const dropped = new Set(['$schema', 'id', 'propertyNames']);

/**
 * Converts what a user writes by this schema (defaults are not required). Nothing is referenced: every use is spelled out.
 * @throws Error on a part of zod that a structural schema cannot say
 */
export function structuralSchema(schema: z.ZodType): JSONSchemaProps {
  const json = z.toJSONSchema(schema, { io: 'input', target: 'openapi-3.0', reused: 'inline', cycles: 'throw' });
  return convert(json, '');
}

function convert(source: object, path: string): JSONSchemaProps {
  // The keys of both dialects are the same ones; what differs is taken away below.
  const schema: JSONSchemaProps = Object.fromEntries(Object.entries(source).filter(([key]) => !dropped.has(key)));
  if (schema['x-kubernetes-int-or-string']) {
    // The only `anyOf` with types that a structural schema may have. It has no type of its own.
    schema.anyOf = [{ type: 'integer' }, { type: 'string' }];
  } else if (schema.anyOf ?? schema.oneOf ?? schema.allOf ?? schema.not) {
    throw new Error(`${path}: a union is no structural schema: use one object with optional fields and CEL rules`);
  } else if (schema.type === undefined) {
    throw new Error(`${path}: a structural schema needs one type`);
  }
  if (schema.pattern !== undefined) schema.pattern = schema.pattern.replaceAll('\\/', '/');
  if (schema.type === 'integer') convertInteger(schema);
  if (schema['x-kubernetes-preserve-unknown-fields']) {
    delete schema.additionalProperties;
    delete schema.properties;
  }
  if (schema.properties !== undefined) {
    schema.properties = Object.fromEntries(
      Object.entries(schema.properties).map(([name, property]) => [name, convert(property, `${path}.${name}`)]),
    );
  }
  if (schema.additionalProperties === false) delete schema.additionalProperties;
  if (typeof schema.additionalProperties === 'object') {
    schema.additionalProperties = convert(schema.additionalProperties, `${path}[*]`);
  }
  if (schema.items !== undefined) schema.items = convert(schema.items, `${path}[]`);
  return inReadingOrder(schema);
}

/** What a reader looks for first stands first: what it is for, its type, its default, its bounds, what is below it. */
function inReadingOrder(schema: JSONSchemaProps): JSONSchemaProps {
  const first = ['description', 'type', 'format', 'default', 'enum'];
  const last = ['x-kubernetes-validations', 'required', 'properties', 'additionalProperties', 'items'];
  const rank = (key: string): number => {
    if (first.includes(key)) return first.indexOf(key) - first.length;
    return last.indexOf(key) + 1;
  };
  return Object.fromEntries(Object.entries(schema).toSorted(([left], [right]) => rank(left) - rank(right)));
}

/** A bound that only says how far JavaScript or an int32 counts is the format's to say. */
function convertInteger(schema: JSONSchemaProps): void {
  const { minimum = -Infinity, maximum = Infinity } = schema;
  schema.format ??= minimum >= -(2 ** 31) && maximum < 2 ** 31 ? 'int32' : 'int64';
  if (minimum === Number.MIN_SAFE_INTEGER || minimum === -(2 ** 31)) delete schema.minimum;
  if (maximum === Number.MAX_SAFE_INTEGER || maximum === 2 ** 31 - 1) delete schema.maximum;
}
