/** Certificates for golden files, made at run time: `${valid.crt}` in an input stands for one, and again in the output. */
import { createAuthority, issueCertificate } from '../../test/fixtures/index.ts';

export interface GoldenCertificates {
  /** Base64 of PEM, by placeholder. */
  values: Map<string, string>;
  /** Puts placeholders in the place of what they stand for. */
  redact: (text: string) => string;
}

export async function makeGoldenCertificates(now: number): Promise<GoldenCertificates> {
  const day = 86_400_000;
  const authority = await createAuthority('golden');
  const validity = { notBefore: new Date(now - day), notAfter: new Date(now + 30 * day) };
  const over = { notBefore: new Date(now - 2 * day), notAfter: new Date(now - day) };
  const pairs = {
    valid: await issueCertificate(authority, { commonName: 'valid', dnsNames: ['*.example.com'], ...validity }),
    second: await issueCertificate(authority, { commonName: 'second', dnsNames: ['*.example.org'], ...validity }),
    expired: await issueCertificate(authority, { commonName: 'expired', dnsNames: ['*.example.com'], ...over }),
  };
  const values = new Map<string, string>();
  for (const [name, { certificate, key }] of Object.entries(pairs)) {
    values.set(`\${${name}.crt}`, Buffer.from(certificate).toString('base64'));
    values.set(`\${${name}.key}`, Buffer.from(key).toString('base64'));
  }
  // As a proxy gets them: authorities alone, and two of them as one.
  const other = await createAuthority('other');
  const bundles = { both: [authority, other], ca: [authority], other: [other] };
  for (const [name, authorities] of Object.entries(bundles)) {
    const text = authorities.map(({ certificate }) => `${certificate.trim()}\n`).join('');
    values.set(`\${${name}.ca}`, Buffer.from(text).toString('base64'));
  }
  const redact = (text: string): string => {
    let result = text;
    for (const [placeholder, value] of values) result = result.replaceAll(value, placeholder);
    return result;
  };
  return { values, redact };
}

export function fillCertificates(text: string, { values }: GoldenCertificates): string {
  let result = text;
  for (const [placeholder, value] of values) result = result.replaceAll(placeholder, value);
  return result;
}
