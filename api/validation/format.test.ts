import { expect, test } from 'vitest';
import { formats } from './format.ts';

test.each([
  ['ipv4', '192.0.2.1', true],
  ['ipv4', '192.0.2.01', false],
  ['ipv4', '::1', false],
  ['ipv6', '2001:db8::1', true],
  ['ipv6', '192.0.2.1', false],
  ['cidr', '2001:db8::/129', false],
  ['cidr', '2001:db8::/128', true],
  ['date-time', '2026-01-31T12:00:00Z', true],
  ['date-time', '2026-01-31T12:00:00.123456+02:00', true],
  ['date-time', '2028-02-29T00:00:00Z', true],
  ['date-time', '2026-02-29T00:00:00Z', false],
  ['date-time', '2026-13-01T00:00:00Z', false],
  ['date-time', '2026-01-31', false],
  ['byte', 'YQ==', true],
  ['byte', 'YQ', false],
  ['byte', '', true],
])('%s: %s is %s', (format, text, accepted) => {
  expect(formats.get(format)!.accepts(text)).toBe(accepted);
});
