/**
 * How a listener asks its clients for certificates.
 * Source: Envoy docs, extensions.transport_sockets.tls.v3.DownstreamTlsContext and CertificateValidationContext.
 */
import { ApiVersion } from '../../api/envoy/envoy/config/core/v3/config_source_pb.ts';
import { CertificateValidationContext_TrustChainVerification as TrustChainVerification } from '../../api/envoy/envoy/extensions/transport_sockets/tls/v3/common_pb.ts';
import type {
  CommonTlsContextSchema,
  DownstreamTlsContextSchema,
} from '../../api/envoy/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts';
import type { Init } from '../encoding/index.ts';
import type { ClientValidation } from '../gateway/index.ts';
import { clientAuthoritiesName } from './secret.ts';

const ads = { resourceApiVersion: ApiVersion.V3, configSourceSpecifier: { case: 'ads', value: {} } } as const;

/** What of a listener's TLS is the same for all its connections; nothing where clients are not asked. */
export function requireCertificates(
  validation: ClientValidation | undefined,
): Pick<Init<typeof DownstreamTlsContextSchema>, 'requireClientCertificate'> {
  return validation === undefined || validation.insecure ? {} : { requireClientCertificate: true };
}

/** By whom the certificates of clients must be signed; nothing where clients are not asked. */
export function validateCertificates(
  validation: ClientValidation | undefined,
): Pick<Init<typeof CommonTlsContextSchema>, 'validationContextType'> {
  if (validation === undefined) return {};
  return {
    validationContextType: {
      case: 'combinedValidationContext',
      value: {
        // A certificate is asked for, and one that nobody signed is let in: it is for backends to judge.
        defaultValidationContext: validation.insecure
          ? { trustChainVerification: TrustChainVerification.ACCEPT_UNTRUSTED }
          : {},
        validationContextSdsSecretConfig: { name: clientAuthoritiesName(validation.authorities), sdsConfig: ads },
      },
    },
  };
}
