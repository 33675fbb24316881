/** What an object is judged by: the objects that are there, as the operator's caches have them. */
import type { ControlPlane } from '../api/controlPlane.ts';
import type { ConfigMap, Namespace, Secret } from '../api/core.ts';
import type { DataPlane } from '../api/dataPlane.ts';
import type { Gateway, GatewayClass, ListenerSet, ReferenceGrant } from '../api/gateway/index.ts';
import type { GatewayConfiguration } from '../api/gatewayConfiguration.ts';
import type { KubernetesObject, ObjectKey } from '../api/object.ts';
import type { AnyRoute, RouteKind } from '../translate/index.ts';

/** Objects of one kind. */
export interface Objects<T> {
  get(key: ObjectKey): T | undefined;
  list(): Iterable<T>;
}

export type BackendKind = 'Service' | 'ServiceImport' | 'XBackend';

export interface Surroundings {
  gatewayClasses: Objects<GatewayClass>;
  gateways: Objects<Gateway>;
  listenerSets: Objects<ListenerSet>;
  routes: Record<RouteKind, Objects<AnyRoute>>;
  referenceGrants: Objects<ReferenceGrant>;
  /** What routes send traffic to, by kind; kinds that the cluster does not have are missing. */
  backends: Partial<Record<BackendKind, Objects<KubernetesObject>>>;
  namespaces: Objects<Namespace>;
  /** Certificates, and those of authorities. */
  secrets: Objects<Secret>;
  configMaps: Objects<ConfigMap>;
  gatewayConfigurations: Objects<GatewayConfiguration>;
  dataPlanes: Objects<DataPlane>;
  controlPlanes: Objects<ControlPlane>;
}
