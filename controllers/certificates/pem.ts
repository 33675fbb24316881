/** Making X.509 certificates and reading them back, in PEM. The only file that knows the library that signs. */
// @peculiar/x509 is built on tsyringe, which needs this polyfill before it is loaded.
// oxlint-disable-next-line import/no-unassigned-import -- it patches the global Reflect
import 'reflect-metadata';
import { createPrivateKey, randomBytes, webcrypto, X509Certificate } from 'node:crypto';
import * as x509 from '@peculiar/x509';

/** A certificate and its private key: PEM, the key in PKCS #8. */
export interface KeyPair {
  certificate: string;
  privateKey: string;
}

/** What a certificate says about its holder. */
export interface CertificateRequest {
  commonName: string;
  notBefore: Date;
  notAfter: Date;
  /** Subject alternative names; none for an authority. */
  names: readonly { type: 'dns' | 'url' | 'ip'; value: string }[];
  usage: 'authority' | 'client' | 'server';
}

const keyAlgorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const signatureAlgorithm = { name: 'ECDSA', hash: 'SHA-256' } as const;

/** Makes a key and a certificate for it, signed by `issuer`, or by itself where there is none. Source: RFC 5280. */
export async function makeCertificate(request: CertificateRequest, issuer?: KeyPair): Promise<KeyPair> {
  const keys = await webcrypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify']);
  const authority = request.usage === 'authority';
  const issuerCertificate = issuer === undefined ? undefined : new x509.X509Certificate(issuer.certificate);
  const extensions: x509.Extension[] = [
    new x509.BasicConstraintsExtension(authority, authority ? 0 : undefined, true),
    new x509.KeyUsagesExtension(authority ? x509.KeyUsageFlags.keyCertSign : x509.KeyUsageFlags.digitalSignature, true),
    await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    await x509.AuthorityKeyIdentifierExtension.create(issuerCertificate?.publicKey ?? keys.publicKey),
  ];
  if (!authority) {
    extensions.push(
      new x509.ExtendedKeyUsageExtension([
        request.usage === 'client' ? x509.ExtendedKeyUsage.clientAuth : x509.ExtendedKeyUsage.serverAuth,
      ]),
    );
    extensions.push(new x509.SubjectAlternativeNameExtension([...request.names]));
  }
  const subject = new x509.Name([{ CN: [request.commonName] }]).toString();
  const certificate = await x509.X509CertificateGenerator.create({
    // A positive number of 127 bits: RFC 5280 allows 20 octets and forbids a negative one.
    serialNumber: Buffer.concat([Buffer.from([0x01]), randomBytes(15)]).toString('hex'),
    subject,
    issuer: issuerCertificate?.subject ?? subject,
    notBefore: request.notBefore,
    notAfter: request.notAfter,
    publicKey: keys.publicKey,
    signingKey: issuer === undefined ? keys.privateKey : await importPrivateKey(issuer.privateKey),
    signingAlgorithm: signatureAlgorithm,
    extensions,
  });
  const privateKey = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return {
    certificate: `${certificate.toString('pem').trim()}\n`,
    privateKey: `${x509.PemConverter.encode(privateKey, 'PRIVATE KEY').trim()}\n`,
  };
}

async function importPrivateKey(pem: string): Promise<webcrypto.CryptoKey> {
  // Through node:crypto, which also takes the SEC 1 form that other tools write.
  const der = createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' });
  return webcrypto.subtle.importKey('pkcs8', der, keyAlgorithm, false, ['sign']);
}

/** The certificates of a PEM bundle, in order. Throws what node:crypto says of the first that is none. */
export function readCertificates(bundle: string): X509Certificate[] {
  const blocks = bundle.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block));
}

/** Whether the certificate was made for this private key. */
export function keyMatches(pair: KeyPair): boolean {
  return new X509Certificate(pair.certificate).checkPrivateKey(createPrivateKey(pair.privateKey));
}
