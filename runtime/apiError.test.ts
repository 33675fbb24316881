import { expect, test } from 'vitest';
import { ApiError, isConflict, isExpired, isNamespaceGoing, isNotFound, isTransient } from './apiError.ts';

test('a Status body gives reason, message and details', () => {
  const body = JSON.stringify({
    kind: 'Status',
    code: 409,
    reason: 'Conflict',
    message: 'changed',
    details: { name: 'a', retryAfterSeconds: 2 },
  });
  const error = ApiError.fromResponse(409, body, 'PUT /a');
  expect(error).toMatchObject({
    status: 409,
    reason: 'Conflict',
    message: 'changed',
    details: { name: 'a' },
    retryAfterMs: 2000,
  });
  expect(isConflict(error)).toBe(true);
});

test('any other body gives its text and the reason of its status', () => {
  expect(ApiError.fromResponse(503, 'no healthy upstream', 'GET /a')).toMatchObject({
    reason: 'ServiceUnavailable',
    message: 'The API server answered 503 to GET /a: no healthy upstream',
  });
  expect(ApiError.fromResponse(502, '', 'GET /a')).toMatchObject({
    reason: 'Unknown',
    message: 'The API server answered 502 to GET /a.',
  });
  expect(ApiError.fromResponse(500, '{"kind":"Other"}', 'GET /a').message).toContain('{"kind":"Other"}');
  expect(ApiError.fromResponse(500, '{', 'GET /a').reason).toBe('InternalError');
});

test('kinds of failure', () => {
  const of = (status: number, reason = ''): ApiError => ApiError.fromStatus({ code: status, reason });
  expect(isNotFound(of(404))).toBe(true);
  expect(isNotFound(new Error('404'))).toBe(false);
  expect(isExpired(of(410))).toBe(true);
  expect(isExpired(of(400, 'Expired'))).toBe(true);
  const causes = [{ reason: 'NamespaceTerminating' }];
  expect(isNamespaceGoing(ApiError.fromStatus({ code: 403, reason: 'Forbidden', details: { causes } }))).toBe(true);
  expect(isNamespaceGoing(of(403, 'Forbidden'))).toBe(false);
  const transient = [
    of(500),
    of(429),
    of(409, 'Conflict'),
    new ApiError({ status: 0, reason: 'Unreachable', message: '' }),
  ];
  expect(transient.map(isTransient)).toEqual([true, true, true, true]);
  expect([of(404), of(403), of(409, 'AlreadyExists'), of(422), new TypeError('x')].map(isTransient)).toEqual([
    false,
    false,
    false,
    false,
    false,
  ]);
});
