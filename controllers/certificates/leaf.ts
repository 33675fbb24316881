/** Certificates that the authority signs: one for the xDS server, one for each DataPlane. */
import { X509Certificate } from 'node:crypto';
import { renewalTime, trustBundle, type Authority } from './authority.ts';
import { identityUri, type DataPlaneIdentity } from './identity.ts';
import { keyMatches, makeCertificate, readCertificates, type KeyPair } from './pem.ts';
import type { CertificatePolicy } from './policy.ts';

/** A leaf with the bundle that its holder verifies the other side with. */
export interface Leaf extends KeyPair {
  trustBundle: string;
}

/** Whom a leaf is for. */
export type LeafSubject = { dataPlane: DataPlaneIdentity } | { serverNames: readonly string[] };

/** A new key and certificate for the subject. */
export async function issueLeaf(
  subject: LeafSubject,
  authority: Authority,
  policy: CertificatePolicy,
  now: Date,
): Promise<Leaf> {
  const authorityEnds = new X509Certificate(authority.signing.certificate).validToDate.getTime();
  const pair = await makeCertificate(
    {
      // A common name is at most 64 characters long (RFC 5280, ub-common-name) and says nothing here: the names do.
      commonName: 'dataPlane' in subject ? 'sluice-dataplane' : 'sluice-xds',
      notBefore: new Date(now.getTime() - policy.backdate),
      notAfter: new Date(Math.min(now.getTime() + policy.leafLifetime, authorityEnds)),
      names:
        'dataPlane' in subject
          ? [{ type: 'url', value: identityUri(subject.dataPlane) }]
          : subject.serverNames.map((value) => ({ type: 'dns', value })),
      usage: 'dataPlane' in subject ? 'client' : 'server',
    },
    authority.signing,
  );
  return { ...pair, trustBundle: trustBundle(authority) };
}

/**
 * Why a leaf must be issued anew, as a clause; undefined while it is good. A bundle that has changed is no reason:
 * it is replaced without a new key.
 */
export function leafProblem(
  leaf: KeyPair,
  subject: LeafSubject,
  authority: Authority,
  policy: CertificatePolicy,
  now: Date,
): string | undefined {
  try {
    const certificate = new X509Certificate(leaf.certificate);
    if (!keyMatches(leaf)) return 'its key does not belong to its certificate';
    if (certificate.subjectAltName !== expectedNames(subject))
      return `it names ${certificate.subjectAltName ?? 'nobody'}`;
    if (
      !readCertificates(trustBundle(authority)).some(
        (issuer) => certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey),
      )
    ) {
      return 'its issuer is trusted no longer';
    }
    if (now.getTime() >= renewalTime(leaf.certificate, policy).getTime()) return 'it is due for renewal';
    return undefined;
  } catch (error) {
    return `it cannot be read (${error instanceof Error ? error.message : String(error)})`;
  }
}

function expectedNames(subject: LeafSubject): string {
  return 'dataPlane' in subject
    ? `URI:${identityUri(subject.dataPlane)}`
    : subject.serverNames.map((name) => `DNS:${name}`).join(', ');
}
