/**
 * The built-in kinds that the operator writes or watches beyond those of `api/core.ts`, reduced to the fields that it reads.
 * Source: Kubernetes API reference, v1.
 */
import type { KubernetesObject } from '../api/object.ts';

export interface DeploymentCondition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
}

export interface DeploymentStatus {
  observedGeneration?: number;
  replicas?: number;
  updatedReplicas?: number;
  readyReplicas?: number;
  availableReplicas?: number;
  unavailableReplicas?: number;
  conditions?: DeploymentCondition[];
}

export interface DeploymentSpec {
  replicas?: number;
}

export type Deployment = KubernetesObject<DeploymentSpec, DeploymentStatus>;

export interface ContainerStatus {
  name: string;
  ready?: boolean;
  restartCount?: number;
  image?: string;
  state?: {
    waiting?: { reason?: string; message?: string };
    terminated?: { reason?: string; message?: string; exitCode?: number };
  };
  lastState?: { terminated?: { reason?: string; message?: string; exitCode?: number } };
}

export interface PodStatus {
  phase?: string;
  reason?: string;
  message?: string;
  conditions?: { type: string; status: string; reason?: string; message?: string }[];
  containerStatuses?: ContainerStatus[];
  initContainerStatuses?: ContainerStatus[];
}

export type Pod = KubernetesObject<undefined, PodStatus>;

export type ServiceAccount = KubernetesObject<undefined, undefined>;

export interface CustomResourceDefinitionSpec {
  group: string;
  names: { kind: string; plural: string };
  versions: { name: string; served: boolean; storage: boolean }[];
}

export type CustomResourceDefinition = KubernetesObject<
  CustomResourceDefinitionSpec,
  { conditions?: { type: string; status: string; reason?: string; message?: string }[] }
>;

/** `webhooks` stands beside `metadata`, where other kinds have a spec. */
export interface ValidatingWebhookConfiguration extends KubernetesObject<undefined, undefined> {
  webhooks?: { name: string; clientConfig: { caBundle?: string } }[];
}
