/**
 * How one of Sluice's kinds is declared: from this come its TypeScript types, its CustomResourceDefinition, its page in the
 * reference, and its validation without a cluster. Nothing of a kind is spelled anywhere else.
 */
import type { z } from 'zod';
import type { ValidationRule } from './validation/schema.ts';

/** A column of `kubectl get`. Source: Kubernetes docs, `additionalPrinterColumns`. */
export interface PrinterColumn {
  name: string;
  type: 'string' | 'integer' | 'number' | 'boolean' | 'date';
  jsonPath: string;
  description: string;
  /** Greater than 0: shown only with `-o wide`. */
  priority?: number;
}

/** What each reason of each condition type means and what a user does about it: documentation and vocabulary in one. */
export type ReasonTable = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** The reasons that may stand with one condition type of a table. */
export type ReasonOf<Table extends ReasonTable, Type extends keyof Table> = keyof Table[Type] & string;

export interface KindDefinition<Spec extends z.ZodType = z.ZodType, Status extends z.ZodType = z.ZodType> {
  kind: string;
  singular: string;
  plural: string;
  shortNames: readonly string[];
  /** What a user writes the kind for, and what becomes of it. */
  description: string;
  spec: Spec;
  /** Where it is not, an object without a spec has an empty one, filled with defaults. */
  specRequired: boolean;
  status: Status;
  /** Rules over the whole object: of its metadata they see `name` and `generateName`. */
  rules?: readonly ValidationRule[];
  printerColumns: readonly PrinterColumn[];
  /** Paths of the `/scale` subresource, by which `kubectl scale` and a HorizontalPodAutoscaler work. */
  scale?: { specReplicasPath: string; statusReplicasPath: string; labelSelectorPath: string };
  reasons: ReasonTable;
}

/** The age column, which every kind ends with. */
export const ageColumn: PrinterColumn = {
  name: 'Age',
  type: 'date',
  jsonPath: '.metadata.creationTimestamp',
  description: 'Time since the object was made.',
};

/** The column of a condition's status. */
export function conditionColumn(type: string, description: string): PrinterColumn {
  return { name: type, type: 'string', jsonPath: `.status.conditions[?(@.type=="${type}")].status`, description };
}

/** The column of a condition's reason, in the wide view. */
export function reasonColumn(type: string): PrinterColumn {
  return {
    name: 'Reason',
    type: 'string',
    jsonPath: `.status.conditions[?(@.type=="${type}")].reason`,
    description: `Why ${type} has its status.`,
    priority: 1,
  };
}

/** CEL rules as schema metadata; `z.toJSONSchema` copies them into the schema. */
export function rules(...list: ValidationRule[]): { 'x-kubernetes-validations': ValidationRule[] } {
  return { 'x-kubernetes-validations': list };
}
