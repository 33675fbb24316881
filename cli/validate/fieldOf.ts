/** The field of an object that a sentence is about, as far as the sentence names it: for the line in an editor. */
import type { KubernetesObject } from '../../api/object.ts';

/** A path such as `spec.rules[1]`; the spec as a whole where the sentence names nothing in it. */
export function fieldOf(object: KubernetesObject, message: string): string {
  const rule = /\brule (\d+)\b/.exec(message)?.[1];
  if (rule !== undefined) return `spec.rules[${rule}]`;
  const named = /\brule "([^"]+)"/.exec(message)?.[1];
  if (named !== undefined) return entry(object, 'rules', named);
  const listener = /^Listener "([^"]+)"/.exec(message)?.[1];
  const start = listener === undefined ? 'spec' : entry(object, 'listeners', listener);
  // `Service default/app`, or `ReferenceGrant … refer to Service default/app`: the reference that names it.
  for (const [, name] of message.matchAll(/\b[A-Z][A-Za-z]+ (?:[a-z0-9.-]+\/)?([a-z0-9.-]+)/g)) {
    const reference = findName(valueAt(object, start), name!, start);
    if (reference !== undefined) return reference;
  }
  return start;
}

function entry(object: KubernetesObject, list: string, name: string): string {
  const entries = (object.spec as Record<string, unknown> | undefined)?.[list];
  const index = Array.isArray(entries) ? entries.findIndex((each: { name?: string }) => each.name === name) : -1;
  return index === -1 ? 'spec' : `spec.${list}[${index}]`;
}

function valueAt(object: unknown, path: string): unknown {
  let value = object;
  for (const segment of path.split(/[.[\]]+/).filter((part) => part !== '')) {
    value = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[segment] : undefined;
  }
  return value;
}

function findName(value: unknown, name: string, path: string): string | undefined {
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      const found = findName(item, name, `${path}[${index}]`);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, child] of Object.entries(value)) {
    if (child === name && (key === 'name' || key.endsWith('ClassName'))) return `${path}.${key}`;
    const found = findName(child, name, `${path}.${key}`);
    if (found !== undefined) return found;
  }
  return undefined;
}
