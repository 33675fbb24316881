/**
 * The core kinds of Kubernetes, reduced to the fields that Sluice reads.
 * Source: Kubernetes API reference, v1.
 */
import type { KubernetesObject } from './object.ts';

export interface ServicePort {
  /** Required where a Service has several ports. */
  name?: string;
  port: number;
  protocol?: 'TCP' | 'UDP' | 'SCTP';
  /** Application protocol of the port, for example `kubernetes.io/h2c`. */
  appProtocol?: string;
  targetPort?: number | string;
  nodePort?: number;
}

export interface ServiceSpec {
  type?: 'ClusterIP' | 'NodePort' | 'LoadBalancer' | 'ExternalName';
  /** `None` for a headless Service. */
  clusterIP?: string;
  clusterIPs?: string[];
  externalIPs?: string[];
  externalName?: string;
  ipFamilies?: ('IPv4' | 'IPv6')[];
  ipFamilyPolicy?: 'SingleStack' | 'PreferDualStack' | 'RequireDualStack';
  ports?: ServicePort[];
  selector?: Record<string, string>;
  externalTrafficPolicy?: 'Cluster' | 'Local';
  internalTrafficPolicy?: 'Cluster' | 'Local';
  trafficDistribution?: string;
  publishNotReadyAddresses?: boolean;
  loadBalancerClass?: string;
  loadBalancerSourceRanges?: string[];
}

export interface LoadBalancerIngress {
  ip?: string;
  hostname?: string;
  ipMode?: string;
}

export interface ServiceStatus {
  loadBalancer?: { ingress?: LoadBalancerIngress[] };
}

export type Service = KubernetesObject<ServiceSpec, ServiceStatus>;

export interface EndpointConditions {
  /** Absent means ready. */
  ready?: boolean;
  serving?: boolean;
  terminating?: boolean;
}

export interface Endpoint {
  addresses: string[];
  conditions?: EndpointConditions;
  hostname?: string;
  nodeName?: string;
  zone?: string;
  hints?: { forZones?: { name: string }[]; forNodes?: { name: string }[] };
  targetRef?: { kind?: string; namespace?: string; name?: string; uid?: string };
}

export interface EndpointPort {
  /** The name of the Service's port; absent or empty for its only, unnamed port. */
  name?: string;
  port?: number;
  protocol?: 'TCP' | 'UDP' | 'SCTP';
  appProtocol?: string;
}

export interface EndpointSlice extends KubernetesObject<undefined, undefined> {
  addressType: 'IPv4' | 'IPv6' | 'FQDN';
  endpoints: Endpoint[];
  ports?: EndpointPort[];
}

export interface Secret extends KubernetesObject<undefined, undefined> {
  type?: string;
  /** Values in base64. */
  data?: Record<string, string>;
  /** Only in files: an API server folds it into `data`. */
  stringData?: Record<string, string>;
  immutable?: boolean;
}

export interface ConfigMap extends KubernetesObject<undefined, undefined> {
  data?: Record<string, string>;
  /** Values in base64. */
  binaryData?: Record<string, string>;
  immutable?: boolean;
}

export interface NamespaceSpec {
  finalizers?: string[];
}

export interface NamespaceStatus {
  phase?: 'Active' | 'Terminating';
}

export type Namespace = KubernetesObject<NamespaceSpec, NamespaceStatus>;

/** The label by which an EndpointSlice names its Service. */
export const serviceNameLabel = 'kubernetes.io/service-name';
/** The label that every namespace carries, with its own name. */
export const namespaceNameLabel = 'kubernetes.io/metadata.name';
