export { type CertificatePolicy, defaultCertificatePolicy } from './certificates/index.ts';
export { Operator, type OperatorOptions } from './operator.ts';
