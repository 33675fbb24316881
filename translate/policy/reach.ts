/** Which backends a route leads to, and from which Gateways: policies on a backend have these Gateways as ancestors. */
import { gatewayGroup, type PolicyAncestorStatus } from '../../api/gateway/index.ts';
import type { ObjectKey } from '../../api/object.ts';
import type { AnyRoute } from '../sources.ts';
import { targetKey } from './precedence.ts';

/** What one route contributes. */
export interface RouteReach {
  /** The Gateways that it is attached to, sorted. */
  gateways: ObjectKey[];
  /** The backends that it names, whether they are there or not, by `targetKey`. */
  backends: string[];
}

interface Reference {
  group?: string;
  kind?: string;
  namespace?: string;
  name: string;
}

interface Filter {
  requestMirror?: { backendRef: Reference };
  externalAuth?: { backendRef: Reference };
}

/** A rule, or a reference in it, of the kinds of routes that have filters. */
interface Filtered {
  filters?: readonly Filter[];
}

/** The backends that a route names anywhere, by `targetKey`. */
export function backendsOf(route: AnyRoute): string[] {
  const result = new Set<string>();
  const add = ({ group = '', kind = 'Service', namespace = route.metadata.namespace ?? '', name }: Reference): void => {
    result.add(targetKey(group, kind, namespace, name));
  };
  const addFilters = (filters: readonly Filter[] | undefined): void => {
    for (const { requestMirror, externalAuth } of filters ?? []) {
      if (requestMirror !== undefined) add(requestMirror.backendRef);
      if (externalAuth !== undefined) add(externalAuth.backendRef);
    }
  };
  for (const rule of route.spec.rules ?? []) {
    addFilters((rule as Filtered).filters);
    for (const reference of rule.backendRefs ?? []) {
      add(reference);
      addFilters((reference as Filtered).filters);
    }
  }
  return [...result];
}

/** A Gateway as the ancestor of a policy. */
export function gatewayAncestor(gateway: ObjectKey): PolicyAncestorStatus['ancestorRef'] {
  const [namespace = '', name = ''] = gateway.split('/');
  return { group: gatewayGroup, kind: 'Gateway', namespace, name };
}

/** The Gateways from which routes lead to a backend, sorted, each once. */
export function reachingGateways(reaches: Iterable<{ readonly value: RouteReach }>): ObjectKey[] {
  const result = new Set<ObjectKey>();
  for (const { value } of reaches) for (const gateway of value.gateways) result.add(gateway);
  return [...result].toSorted();
}
