/** Reads TLS certificates from Secrets. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { Secret } from '../../api/core.ts';
import { authorityDataKey, readAuthority, type CertificateAuthoritySource } from './authority.ts';

/** A certificate chain and its private key, as a proxy takes them. */
export interface CertificateData {
  /** PEM, leaf first. */
  chain: Uint8Array;
  /** PEM. */
  privateKey: Uint8Array;
  /** End of validity of the leaf, in milliseconds since 1970. */
  notAfter: number;
}

/** A Secret as the translation takes it. */
export interface CertificateSource {
  /** What is served: that of the Secret, or the last good one while the Secret has a fault. */
  certificate: CertificateData | undefined;
  /** One sentence on what is wrong with the Secret as it stands, without its name at the beginning. */
  fault: string | undefined;
  /** The certificates of authorities in it; undefined where it has none. */
  authority?: CertificateAuthoritySource | undefined;
}

/**
 * The certificate in a Secret, checked as far as this can be done without a proxy.
 *
 * @param secret undefined where there is none
 * @param lastGood what an earlier version of this Secret gave: served while the present one has a fault
 * @param now milliseconds since 1970
 */
export function readCertificate(
  secret: Secret | undefined,
  lastGood: CertificateData | undefined,
  now: number,
): CertificateSource {
  const keep = lastGood === undefined ? '' : '; the certificate that worked before is still served';
  if (secret === undefined)
    return { certificate: lastGood, fault: `does not exist: create it or correct the reference${keep}` };
  const authority = authorityOf(secret, now);
  const result = parse(secret);
  if (typeof result === 'string') return { certificate: lastGood, fault: `${result}${keep}`, ...authority };
  return { certificate: result, fault: expiry(result, now), ...authority };
}

function authorityOf(secret: Secret, now: number): Pick<CertificateSource, 'authority'> {
  const data = secret.data?.[authorityDataKey];
  return data === undefined ? {} : { authority: readAuthority(Buffer.from(data, 'base64').toString('latin1'), now) };
}

function expiry(certificate: CertificateData, now: number): string | undefined {
  if (now < certificate.notAfter) return undefined;
  return `has a certificate that expired at ${new Date(certificate.notAfter).toISOString()}: renew it`;
}

function parse(secret: Secret): CertificateData | string {
  const data = secret.data ?? {};
  const missing = ['tls.crt', 'tls.key'].filter((name) => data[name] === undefined || data[name] === '');
  if (missing.length > 0) return `lacks ${missing.join(' and ')}: make it of type kubernetes.io/tls`;
  const text = Buffer.from(data['tls.crt']!, 'base64').toString('latin1');
  const privateKey = Buffer.from(data['tls.key']!, 'base64');
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g);
  if (blocks === null) return 'has no PEM certificate in tls.crt';
  let leaf: X509Certificate;
  try {
    leaf = new X509Certificate(blocks[0]);
    for (const block of blocks.slice(1)) void new X509Certificate(block);
  } catch (error) {
    return `has an unreadable certificate in tls.crt (${(error as Error).message})`;
  }
  if (privateKey.includes('ENCRYPTED')) return 'has an encrypted private key in tls.key: store it without a passphrase';
  try {
    const key = createPrivateKey(privateKey);
    if (!leaf.checkPrivateKey(key)) return 'has a tls.key that is not the key of the certificate in tls.crt';
    if (key.asymmetricKeyType === 'rsa' && (key.asymmetricKeyDetails?.modulusLength ?? 0) < 2048) {
      return 'has an RSA key of less than 2048 bits, which Envoy refuses';
    }
    if (key.asymmetricKeyType === 'ec' && !supportedCurves.has(key.asymmetricKeyDetails?.namedCurve ?? '')) {
      return `has an EC key on the curve ${key.asymmetricKeyDetails?.namedCurve}: Envoy takes P-256, P-384 and P-521`;
    }
    if (key.asymmetricKeyType !== 'rsa' && key.asymmetricKeyType !== 'ec') {
      return `has a key of type ${key.asymmetricKeyType}: Envoy takes RSA and EC keys`;
    }
  } catch (error) {
    return `has an unreadable private key in tls.key (${(error as Error).message})`;
  }
  // The blocks alone: a byte order mark, or other text on the line where one begins, makes Envoy refuse the chain.
  const chain = Buffer.from(blocks.join('\n'), 'latin1');
  return { chain, privateKey, notAfter: leaf.validToDate.getTime() };
}

/** OpenSSL's names of the curves that Envoy's server certificates may use. Source: Envoy docs, "TLS", certificate selection. */
const supportedCurves = new Set(['prime256v1', 'secp384r1', 'secp521r1']);
