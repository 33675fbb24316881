/** The one error class of requests to the API server. */

/** `Status` as the API server answers it. Source: Kubernetes API reference, meta/v1 Status. */
export interface ApiStatus {
  kind?: 'Status';
  message?: string;
  reason?: string;
  code?: number;
  details?: ApiErrorDetails;
}

export interface ApiErrorDetails {
  name?: string;
  group?: string;
  kind?: string;
  uid?: string;
  causes?: { reason?: string; message?: string; field?: string }[];
  retryAfterSeconds?: number;
}

/**
 * Why a request failed: the API server's own reason (`NotFound`, `AlreadyExists`, `Conflict`, `Invalid`, `Forbidden`,
 * `Expired`, `TooManyRequests` …), or one of ours where no answer came:
 * `Unreachable` (no connection, or it broke), `CredentialsUnavailable` (no token or certificate could be had),
 * `RequestTimeout` (no full answer in time), `InvalidResponse` (not what
 * the Kubernetes API speaks).
 */
export type ApiErrorReason =
  | 'NotFound'
  | 'AlreadyExists'
  | 'Conflict'
  | 'Invalid'
  | 'Forbidden'
  | 'Unauthorized'
  | 'Expired'
  | 'Gone'
  | 'TooManyRequests'
  | 'InternalError'
  | 'ServiceUnavailable'
  | 'Unreachable'
  | 'CredentialsUnavailable'
  | 'RequestTimeout'
  | 'InvalidResponse'
  | (string & {});

/** Reasons of answers whose body is not a `Status`, such as those of a load balancer. */
const reasonsByStatus = new Map<number, ApiErrorReason>([
  [400, 'BadRequest'],
  [401, 'Unauthorized'],
  [403, 'Forbidden'],
  [404, 'NotFound'],
  [405, 'MethodNotAllowed'],
  [409, 'Conflict'],
  [410, 'Gone'],
  [422, 'Invalid'],
  [429, 'TooManyRequests'],
  [500, 'InternalError'],
  [503, 'ServiceUnavailable'],
  [504, 'Timeout'],
]);

/** A request that the API server refused, or that did not reach it. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** HTTP status code; 0 where no answer came. */
  readonly status: number;
  readonly reason: ApiErrorReason;
  readonly details: ApiErrorDetails;
  /** How long the API server asks to wait, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(
    fields: {
      status: number;
      reason: ApiErrorReason;
      message: string;
      details?: ApiErrorDetails;
      retryAfterMs?: number | undefined;
    },
    options?: ErrorOptions,
  ) {
    super(fields.message, options);
    this.status = fields.status;
    this.reason = fields.reason;
    this.details = fields.details ?? {};
    this.retryAfterMs = fields.retryAfterMs;
  }

  /** From a `Status` object: the body of a refused request, or the object of a watch's `ERROR` event. */
  static fromStatus(status: ApiStatus, httpStatus = status.code ?? 500, retryAfterMs?: number): ApiError {
    const seconds = status.details?.retryAfterSeconds;
    return new ApiError({
      status: httpStatus,
      reason: nonEmpty(status.reason) ?? reasonsByStatus.get(httpStatus) ?? 'Unknown',
      message: nonEmpty(status.message) ?? `The API server answered ${httpStatus}.`,
      details: status.details ?? {},
      retryAfterMs: retryAfterMs ?? (seconds === undefined ? undefined : seconds * 1000),
    });
  }

  /** From an HTTP answer that is no success; `body` is a `Status` as JSON, or plain text. */
  static fromResponse(status: number, body: string, request: string, retryAfterMs?: number): ApiError {
    const parsed = parseStatus(body);
    if (parsed !== undefined) return ApiError.fromStatus(parsed, status, retryAfterMs);
    const text = body.trim().slice(0, 500);
    return new ApiError({
      status,
      reason: reasonsByStatus.get(status) ?? 'Unknown',
      message: `The API server answered ${status} to ${request}${text === '' ? '.' : `: ${text}`}`,
      retryAfterMs,
    });
  }
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}

function parseStatus(body: string): ApiStatus | undefined {
  if (!body.startsWith('{')) return undefined;
  try {
    const parsed = JSON.parse(body) as ApiStatus;
    return parsed.kind === 'Status' ? parsed : undefined;
  } catch {
    return undefined; // The body is not the API server's: its text goes into the message.
  }
}

/** The object, its namespace or its kind is not there. */
export function isNotFound(error: unknown): error is ApiError {
  return error instanceof ApiError && error.status === 404;
}

export function isAlreadyExists(error: unknown): error is ApiError {
  return error instanceof ApiError && error.reason === 'AlreadyExists';
}

/** The object changed since it was read, or another field owner holds a field. */
export function isConflict(error: unknown): error is ApiError {
  return error instanceof ApiError && error.reason === 'Conflict';
}

/** Nothing can be created any more in a namespace that is being deleted. Source: client-go, `HasStatusCause`. */
export function isNamespaceGoing(error: unknown): error is ApiError {
  return (
    error instanceof ApiError && error.details.causes?.some(({ reason }) => reason === 'NamespaceTerminating') === true
  );
}

/** The resource version or continue token is too old: list again. */
export function isExpired(error: unknown): error is ApiError {
  return error instanceof ApiError && (error.status === 410 || error.reason === 'Expired' || error.reason === 'Gone');
}

/** Trying again later may help; what is left is a refusal of this request. */
export function isTransient(error: unknown): error is ApiError {
  return (
    error instanceof ApiError &&
    (error.status === 0 || error.status === 429 || error.status >= 500 || error.reason === 'Conflict')
  );
}
