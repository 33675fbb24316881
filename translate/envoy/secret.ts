/** Certificates as Envoy takes them over SDS. Source: Envoy docs, extensions.transport_sockets.tls.v3.Secret. */
import { SecretSchema } from '../../api/envoy/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts';
import type { ObjectKey } from '../../api/object.ts';
import type { EncodedResource } from '../../api/resource.ts';
import type { CertificateData } from '../certificate/index.ts';
import { encode, resource } from '../encoding/index.ts';

/** The name of the SDS resource that a Kubernetes Secret becomes. */
export function secretName(key: ObjectKey): string {
  return `secret/${key}`;
}

export function secret(key: ObjectKey, certificate: CertificateData): EncodedResource {
  const name = secretName(key);
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
