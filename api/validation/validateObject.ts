/** Validation of whole objects without a cluster, with the verdict of the API server. */
import type { KubernetesObject } from '../object.ts';
import { Check, type ValidationError } from './check.ts';
import { fillInCore } from './coreKinds.ts';
import { withDefaults } from './defaults.ts';
import { findKind, type ServedKind } from './knownKinds.ts';
import type { Path } from './path.ts';

export type ValidationResult =
  | { object: KubernetesObject; errors?: never }
  | { errors: ValidationError[]; object?: never };

export interface ValidationOptions {
  /**
   * What the object becomes part of. `status` keeps and checks the status; otherwise it is dropped, as the API server does
   * on everything but the status subresource. Default: `spec`.
   */
  subresource?: 'spec' | 'status';
  /** The object before an update, by which rules about change are asked. */
  previous?: KubernetesObject;
  /** The namespace of an object that names none. Default: `default`, as for kubectl. */
  defaultNamespace?: string;
}

type Fields = Record<string, unknown>;

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Validates one object of any kind in `knownKinds` and fills in its defaults.
 * @param input what a file or a request holds, parsed; it is not changed
 * @returns a copy with defaults, in the version that Sluice watches, or every error that was found
 */
export function validateObject(input: unknown, options: ValidationOptions = {}): ValidationResult {
  if (!isFields(input)) {
    return { errors: [{ path: '', message: 'must be a Kubernetes object: a map with apiVersion, kind and metadata' }] };
  }
  const missing = (['apiVersion', 'kind'] as const).filter(
    (name) => typeof input[name] !== 'string' || input[name] === '',
  );
  if (missing.length > 0) {
    return { errors: missing.map((path) => ({ path, message: `is required: a Kubernetes object says its ${path}` })) };
  }
  const found = findKind(String(input['apiVersion']), String(input['kind']));
  if ('unknown' in found) return { errors: [found.unknown] };
  return validateKnown(found.known, found.version, input, options);
}

function validateKnown(
  known: ServedKind,
  version: string,
  input: Fields,
  options: ValidationOptions,
): ValidationResult {
  const root = known.node(version);
  const object = withDefaults(root, input) as Fields;
  if (known.core) fillInCore(known.kind, object);
  if (known.namespaced && isFields(object['metadata'])) {
    object['metadata']['namespace'] ??= options.defaultNamespace ?? 'default';
  }

  const check = new Check();
  if (options.subresource !== 'status') {
    const status = root.properties.get('status')?.node;
    const path: Path = { parent: undefined, step: 'status' };
    if (status !== undefined && object['status'] !== undefined) check.unknownFields(status, object['status'], path);
    delete object['status'];
  }
  check.value(root, object, undefined, options.previous);
  if (check.errors.length > 0) return { errors: check.errors };
  object['apiVersion'] = known.group === '' ? known.version : `${known.group}/${known.version}`;
  return { object: object as unknown as KubernetesObject };
}
