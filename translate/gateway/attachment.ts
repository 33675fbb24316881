/**
 * Which listeners a route attaches to, and why not to others.
 * Source: Gateway API, ParentReference, AllowedRoutes and the route condition Accepted.
 */
import type { Namespace } from '../../api/core.ts';
import { gatewayGroup, type ParentReference } from '../../api/gateway/index.ts';
import { keyOf, type ConditionContribution, type ObjectKey } from '../../api/object.ts';
import { intersections } from '../httpRoute/hostname.ts';
import type { Collection, Index, Reader } from '../incremental/index.ts';
import type { AnyRoute, RouteKind } from '../sources.ts';
import type { GatewayPlan, ListenerPlan } from './listener.ts';
import type { ListenerSetPlan } from './listenerSet.ts';
import { allowsNamespace } from './namespaces.ts';
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
  /** Files default Gateways under `defaultScope`. */
  defaultGateways: Index<GatewayPlan>;
  listenerSets: Collection<ListenerSetPlan>;
  namespaces: Collection<Namespace>;
}

/** The scope of default Gateways, the only one that there is. Source: Gateway API, GatewayDefaultScope. */
export const defaultScope = 'All';

/** Whether a route attaches to the default Gateways, too. */
export function wantsDefaultGateways({ spec }: AnyRoute): boolean {
  return spec.useDefaultGateways === defaultScope;
}

/** The object that a parent reference names, if it is of a kind that has listeners. */
export function parentOf(
  parentRef: ParentReference,
  routeNamespace: string,
): { kind: 'Gateway' | 'ListenerSet'; key: ObjectKey } | undefined {
  const { group = gatewayGroup, kind = 'Gateway', name, namespace = routeNamespace } = parentRef;
  if (group !== gatewayGroup || (kind !== 'Gateway' && kind !== 'ListenerSet')) return undefined;
  return { kind, key: keyOf(namespace, name) };
}

/** The key of the Gateway that a parent reference names; undefined if it names none. */
export function parentGateway(parentRef: ParentReference, routeNamespace: string): ObjectKey | undefined {
  const parent = parentOf(parentRef, routeNamespace);
  return parent?.kind === 'Gateway' ? parent.key : undefined;
}

/** The attachments of a route to the Gateways of this translation; undefined where it names none of them. */
export function attachRoute(
  reader: Reader,
  collections: AttachmentCollections,
  kind: RouteKind,
  route: AnyRoute,
): ParentAttachment[] | undefined {
  const namespace = route.metadata.namespace ?? '';
  const parents: ParentAttachment[] = [];
  for (const parentRef of route.spec.parentRefs ?? []) {
    const parent = parentOf(parentRef, namespace);
    if (parent === undefined) continue;
    const set = parent.kind === 'ListenerSet' ? reader.get(collections.listenerSets, parent.key) : undefined;
    const gateway = parent.kind === 'Gateway' ? parent.key : set?.gateway;
    const plan = gateway === undefined ? undefined : reader.get(collections.gateways, gateway);
    if (plan !== undefined)
      parents.push(attachParent(reader, collections, { kind, route, parentRef, parent, gateway: plan, set }));
  }
  if (wantsDefaultGateways(route)) {
    const named = new Set(parents.map(({ parentRef }) => parentOf(parentRef, namespace)?.key));
    for (const { key, value: plan } of reader.group(collections.defaultGateways, defaultScope)) {
      if (named.has(key)) continue;
      const [gatewayNamespace, name] = key.split('/') as [string, string];
      const parentRef = { group: gatewayGroup, kind: 'Gateway', namespace: gatewayNamespace, name };
      const parent = { kind: 'Gateway' as const, key };
      const attached = attachParent(reader, collections, {
        kind,
        route,
        parentRef,
        parent,
        gateway: plan,
        set: undefined,
      });
      // Whoever did not name a Gateway need not hear that it does not take the route.
      if (attached.accepted.status === 'True') parents.push(attached);
    }
  }
  return parents.length === 0 ? undefined : parents;
}

interface Attaching {
  kind: RouteKind;
  route: AnyRoute;
  parentRef: ParentReference;
  parent: { kind: 'Gateway' | 'ListenerSet'; key: ObjectKey };
  gateway: GatewayPlan;
  /** The parent, where it is one. */
  set: ListenerSetPlan | undefined;
}

function attachParent(
  reader: Reader,
  collections: AttachmentCollections,
  { kind, route, parentRef, parent, gateway, set }: Attaching,
): ParentAttachment {
  const namespace = route.metadata.namespace ?? '';
  const refuse = (reason: string, message: string): ParentAttachment => ({
    parentRef,
    gateway: gateway.key,
    accepted: { type: 'Accepted', status: 'False', reason, message },
    listeners: [],
  });
  const where = `${parent.kind} ${parent.key}`;
  if (set?.refused !== undefined)
    return refuse('NoMatchingParent', `${where} is not attached to a Gateway: ${set.refused.message}`);
  const own = gateway.listeners.filter(({ owner }) => owner.kind === parent.kind && owner.key === parent.key);
  const named = own.filter(
    (listener) =>
      (parentRef.sectionName === undefined || listener.name === parentRef.sectionName) &&
      (parentRef.port === undefined || listener.port === parentRef.port),
  );
  if (named.length === 0) {
    const wanted = [
      parentRef.sectionName === undefined ? [] : `named "${parentRef.sectionName}"`,
      parentRef.port === undefined ? [] : `on port ${parentRef.port}`,
    ].flat();
    const has = own.map((listener) => `"${listener.name}" (port ${listener.port})`).join(', ');
    return refuse('NoMatchingParent', `${where} has no listener ${wanted.join(' ')}: it has ${has}`);
  }
  const ofKind = named.filter(({ kinds }) =>
    kinds.some((allowed) => allowed.group === gatewayGroup && allowed.kind === kind),
  );
  const allowing = ofKind.filter(({ namespaces, owner }) =>
    allowsNamespace(reader, collections.namespaces, namespaces, owner.namespace, namespace),
  );
  if (allowing.length === 0) {
    const who = `${kind === 'HTTPRoute' ? 'an' : 'a'} ${kind}${ofKind.length === 0 ? '' : ` of namespace ${namespace}`}`;
    const message = `No listener of ${where} that this route names lets ${who} attach: see their protocol and allowedRoutes`;
    return refuse('NotAllowedByListeners', message);
  }
  const wanted = 'hostnames' in route.spec ? (route.spec.hostnames ?? []) : [];
  const listeners = allowing.flatMap((listener): AttachedListener | [] => {
    const hostnames = intersections(listener.hostname, wanted);
    return hostnames.length === 0 ? [] : { listener, hostnames };
  });
  if (listeners.length === 0) {
    const message = `No hostname of this route (${wanted.join(', ')}) is covered by a listener it names (${allowing.map((listener) => listener.hostname).join(', ')})`;
    return refuse('NoMatchingListenerHostname', message);
  }
  return {
    parentRef,
    gateway: gateway.key,
    accepted: { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'Route is accepted' },
    listeners,
  };
}

/** The parents that accept a route. */
export function acceptedParents(parents: readonly ParentAttachment[]): ParentAttachment[] {
  return parents.filter(({ accepted }) => accepted.status === 'True');
}

/** The listeners that any of the parents attached to, each once. */
export function attachedListeners(parents: readonly ParentAttachment[]): Map<string, AttachedListener> {
  const result = new Map<string, AttachedListener>();
  for (const parent of parents) {
    for (const attached of parent.listeners) result.set(listenerId(attached.listener), attached);
  }
  return result;
}
