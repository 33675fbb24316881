/** JSON values as CEL rules see them, by the schema they stand under. */
import type { Node } from './node.ts';

/** Words that CEL keeps for itself; a field of such a name is written `__name__`. Source: Kubernetes docs, "Validation rules". */
const reserved = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);
const escapes: Record<string, string> = { __: '__underscores__', '.': '__dot__', '-': '__dash__', '/': '__slash__' };

/** The name of a declared field within a rule. */
export function celName(field: string): string {
  if (reserved.has(field)) return `__${field}__`;
  return field.replace(/__|[./-]/g, (part) => escapes[part]!);
}

/** A value without schema: whole numbers are ints. */
function fromUntyped(value: unknown): unknown {
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(fromUntyped);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fromUntyped(item)]));
}

/** A string, number or boolean; `undefined` is no value. */
export function scalarToCEL(node: Node, value: unknown): unknown {
  if (typeof value === 'number') return node.type === 'number' ? value : BigInt(value);
  if (typeof value === 'string' && node.schema.format === 'date-time') return new Date(value);
  return value;
}

/** Converts a value that has been validated. Numbers of integer fields become `bigint`, which CEL takes for int. */
export function toCEL(node: Node, value: unknown): unknown {
  if (node.sameInCEL) return value;
  if (node.preserves) return fromUntyped(value);
  if (Array.isArray(value)) return value.map((item) => (node.items === undefined ? item : toCEL(node.items, item)));
  if (typeof value !== 'object' || value === null) return scalarToCEL(node, value);
  const result: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    const property = node.properties.get(key);
    if (property !== undefined) result[property.celName] = toCEL(property.node, item);
    else if (node.values !== undefined) result[key] = toCEL(node.values, item);
  }
  return result;
}
