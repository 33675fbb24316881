/**
 * Which Gateway is served by which ControlPlane, and which ControlPlane configures which DataPlane. Computed whole from the
 * caches whenever something of it changes: there are tens of these objects, not thousands.
 */
import type { ControlPlane, WatchNamespaces } from '../api/controlPlane.ts';
import type { DataPlane } from '../api/dataPlane.ts';
import type { GatewayConfiguration } from '../api/gatewayConfiguration.ts';
import type { Gateway, GatewayClass } from '../api/gateway/index.ts';
import { controllerName } from '../api/names.ts';
import { keyOf, type KubernetesObject, objectKey, type ObjectKey } from '../api/object.ts';
import { gatewayParameters, type GatewayParameters } from './gateway/parameters.ts';
import { derivedName } from './names.ts';

/** Where objects are read. */
export interface TopologyObjects {
  gateways: () => Iterable<Gateway>;
  gatewayClass: (name: string) => GatewayClass | undefined;
  configuration: (key: ObjectKey) => GatewayConfiguration | undefined;
  controlPlanes: () => Iterable<ControlPlane>;
  dataPlane: (key: ObjectKey) => DataPlane | undefined;
}

/** How one Gateway of our classes is served. */
export interface GatewayAttachment {
  /** The ControlPlane that serves it, as far as there is one. */
  controlPlane?: ObjectKey;
  /** Whether it is to have a pair of its own. */
  own: boolean;
  /** Undefined where they cannot be had: then what runs goes on as it is. */
  parameters?: GatewayParameters;
  /** Why the Gateway cannot be served as it asks, as a sentence. */
  problem?: string;
}

/** What is to be configured on one DataPlane. */
export interface FleetScope {
  controlPlane: ObjectKey;
  gateways: ReadonlySet<ObjectKey>;
  /** The namespaces that are read; undefined for all. */
  namespaces: ReadonlySet<string> | undefined;
}

/** What became of a ControlPlane. */
export type ControlPlaneState = { dataPlane: ObjectKey } | { missing: ObjectKey } | { taken: ObjectKey; by: ObjectKey };

export interface Topology {
  attachments: ReadonlyMap<ObjectKey, GatewayAttachment>;
  /** By DataPlane; one without a ControlPlane is not in it. */
  scopes: ReadonlyMap<ObjectKey, FleetScope>;
  controlPlanes: ReadonlyMap<ObjectKey, ControlPlaneState>;
}

export const emptyTopology: Topology = { attachments: new Map(), scopes: new Map(), controlPlanes: new Map() };

/** The key of the DataPlane and of the ControlPlane that a Gateway gets: both have the same name. */
export function ownPairKey(gateway: { metadata: { namespace?: string; name: string } }): ObjectKey {
  return keyOf(gateway.metadata.namespace ?? '', derivedName(gateway.metadata.name));
}

/** Whether `owner` is the controlling owner of an object. */
export function isOwnedBy(object: KubernetesObject, owner: KubernetesObject): boolean {
  return (
    object.metadata.ownerReferences?.some(
      (reference) => reference.controller === true && reference.uid === owner.metadata.uid,
    ) ?? false
  );
}

/** Whether a class is ours to serve. */
export function isOurs(gatewayClass: GatewayClass | undefined): gatewayClass is GatewayClass {
  return gatewayClass?.spec.controllerName === controllerName;
}

/**
 * The topology as it is now.
 * @param before what it was: a Gateway whose parameters went bad stays where it is
 */
