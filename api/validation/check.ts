/**
 * Checks a value against a structural schema: types, unknown fields, bounds, patterns, uniqueness in lists, CEL rules.
 * Source: Kubernetes docs, "Extend the Kubernetes API with CustomResourceDefinitions"; k8s.io/kube-openapi, `pkg/validation`.
 */
import { scalarToCEL, toCEL } from './celValue.ts';
import { formats } from './format.ts';
import type { Node, Rule } from './node.ts';
import { matchesPattern, patternInWords } from './pattern.ts';
import { type Path, spellPath } from './path.ts';
import type { JSONSchemaProps } from './schema.ts';
import { didYouMean } from './suggestion.ts';

export interface ValidationError {
  /** As in `spec.rules[0].matches[1].path.value`; empty for the object itself. */
  path: string;
  /** One sentence that says what to do. */
  message: string;
}

/** Stands for the CEL value of something that was refused: rules above it are not asked. */
const refused = Symbol('refused');

type Fields = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Collects the errors of one object. */
export class Check {
  readonly errors: ValidationError[] = [];

  /**
   * Checks a value with defaults filled in.
   * @param previous the value at the same place before an update; transition rules are asked only where it is given
   */
  value(node: Node, value: unknown, path: Path | undefined, previous?: unknown): void {
    this.#check(node, value, path, previous);
  }

  /** Only tells of fields that the schema does not have, as the API server does for parts that it then drops. */
  unknownFields(node: Node, value: unknown, path: Path | undefined): void {
    if (node.preserves) return;
    if (Array.isArray(value) && node.items !== undefined) {
      for (const [index, item] of value.entries()) this.unknownFields(node.items, item, { parent: path, step: index });
    } else if (isFields(value)) {
      for (const [name, item] of Object.entries(value)) {
        const child = node.properties.get(name)?.node ?? node.values;
        if (child === undefined) this.#unknownField(node, name, path);
        else this.unknownFields(child, item, { parent: path, step: name });
      }
    }
  }

