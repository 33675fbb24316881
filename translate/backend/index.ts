export {
  backendGroups,
  findPort,
  isUnresolved,
  resolveBackend,
  resolvedRefs,
  type BackendCollections,
  type BackendReference,
  type ResolvedBackend,
  type ServicePortBackend,
  type UnresolvedReference,
} from './backend.ts';
export { byClientCertificate } from './byClientCertificate.ts';
export { clusterSetAddresses, planCluster, servicePort, type ClusterCollections, type ClusterPlan } from './cluster.ts';
export {
  addressKey,
  clusterName,
  clusterNameOf,
  parseClusterName,
  type BackendAddress,
  type BackendKind,
  type BackendUse,
} from './clusterName.ts';
export { isGranted, notGranted, type Referrer } from './grant.ts';
export { applicationProtocol, backendProtocol, type BackendProtocol } from './protocol.ts';
export { backendContribution } from './status.ts';
export { missingTarget } from './target.ts';
export { sentence } from './sentence.ts';
export { planXBackend, type BackendPlan } from './xBackend.ts';
