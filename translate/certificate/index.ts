export { readCertificate, type CertificateData, type CertificateSource } from './certificate.ts';