  #fail(path: Path | undefined, message: string): typeof refused {
    this.errors.push({ path: spellPath(path), message });
    return refused;
  }

  #unknownField(node: Node, name: string, path: Path | undefined): void {
    const names = [...node.properties.keys()];
    const best = didYouMean(name, names);
    const others = best === '' && names.length <= 12 ? `; the fields are ${names.join(', ')}` : best;
    this.#fail({ parent: path, step: name }, `unknown field${others}`);
  }

  #check(node: Node, value: unknown, path: Path | undefined, previous: unknown): unknown {
    const wrongType = typeError(node.schema, value);
    if (wrongType !== undefined) return this.#fail(path, wrongType);
    const before = this.errors.length;
    for (const message of boundErrors(node.schema, value)) this.#fail(path, message);
    let cel: unknown;
    if (Array.isArray(value)) cel = this.#checkItems(node, value, path, previous);
    else if (isFields(value)) cel = this.#checkFields(node, value, path, previous);
    else cel = node.sameInCEL ? value : scalarToCEL(node, value);
    if (this.errors.length === before) this.#checkAlternatives(node.schema, value, path);
    if (this.errors.length > before) return refused;
    for (const rule of node.rules) this.#checkRule(node, rule, cel, path, previous);
    return this.errors.length > before ? refused : cel;
  }

  #checkItems(node: Node, value: readonly unknown[], path: Path | undefined, previous: unknown): unknown {
    const { items } = node;
    if (items === undefined) return value;
    const before = this.errors.length;
    const previousOf = correlatedItems(node.schema, previous);
    const cel: unknown[] = node.sameInCEL ? [] : value.slice();
    for (const [index, item] of value.entries()) {
      const converted = this.#check(items, item, { parent: path, step: index }, previousOf?.(item));
      if (!node.sameInCEL) cel[index] = converted;
    }
    if (this.errors.length === before) this.#checkUniqueness(node.schema, value, path);
    return node.sameInCEL ? value : cel;
  }

  #checkFields(node: Node, value: Fields, path: Path | undefined, previous: unknown): unknown {
    if (node.preserves) return node.rules.length === 0 ? value : toCEL(node, value);
    const previousFields =
      isFields(previous) && node.schema['x-kubernetes-map-type'] !== 'atomic' ? previous : undefined;
    const cel: Record<string, unknown> = {};
    for (const name in value) {
      const property = node.properties.get(name);
      const child = property?.node ?? node.values;
      if (child === undefined) {
        this.#unknownField(node, name, path);
        continue;
      }
      const converted = this.#check(child, value[name], { parent: path, step: name }, previousFields?.[name]);
      if (!node.sameInCEL) cel[property?.celName ?? name] = converted;
    }
    for (const name of node.schema.required ?? []) {
      if (!Object.hasOwn(value, name)) this.#fail({ parent: path, step: name }, 'is required');
    }
    return node.sameInCEL ? value : cel;
  }

  /** Source: k8s.io/apiextensions-apiserver, `pkg/apiserver/schema/listtype`. */
  #checkUniqueness(schema: JSONSchemaProps, value: readonly unknown[], path: Path | undefined): void {
    const type = schema['x-kubernetes-list-type'];
    if ((type !== 'set' && type !== 'map') || value.length < 2) return;
    const keys = schema['x-kubernetes-list-map-keys'] ?? [];
    const seen = new Map<string, number>();
    for (const [index, item] of value.entries()) {
      const key = JSON.stringify(
        type === 'set' ? item : keys.map((name) => (isFields(item) ? (item[name] ?? null) : null)),
      );
      const first = seen.get(key);
      if (first === undefined) {
        seen.set(key, index);
        continue;
      }
      const what =
        type === 'set'
          ? `${show(item)} is there twice`
          : `${keys.map((name) => `${name} ${show(isFields(item) ? item[name] : undefined)}`).join(' and ')} is used by item ${first} already`;
      this.#fail({ parent: path, step: index }, what);
    }
  }

  #checkAlternatives(schema: JSONSchemaProps, value: unknown, path: Path | undefined): void {
    if (!(schema.allOf ?? schema.anyOf ?? schema.oneOf ?? schema.not)) return;
    if (schema['x-kubernetes-int-or-string']) return;
    const failure = failureOf(onlyAlternatives(schema), value, path);
    if (failure !== undefined) this.#fail(failure.path, failure.message);
  }

  #checkRule(node: Node, rule: Rule, cel: unknown, path: Path | undefined, previous: unknown): void {
    if (rule.transition && previous === undefined) return;
    const variables = rule.transition ? { self: cel, oldSelf: toCEL(node, previous) } : { self: cel };
    let holds: unknown;
    let failure: string | undefined;
    try {
      holds = rule.evaluate(variables);
    } catch (error) {
      // The API server refuses what a rule cannot be evaluated on, so a missing field that a rule reads is an error of the object.
      failure = firstLine(error);
    }
    if (holds === true) return;
    const { source } = rule;
    const at = (source.fieldPath?.match(/[^.[\]']+/g) ?? []).reduce<Path | undefined>(
      (parent, step) => ({ parent, step }),
      path,
    );
    const otherwise = failure === undefined ? '' : `, which cannot be evaluated: ${failure}`;
    this.#fail(at, this.#messageOf(rule, variables) ?? `must satisfy ${source.rule}${otherwise}`);
  }

  #messageOf(rule: Rule, variables: { self: unknown }): string | undefined {
    if (rule.message === undefined) return rule.source.message;
    try {
      const made = rule.message(variables);
      return typeof made === 'string' && made.trim() !== '' ? made : rule.source.message;
    } catch {
      // As the API server does: an expression that fails leaves the fixed message.
      return rule.source.message;
    }
  }
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0]!;
}

