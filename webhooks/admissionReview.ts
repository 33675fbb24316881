/**
 * The messages between the API server and an admission webhook.
 * Source: Kubernetes docs, "Dynamic Admission Control", admission.k8s.io/v1 AdmissionReview.
 */
import type { KubernetesObject } from '../api/object.ts';

export type Operation = 'CREATE' | 'UPDATE' | 'DELETE';

export interface AdmissionRequest {
  uid: string;
  kind: { group: string; version: string; kind: string };
  operation: Operation;
  namespace: string;
  name: string;
  /** The object as it is to be; undefined on DELETE. */
  object: KubernetesObject | undefined;
  /** The object as it was; undefined on CREATE. */
  oldObject: KubernetesObject | undefined;
}

/** What is said of a request. */
export interface Verdict {
  /** Why the object is not let in, in one sentence; undefined where it is. */
  denial?: string;
  /** Sentences that kubectl shows although the object is let in. */
  warnings: string[];
}

export const admitted: Verdict = { warnings: [] };

// The API server cuts all warnings together at 4,096 characters. Source: KEP-1693.
const longestWarning = 500;
const mostWarnings = 8;

/**
 * Reads the body of a request.
 * @throws Error where it is none, with one sentence
 */
export function parseReview(body: string): AdmissionRequest {
  let review: unknown;
  try {
    review = JSON.parse(body);
  } catch (cause) {
    throw new Error('The body is not JSON.', { cause });
  }
  const request = field(review, 'request');
  const kind = field(request, 'kind');
  const [uid, name, operation] = [field(request, 'uid'), field(kind, 'kind'), field(request, 'operation')];
  if (typeof uid !== 'string' || typeof name !== 'string' || !isOperation(operation)) {
    throw new Error(
      'The body is no AdmissionReview of admission.k8s.io/v1 with a request to create, update or delete.',
    );
  }
  return {
    uid,
    kind: { group: text(field(kind, 'group')), version: text(field(kind, 'version')), kind: name },
    operation,
    namespace: text(field(request, 'namespace')),
    name: text(field(request, 'name')),
    object: asObject(field(request, 'object')),
    oldObject: asObject(field(request, 'oldObject')),
  };
}

/** The answer to a request, as JSON. */
export function answerReview(uid: string, { denial, warnings }: Verdict): string {
  const shown = warnings.slice(0, mostWarnings).map(shorten);
  if (warnings.length > mostWarnings) shown.push(`and ${warnings.length - mostWarnings} more, which status will say`);
  return JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    response: {
      uid,
      allowed: denial === undefined,
      ...(shown.length === 0 ? {} : { warnings: shown }),
      ...(denial === undefined ? {} : { status: { code: 422, reason: 'Invalid', message: denial } }),
    },
  });
}

function shorten(warning: string): string {
  return warning.length <= longestWarning ? warning : `${warning.slice(0, longestWarning - 3)}...`;
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function isOperation(value: unknown): value is Operation {
  return value === 'CREATE' || value === 'UPDATE' || value === 'DELETE';
}

function asObject(value: unknown): KubernetesObject | undefined {
  return typeof field(value, 'metadata') === 'object' ? (value as KubernetesObject) : undefined;
}
