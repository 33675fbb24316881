export {
  readAuthority,
  readAuthorityConfigMap,
  type CertificateAuthority,
  type CertificateAuthoritySource,
} from './authority.ts';
export { readCertificate, type CertificateData, type CertificateSource } from './certificate.ts';
export { resolveClientCertificate, type ClientCertificate } from './clientCertificate.ts';
export {
  authorityBundle,
  resolveAuthorities,
  type AuthorityCollections,
  type AuthorityFault,
  type AuthorityReference,
  type ResolvedAuthorities,
} from './references.ts';
