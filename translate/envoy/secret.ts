/**
 * Certificates as Envoy takes them over SDS: they change without a connection being closed.
 * Source: Envoy docs, extensions.transport_sockets.tls.v3.Secret.
 */
import { SecretSchema } from '../../api/envoy/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts';
import type { ObjectKey } from '../../api/object.ts';
import type { EncodedResource } from '../../api/resource.ts';
import type { CertificateData } from '../certificate/index.ts';
import { encode, resource } from '../encoding/index.ts';
import { sessionTicketKeysName, type SessionTicketKeys } from '../sources.ts';

/** The name of the SDS resource that the Secret of a listener becomes. */
export function secretName(key: ObjectKey): string {
  return `secret/${key}`;
}

/** The name of the SDS resource with the certificate that proxies show to backends. */
export function clientCertificateName(key: ObjectKey): string {
  return `client-certificate/${key}`;
}

/** The name of the SDS resource with the authorities that backends are verified by. */
export function backendAuthoritiesName(authorities: readonly string[]): string {
  return `backend-ca/${authorities.join('+')}`;
}

/** The name of the SDS resource with the authorities that clients are verified by. */
export function clientAuthoritiesName(authorities: readonly string[]): string {
  return `client-ca/${authorities.join('+')}`;
}

/** The authorities of either name. */
export function parseAuthoritiesName(name: string): string[] {
  return name.slice(name.indexOf('/') + 1).split('+');
}

/** @param name of the SDS resource */
export function secret(name: string, certificate: CertificateData): EncodedResource {
  const bytes = encode(SecretSchema, {
    name,
    type: {
      case: 'tlsCertificate',
      value: {
        certificateChain: { specifier: { case: 'inlineBytes', value: certificate.chain } },
        privateKey: { specifier: { case: 'inlineBytes', value: certificate.privateKey } },
      },
    },
  });
  return resource(name, bytes);
}

/** @param bundle PEM */
export function authoritiesSecret(name: string, bundle: Uint8Array): EncodedResource {
  const bytes = encode(SecretSchema, {
    name,
    type: { case: 'validationContext', value: { trustedCa: { specifier: { case: 'inlineBytes', value: bundle } } } },
  });
  return resource(name, bytes);
}

/** The keys that all proxies of a fleet encrypt TLS sessions with. Source: Envoy docs, TlsSessionTicketKeys. */
export function sessionTicketKeys({ keys }: SessionTicketKeys): EncodedResource {
  const bytes = encode(SecretSchema, {
    name: sessionTicketKeysName,
    type: {
      case: 'sessionTicketKeys',
      value: { keys: keys.map((value) => ({ specifier: { case: 'inlineBytes' as const, value } })) },
    },
  });
  return resource(sessionTicketKeysName, bytes);
}
