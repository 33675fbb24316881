import { expect, test } from 'vitest';
import { systemAuthorities } from './systemAuthorities.ts';

test('the first file that is there', () => {
  expect(systemAuthorities((path) => path.startsWith('/etc/pki/') || path === '/etc/ssl/cert.pem')).toBe(
    '/etc/pki/tls/certs/ca-bundle.crt',
  );
  expect(systemAuthorities(() => false)).toBeUndefined();
});
