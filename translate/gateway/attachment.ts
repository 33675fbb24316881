/**
 * Which listeners a route attaches to, and why not to others.
 * Source: Gateway API, ParentReference, AllowedRoutes and the route condition Accepted.
 */
import type { Namespace } from '../../api/core.ts';
import { gatewayGroup, type HTTPRoute, type LabelSelector, type ParentReference } from '../../api/gateway/index.ts';
import { keyOf, type ConditionContribution, type ObjectKey } from '../../api/object.ts';
import { intersections } from '../httpRoute/hostname.ts';
import type { Collection, Reader } from '../incremental/index.ts';
import type { GatewayPlan, ListenerPlan } from './listener.ts';
import { listenerId } from './port.ts';

export interface AttachedListener {
  listener: ListenerPlan;
  /** The hostnames that route and listener have in common; an empty one stands for any. */
  hostnames: string[];
}

export interface ParentAttachment {
  parentRef: ParentReference;
  gateway: ObjectKey;
  accepted: ConditionContribution;
  listeners: AttachedListener[];
}

export interface AttachmentCollections {
  gateways: Collection<GatewayPlan>;
  namespaces: Collection<Namespace>;
}

/** The key of the Gateway that a parent reference names; undefined if it names none. */
export function parentGateway(parentRef: ParentReference, routeNamespace: string): ObjectKey | undefined {
  if ((parentRef.group ?? gatewayGroup) !== gatewayGroup || (parentRef.kind ?? 'Gateway') !== 'Gateway')
    return undefined;
  return keyOf(parentRef.namespace ?? routeNamespace, parentRef.name);
}

/** The attachments of a route to the Gateways of this translation; undefined where it names none of them. */
export function attachRoute(
  reader: Reader,
  collections: AttachmentCollections,
  route: HTTPRoute,
): ParentAttachment[] | undefined {
  const namespace = route.metadata.namespace ?? '';
  const parents: ParentAttachment[] = [];
  for (const parentRef of route.spec.parentRefs ?? []) {
    const gateway = parentGateway(parentRef, namespace);
    const plan = gateway === undefined ? undefined : reader.get(collections.gateways, gateway);
    if (plan !== undefined) parents.push(attachParent(reader, collections, route, parentRef, plan));
  }
  return parents.length === 0 ? undefined : parents;
}

function attachParent(
  reader: Reader,
  collections: AttachmentCollections,
  route: HTTPRoute,
  parentRef: ParentReference,
  gateway: GatewayPlan,
): ParentAttachment {
  const namespace = route.metadata.namespace ?? '';
  const refuse = (reason: string, message: string): ParentAttachment => ({
    parentRef,
    gateway: gateway.key,
    accepted: { type: 'Accepted', status: 'False', reason, message },
    listeners: [],
  });
  const named = gateway.listeners.filter(
    (listener) =>
      (parentRef.sectionName === undefined || listener.name === parentRef.sectionName) &&
      (parentRef.port === undefined || listener.port === parentRef.port),
  );
  if (named.length === 0) {
    const wanted = [
      parentRef.sectionName === undefined ? [] : `named "${parentRef.sectionName}"`,
      parentRef.port === undefined ? [] : `on port ${parentRef.port}`,
    ].flat();
    const has = gateway.listeners.map((listener) => `"${listener.name}" (port ${listener.port})`).join(', ');
    return refuse('NoMatchingParent', `Gateway ${gateway.key} has no listener ${wanted.join(' ')}: it has ${has}`);
  }
  const allowing = named.filter(
    (listener) =>
      listener.kinds.some(({ group, kind }) => group === gatewayGroup && kind === 'HTTPRoute') &&
      allowsNamespace(reader, collections.namespaces, listener, gateway.namespace, namespace),
  );
  if (allowing.length === 0) {
    const message = `No listener of Gateway ${gateway.key} that this route names lets an HTTPRoute of namespace ${namespace} attach: see its allowedRoutes`;
    return refuse('NotAllowedByListeners', message);
  }
  const listeners = allowing.flatMap((listener): AttachedListener | [] => {
    const hostnames = intersections(listener.hostname, route.spec.hostnames ?? []);
    return hostnames.length === 0 ? [] : { listener, hostnames };
  });
  if (listeners.length === 0) {
    const message = `No hostname of this route (${(route.spec.hostnames ?? []).join(', ')}) is covered by a listener it names (${allowing.map((listener) => listener.hostname).join(', ')})`;
    return refuse('NoMatchingListenerHostname', message);
  }
  return {
    parentRef,
    gateway: gateway.key,
    accepted: { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'Route is accepted' },
    listeners,
  };
}

function allowsNamespace(
  reader: Reader,
  namespaces: Collection<Namespace>,
  listener: ListenerPlan,
  gatewayNamespace: string,
  routeNamespace: string,
): boolean {
  const allowed = listener.namespaces;
  if (allowed.from === 'All') return true;
  if (allowed.from === 'None') return false;
  if (allowed.from === 'Same') return gatewayNamespace === routeNamespace;
  const namespace = reader.get(namespaces, routeNamespace);
  return namespace !== undefined && selects(allowed.selector, namespace.metadata.labels ?? {});
}

/** Whether a label selector selects these labels; an empty one selects all. Source: Kubernetes docs, "Labels and Selectors". */
export function selects(selector: LabelSelector, labels: Readonly<Record<string, string>>): boolean {
  for (const [name, value] of Object.entries(selector.matchLabels ?? {})) {
    if (labels[name] !== value) return false;
  }
  return (selector.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
    const value = labels[key];
    if (operator === 'Exists') return value !== undefined;
    if (operator === 'DoesNotExist') return value === undefined;
    if (operator === 'In') return value !== undefined && values.includes(value);
    if (operator === 'NotIn') return value === undefined || !values.includes(value);
    return false;
  });
}

/** The listeners that any of the parents attached to, each once. */
export function attachedListeners(parents: readonly ParentAttachment[]): Map<string, AttachedListener> {
  const result = new Map<string, AttachedListener>();
  for (const parent of parents) {
    for (const attached of parent.listeners) result.set(listenerId(attached.listener), attached);
  }
  return result;
}