export function computeTopology(objects: TopologyObjects, before: Topology): Topology {
  const byKey = new Map<ObjectKey, ControlPlane>();
  const controlPlanes = new Map<ObjectKey, ControlPlaneState>();
  const configuring = new Map<ObjectKey, ObjectKey>();
  for (const controlPlane of [...objects.controlPlanes()].toSorted(bySeniority)) {
    const key = objectKey(controlPlane);
    byKey.set(key, controlPlane);
    const dataPlane = keyOf(controlPlane.metadata.namespace ?? '', controlPlane.spec?.dataPlaneRef.name ?? '');
    const senior = configuring.get(dataPlane);
    if (objects.dataPlane(dataPlane) === undefined) controlPlanes.set(key, { missing: dataPlane });
    else if (senior !== undefined) controlPlanes.set(key, { taken: dataPlane, by: senior });
    else {
      configuring.set(dataPlane, key);
      controlPlanes.set(key, { dataPlane });
    }
  }

  const attachments = new Map<ObjectKey, GatewayAttachment>();
  const members = new Map<ObjectKey, Set<ObjectKey>>();
  for (const gateway of objects.gateways()) {
    const gatewayClass = objects.gatewayClass(gateway.spec.gatewayClassName);
    if (!isOurs(gatewayClass)) continue;
    const key = objectKey(gateway);
    const attachment = attach(gateway, gatewayClass, objects, byKey, before.attachments.get(key));
    attachments.set(key, attachment);
    if (attachment.controlPlane === undefined) continue;
    const set = members.get(attachment.controlPlane);
    if (set === undefined) members.set(attachment.controlPlane, new Set([key]));
    else set.add(key);
  }

  const scopes = new Map<ObjectKey, FleetScope>();
  for (const [dataPlane, controlPlane] of configuring) {
    const object = byKey.get(controlPlane);
    if (object === undefined) continue;
    scopes.set(dataPlane, {
      controlPlane,
      gateways: members.get(controlPlane) ?? new Set(),
      namespaces: watchedNamespaces(object),
    });
  }
  return { attachments, scopes, controlPlanes };
}

function attach(
  gateway: Gateway,
  gatewayClass: GatewayClass,
  objects: TopologyObjects,
  controlPlanes: ReadonlyMap<ObjectKey, ControlPlane>,
  before: GatewayAttachment | undefined,
): GatewayAttachment {
  const pair = ownPairKey(gateway);
  const ownControlPlane = controlPlanes.get(pair);
  const own = ownControlPlane !== undefined && isOwnedBy(ownControlPlane, gateway) ? pair : undefined;
  const found = gatewayParameters(gateway, gatewayClass, objects.configuration);
  // Bad parameters change nothing of what runs.
  const last = before?.controlPlane !== undefined && controlPlanes.has(before.controlPlane) ? before.controlPlane : own;
  const unchanged = { own: false, ...(last === undefined ? {} : { controlPlane: last }) };
  if ('problem' in found) return { ...unchanged, problem: found.problem };
  const { parameters } = found;
  if (parameters.controlPlane === undefined)
    return { own: true, parameters, ...(own === undefined ? {} : { controlPlane: own }) };
  const shared = controlPlanes.get(parameters.controlPlane);
  if (shared === undefined) {
    return {
      ...unchanged,
      problem: `controlPlaneRef names ControlPlane ${parameters.controlPlane}, which does not exist. Create it or correct the name.`,
    };
  }
  const namespaces = watchedNamespaces(shared);
  if (namespaces !== undefined && !namespaces.has(gateway.metadata.namespace ?? '')) {
    return {
      ...unchanged,
      problem: `ControlPlane ${parameters.controlPlane} does not read the namespace ${gateway.metadata.namespace} of this Gateway. Add it to its watchNamespaces.`,
    };
  }
  return { own: false, parameters, controlPlane: parameters.controlPlane };
}

/** The namespaces that a ControlPlane reads; undefined for all. */
export function watchedNamespaces(controlPlane: ControlPlane): ReadonlySet<string> | undefined {
  const watch: WatchNamespaces = controlPlane.spec?.watchNamespaces ?? { type: 'all' };
  if (watch.type === 'all') return undefined;
  return new Set(watch.type === 'own' ? [controlPlane.metadata.namespace ?? ''] : (watch.list ?? []));
}

function bySeniority(one: KubernetesObject, other: KubernetesObject): number {
  const left = one.metadata.creationTimestamp ?? '';
  const right = other.metadata.creationTimestamp ?? '';
  if (left !== right) return left < right ? -1 : 1;
  return objectKey(one) < objectKey(other) ? -1 : 1;
}
