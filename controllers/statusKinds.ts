/** The kinds whose status the operator writes, and how what is known of an object becomes its status. */
import type { ControlPlane } from '../api/controlPlane.ts';
import type { DataPlane } from '../api/dataPlane.ts';
import type { GatewayConfiguration } from '../api/gatewayConfiguration.ts';
import type {
  BackendTLSPolicy,
  Gateway,
  GatewayClass,
  ListenerSet,
  ParentReference,
  PolicyAncestorStatus,
  XBackend,
  XBackendStatus,
  XBackendTrafficPolicy,
} from '../api/gateway/index.ts';
import { controllerName } from '../api/names.ts';
import type { ConditionContribution, KubernetesObject } from '../api/object.ts';
import type {
  BackendReport,
  GatewayReport,
  ListenerSetReport,
  PolicyReport,
  RouteReport,
} from '../controlplane/index.ts';
import type { Cache } from '../runtime/index.ts';
import type { AnyRoute } from '../translate/index.ts';
import {
  type AncestorReference,
  type ExistingCondition,
  joinAncestors,
  type GatewayInfrastructureStatus,
  type GatewayTranslation,
  joinGatewayStatus,
  joinListenerSetStatus,
  joinRouteParents,
  jsonEqual,
  mergeConditions,
  type StatusKind,
} from './status/index.ts';

/** What is said of a Gateway: by its control plane, and by the Gateway controller. */
export type GatewaySays =
  | { translation: GatewayTranslation & Pick<GatewayReport, 'settled'> }
  | { infrastructure: GatewayInfrastructureStatus };

/** What one controller says of an object: a whole status, of one generation. */
export interface OwnStatus {
  generation: number | undefined;
  conditions: readonly ConditionContribution[];
  /** Fields of the status besides the conditions. */
  fields: object;
}

/** Gateway. */
export function gatewayStatusKind(cache: Cache<Gateway>): StatusKind<Gateway, GatewaySays> {
  return {
    cache,
    join(gateway, contributions, now) {
      let translation: GatewayTranslation | undefined;
      let infrastructure: GatewayInfrastructureStatus | undefined;
      for (const says of contributions.values()) {
        if ('translation' in says) translation ??= says.translation;
        else infrastructure ??= says.infrastructure;
      }
      return joinGatewayStatus(gateway.status, translation, infrastructure, {
        generation: gateway.metadata.generation,
        now,
      });
    },
    isPending: (says) => 'translation' in says && !says.translation.settled,
    isMinor: (before, says) =>
      'translation' in before &&
      'translation' in says &&
      jsonEqual(withoutCounts(before.translation), withoutCounts(says.translation)),
    conditions: (gateway) => listenerConditions(gateway.status),
  };
}

/** A report without the numbers of what is attached, which change with every route. */
function withoutCounts(report: { listeners: GatewayTranslation['listeners'] }): object {
  return {
    ...report,
    attachedListenerSets: undefined,
    listeners: report.listeners.map((listener) => ({ ...listener, attachedRoutes: undefined })),
  };
}

/** ListenerSet. */
export function listenerSetStatusKind(cache: Cache<ListenerSet>): StatusKind<ListenerSet, ListenerSetReport> {
  return {
    cache,
    join({ metadata, status }, contributions, now) {
      const [says] = contributions.values();
      if (says === undefined || says.generation !== metadata.generation) return undefined;
      return joinListenerSetStatus(status, says, { generation: says.generation, now });
    },
    isPending: (report) => !report.settled,
    isMinor: (before, report) => jsonEqual(withoutCounts(before), withoutCounts(report)),
    conditions: (listenerSet) => listenerConditions(listenerSet.status),
  };
}

function listenerConditions(
  status: {
    conditions?: readonly ExistingCondition[];
    listeners?: readonly { name: string; conditions: readonly ExistingCondition[] }[];
  } = {},
): ReadonlyMap<string, readonly ExistingCondition[]> {
  return new Map([
    ['', status.conditions ?? []],
    ...(status.listeners ?? []).map(({ name, conditions }): [string, readonly ExistingCondition[]] => [
      `Listener ${name}`,
      conditions,
    ]),
  ]);
}

