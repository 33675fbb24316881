/** Makes wrong objects of right ones, for tests that compare two validators. */
import type { KubernetesObject } from '../object.ts';
import { findKind } from './knownKinds.ts';
import type { Node } from './node.ts';
import { matchesPattern } from './pattern.ts';

export interface Mutation {
  /** What was done, to name the case. */
  name: string;
  object: unknown;
}

type Path = (string | number)[];

interface Place {
  path: Path;
  value: unknown;
  node: Node | undefined;
  /** Equal where one schema stands around, under one field name: a header of a match is like the next one. */
  scope: string;
}

function* places({ path, value, node, scope }: Place): Generator<Place> {
  yield { path, value, node, scope };
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      yield* places({ path: [...path, index], value: item, node: node?.items, scope: `${scope}[]` });
    }
  } else if (typeof value === 'object' && value !== null) {
    const around = `${JSON.stringify(node?.schema) ?? path.join('.')} ${choices(value, node)}`;
    for (const [key, item] of Object.entries(value)) {
      const child = node?.properties.get(key)?.node ?? node?.values;
      yield* places({ path: [...path, key], value: item, node: child, scope: `${around}.${key}` });
    }
  }
}

/** What is chosen in an object, by which rules treat its other fields differently: the type of a match or filter. */
function choices(value: object, node: Node | undefined): string {
  const chosen = Object.entries(value).filter(
    ([key]) => key === 'protocol' || node?.properties.get(key)?.node.schema.enum !== undefined,
  );
  return JSON.stringify(chosen);
}

/** A copy with another value at a place; `undefined` removes it. */
function changed(object: unknown, path: Path, value: unknown): unknown {
  const copy = structuredClone(object);
  let parent = copy as Record<string | number, unknown>;
  for (const step of path.slice(0, -1)) parent = parent[step] as Record<string | number, unknown>;
  const last = path.at(-1)!;
  if (value !== undefined) parent[last] = value;
  else if (Array.isArray(parent)) parent.splice(Number(last), 1);
  else delete parent[last];
  return copy;
}

/** Texts of which each is right in some field and wrong in others. */
const texts = (
  'a a.example.com *.example.com *. * 192.0.2.1 2001:db8::1 spiffe://example.com/a https://example.com 10s 0s 3h GET /a /a/./b ' +
  '/a/../b /a%2fb /a%2Fb /a#b /a/.. /a/. example.com/a Terminate a_b a..b Service Secret a.cluster.local'
).split(' ');

/** The texts that the pattern of a field takes, and a few of those that it does not. */
function textsFor(node: Node | undefined): string[] {
  const pattern = node?.schema.pattern;
  const taken = texts.filter((text) => pattern === undefined || matchesPattern(pattern, text));
  return [...taken, ...texts.filter((text) => !taken.includes(text)).slice(0, 2)];
}

/** A value that a field may have, as small as can be. */
function sample(node: Node): unknown {
  const { schema } = node;
  if (schema.enum !== undefined) return schema.enum[0];
  if (schema['x-kubernetes-int-or-string']) return 1;
  switch (node.type) {
    case 'object': {
      const required = [...node.properties].filter(([name]) => schema.required?.includes(name));
      return Object.fromEntries(required.map(([name, property]) => [name, sample(property.node)]));
    }
    case 'array':
      return schema.minItems === undefined || node.items === undefined ? [] : [sample(node.items)];
    case 'string':
      return texts.find((text) => schema.pattern === undefined || matchesPattern(schema.pattern, text));
    case 'boolean':
      return true;
    default:
      return schema.minimum ?? 0;
  }
}

function* replacements(value: unknown, node: Node | undefined): Generator {
  yield* [undefined, null];
  if (typeof value === 'string') {
    yield* ['', 'no such thing', `${value}X`, `-${value}`, value.repeat(200), 5, true, { a: 'b' }, [value]];
    yield* node?.schema.enum ?? textsFor(node);
  } else if (typeof value === 'number') {
    yield* [0, -1, 1.5, value + 1, value * 100, 70_000, 2 ** 31, 2 ** 40, String(value), {}];
  } else if (typeof value === 'boolean') {
    yield* [!value, 'true', 1];
  } else if (Array.isArray(value)) {
    yield* [[], {}, 'x', [...value, null]];
    const { maxItems = 0 } = node?.schema ?? {};
    if (maxItems <= 64) yield Array.from({ length: maxItems + 1 }, () => value[0] as unknown);
    if (node?.items !== undefined) yield [...value, sample(node.items)];
    yield* value.map((item: unknown) => [...value, item]);
    yield* value.map((item: unknown) => [...value, withOtherName(item)]);
    if (typeof value[0] === 'string') yield* textsFor(node?.items).map((text) => [...value, text]);
  } else if (typeof value === 'object' && value !== null) {
    yield* [{}, [], 'x', 3, { ...value, zzUnknown: 1 }];
    for (const [name, property] of node?.properties ?? []) {
      if (!Object.hasOwn(value, name)) yield { ...value, [name]: sample(property.node) };
    }
    if (node?.values !== undefined) {
      yield* ['x y', 'UPPER/x', '-/a', `${'a.'.repeat(130)}b/c`, '__proto'].map((key) => ({ ...value, [key]: 'a' }));
    }
  }
}

/** The same thing again under another name, where names alone must differ. */
function withOtherName(item: unknown): unknown {
  return typeof item === 'object' && item !== null && 'name' in item ? { ...item, name: 'another' } : item;
}

/**
 * Every single-place change of an object that is worth a try; what names the object (kind, namespace) stays. Where one
 * schema stands in several places of the object, one of them is enough.
 */
export function* mutations(object: KubernetesObject): Generator<Mutation> {
  const found = findKind(object.apiVersion, object.kind);
  const node = 'known' in found ? found.known.node(found.version) : undefined;
  const kept = new Set(['apiVersion', 'kind', 'metadata', 'metadata.name', 'metadata.namespace', '']);
  const tried = new Map<string, Set<string>>();
  for (const place of places({ path: [], value: object, node, scope: '' })) {
    const spelled = place.path.join('.');
    if (kept.has(spelled)) continue;
    const here = tried.get(place.scope) ?? new Set();
    tried.set(place.scope, here);
    for (const replacement of replacements(place.value, place.node)) {
      const text = replacement === undefined ? 'absent' : JSON.stringify(replacement);
      if (here.has(text)) continue;
      here.add(text);
      yield {
        name: `${object.kind}: ${spelled} = ${text.length > 60 ? `${text.slice(0, 60)}…` : text}`,
        object: changed(object, place.path, replacement),
      };
    }
  }
}
