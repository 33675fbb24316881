import { describe, expect, test } from 'vitest';
import type { ConfigMap } from '../../api/core.ts';
import { createAuthority } from '../../test/fixtures/index.ts';
import { readAuthorityConfigMap } from './authority.ts';

const { certificate } = await createAuthority('one');
const { certificate: other } = await createAuthority('two');
const now = Date.now();

function read(fields: Pick<ConfigMap, 'data' | 'binaryData'>, at = now) {
  return readAuthorityConfigMap({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, ...fields }, at);
}

describe('readAuthorityConfigMap', () => {
  test('keeps the certificates and nothing else', () => {
    const { authority, fault } = read({ data: { 'ca.crt': `# one\n${certificate}\n# two\n${other}` } });
    expect(fault).toBeUndefined();
    const text = Buffer.from(authority!.bundle).toString();
    expect(text.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    expect(text).not.toContain('#');
  });

  test('reads binary data, too', () => {
    const { authority } = read({ binaryData: { 'ca.crt': Buffer.from(certificate).toString('base64') } });
    expect(authority).toBeDefined();
  });

  test.each([
    ['nothing', {}, 'lacks ca.crt'],
    ['an empty key', { 'ca.crt': ' ' }, 'lacks ca.crt'],
    ['no PEM', { 'ca.crt': 'garbage' }, 'has no PEM certificate'],
    [
      'one that cannot be read',
      { 'ca.crt': `${certificate}\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----` },
      'unreadable certificate in ca.crt, number 2',
    ],
  ])('says what is wrong with %s', (_, data, fault) => {
    const source = read({ data });
    expect(source.authority).toBeUndefined();
    expect(source.fault).toContain(fault);
  });

  test('certificates that have all expired are no authority', () => {
    const source = read({ data: { 'ca.crt': certificate } }, now + 2 * 86_400_000);
    expect(source.authority).toBeUndefined();
    expect(source.fault).toContain('expired');
  });
});
