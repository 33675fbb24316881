import { createSecureContext } from 'node:tls';
import { experimental } from '@grpc/grpc-js';

/** PEM; `ca` may hold several certificates, so that CAs can overlap in a rotation. */
export interface ServerCertificate {
  ca: Buffer;
  cert: Buffer;
  key: Buffer;
}

/**
 * A server's certificate and the CAs of its clients, replaceable while the server runs: grpc-js hands what it gets here to
 * `setSecureContext` of its TLS server, which concerns new connections only.
 */
export class CertificateSource implements experimental.CertificateProvider {
  readonly #caListeners = new Set<experimental.CaCertificateUpdateListener>();
  readonly #identityListeners = new Set<experimental.IdentityCertificateUpdateListener>();
  #current: ServerCertificate;

  /** @throws Error if the certificate does not match its key, or something is not PEM. */
  constructor(certificate: ServerCertificate) {
    this.#current = checked(certificate);
  }

  /** @throws Error if the certificate does not match its key, or something is not PEM; what was in use stays in use then. */
  replace(certificate: ServerCertificate): void {
    const next = checked(certificate);
    const { ca, cert, key } = this.#current;
    if (ca.equals(next.ca) && cert.equals(next.cert) && key.equals(next.key)) return;
    this.#current = next;
    for (const listener of this.#caListeners) listener(this.#caUpdate());
    for (const listener of this.#identityListeners) listener(this.#identityUpdate());
  }

  addCaCertificateListener(listener: experimental.CaCertificateUpdateListener): void {
    this.#caListeners.add(listener);
    queueMicrotask(() => listener(this.#caUpdate())); // grpc-js is ready for it only after it has added the listener
  }

  removeCaCertificateListener(listener: experimental.CaCertificateUpdateListener): void {
    this.#caListeners.delete(listener);
  }

  addIdentityCertificateListener(listener: experimental.IdentityCertificateUpdateListener): void {
    this.#identityListeners.add(listener);
    queueMicrotask(() => listener(this.#identityUpdate()));
  }

  removeIdentityCertificateListener(listener: experimental.IdentityCertificateUpdateListener): void {
    this.#identityListeners.delete(listener);
  }

  #caUpdate(): experimental.CaCertificateUpdate {
    return { caCertificate: this.#current.ca };
  }

  #identityUpdate(): experimental.IdentityCertificateUpdate {
    return { certificate: this.#current.cert, privateKey: this.#current.key };
  }
}

/** OpenSSL ends a bundle without a word at the first certificate that does not stand on lines of its own. */
function checked({ ca, cert, key }: ServerCertificate): ServerCertificate {
  const authorities = ca.toString('latin1').match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g);
  if (authorities === null) throw new Error('the authorities of the clients (ca) hold no certificate in PEM form');
  const certificate = { ca: Buffer.from(`${authorities.join('\n')}\n`, 'latin1'), cert, key };
  createSecureContext(certificate);
  return certificate;
}
