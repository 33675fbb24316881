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
 * The DataPlane that the URIs in a peer's certificate name. Exactly one is asked for, so that a certificate never speaks for two.
 */
export function identityOf(uris: readonly string[]): { identity: DataPlaneIdentity } | { problem: string } {
  const [uri] = uris;
  if (uri === undefined || uris.length > 1)
    return { problem: `the client certificate must have one URI and has ${uris.length}` };
  const [, namespace, name] =
    /^spiffe:\/\/sluice\.dev\/ns\/([a-z0-9-]{1,63})\/dataplane\/([a-z0-9.-]{1,253})$/.exec(uri) ?? [];
  if (namespace === undefined || name === undefined)
    return { problem: `the client certificate names ${uri}, which is no DataPlane` };
  return { identity: { namespace, name } };
}
