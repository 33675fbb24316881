/** The kinds that the operator reads or writes, and where the API server serves them. */
import type { ControlPlane } from '../api/controlPlane.ts';
import type { ConfigMap, EndpointSlice, Namespace, Secret, Service } from '../api/core.ts';
import type { DataPlane } from '../api/dataPlane.ts';
import type { GatewayConfiguration } from '../api/gatewayConfiguration.ts';
import {
  type Gateway,
  type GatewayClass,
  gatewayGroup,
  type HTTPRoute,
  type ReferenceGrant,
} from '../api/gateway/index.ts';
import { group, version } from '../api/names.ts';
import { defineResource } from '../runtime/index.ts';
import type { CustomResourceDefinition, Deployment, Pod, ServiceAccount } from './kubernetes.ts';

const core = { group: '', version: 'v1', namespaced: true };
const own = { group, version, namespaced: true };
const gatewayApi = { group: gatewayGroup, version: 'v1', namespaced: true };

/** One descriptor per kind, by the plural name. */
export const resources = {
  services: defineResource<Service>({ ...core, kind: 'Service', plural: 'services' }),
  secrets: defineResource<Secret>({ ...core, kind: 'Secret', plural: 'secrets' }),
  configMaps: defineResource<ConfigMap>({ ...core, kind: 'ConfigMap', plural: 'configmaps' }),
  serviceAccounts: defineResource<ServiceAccount>({ ...core, kind: 'ServiceAccount', plural: 'serviceaccounts' }),
  pods: defineResource<Pod>({ ...core, kind: 'Pod', plural: 'pods' }),
  namespaces: defineResource<Namespace>({ ...core, kind: 'Namespace', plural: 'namespaces', namespaced: false }),
  deployments: defineResource<Deployment>({
    group: 'apps',
    version: 'v1',
    kind: 'Deployment',
    plural: 'deployments',
    namespaced: true,
  }),
  endpointSlices: defineResource<EndpointSlice>({
    group: 'discovery.k8s.io',
    version: 'v1',
    kind: 'EndpointSlice',
    plural: 'endpointslices',
    namespaced: true,
  }),
  customResourceDefinitions: defineResource<CustomResourceDefinition>({
    group: 'apiextensions.k8s.io',
    version: 'v1',
    kind: 'CustomResourceDefinition',
    plural: 'customresourcedefinitions',
    namespaced: false,
  }),
  gatewayClasses: defineResource<GatewayClass>({
    ...gatewayApi,
    kind: 'GatewayClass',
    plural: 'gatewayclasses',
    namespaced: false,
  }),
  gateways: defineResource<Gateway>({ ...gatewayApi, kind: 'Gateway', plural: 'gateways' }),
  httpRoutes: defineResource<HTTPRoute>({ ...gatewayApi, kind: 'HTTPRoute', plural: 'httproutes' }),
  // The version that bundles older than v1.5 serve as well.
  referenceGrants: defineResource<ReferenceGrant>({
    ...gatewayApi,
    version: 'v1beta1',
    kind: 'ReferenceGrant',
    plural: 'referencegrants',
  }),
  dataPlanes: defineResource<DataPlane>({ ...own, kind: 'DataPlane', plural: 'dataplanes' }),
  controlPlanes: defineResource<ControlPlane>({ ...own, kind: 'ControlPlane', plural: 'controlplanes' }),
  gatewayConfigurations: defineResource<GatewayConfiguration>({
    ...own,
    kind: 'GatewayConfiguration',
    plural: 'gatewayconfigurations',
  }),
};
