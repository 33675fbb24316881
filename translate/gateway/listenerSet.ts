/**
 * ListenerSets: listeners that others than the owner of a Gateway add to it.
 * Source: Gateway API, ListenerSetSpec and Gateway.spec.allowedListeners.
 */
import type { Namespace } from '../../api/core.ts';
import { type Gateway, gatewayGroup, type ListenerEntry, type ListenerSet } from '../../api/gateway/index.ts';
import { keyOf, objectKey, type ObjectKey } from '../../api/object.ts';
import type { Collection, Reader } from '../incremental/index.ts';
import { allowedNamespaces, type ListenerOwner } from './listener.ts';
import { allowsNamespace } from './namespaces.ts';

export interface ListenerSetPlan {
  owner: ListenerOwner;
  gateway: ObjectKey;
  /** Order among the ListenerSets of a Gateway: older first, then by name. */
  seniority: string;
  /** Why the Gateway does not take it. */
  refused: { reason: 'NotAllowed'; message: string } | undefined;
  entries: ListenerEntry[];
}

export interface ListenerSetCollections {
  gateways: Collection<Gateway>;
  namespaces: Collection<Namespace>;
}

/** The key of the Gateway that a ListenerSet names; undefined if it names something else. */
export function listenerSetGateway(listenerSet: ListenerSet): ObjectKey | undefined {
  const { group = gatewayGroup, kind = 'Gateway', name, namespace } = listenerSet.spec.parentRef;
  if (group !== gatewayGroup || kind !== 'Gateway') return undefined;
  return keyOf(namespace ?? listenerSet.metadata.namespace ?? '', name);
}

/** Undefined where the ListenerSet names no Gateway of this translation. */
export function planListenerSet(
  reader: Reader,
  collections: ListenerSetCollections,
  listenerSet: ListenerSet,
): ListenerSetPlan | undefined {
  const key = listenerSetGateway(listenerSet);
  const gateway = key === undefined ? undefined : reader.get(collections.gateways, key);
  if (key === undefined || gateway === undefined) return undefined;
  const owner: ListenerOwner = {
    kind: 'ListenerSet',
    key: objectKey(listenerSet),
    namespace: listenerSet.metadata.namespace ?? '',
  };
  const allowed = allowedNamespaces(gateway.spec.allowedListeners?.namespaces, 'None');
  const isAllowed = allowsNamespace(
    reader,
    collections.namespaces,
    allowed,
    gateway.metadata.namespace ?? '',
    owner.namespace,
  );
  return {
    owner,
    gateway: key,
    seniority: `${listenerSet.metadata.creationTimestamp ?? ''} ${owner.key}`,
    refused: isAllowed
      ? undefined
      : {
          reason: 'NotAllowed',
          message: `Gateway ${key} takes no ListenerSets of namespace ${owner.namespace}: see its allowedListeners`,
        },
    entries: [...listenerSet.spec.listeners],
  };
}
