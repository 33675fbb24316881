/**
 * Objects that the API server would take, made from the schemas of their kinds: for property tests only.
 *
 * A schema says which fields there are, their bounds, enums and patterns. Rules in CEL it cannot be asked for: what they refuse
 * is taken out again, field by field, until nothing is refused.
 */
import fc from 'fast-check';
import type { KubernetesObject } from '../../api/object.ts';
import { findKind, validateObject } from '../../api/validation/index.ts';
import { matchesPattern } from '../../api/validation/pattern.ts';
import type { JSONSchemaProps } from '../../api/validation/schema.ts';

/** Values for a place that make objects meet: undefined leaves the place to its schema. */
export type Hints = (path: string) => fc.Arbitrary<unknown> | undefined;

// What is written into fields that take any text: everyday values, of which most are sound where they fit …
const everyday = [
  'a',
  'b',
  'x-a',
  'X-B',
  '1',
  '10s',
  '30s',
  '100ms',
  'a.example.com',
  'https://a.example.com',
  'https://*.example.com',
  '*',
  '/',
  '/a',
  '/a/',
  '/a/b',
  '/b',
  '[a-z]+',
  'a|b',
  '/a.*',
  'GET',
];

// … and such as break what takes them at their word.
const nasty = [
  'Host',
  ':path',
  '0s',
  '50%',
  '%REQ(x)%',
  '%%',
  '%',
  '*.example.com',
  '192.0.2.1',
  '2001:db8::1',
  '/x\\1',
  '/a?b',
  '/a b',
  '//',
  '/%2f',
  '/ü',
  'a/b',
  '/a#b',
  '/.',
  '/..',
  '(',
  '(?=a)',
  '.*',
  '^a$',
  '(?i)a',
  'a{1000}',
  '(a{30}){30}',
  '\\pL',
  '\\',
  '[',
  'a**',
  '\\C',
  'a\nb',
  'a\u0000b',
  'ü',
  '\u{1f600}',
  ' ',
  '',
  '"',
  "'",
  '{}',
  '${x}',
  'a b',
  'a,b',
  'a;b',
  'a=b',
  '\t',
];

/** Fields without which an object says little. */
const telling = new Set([
  'parentRefs',
  'rules',
  'backendRefs',
  'filters',
  'ports',
  'endpoints',
  'tls',
  'certificateRefs',
  'port',
]);

const camel = (value: string): string => value.toLowerCase();

/** The property that a discriminator's value asks for: `urlRewrite` for `URLRewrite`. */
function chosenProperty(value: unknown, names: readonly string[]): string | undefined {
  return typeof value === 'string' ? names.find((name) => camel(name) === camel(value)) : undefined;
}

/** Values of a schema, but for its rules in CEL. */
export function schemaArbitrary(schema: JSONSchemaProps, hints: Hints, path = ''): fc.Arbitrary<unknown> {
  const hint = hints(path);
  if (hint !== undefined) return hint;
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema['x-kubernetes-int-or-string'])
    return fc.oneof({ depthSize: 'max' }, fc.integer({ min: 1, max: 65_535 }), fc.constant('http'));
  switch (schema.type) {
    case 'object':
      return objectArbitrary(schema, hints, path);
    case 'array': {
      // What stands in no list says nothing: an empty one is seldom what is to be seen.
      const minLength = schema.minItems ?? (path.endsWith('.backendRefs') ? 1 : 0);
      const maxLength = Math.max(minLength, Math.min(schema.maxItems ?? 3, 3));
      return fc.array(schemaArbitrary(schema.items ?? {}, hints, `${path}[]`), { minLength, maxLength });
    }
    case 'string':
      return stringArbitrary(schema);
    case 'integer': {
      const { minimum: min = 0, maximum: max = 2 ** 31 - 1 } = schema;
      const common = [0, 1, 2, 80, 81, 443, 500, 8080, 65_535].filter((value) => value >= min && value <= max);
      const any = fc.integer({ min, max });
      return common.length === 0
        ? any
        : fc.oneof({ depthSize: 'max' }, { weight: 4, arbitrary: fc.constantFrom(...common) }, any);
    }
    case 'number':
      return fc.integer({ min: schema.minimum ?? 0, max: schema.maximum ?? 1000 });
    case 'boolean':
      return fc.boolean();
    default:
      return fc.constant(undefined);
  }
}

function objectArbitrary(schema: JSONSchemaProps, hints: Hints, path: string): fc.Arbitrary<unknown> {
  const properties = Object.entries(schema.properties ?? {});
  if (properties.length === 0) {
    const values = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
    if (values === undefined) return fc.constant({});
    return fc.dictionary(fc.constantFrom('a', 'b', 'example.com/c'), schemaArbitrary(values, hints, `${path}{}`), {
      maxKeys: Math.min(schema.maxProperties ?? 2, 2),
    });
  }
  const names = properties.map(([name]) => name);
  const required = new Set(schema.required ?? []);
  const choices = schema.properties?.['type']?.enum;
  const discriminated = choices?.some((value) => chosenProperty(value, names) !== undefined) === true;
  const record = fc.record(
    Object.fromEntries(
      properties.map(([name, property]) => {
        const value = schemaArbitrary(property, hints, `${path}.${name}`);
        if (required.has(name) || discriminated) return [name, value];
        const weight = telling.has(name) ? 12 : 1;
        return [
          name,
          fc.oneof(
            { depthSize: 'max' },
            { weight: 1, arbitrary: fc.constant(undefined) },
            { weight, arbitrary: value },
          ),
        ];
      }),
    ),
  );
  return record.map((made) => {
    const value: Record<string, unknown> = made;
    if (discriminated) {
      const chosen = chosenProperty(value['type'], names);
      const others = new Set((choices ?? []).map((choice) => chosenProperty(choice, names)));
      for (const name of names) if (others.has(name) && name !== chosen) delete value[name];
    }
    return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined));
  });
}

