/** The caches of the operator: which objects it keeps a copy of, and what it leaves out of them. */
import type { ConfigMap, Secret } from '../api/core.ts';
import { labels, managedBy } from '../api/names.ts';
import type { KubernetesObject } from '../api/object.ts';
import type { Cache, ManagedCacheOptions, Manager, Resource } from '../runtime/index.ts';
import { type AnyRoute, listenerSetGateway, parentOf } from '../translate/index.ts';
import { dataPlaneOfPod, podsByDataPlane } from './dataPlane/index.ts';
import { otherVersions, resources } from './resources.ts';

export interface CachesOptions {
  manager: Manager;
  /** The operator's namespace. */
  namespace: string;
  /** Name of the Secret of the certificate authority. */
  authoritySecret: string;
  /** Name of the ValidatingWebhookConfiguration. */
  webhookConfiguration: string;
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

/** The part of a ConfigMap that can be the certificates of authorities. */
function onlyAuthorities(configMap: ConfigMap): ConfigMap {
  const { data = {}, binaryData = {}, ...rest } = withoutLastApplied(configMap);
  const part = (from: Record<string, string>): Record<string, string> =>
    from['ca.crt'] === undefined ? {} : { 'ca.crt': from['ca.crt'] };
  return { ...rest, data: part(data), binaryData: part(binaryData) };
}

/** Name of the index of routes by the ListenerSets that they name. */
export const routesByListenerSet = 'listenerSet';
/** Name of the index of ListenerSets by the Gateway that they name. */
export const listenerSetsByGateway = 'gateway';

function listenerSetsOf(route: AnyRoute): string[] {
  return (route.spec.parentRefs ?? []).flatMap((reference) => {
    const parent = parentOf(reference, route.metadata.namespace ?? '');
    return parent?.kind === 'ListenerSet' ? [parent.key] : [];
  });
}

export type Caches = ReturnType<typeof makeCaches>;

/** Makes all caches of the operator. */
export function makeCaches({ manager, namespace, authoritySecret, webhookConfiguration }: CachesOptions) {
  const ours = { labelSelector: `${labels.managedBy}=${managedBy}` };
  const pods = manager.cache(resources.pods, ours);
  pods.addIndex(podsByDataPlane, dataPlaneOfPod);
  const versioned = <T extends KubernetesObject>(
    name: keyof typeof resources,
    resource: Resource<T>,
    options: ManagedCacheOptions<T> = {},
  ): Cache<T> =>
    manager.cache(resource, { transform: withoutLastApplied, otherVersions: otherVersions[name], ...options });
  // Kinds without which the operator works: their definitions are in newer bundles, another channel or another project.
  const optional = <T extends KubernetesObject>(name: keyof typeof resources, resource: Resource<T>): Cache<T> =>
    versioned(name, resource, { optional: true });
  const route = <T extends AnyRoute>(cache: Cache<T>): Cache<T> => {
    cache.addIndex(routesByListenerSet, listenerSetsOf);
    return cache;
  };
  const listenerSets = optional('listenerSets', resources.listenerSets);
  listenerSets.addIndex(listenerSetsByGateway, (listenerSet) => {
    const gateway = listenerSetGateway(listenerSet);
    return gateway === undefined ? [] : [gateway];
  });
  return {
    gatewayClasses: manager.cache(resources.gatewayClasses),
    gateways: manager.cache(resources.gateways, { transform: withoutLastApplied }),
    listenerSets,
    httpRoutes: route(versioned('httpRoutes', resources.httpRoutes)),
    grpcRoutes: route(optional('grpcRoutes', resources.grpcRoutes)),
    tlsRoutes: route(optional('tlsRoutes', resources.tlsRoutes)),
    tcpRoutes: route(optional('tcpRoutes', resources.tcpRoutes)),
    udpRoutes: route(optional('udpRoutes', resources.udpRoutes)),
    referenceGrants: versioned('referenceGrants', resources.referenceGrants),
    backendTLSPolicies: optional('backendTLSPolicies', resources.backendTLSPolicies),
    serviceImports: optional('serviceImports', resources.serviceImports),
    xBackends: optional('xBackends', resources.xBackends),
    xBackendTrafficPolicies: optional('xBackendTrafficPolicies', resources.xBackendTrafficPolicies),
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
    webhookConfigurations: manager.cache(resources.validatingWebhookConfigurations, {
      fieldSelector: `metadata.name=${webhookConfiguration}`,
    }),
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
    authorities: manager.cache(resources.configMaps, { transform: onlyAuthorities }),
    pods,
  };
}
