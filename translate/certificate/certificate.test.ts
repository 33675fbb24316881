import { createPrivateKey } from 'node:crypto';
import { expect, test } from 'vitest';
import type { Secret } from '../../api/core.ts';
import { createAuthority } from '../../test/fixtures/index.ts';
import { readCertificate } from './certificate.ts';

const { certificate, key: privateKey } = await createAuthority('one');
const now = Date.now();
const base64 = (text: string): string => Buffer.from(text).toString('base64');

function read(chain: string, key: string) {
  const data = { 'tls.crt': base64(chain), 'tls.key': base64(key) };
  const secret: Secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, data };
  return readCertificate(secret, undefined, now);
}

test.each([
  ['a byte order mark', `\ufeff${certificate}`],
  ['text on the line of the certificate', `leaf: ${certificate}`],
  ['comments', `# one\n${certificate}\n# two\n`],
])('%s before the certificate does not reach Envoy, which would refuse it', (_, chain) => {
  const source = read(chain, privateKey);
  expect(source.fault).toBeUndefined();
  expect(Buffer.from(source.certificate!.chain).toString()).toBe(certificate.trim());
});

test('a key with a passphrase is named as such', () => {
  const encrypted = createPrivateKey(privateKey).export({
    type: 'pkcs8',
    format: 'pem',
    cipher: 'aes-256-cbc',
    passphrase: 'secret',
  });
  expect(read(certificate, encrypted as string).fault).toBe(
    'has an encrypted private key in tls.key: store it without a passphrase',
  );
});
