/** The identity of a proxy: the URI in its certificate names its DataPlane, and nothing else does. */

const prefix = 'spiffe://sluice.dev/ns/';

/** A DataPlane as a certificate names it. */
export interface DataPlaneIdentity {
  namespace: string;
  name: string;
}

/** `spiffe://sluice.dev/ns/<namespace>/dataplane/<name>`. */
export function identityUri(identity: DataPlaneIdentity): string {
  return `${prefix}${identity.namespace}/dataplane/${identity.name}`;
}

/**
 * The DataPlane that a peer's certificate names; `subjectAltName` is in the form of `tls.PeerCertificate`.
 * Exactly one name is asked for, so that a certificate never speaks for two.
 */
export function identityOf(subjectAltName: string | undefined): { identity: DataPlaneIdentity } | { problem: string } {
  if (subjectAltName === undefined || subjectAltName === '') {
    return { problem: 'the client certificate has no subject alternative name' };
  }
  // Names of Kubernetes objects need no quoting; anything quoted or with a comma is not one of ours.
  const match = /^URI:spiffe:\/\/sluice\.dev\/ns\/([a-z0-9-]{1,63})\/dataplane\/([a-z0-9.-]{1,253})$/.exec(
    subjectAltName,
  );
  const [, namespace, name] = match ?? [];
  if (namespace === undefined || name === undefined) {
    return { problem: `the client certificate names ${subjectAltName}, which is no DataPlane` };
  }
  return { identity: { namespace, name } };
}
