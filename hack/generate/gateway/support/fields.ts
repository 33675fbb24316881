/** The fields of a kind, as its definition spells them, and which of them an object sets. */
import type { JSONSchemaProps } from '../../../../api/validation/schema.ts';

export interface Field {
  /** `spec.rules[].matches[].path.value`: `[]` stands for each item of a list. */
  path: string;
  /** Whether it has fields of its own, which say what it is for. */
  hasParts: boolean;
}

/** Every field of spec and status, in the order of the definition, parents first. */
export function fieldsOf(schema: JSONSchemaProps): Field[] {
  return [...fieldsBelow(schema, '')].filter(({ path }) => /^(spec|status)\./.test(path));
}

function* fieldsBelow(schema: JSONSchemaProps, above: string): Generator<Field> {
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const path = above === '' ? name : `${above}.${name}`;
    const parts = property.items ?? property;
    yield { path, hasParts: Object.keys(parts.properties ?? {}).length > 0 };
    yield* fieldsBelow(parts, property.items === undefined ? path : `${path}[]`);
  }
}

/** The paths of everything that an object holds, written as above; what lists and maps hold is told once. */
export function pathsIn(value: unknown, above = ''): Set<string> {
  const paths = new Set<string>();
  collect(value, above, paths);
  return paths;
}

function collect(value: unknown, path: string, paths: Set<string>): void {
  if (Array.isArray(value)) {
    for (const item of value) collect(item, `${path}[]`, paths);
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, part] of Object.entries(value)) {
      const below = path === '' ? name : `${path}.${name}`;
      paths.add(below);
      collect(part, below, paths);
    }
  }
}