/** How the items of a list are found in the list before an update: only a map has keys that tell. */
function correlatedItems(schema: JSONSchemaProps, previous: unknown): ((item: unknown) => unknown) | undefined {
  if (!Array.isArray(previous) || schema['x-kubernetes-list-type'] !== 'map') return undefined;
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const keyOf = (item: unknown): string =>
    JSON.stringify(keys.map((name) => (isFields(item) ? item[name] : undefined)));
  const byKey = new Map(previous.map((item: unknown) => [keyOf(item), item]));
  return (item) => byKey.get(keyOf(item));
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

const typeNames = {
  object: 'an object',
  array: 'a list',
  string: 'a string',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
} as const;

function describeType(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  return typeof value === 'string' ? `the string ${show(value)}` : `the ${typeof value} ${show(value)}`;
}

function hasType(type: JSONSchemaProps['type'], value: unknown): boolean {
  switch (type) {
    case undefined:
      return true;
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isFields(value);
    case 'integer':
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}

function typeError(schema: JSONSchemaProps, value: unknown): string | undefined {
  if (value === null && schema.nullable) return undefined;
  if (schema['x-kubernetes-int-or-string']) {
    if (typeof value === 'string' || Number.isInteger(value)) return undefined;
    return `must be a whole number or a string, not ${describeType(value)}`;
  }
  if (hasType(schema.type, value)) return undefined;
  const quoted = schema.type === 'string' && (typeof value === 'number' || typeof value === 'boolean');
  const hint = quoted ? `; put it in quotes: "${value}"` : '';
  return `must be ${typeNames[schema.type!]}, not ${describeType(value)}${hint}`;
}

function* boundErrors(schema: JSONSchemaProps, value: unknown): Generator<string> {
  if (typeof value === 'string') yield* stringErrors(schema, value);
  else if (typeof value === 'number') yield* numberErrors(schema, value);
  else if (Array.isArray(value)) yield* countErrors(value.length, schema.minItems, schema.maxItems, 'item');
  else if (isFields(value) && (schema.minProperties ?? schema.maxProperties) !== undefined) {
    yield* countErrors(Object.keys(value).length, schema.minProperties, schema.maxProperties, 'entry');
  }
  if (schema.enum !== undefined && !schema.enum.some((allowed) => allowed === value)) {
    const words = schema.enum.map(String);
    const best = typeof value === 'string' ? didYouMean(value, words) : '';
    yield `must be one of ${words.join(', ')}, not ${show(value)}${best}`;
  }
}

function* stringErrors(schema: JSONSchemaProps, value: string): Generator<string> {
  const { minLength, maxLength, pattern, format } = schema;
  const length = characters(value);
  if (maxLength !== undefined && length > maxLength) yield `must have at most ${maxLength} characters, not ${length}`;
  if (minLength !== undefined && length < minLength) {
    yield value === '' ? 'must not be empty' : `must have at least ${minLength} characters`;
    return;
  }
  if (pattern !== undefined && !matchesPattern(pattern, value)) {
    yield `must be ${patternInWords(pattern)}, not ${show(value)}`;
  }
  const expected = format === undefined ? undefined : formats.get(format);
  if (expected !== undefined && !expected.accepts(value)) yield `must be ${expected.inWords}, not ${show(value)}`;
}

/** Counts characters, not UTF-16 units. */
function characters(value: string): number {
  return value.length - (value.match(/[\ud800-\udbff][\udc00-\udfff]/g)?.length ?? 0);
}

function* numberErrors(schema: JSONSchemaProps, value: number): Generator<string> {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  const tooSmall = minimum !== undefined && (exclusiveMinimum ? value <= minimum : value < minimum);
  const tooLarge = maximum !== undefined && (exclusiveMaximum ? value >= maximum : value > maximum);
  if (tooSmall && maximum !== undefined) yield `must be from ${minimum} to ${maximum}, not ${value}`;
  else if (tooSmall) yield `must be at least ${minimum}, not ${value}`;
  else if (tooLarge && minimum !== undefined) yield `must be from ${minimum} to ${maximum}, not ${value}`;
  else if (tooLarge) yield `must be at most ${maximum}, not ${value}`;
  else if (schema.format === 'int32' && (value < -(2 ** 31) || value >= 2 ** 31))
    yield `does not fit 32 bits: ${value}`;
  if (multipleOf !== undefined && value % multipleOf !== 0) yield `must be a multiple of ${multipleOf}, not ${value}`;
}

function* countErrors(
  count: number,
  minimum: number | undefined,
  maximum: number | undefined,
  what: 'item' | 'entry',
): Generator<string> {
  const counted = (number: number): string => {
    if (number === 1) return `1 ${what}`;
    return `${number} ${what === 'item' ? 'items' : 'entries'}`;
  };
  if (maximum !== undefined && count > maximum) yield `must have at most ${counted(maximum)}, not ${count}`;
  if (minimum !== undefined && count < minimum) yield `must have at least ${counted(minimum)}`;
}

function onlyAlternatives({ allOf, anyOf, oneOf, not }: JSONSchemaProps): JSONSchemaProps {
  return { ...(allOf && { allOf }), ...(anyOf && { anyOf }), ...(oneOf && { oneOf }), ...(not && { not }) };
}

interface Failure {
  path: Path | undefined;
  message: string;
  /** How far the value is from what the schema means: the nearest alternative speaks for all. */
  weight: number;
}

/** Why a value does not satisfy a schema inside of `allOf`, `anyOf`, `oneOf` or `not`, which only restrict. */
function failureOf(schema: JSONSchemaProps, value: unknown, path: Path | undefined): Failure | undefined {
  const own = typeError(schema, value) ?? boundErrors(schema, value).next().value;
  if (typeof own === 'string') return { path, message: own, weight: schema.enum === undefined ? 1 : 2 };
  if (isFields(value)) {
    for (const name of schema.required ?? []) {
      if (!Object.hasOwn(value, name)) return { path: { parent: path, step: name }, message: 'is required', weight: 1 };
    }
    for (const [name, property] of Object.entries(schema.properties ?? {})) {
      if (!Object.hasOwn(value, name)) continue;
      const failure = failureOf(property, value[name], { parent: path, step: name });
      if (failure !== undefined) return failure;
    }
  }
  if (Array.isArray(value) && schema.items !== undefined) {
    for (const [index, item] of value.entries()) {
      const failure = failureOf(schema.items, item, { parent: path, step: index });
      if (failure !== undefined) return failure;
    }
  }
  for (const part of schema.allOf ?? []) {
    const failure = failureOf(part, value, path);
    if (failure !== undefined) return failure;
  }
  for (const alternatives of [schema.anyOf, schema.oneOf]) {
    if (alternatives === undefined) continue;
    const failures = alternatives.map((alternative) => failureOf(alternative, value, path));
    const fitting = failures.filter((failure) => failure === undefined).length;
    if (fitting === 0) return nearest(failures, path);
    if (alternatives === schema.oneOf && fitting > 1) {
      return { path, message: 'fits several alternatives of which it must fit one', weight: 1 };
    }
  }
  if (schema.not !== undefined && failureOf(schema.not, value, path) === undefined) {
    return { path, message: `must not be ${show(value)}`, weight: 3 };
  }
  return undefined;
}

function nearest(failures: readonly (Failure | undefined)[], path: Path | undefined): Failure {
  const known = failures
    .filter((failure) => failure !== undefined)
    .toSorted((left, right) => left.weight - right.weight);
  const best = known[0] ?? { path, message: 'fits no alternative', weight: 1 };
  const same = known.filter(
    ({ path: other, weight }) => weight === best.weight && spellPath(other) === spellPath(best.path),
  );
  return { ...best, message: joined([...new Set(same.map(({ message }) => message))]) };
}

/** `must be A, not x` and `must be B, not x` as one sentence. */
function joined(messages: readonly string[]): string {
  const parts = messages.map((message) => /^must be (?<wanted>.*), not (?<found>.*)$/s.exec(message)?.groups);
  const wanted = parts.map((part) => part?.['wanted']);
  if (wanted.includes(undefined)) return messages.join(', or ');
  return `must be ${wanted.join(' or ')}, not ${parts[0]?.['found']}`;
}
