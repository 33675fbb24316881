export {
  advanceAuthority,
  createAuthority,
  decodeAuthority,
  encodeAuthority,
  nextAuthorityStep,
  renewalTime,
  stageAuthority,
  trustBundle,
  type Authority,
} from './authority.ts';
export { identityOf, identityUri, type DataPlaneIdentity } from './identity.ts';
export { issueLeaf, leafProblem, type Leaf, type LeafSubject } from './leaf.ts';
export type { KeyPair } from './pem.ts';
export { defaultCertificatePolicy, type CertificatePolicy } from './policy.ts';
export { createSessionTicketSecrets, sessionTicketKeysOf, type SessionTicketSecrets } from './sessionTickets.ts';
export { CertificateKeeper, type CertificateKeeperOptions } from './keeper.ts';