function stringArbitrary(schema: JSONSchemaProps): fc.Arbitrary<string> {
  const { pattern, minLength = 0, maxLength = 10_000 } = schema;
  const fits = (text: string): boolean => {
    const { length } = Array.from(text);
    return length >= minLength && length <= maxLength && (pattern === undefined || matchesPattern(pattern, text));
  };
  const common = everyday.filter(fits);
  const rare = nasty.filter(fits);
  const long = ['a', '/a', '.*', '(ab|c)', 'x-'].flatMap((unit) => {
    const text = unit.repeat(Math.ceil(maxLength / unit.length)).slice(0, maxLength);
    return fits(text) ? text : [];
  });
  const arbitraries: fc.WeightedArbitrary<string>[] = [];
  if (common.length > 0) arbitraries.push({ weight: 60, arbitrary: fc.constantFrom(...common) });
  if (rare.length > 0) arbitraries.push({ weight: 6, arbitrary: fc.constantFrom(...rare) });
  if (long.length > 0) arbitraries.push({ weight: 1, arbitrary: fc.constantFrom(...long) });
  const made =
    pattern === undefined ? fc.string({ minLength, maxLength: Math.min(maxLength, 20) }) : ofPattern(pattern);
  // What does not fit is taken out with what the rules in CEL refuse.
  if (made !== undefined) arbitraries.push({ weight: common.length < 2 ? 30 : 3, arbitrary: made });
  // Depth must not make what is nested poorer than what is not.
  return arbitraries.length === 0 ? fc.constant('') : fc.oneof({ depthSize: 'max' }, ...arbitraries);
}

/** Undefined where the pattern says what the expressions of this language, or fast-check, do not. */
function ofPattern(pattern: string): fc.Arbitrary<string> | undefined {
  try {
    const arbitrary = fc.stringMatching(new RegExp(pattern), { size: '-1' });
    fc.sample(arbitrary, 1);
    return arbitrary;
  } catch {
    return undefined;
  }
}

/** Valid objects of a kind, `metadata` as it is given; undefined where nothing valid is left. */
export function objectArbitraryOf(
  apiVersion: string,
  kind: string,
  metadata: fc.Arbitrary<KubernetesObject['metadata']>,
  hints: Hints,
  finish: (object: object) => object = (object) => object,
): fc.Arbitrary<KubernetesObject | undefined> {
  const found = findKind(apiVersion, kind);
  if (!('known' in found)) throw new Error(found.unknown.message);
  const { properties = {}, required = [] } = found.known.node(found.version).schema;
  const { apiVersion: _, kind: __, metadata: ___, status: ____, ...rest } = properties;
  const body = schemaArbitrary({ type: 'object', properties: rest, required }, hints);
  return fc
    .tuple(metadata, body)
    .map(([meta, fields]) => repaired({ apiVersion, kind, metadata: meta, ...finish(fields as object) }));
}

/** The object as the API server would keep it, without what it would refuse; undefined where that leaves nothing. */
function repaired(object: unknown): KubernetesObject | undefined {
  const copy = structuredClone(object);
  for (let i = 0; i < 40; i++) {
    const result = validateObject(copy);
    if (result.object !== undefined) return result.object;
    // The last first, so that the positions of the others stay.
    for (const { path } of result.errors.toReversed()) remove(copy, parsePath(path));
  }
  return undefined;
}

function parsePath(path: string): (string | number)[] {
  return [...path.matchAll(/\[(\d+)\]|\["?([^"\]]+)"?\]|([^.[\]]+)/g)].map(([, index, key, name]) =>
    index === undefined ? (key ?? name ?? '') : Number(index),
  );
}

/** Takes a value out; where it is not there, what would hold it. */
function remove(root: unknown, path: (string | number)[]): void {
  if (path.length < 2) return;
  let parent = root;
  for (const step of path.slice(0, -1)) parent = (parent as Record<string | number, unknown> | undefined)?.[step];
  const last = path.at(-1)!;
  const found = (parent as Record<string | number, unknown> | undefined)?.[last];
  // Of things that may not stand together the others stay.
  if (Array.isArray(found) && found.length > 1) found.pop();
  else if (Array.isArray(parent) && typeof last === 'number' && last < parent.length) parent.splice(last, 1);
  else if (typeof parent === 'object' && parent !== null && last in parent)
    delete (parent as Record<string | number, unknown>)[last];
  else remove(root, path.slice(0, -1));
}
