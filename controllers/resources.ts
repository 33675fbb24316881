/** The kinds that the operator reads or writes, and where the API server serves them. */
import type { ControlPlane } from '../api/controlPlane.ts';
import type { ConfigMap, EndpointSlice, Namespace, Secret, Service } from '../api/core.ts';
import type { DataPlane } from '../api/dataPlane.ts';
import type { GatewayConfiguration } from '../api/gatewayConfiguration.ts';
import {
  type BackendTLSPolicy,
  experimentalGatewayGroup,
  type Gateway,
  type GatewayClass,
  gatewayGroup,
  type GRPCRoute,
  type HTTPRoute,
  type ListenerSet,
  type ReferenceGrant,
  type TCPRoute,
  type TLSRoute,
  type UDPRoute,
  type XBackend,
  type XBackendTrafficPolicy,
} from '../api/gateway/index.ts';
import { multiclusterGroup, multiclusterVersion, type ServiceImport } from '../api/multicluster.ts';
import { group, version } from '../api/names.ts';
import { defineResource } from '../runtime/index.ts';
import type {
  CustomResourceDefinition,
  Deployment,
  Pod,
  ServiceAccount,
  ValidatingWebhookConfiguration,
} from './kubernetes.ts';

const core = { group: '', version: 'v1', namespaced: true };
const own = { group, version, namespaced: true };
const gatewayApi = { group: gatewayGroup, version: 'v1', namespaced: true };
const experimental = { group: experimentalGatewayGroup, version: 'v1alpha1', namespaced: true };

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
  validatingWebhookConfigurations: defineResource<ValidatingWebhookConfiguration>({
    group: 'admissionregistration.k8s.io',
    version: 'v1',
    kind: 'ValidatingWebhookConfiguration',
    plural: 'validatingwebhookconfigurations',
    namespaced: false,
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
  grpcRoutes: defineResource<GRPCRoute>({ ...gatewayApi, kind: 'GRPCRoute', plural: 'grpcroutes' }),
  tlsRoutes: defineResource<TLSRoute>({ ...gatewayApi, kind: 'TLSRoute', plural: 'tlsroutes' }),
  tcpRoutes: defineResource<TCPRoute>({ ...gatewayApi, kind: 'TCPRoute', plural: 'tcproutes' }),
  udpRoutes: defineResource<UDPRoute>({ ...gatewayApi, kind: 'UDPRoute', plural: 'udproutes' }),
  listenerSets: defineResource<ListenerSet>({ ...gatewayApi, kind: 'ListenerSet', plural: 'listenersets' }),
  referenceGrants: defineResource<ReferenceGrant>({ ...gatewayApi, kind: 'ReferenceGrant', plural: 'referencegrants' }),
  backendTLSPolicies: defineResource<BackendTLSPolicy>({
    ...gatewayApi,
    kind: 'BackendTLSPolicy',
    plural: 'backendtlspolicies',
  }),
  xBackends: defineResource<XBackend>({ ...experimental, kind: 'XBackend', plural: 'xbackends' }),
  xBackendTrafficPolicies: defineResource<XBackendTrafficPolicy>({
    ...experimental,
    kind: 'XBackendTrafficPolicy',
    plural: 'xbackendtrafficpolicies',
  }),
  serviceImports: defineResource<ServiceImport>({
    group: multiclusterGroup,
    version: multiclusterVersion,
    kind: 'ServiceImport',
    plural: 'serviceimports',
    namespaced: true,
  }),
  dataPlanes: defineResource<DataPlane>({ ...own, kind: 'DataPlane', plural: 'dataplanes' }),
  controlPlanes: defineResource<ControlPlane>({ ...own, kind: 'ControlPlane', plural: 'controlplanes' }),
  gatewayConfigurations: defineResource<GatewayConfiguration>({
    ...own,
    kind: 'GatewayConfiguration',
    plural: 'gatewayconfigurations',
  }),
};

/**
 * Other versions of kinds that will do where the one above is not served: their objects have the same fields.
 * Source: Gateway API v1.4 to v1.6, config/crd; Multi-Cluster Services API v0.5, config/crd.
 */
export const otherVersions: Partial<Record<keyof typeof resources, readonly string[]>> = {
  referenceGrants: ['v1beta1'],
  tlsRoutes: ['v1alpha3', 'v1alpha2'],
  tcpRoutes: ['v1alpha2'],
  udpRoutes: ['v1alpha2'],
  serviceImports: ['v1beta1'],
};
