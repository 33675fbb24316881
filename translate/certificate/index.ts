export {
  readAuthority,
  readAuthorityConfigMap,
  type CertificateAuthority,
  type CertificateAuthoritySource,
} from './authority.ts';
export { readCertificate, type CertificateData, type CertificateSource } from './certificate.ts';