/** The kinds of routes. */
export function routeStatusKind<T extends AnyRoute>(
  cache: Cache<T>,
  mayRemove: (parent: ParentReference, routeNamespace: string) => boolean,
): StatusKind<T, RouteReport> {
  return {
    cache,
    join(route, contributions, now) {
      const { generation, namespace = '' } = route.metadata;
      const reports = [...contributions.values()];
      // Those that have not seen this generation yet will in a moment.
      if (reports.some((report) => report.generation !== generation)) return undefined;
      const existing = route.status?.parents;
      if (reports.length === 0 && existing?.some((parent) => parent.controllerName === controllerName) !== true)
        return undefined;
      return {
        parents: joinRouteParents(existing, reports, {
          controllerName,
          generation,
          now,
          mayRemove: (parent) => mayRemove(parent, namespace),
        }),
      };
    },
    isPending: (report) => !report.settled,
    conditions: (route) =>
      new Map(
        (route.status?.parents ?? [])
          .filter((parent) => parent.controllerName === controllerName)
          .map((parent): [string, readonly ExistingCondition[]] => [parentName(parent.parentRef), parent.conditions]),
      ),
  };
}

/** An entry of such a list, whatever its kind calls the reference. */
type AncestorEntry = Pick<NonNullable<XBackendStatus['parents']>[number], 'conditions' | 'controllerName'> & {
  ancestorRef: AncestorReference;
};

/** Kinds that say how they fare on the way of each ancestor: policies in `ancestors`, XBackend in `parents`. */
export function ancestorStatusKind<T extends BackendTLSPolicy | XBackendTrafficPolicy | XBackend>(
  cache: Cache<T>,
  list: {
    /** The most entries that the API admits. */
    maximum: number;
    read: (object: T) => readonly AncestorEntry[] | undefined;
    /** The status that has these entries. */
    write: (entries: PolicyAncestorStatus[]) => object;
  },
  mayRemove: (ancestor: AncestorReference, namespace: string) => boolean,
): StatusKind<T, PolicyReport | BackendReport> {
  const ours = (object: T): AncestorEntry[] =>
    (list.read(object) ?? []).filter((entry) => entry.controllerName === controllerName);
  return {
    cache,
    join(object, contributions, now) {
      const { generation, namespace = '' } = object.metadata;
      const reports = [...contributions.values()];
      if (reports.some((report) => report.generation !== generation)) return undefined;
      if (reports.every(({ ancestors }) => ancestors.length === 0) && ours(object).length === 0) return undefined;
      const { maximum } = list;
      const joined = joinAncestors(list.read(object), reports, {
        controllerName,
        generation,
        now,
        maximum,
        mayRemove: (ancestor) => mayRemove(ancestor, namespace),
      });
      return list.write(joined);
    },
    conditions: (object) =>
      new Map(
        ours(object).map(({ ancestorRef, conditions = [] }): [string, readonly ExistingCondition[]] => [
          parentName(ancestorRef),
          conditions,
        ]),
      ),
  };
}

/** Where policies have their entries. Source: Gateway API, PolicyStatus. */
export const policyAncestors = {
  maximum: 16,
  read: ({ status }: BackendTLSPolicy | XBackendTrafficPolicy) => status?.ancestors,
  write: (ancestors: PolicyAncestorStatus[]) => ({ ancestors }),
};

/** Where an XBackend has them. Source: Gateway API, apisx/v1alpha1, BackendStatus. */
export const backendAncestors = {
  maximum: 32,
  read: ({ status }: XBackend) =>
    status?.parents?.map(({ parentRef, ...entry }) => ({ ...entry, ancestorRef: parentRef })),
  write: (entries: PolicyAncestorStatus[]) => ({
    parents: entries.map(({ ancestorRef, ...entry }) => ({ ...entry, parentRef: ancestorRef })),
  }),
};

function parentName({ kind = 'Gateway', name, sectionName, port }: AncestorReference): string {
  return `${kind} ${name}${sectionName === undefined ? '' : `/${sectionName}`}${port === undefined ? '' : `:${port}`}`;
}

/** A kind whose status is one controller's: those of ours, and GatewayClass. */
export function ownStatusKind<T extends DataPlane | ControlPlane | GatewayConfiguration | GatewayClass>(
  cache: Cache<T>,
): StatusKind<T, OwnStatus> {
  return {
    cache,
    join(object, contributions, now) {
      const [says] = contributions.values();
      if (says === undefined || says.generation !== object.metadata.generation) return undefined;
      return {
        ...says.fields,
        conditions: mergeConditions(object.status?.conditions, says.conditions, {
          generation: says.generation,
          now,
          keepForeign: true,
        }),
      };
    },
    conditions: conditionsOf,
  };
}

function conditionsOf(
  object: KubernetesObject<unknown, { conditions?: readonly ExistingCondition[] }>,
): ReadonlyMap<string, readonly ExistingCondition[]> {
  return new Map([['', object.status?.conditions ?? []]]);
}
