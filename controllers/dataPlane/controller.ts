/**
 * The DataPlane controller: keeps the ServiceAccount, bootstrap, certificate, Deployment and Service of each DataPlane as its
 * spec wishes. What others own of these objects (replicas under an autoscaler, restart annotations, injected sidecars) is left.
 */
import type { ConfigMap, Secret, Service } from '../../api/core.ts';
import type { DataPlane } from '../../api/dataPlane.ts';
import { apiVersion } from '../../api/names.ts';
import { keyOf, type ObjectKey } from '../../api/object.ts';
import { bootstrapFiles } from '../../controlplane/index.ts';
import { ApiError, type Cache, isTransient, type Reconcile } from '../../runtime/index.ts';
import {
  type CertificateKeeper,
  type CertificatePolicy,
  issueLeaf,
  type Leaf,
  leafProblem,
  renewalTime,
  trustBundle,
} from '../certificates/index.ts';
import type { Deployment, ServiceAccount } from '../kubernetes.ts';
import { OwnershipError, type OwnedObjects } from '../ownedObjects.ts';
import { dataPlaneNames } from './names.ts';
import { proxyFiles, proxyPorts } from './podTemplate.ts';
import { renderBootstrap, renderCertificate, renderDeployment, renderService, renderServiceAccount } from './render.ts';
import type { DataPlaneObservation } from './status.ts';
import type { DataPlaneView } from './view.ts';

export interface DataPlaneReconcilerOptions {
  dataPlanes: Cache<DataPlane>;
  deployments: Cache<Deployment>;
  services: Cache<Service>;
  serviceAccounts: Cache<ServiceAccount>;
  configMaps: Cache<ConfigMap>;
  secrets: Cache<Secret>;
  owned: OwnedObjects;
  view: DataPlaneView;
  certificates: CertificateKeeper;
  policy: CertificatePolicy;
  now: () => Date;
  /** Where the proxies find the xDS server. */
  discovery: { host: string; port: number; serverName: string };
  /** Where a proxy serves its metrics. */
  metricsAddress: string;
  /** Writes the status, from what the view knows. */
  publish: (key: ObjectKey) => void;
}

/** Milliseconds until the next look, while the authority is being made. */
const soon = 1000;

/** The reconciler of DataPlanes. */
export function dataPlaneReconciler(options: DataPlaneReconcilerOptions): Reconcile {
  const { dataPlanes, deployments, services, serviceAccounts, configMaps, secrets, owned, view, publish } = options;
  /** Leaves that were issued by this process: the cache may not show them yet. */
  const issued = new Map<ObjectKey, Leaf>();
  return async (key, { signal }) => {
    const cached = dataPlanes.get(key);
    if (cached === undefined || cached.metadata.deletionTimestamp !== undefined) {
      view.setProblem(key, undefined);
      issued.delete(key);
      return undefined;
    }
    const dataPlane: DataPlane = { ...cached, apiVersion, kind: 'DataPlane' };
    if (view.isOrphaned(dataPlane)) return undefined;
    const surroundings = view.surroundings(dataPlane);
    const files = proxyBootstrap(dataPlane, options);
    let problem: DataPlaneObservation['problem'];
    let requeueAfter = soon;
    try {
      const certificate = await currentLeaf(dataPlane, issued, options);
      await owned.apply(serviceAccounts, dataPlane, renderServiceAccount(dataPlane, surroundings), signal);
      await owned.apply(configMaps, dataPlane, renderBootstrap(dataPlane, surroundings, files), signal);
      if (certificate !== undefined) {
        await owned.apply(secrets, dataPlane, renderCertificate(dataPlane, surroundings, certificate), signal);
        requeueAfter = Math.max(
          soon,
          renewalTime(certificate.certificate, options.policy).getTime() - options.now().getTime(),
        );
      }
      const service = renderService(dataPlane, surroundings);
      if (service !== undefined) await owned.apply(services, dataPlane, service, signal);
      await owned.apply(deployments, dataPlane, renderDeployment(dataPlane, surroundings, files), signal);
    } catch (error) {
      problem = problemOf(error);
      if (problem === undefined) throw error;
      // Nothing tells when someone else's object goes, or a permission comes.
      requeueAfter = 15_000;
    }
    view.setProblem(key, problem);
    publish(key);
    return { requeueAfter };
  };
}

/** The files that start a proxy of the DataPlane. */
function proxyBootstrap(
  dataPlane: DataPlane,
  { discovery, metricsAddress }: DataPlaneReconcilerOptions,
): Record<string, string> {
  return bootstrapFiles({
    // Both are overridden by the command line of each Pod.
    nodeId: dataPlane.metadata.name,
    cluster: keyOf(dataPlane.metadata.namespace ?? '', dataPlane.metadata.name),
    discovery: {
      ...discovery,
      certificateDirectory: proxyFiles.certificates,
      configDirectory: proxyFiles.bootstrapDirectory,
    },
    admin: { address: '127.0.0.1', port: proxyPorts.admin },
    metrics: { address: metricsAddress, port: proxyPorts.metrics },
  });
}

/**
 * The certificate that the proxies must have now: the one that they have while it is good; undefined without an authority.
 * @param issued those that the cache does not show yet, by DataPlane; one that is issued is added
 */
async function currentLeaf(
  dataPlane: DataPlane,
  issued: Map<ObjectKey, Leaf>,
  options: DataPlaneReconcilerOptions,
): Promise<Leaf | undefined> {
  const { certificates, secrets, policy, now } = options;
  const { authority } = certificates;
  if (authority === undefined) return undefined;
  const { namespace = '', name } = dataPlane.metadata;
  const key = keyOf(namespace, name);
  const subject = { dataPlane: { namespace, name } };
  const data = secrets.get(keyOf(namespace, dataPlaneNames(name).certificate))?.data;
  const stored = { certificate: decode(data?.['tls.crt']), privateKey: decode(data?.['tls.key']) };
  // From here on the cache counts: who deletes the Secret gets a new certificate.
  if (issued.get(key)?.certificate === stored.certificate) issued.delete(key);
  for (const leaf of [issued.get(key), stored]) {
    if (leaf === undefined || leaf.certificate === '') continue;
    if (leafProblem(leaf, subject, authority, policy, now()) !== undefined) continue;
    return { certificate: leaf.certificate, privateKey: leaf.privateKey, trustBundle: trustBundle(authority) };
  }
  const leaf = await issueLeaf(subject, authority, policy, now());
  issued.set(key, leaf);
  return leaf;
}

function decode(base64: string | undefined): string {
  return Buffer.from(base64 ?? '', 'base64').toString('utf8');
}

/** What a refusal means to the user; undefined for a fault that may pass. */
function problemOf(error: unknown): DataPlaneObservation['problem'] {
  if (error instanceof OwnershipError) return { reason: 'Conflict', message: error.message };
  if (isTransient(error) || !(error instanceof ApiError)) return undefined;
  const message = `The API server refuses an object of this DataPlane: ${error.message}`;
  if (error.reason === 'Forbidden') return { reason: 'Forbidden', message };
  const isTemplate = error.reason === 'Invalid' && error.details.kind === 'Deployment';
  return { reason: isTemplate ? 'InvalidPodTemplate' : 'Invalid', message };
}
