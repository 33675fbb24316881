/**
 * The operator's certificate authority and its rotation, as pure functions of a state and the time.
 *
 * A rotation has three steps, each long enough for every proxy to have read the bundle of the step before:
 * the next authority is trusted but does not sign; it signs and the one before stays trusted; the one before is dropped.
 */
import { randomBytes, X509Certificate } from 'node:crypto';
import { keyMatches, makeCertificate, readCertificates, type KeyPair } from './pem.ts';
import type { CertificatePolicy } from './policy.ts';

/** The authority at one moment. */
export interface Authority {
  /** Signs leaves. */
  signing: KeyPair;
  /** When it began to sign. */
  signingSince: Date;
  /** Trusted already, signs after the overlap. */
  next?: KeyPair;
  /** The certificate of the one that signed before: trusted until the last leaf of it has expired. */
  previous?: string;
}

/** A fresh authority with nothing to overlap. */
export async function createAuthority(policy: CertificatePolicy, now: Date): Promise<Authority> {
  return { signing: await makeAuthority(policy, now), signingSince: now };
}

/** Trusts a next authority from now on, which replaces the present one after the overlap. */
export async function stageAuthority(authority: Authority, policy: CertificatePolicy, now: Date): Promise<Authority> {
  return authority.next === undefined ? { ...authority, next: await makeAuthority(policy, now) } : authority;
}

async function makeAuthority(policy: CertificatePolicy, now: Date): Promise<KeyPair> {
  return makeCertificate({
    // A name of its own: a verifier finds the issuer by name first.
    commonName: `sluice-ca-${randomBytes(4).toString('hex')}`,
    notBefore: new Date(now.getTime() - policy.backdate),
    notAfter: new Date(now.getTime() + policy.authorityLifetime),
    names: [],
    usage: 'authority',
  });
}

/** When {@link advanceAuthority} has something to do next. */
export function nextAuthorityStep(authority: Authority, policy: CertificatePolicy): Date {
  const steps: number[] = [];
  if (authority.next === undefined) steps.push(renewalTime(authority.signing.certificate, policy).getTime());
  else steps.push(stagedAt(authority.next, policy) + policy.authorityOverlap);
  if (authority.previous !== undefined) steps.push(previousEnds(authority, policy));
  return new Date(Math.min(...steps));
}

/** The authority as it must be now: the same object where nothing is due. */
export async function advanceAuthority(authority: Authority, policy: CertificatePolicy, now: Date): Promise<Authority> {
  let result = authority;
  if (result.previous !== undefined && now.getTime() >= previousEnds(result, policy)) {
    const { previous: _dropped, ...rest } = result;
    result = rest;
  }
  if (result.next !== undefined && now.getTime() >= stagedAt(result.next, policy) + policy.authorityOverlap) {
    result = { signing: result.next, signingSince: now, previous: result.signing.certificate };
  } else if (now.getTime() >= renewalTime(result.signing.certificate, policy).getTime()) {
    result = await stageAuthority(result, policy, now);
  }
  return result;
}

function stagedAt(pair: KeyPair, policy: CertificatePolicy): number {
  return new X509Certificate(pair.certificate).validFromDate.getTime() + policy.backdate;
}

function previousEnds(authority: Authority, policy: CertificatePolicy): number {
  return authority.signingSince.getTime() + policy.leafLifetime;
}

/** The moment at which a certificate is due to be replaced. */
export function renewalTime(certificate: string, policy: CertificatePolicy): Date {
  const { validFromDate, validToDate } = new X509Certificate(certificate);
  const from = validFromDate.getTime() + policy.backdate;
  return new Date(from + (validToDate.getTime() - from) * policy.renewAfter);
}

/** Everything that is trusted now, as a PEM bundle: what proxies and the xDS server verify each other with. */
export function trustBundle(authority: Authority): string {
  const certificates = [authority.signing.certificate, authority.next?.certificate, authority.previous];
  return certificates.filter((certificate) => certificate !== undefined).join('');
}

const keys = {
  bundle: 'ca.crt',
  signingCertificate: 'tls.crt',
  signingKey: 'tls.key',
  nextCertificate: 'next.crt',
  nextKey: 'next.key',
  previousCertificate: 'previous.crt',
  signingSince: 'signing-since',
} as const;

/** The `data` of the authority's Secret, base64 as the API wants it. */
export function encodeAuthority(authority: Authority): Record<string, string> {
  const text: Record<string, string> = {
    [keys.bundle]: trustBundle(authority),
    [keys.signingCertificate]: authority.signing.certificate,
    [keys.signingKey]: authority.signing.privateKey,
    [keys.signingSince]: authority.signingSince.toISOString(),
  };
  if (authority.next !== undefined) {
    text[keys.nextCertificate] = authority.next.certificate;
    text[keys.nextKey] = authority.next.privateKey;
  }
  if (authority.previous !== undefined) text[keys.previousCertificate] = authority.previous;
  return Object.fromEntries(Object.entries(text).map(([key, value]) => [key, Buffer.from(value).toString('base64')]));
}

/** The authority that a Secret holds, or why it holds none, as a clause that follows "because". */
export function decodeAuthority(
  data: Record<string, string> | undefined,
): { authority: Authority } | { problem: string } {
  const text = (key: string): string | undefined => {
    const value = data?.[key];
    return value === undefined || value === '' ? undefined : Buffer.from(value, 'base64').toString('utf8');
  };
  const signing = pairOf(
    text(keys.signingCertificate),
    text(keys.signingKey),
    keys.signingCertificate,
    keys.signingKey,
  );
  if ('problem' in signing) return signing;
  const since = new Date(text(keys.signingSince) ?? '');
  const authority: Authority = {
    signing: signing.pair,
    signingSince: Number.isNaN(since.getTime()) ? new X509Certificate(signing.pair.certificate).validFromDate : since,
  };
  if (text(keys.nextCertificate) !== undefined) {
    const next = pairOf(text(keys.nextCertificate), text(keys.nextKey), keys.nextCertificate, keys.nextKey);
    if ('problem' in next) return next;
    authority.next = next.pair;
  }
  const previous = text(keys.previousCertificate);
  if (previous !== undefined) {
    try {
      readCertificates(previous);
    } catch (error) {
      return { problem: `its key ${keys.previousCertificate} is no certificate (${messageOf(error)})` };
    }
    authority.previous = previous;
  }
  return { authority };
}

function pairOf(
  certificate: string | undefined,
  privateKey: string | undefined,
  certificateKey: string,
  privateKeyKey: string,
): { pair: KeyPair } | { problem: string } {
  if (certificate === undefined) return { problem: `its key ${certificateKey} is missing` };
  if (privateKey === undefined) return { problem: `its key ${privateKeyKey} is missing` };
  const pair = { certificate, privateKey };
  try {
    if (!new X509Certificate(certificate).ca)
      return { problem: `its key ${certificateKey} is not the certificate of an authority` };
    if (!keyMatches(pair)) return { problem: `its key ${privateKeyKey} does not belong to ${certificateKey}` };
  } catch (error) {
    return {
      problem: `its keys ${certificateKey} and ${privateKeyKey} are no certificate and key (${messageOf(error)})`,
    };
  }
  return { pair };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
