/**
 * References to the certificate that a proxy shows to backends.
 * Source: Gateway API, GatewayBackendTLS.clientCertificateRef and XBackend's.
 */
import type { ReferenceGrant } from '../../api/gateway/index.ts';
import { keyOf, type ObjectKey } from '../../api/object.ts';
import { isGranted, notGranted, type Referrer } from '../backend/grant.ts';
import type { Collection, Index, Reader } from '../incremental/index.ts';
import type { CertificateSource } from './certificate.ts';

export interface ClientCertificate {
  /** The Secret that is used; also one with a fault, as long as its last good certificate is. */
  secret: ObjectKey | undefined;
  fault: { reason: 'InvalidClientCertificateRef' | 'RefNotPermitted'; message: string } | undefined;
}

export function resolveClientCertificate(
  reader: Reader,
  collections: { secrets: Collection<CertificateSource>; grantsByNamespace: Index<ReferenceGrant> },
  reference: { group?: string; kind?: string; namespace?: string; name: string },
  from: Referrer,
): ClientCertificate {
  const { group = '', kind = 'Secret', name, namespace = from.namespace } = reference;
  const key = keyOf(namespace, name);
  if (group !== '' || kind !== 'Secret') {
    const described = group === '' ? kind : `${kind} of group ${group}`;
    const message = `clientCertificateRef "${name}" is a ${described}: use a Secret of type kubernetes.io/tls`;
    return { secret: undefined, fault: { reason: 'InvalidClientCertificateRef', message } };
  }
  if (
    namespace !== from.namespace &&
    !isGranted(reader, collections.grantsByNamespace, from, { group, kind, namespace, name })
  ) {
    return { secret: undefined, fault: { reason: 'RefNotPermitted', message: notGranted('Secret', key, from) } };
  }
  const source = reader.get(collections.secrets, key);
  const fault = source === undefined ? 'does not exist: create it or correct the reference' : source.fault;
  return {
    secret: source?.certificate === undefined ? undefined : key,
    fault:
      fault === undefined ? undefined : { reason: 'InvalidClientCertificateRef', message: `Secret ${key} ${fault}` },
  };
}
