import { X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { createAuthority, issueCertificate } from '../test/fixtures/index.ts';
import { uriNames } from './subjectAlternativeName.ts';

test('the URIs of a real certificate, and nothing else of it', async () => {
  const { certificate } = await issueCertificate(await createAuthority('CA'), {
    commonName: 'proxy',
    dnsNames: ['a.test'],
    ipAddresses: ['127.0.0.1'],
    uris: ['spiffe://sluice.dev/ns/a/dataplane/b', 'https://x.test/?a,b'],
  });
  expect(uriNames(new X509Certificate(certificate).subjectAltName!)).toEqual([
    'spiffe://sluice.dev/ns/a/dataplane/b',
    'https://x.test/?a,b',
  ]);
});

test('a DNS name cannot pass for a URI', () => {
  expect(uriNames('DNS:"a, URI:spiffe://evil", URI:spiffe://good')).toEqual(['spiffe://good']);
  expect(uriNames('DNS:a')).toEqual([]);
});
