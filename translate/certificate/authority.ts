/**
 * Reads the certificates of authorities, by which the other side of a TLS connection is verified.
 * Source: Gateway API, BackendTLSPolicyValidation and FrontendTLSValidation, caCertificateRefs.
 */
import { X509Certificate } from 'node:crypto';
import type { ConfigMap } from '../../api/core.ts';

/** Certificates to be trusted, as a proxy takes them. */
export interface CertificateAuthority {
  /** PEM, nothing but certificates. */
  bundle: Uint8Array;
  /** When the last of them ends, in milliseconds since 1970. */
  notAfter: number;
}

/**
 * A ConfigMap as the translation takes it. No last good authority is kept in the place of one that is wrong: connections
 * that rest on an invalid reference must fail, as the specification says.
 */
export interface CertificateAuthoritySource {
  authority: CertificateAuthority | undefined;
  /** One sentence on what is wrong, without the name of the object at the beginning. */
  fault: string | undefined;
}

/** The key of a ConfigMap or Secret that holds the certificates. */
export const authorityDataKey = 'ca.crt';

/** @param now milliseconds since 1970 */
export function readAuthorityConfigMap(configMap: ConfigMap, now: number): CertificateAuthoritySource {
  const text = configMap.data?.[authorityDataKey];
  const binary = configMap.binaryData?.[authorityDataKey];
  if (text !== undefined) return readAuthority(text, now);
  return readAuthority(binary === undefined ? undefined : Buffer.from(binary, 'base64').toString('latin1'), now);
}

/** @param text PEM; undefined where the key is missing */
export function readAuthority(text: string | undefined, now: number): CertificateAuthoritySource {
  const wrong = (fault: string): CertificateAuthoritySource => ({ authority: undefined, fault });
  if (text === undefined || text.trim() === '')
    return wrong(`lacks ${authorityDataKey}: put the PEM certificates there`);
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g);
  if (blocks === null) return wrong(`has no PEM certificate in ${authorityDataKey}`);
  let notAfter = 0;
  for (const [index, block] of blocks.entries()) {
    try {
      notAfter = Math.max(notAfter, new X509Certificate(block).validToDate.getTime());
    } catch (error) {
      return wrong(
        `has an unreadable certificate in ${authorityDataKey}, number ${index + 1} (${(error as Error).message})`,
      );
    }
  }
  if (now >= notAfter) {
    return wrong(
      `has nothing in ${authorityDataKey} but certificates that expired, the last at ${new Date(notAfter).toISOString()}: renew it`,
    );
  }
  return { authority: { bundle: Buffer.from(`${blocks.join('\n')}\n`, 'latin1'), notAfter }, fault: undefined };
}
