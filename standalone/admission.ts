/**
 * Decides whether an object of a file is used, as an API server would: kind, version, fields, types, rules; and puts it into the
 * form in which an API server stores it (defaults, namespace, no status).
 */
import type { KubernetesObject } from '../api/object.ts';
import { suggestion, validateObject, type ValidationError } from '../api/validation/index.ts';
import type { LocatedObject } from './documents.ts';
import { type KindEntry, lookUpKind } from './kinds.ts';
import type { Position, Problem } from './problem.ts';

/** Says which object is meant, before it is known whether the object is right. */
export interface Identity {
  entry: KindEntry;
  /** Empty for cluster-scoped kinds. */
  namespace: string;
  name: string;
}

/** A problem of one field: its place can be found again where the same object stands elsewhere. */
export type FieldProblem = Problem & { path: string };

export type Identification = { identity: Identity } | { leftOut: string } | { problem: Problem };

/** `HTTPRoute default/web`, `Namespace team`. */
export function describeObject(kind: string, namespace: string, name: string): string {
  return namespace === '' ? `${kind} ${name}` : `${kind} ${namespace}/${name}`;
}

/** One object within all kinds. */
export function identityKey(identity: Identity): string {
  return `${identity.entry.group}/${identity.entry.kind}/${identity.namespace}/${identity.name}`;
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

/** Finds out which object a document states. */
export function identify(located: LocatedObject): Identification {
  const { file, value } = located;
  const problem = (reason: Problem['reason'], field: string, message: string): { problem: Problem } => ({
    problem: { reason, file, position: located.locate(field), message },
  });
  const { apiVersion, kind } = value;
  if (typeof apiVersion !== 'string' || apiVersion === '' || typeof kind !== 'string' || kind === '') {
    const missing = typeof kind !== 'string' || kind === '' ? 'kind' : 'apiVersion';
    const misspelt = value[missing] === undefined ? suggestion(missing, Object.keys(value)) : undefined;
    const hint = misspelt === undefined ? 'every object states apiVersion and kind' : `did "${misspelt}" mean it?`;
    return problem(
      'NotAnObject',
      misspelt ?? missing,
      `the object has no ${missing}; ${hint}${misspelt === undefined ? '.' : ''}`,
    );
  }
  const metadata = record(value['metadata']);
  const name = typeof metadata['name'] === 'string' ? metadata['name'] : '';
  const statedNamespace = typeof metadata['namespace'] === 'string' ? metadata['namespace'] : '';

  const lookup = lookUpKind(apiVersion, kind);
  if ('clusterOnly' in lookup) return { leftOut: describeObject(kind, statedNamespace, name) };
  if ('reason' in lookup) {
    const named = name === '' ? '' : `"${name}": `;
    return problem(lookup.reason, lookup.field, `${named}${lookup.message}${/[.?!]$/.test(lookup.message) ? '' : '.'}`);
  }
  const { entry } = lookup;
  if (name === '') {
    const hint = typeof metadata['generateName'] === 'string' ? 'generateName is not enough here; ' : '';
    return problem('Invalid', 'metadata.name', `${kind} without metadata.name; ${hint}give it a name.`);
  }
  const namespace = entry.namespaced ? statedNamespace || 'default' : '';
  return { identity: { entry, namespace, name } };
}

/**
 * Checks the fields of an identified object.
 *
 * @returns the object as an API server would store it, without the metadata that an API server adds
 */
export function admit(
  located: LocatedObject,
  identity: Identity,
): { object: KubernetesObject } | { problems: FieldProblem[] } {
  const { namespace, name } = identity;
  const result = validateObject(located.value);
  if (result.errors !== undefined) return { problems: toProblems(located, identity, result.errors) };
  const { object } = result;
  const metadata: KubernetesObject['metadata'] = { name };
  if (namespace !== '') metadata.namespace = namespace;
  const { labels, annotations, creationTimestamp } = object.metadata;
  if (Object.keys(labels ?? {}).length > 0) metadata.labels = labels!;
  if (Object.keys(annotations ?? {}).length > 0) metadata.annotations = annotations!;
  // Dumped from a cluster, the age decides between routes that conflict, as it did there.
  if (typeof creationTimestamp === 'string') metadata.creationTimestamp = creationTimestamp;
  return { object: { ...object, metadata } };
}

/** More than that many errors of one object are counted only. */
const shownErrors = 5;

function toProblems(located: LocatedObject, identity: Identity, errors: readonly ValidationError[]): FieldProblem[] {
  const who = describeObject(identity.entry.kind, identity.namespace, identity.name);
  const seen = new Set<string>();
  const problems: FieldProblem[] = [];
  for (const { path, message } of errors) {
    // Two checks that find the same field at fault speak once.
    if (seen.has(path)) continue;
    seen.add(path);
    const position: Position = located.locate(path);
    const field = path === '' ? '' : `${path}: `;
    const end = /[.?!]$/.test(message) ? '' : '.';
    problems.push({
      path,
      reason: 'Invalid',
      file: located.file,
      position,
      message: `${who}: ${field}${message}${end}`,
    });
  }
  problems.sort((left, right) => (left.position?.line ?? 0) - (right.position?.line ?? 0));
  if (problems.length <= shownErrors) return problems;
  const hidden = problems.length - shownErrors;
  const shown = problems.slice(0, shownErrors);
  const last = shown.at(-1)!;
  shown[shownErrors - 1] = { ...last, message: `${last.message} (${hidden} more in this object.)` };
  return shown;
}
