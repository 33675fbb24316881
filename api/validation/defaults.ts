/**
 * Fills in defaults and takes out nulls, as the API server does before it validates.
 * Source: k8s.io/apiextensions-apiserver, `pkg/apiserver/schema/defaulting`.
 */
import type { Node } from './node.ts';

/**
 * A copy of the value with the schema's defaults, so that the value itself is never changed. A null where the schema takes
 * none counts as absent, except in a list, where it stays and is an error later.
 */
export function withDefaults(node: Node | undefined, value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map((item: unknown) => {
      const filled = item === null ? (structuredClone(node?.items?.schema.default) ?? null) : item;
      return withDefaults(node?.items, filled);
    });
  }
  if (typeof value !== 'object' || value === null) return value;
  const result: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    const child = node?.properties.get(key)?.node ?? node?.values;
    if (item === null && child !== undefined && !child.schema.nullable) {
      if (child.schema.default !== undefined) setOwn(result, key, withDefaults(child, child.schema.default));
    } else {
      setOwn(result, key, withDefaults(child, item));
    }
  }
  if (node !== undefined && node.hasDefaults) {
    for (const [key, { node: child }] of node.properties) {
      if (child.schema.default !== undefined && !Object.hasOwn(result, key)) {
        result[key] = withDefaults(child, child.schema.default);
      }
    }
  }
  return result;
}

/** `__proto__` in a user's file is a field like any other. */
function setOwn(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(target, key, { value, enumerable: true, writable: true, configurable: true });
  else target[key] = value;
}
