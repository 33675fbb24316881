/** What a cluster is to be, before it is put in Envoy's words. */
import type { Service, ServicePort } from '../../api/core.ts';
import type { ServiceImport } from '../../api/multicluster.ts';
import type { ObjectKey } from '../../api/object.ts';
import type { BackendTLS, BackendTLSPolicyPlan } from '../backendTLSPolicy/index.ts';
import type { BackendTrafficPolicyPlan, RetryBudget } from '../backendTrafficPolicy/index.ts';
import type { Collection, Index, Reader } from '../incremental/index.ts';
import { policyFor, targetKey } from '../policy/index.ts';
import { backendGroups, findPort } from './backend.ts';
import { addressKey, parseClusterName, type BackendAddress } from './clusterName.ts';
import { backendProtocol, type BackendProtocol } from './protocol.ts';
import type { BackendPlan } from './xBackend.ts';

export interface ClusterPlan {
  name: string;
  protocol: BackendProtocol;
  tls: (BackendTLS & { clientCertificate: ObjectKey | undefined }) | undefined;
  /** Why nothing may be sent there; every request gets 503. */
  blocked: string | undefined;
  retryBudget: RetryBudget | undefined;
  /** Where it leads if that is not told by EndpointSlices. */
  hostname: { name: string; port: number } | undefined;
}

export interface ClusterCollections {
  services: Collection<Service>;
  serviceImports: Collection<ServiceImport>;
  backends: Collection<BackendPlan>;
  tlsPoliciesByTarget: Index<BackendTLSPolicyPlan>;
  trafficPoliciesByTarget: Index<BackendTrafficPolicyPlan>;
}

/** @param name of a cluster that routes lead to */
export function planCluster(reader: Reader, collections: ClusterCollections, name: string): ClusterPlan | undefined {
  const address = parseClusterName(name);
  if (address === undefined) return undefined;
  const { kind, use } = address;
  const target = targetKey(backendGroups[kind], kind, address.namespace, address.name);
  const plan: ClusterPlan = {
    name,
    protocol: 'http1',
    tls: undefined,
    blocked: undefined,
    retryBudget: policyFor(reader, collections.trafficPoliciesByTarget, target, undefined)?.retryBudget,
    hostname: undefined,
  };
  if (kind === 'XBackend') {
    const backend = reader.get(collections.backends, addressKey(address));
    plan.protocol = backendProtocol(use, undefined);
    if (backend === undefined) return plan;
    if (plan.protocol !== 'stream' && use !== 'grpc') plan.protocol = backend.protocol ?? plan.protocol;
    // With a dot at the end it is looked up as it is. Completed by the search list of a Pod, `app.other` would lead to the
    // Service of another namespace, which no ReferenceGrant has let in; and each lookup would be several.
    plan.hostname = { name: `${backend.hostname}.`, port: backend.port };
    // What it says of TLS itself goes before what policies say.
    const policy =
      use === 'tcp' ? undefined : policyFor(reader, collections.tlsPoliciesByTarget, target, backend.portName);
    secure(plan, backend.tls ?? policy?.tls, backend.clientCertificate ?? address.clientCertificate);
    return plan;
  }
  const port = servicePort(reader, collections, address);
  plan.protocol = backendProtocol(use, port?.appProtocol);
  // A stream that comes as it is goes as it is: its TLS, if it has any, is between its ends.
  if (use === 'tcp' || use === 'udp') return plan;
  const policy = policyFor(reader, collections.tlsPoliciesByTarget, target, port?.name);
  secure(plan, policy?.tls, address.clientCertificate);
  return plan;
}

function secure(
  plan: ClusterPlan,
  tls: BackendTLSPolicyPlan['tls'] | undefined,
  clientCertificate: ObjectKey | undefined,
): void {
  if (tls === undefined) return;
  if ('blocked' in tls) plan.blocked = tls.blocked;
  else plan.tls = { ...tls, clientCertificate };
}

/** Where a ServiceImport leads whose implementation gives it addresses of its own and no EndpointSlices. */
export function clusterSetAddresses(
  serviceImport: ServiceImport | undefined,
  port: ServicePort | undefined,
): { address: string; port: number }[] {
  if (port === undefined || serviceImport?.spec.type !== 'ClusterSetIP') return [];
  return (serviceImport.spec.ips ?? []).map((address) => ({ address, port: port.port }));
}

/** The port of a Service or a ServiceImport that an address names. */
export function servicePort(
  reader: Reader,
  { services, serviceImports }: Pick<ClusterCollections, 'services' | 'serviceImports'>,
  address: BackendAddress,
): ServicePort | undefined {
  const key = addressKey(address);
  const object = address.kind === 'Service' ? reader.get(services, key) : reader.get(serviceImports, key);
  return findPort(object?.spec?.ports ?? [], address.port ?? 0, address.use);
}
