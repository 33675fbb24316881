/** A structural schema, prepared once so that thousands of objects are checked against it quickly. */
import { compileExpression, type Expression, isTransition } from './celEnvironment.ts';
import { celName } from './celValue.ts';
import type { JSONSchemaProps, ValidationRule } from './schema.ts';

export interface Rule {
  source: ValidationRule;
  /** Compares with the value before an update. */
  transition: boolean;
  /** Parsed when first needed. */
  evaluate: Expression;
  message: Expression | undefined;
}

export interface Property {
  node: Node;
  celName: string;
}

/** One place of a schema. */
export class Node {
  readonly schema: JSONSchemaProps;
  readonly type: JSONSchemaProps['type'];
  readonly properties: ReadonlyMap<string, Property>;
  /** What the values of a map are. */
  readonly values: Node | undefined;
  readonly items: Node | undefined;
  /** Takes any field. */
  readonly preserves: boolean;
  readonly rules: readonly Rule[];
  /** Whether a default stands at this place or below. */
  readonly hasDefaults: boolean;
  /** Whether CEL sees the JSON value as it is: no integers, no field with a name of CEL's own. */
  readonly sameInCEL: boolean;

  constructor(schema: JSONSchemaProps) {
    this.schema = schema;
    this.type = schema.type;
    this.preserves = schema['x-kubernetes-preserve-unknown-fields'] === true && schema.properties === undefined;
    this.properties = new Map(
      Object.entries(schema.properties ?? {}).map(([name, property]) => [
        name,
        { node: new Node(property), celName: celName(name) },
      ]),
    );
    const { additionalProperties, items } = schema;
    this.values = typeof additionalProperties === 'object' ? new Node(additionalProperties) : undefined;
    this.items = items === undefined ? undefined : new Node(items);
    this.rules = (schema['x-kubernetes-validations'] ?? []).map(prepareRule);

    const below = [...this.properties.values()].map((property) => property.node);
    if (this.values !== undefined) below.push(this.values);
    if (this.items !== undefined) below.push(this.items);
    this.hasDefaults = schema.default !== undefined || below.some((node) => node.hasDefaults);
    this.sameInCEL =
      (schema.type === 'string' || schema.type === 'boolean' || schema.type === 'object' || schema.type === 'array') &&
      !this.preserves &&
      schema.format !== 'date-time' &&
      below.every((node) => node.sameInCEL) &&
      [...this.properties].every(([name, property]) => name === property.celName);
  }
}

/** Parsing takes longer than all of a start: only what is asked is parsed. */
function onFirstUse(expression: string): Expression {
  let compiled: Expression | undefined;
  return (variables) => (compiled ??= compileExpression(expression))(variables);
}

function prepareRule(source: ValidationRule): Rule {
  return {
    source,
    transition: isTransition(source.rule),
    evaluate: onFirstUse(source.rule),
    message: source.messageExpression === undefined ? undefined : onFirstUse(source.messageExpression),
  };
}
