/** Lifetimes of the operator's certificates. All durations in milliseconds. */

const hour = 60 * 60 * 1000;

export interface CertificatePolicy {
  /** How long a certificate authority is valid. */
  authorityLifetime: number;
  /** How long a new authority is trusted everywhere before it signs, at least as long as a bundle takes to arrive. */
  authorityOverlap: number;
  /** How long the certificate of a proxy, or of the xDS server, is valid. */
  leafLifetime: number;
  /** The part of its lifetime after which a certificate is replaced. */
  renewAfter: number;
  /** How far back validity begins, for clocks that are behind. */
  backdate: number;
}

/** The decision of the architecture page: leaves live 24 h and rotate at two thirds; authorities overlap. */
export const defaultCertificatePolicy: CertificatePolicy = {
  authorityLifetime: 2 * 365 * 24 * hour,
  authorityOverlap: 24 * hour,
  leafLifetime: 24 * hour,
  renewAfter: 2 / 3,
  backdate: hour / 12,
};
