/**
 * The kinds of the Multi-Cluster Services API, reduced to the fields that Sluice reads.
 * Source: sigs.k8s.io/mcs-api, pkg/apis/v1alpha1; KEP-1645.
 */
import type { ServicePort } from './core.ts';
import type { KubernetesObject } from './object.ts';

/** The group of the Multi-Cluster Services API. */
export const multiclusterGroup = 'multicluster.x-k8s.io';
/** The version of it that Sluice reads. */
export const multiclusterVersion = 'v1alpha1';
/** The label by which an EndpointSlice names its ServiceImport. */
export const multiclusterServiceNameLabel = 'multicluster.kubernetes.io/service-name';

export interface ServiceImportSpec {
  /** `ClusterSetIP` has an address of its own in `ips`, as a Service of type ClusterIP; `Headless` has none. */
  type: 'ClusterSetIP' | 'Headless';
  /** One address for each family. */
  ips?: string[];
  ports: Pick<ServicePort, 'name' | 'port' | 'protocol' | 'appProtocol'>[];
  ipFamilies?: ('IPv4' | 'IPv6')[];
  sessionAffinity?: 'ClientIP' | 'None';
}

export interface ServiceImportStatus {
  clusters?: { cluster: string }[];
}

export interface ServiceImport extends KubernetesObject<ServiceImportSpec, ServiceImportStatus> {
  spec: ServiceImportSpec;
}
