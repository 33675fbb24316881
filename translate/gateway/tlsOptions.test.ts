import { describe, expect, test } from 'vitest';
import { tlsOptions } from './tlsOptions.ts';

describe('tls.options', () => {
  test('are read by key; those of other domains are left to others', () => {
    expect(
      tlsOptions(
        {
          'sluice.dev/tls-minimum-version': '1.3',
          'sluice.dev/tls-cipher-suites': 'ECDHE-RSA-AES128-GCM-SHA256, AES128-SHA,AES128-SHA',
          'sluice.dev/tls-curves': 'X25519MLKEM768,X25519',
          'sluice.dev/tls-alpn': 'http/1.1',
          'example.com/min-version': 'whatever',
        },
        true,
      ),
    ).toEqual({
      minimumVersion: '1.3',
      cipherSuites: ['ECDHE-RSA-AES128-GCM-SHA256', 'AES128-SHA'],
      curves: ['X25519MLKEM768', 'X25519'],
      alpn: ['http/1.1'],
    });
    expect(tlsOptions(undefined, true)).toEqual({});
    expect(tlsOptions({ 'sluice.dev/tls-alpn': 'postgresql' }, false)).toEqual({ alpn: ['postgresql'] });
  });

  test.each([
    [{ 'sluice.dev/tls-minimum-version': '1.1' }, '"1.1" in sluice.dev/tls-minimum-version: use 1.2, 1.3'],
    [{ 'sluice.dev/tls-cipher-suites': 'RC4' }, '"RC4" in sluice.dev/tls-cipher-suites: use ECDHE-'],
    [{ 'sluice.dev/tls-curves': '' }, '"" in sluice.dev/tls-curves: use X25519'],
    [{ 'sluice.dev/tls-alpn': 'h3' }, '"h3" in sluice.dev/tls-alpn: use h2, http/1.1'],
    [{ 'sluice.dev/tls-min-version': '1.2' }, 'unknown key sluice.dev/tls-min-version: use sluice.dev/tls-minimum-'],
    [
      { 'sluice.dev/tls-minimum-version': '1.3', 'sluice.dev/tls-maximum-version': '1.2' },
      'allow no version: sluice.dev/tls-minimum-version is above sluice.dev/tls-maximum-version',
    ],
  ])('%j is told in one sentence', (options, words) => {
    expect(tlsOptions(options, true)).toContain(words);
  });
});
