/** The caches of the operator: which objects it keeps a copy of, and what it leaves out of them. */
import type { Secret } from '../api/core.ts';
import { labels, managedBy } from '../api/names.ts';
import type { KubernetesObject } from '../api/object.ts';
import type { Manager } from '../runtime/index.ts';
import { dataPlaneOfPod, podsByDataPlane } from './dataPlane/index.ts';
import { resources } from './resources.ts';

export interface CachesOptions {
  manager: Manager;
  /** The operator's namespace. */
  namespace: string;
  /** Name of the Secret of the certificate authority. */
  authoritySecret: string;
}

/** What `kubectl apply` leaves in every object: a second copy of it. */
const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

/** The object without the copy of itself that `kubectl apply` leaves in it. */
function withoutLastApplied<T extends KubernetesObject>(object: T): T {
  const { annotations } = object.metadata;
  if (annotations?.[lastApplied] === undefined) return object;
  const { [lastApplied]: _, ...rest } = annotations;
  return { ...object, metadata: { ...object.metadata, annotations: rest } };
}

/** The parts of a Secret that can be a certificate: the secrets of others are no business of the operator's. */
function onlyCertificate(secret: Secret): Secret {
  const { data = {}, ...rest } = withoutLastApplied(secret);
  const kept = Object.entries(data).filter(([key]) => certificateKeys.has(key));
  return { ...rest, data: Object.fromEntries(kept) };
}

const certificateKeys = new Set(['tls.crt', 'tls.key', 'ca.crt']);

export type Caches = ReturnType<typeof makeCaches>;

/** Makes all caches of the operator. */
export function makeCaches({ manager, namespace, authoritySecret }: CachesOptions) {
  const ours = { labelSelector: `${labels.managedBy}=${managedBy}` };
  const pods = manager.cache(resources.pods, ours);
  pods.addIndex(podsByDataPlane, dataPlaneOfPod);
  return {
    gatewayClasses: manager.cache(resources.gatewayClasses),
    gateways: manager.cache(resources.gateways, { transform: withoutLastApplied }),
    httpRoutes: manager.cache(resources.httpRoutes, { transform: withoutLastApplied }),
    referenceGrants: manager.cache(resources.referenceGrants),
    services: manager.cache(resources.services, { transform: withoutLastApplied }),
    endpointSlices: manager.cache(resources.endpointSlices),
    namespaces: manager.cache(resources.namespaces, { transform: withoutLastApplied }),
    secrets: manager.cache(resources.secrets, {
      // Large and many, and never a certificate.
      fieldSelector:
        'type!=helm.sh/release.v1,type!=kubernetes.io/service-account-token,type!=kubernetes.io/dockerconfigjson',
      transform: onlyCertificate,
    }),
    authority: manager.cache(resources.secrets, { namespace, fieldSelector: `metadata.name=${authoritySecret}` }),
    // Their schemas are large, and only their annotations are read.
    definitions: manager.cache(resources.customResourceDefinitions, {
      metadataOnly: true,
      transform: withoutLastApplied,
    }),
    gatewayConfigurations: manager.cache(resources.gatewayConfigurations),
    dataPlanes: manager.cache(resources.dataPlanes),
    controlPlanes: manager.cache(resources.controlPlanes),
    deployments: manager.cache(resources.deployments, ours),
    serviceAccounts: manager.cache(resources.serviceAccounts, ours),
    configMaps: manager.cache(resources.configMaps, ours),
    pods,
  };
}
