/** The kinds whose status the operator writes, and how what is known of an object becomes its status. */
import type { ControlPlane } from '../api/controlPlane.ts';
import type { DataPlane } from '../api/dataPlane.ts';
import type { GatewayConfiguration } from '../api/gatewayConfiguration.ts';
import type { Gateway, GatewayClass, HTTPRoute, ParentReference } from '../api/gateway/index.ts';
import { controllerName } from '../api/names.ts';
import type { ConditionContribution, KubernetesObject } from '../api/object.ts';
import type { GatewayReport, RouteReport } from '../controlplane/index.ts';
import type { Cache } from '../runtime/index.ts';
import {
  type ExistingCondition,
  type GatewayInfrastructureStatus,
  joinGatewayStatus,
  joinRouteParents,
  mergeConditions,
  type StatusKind,
} from './status/index.ts';

/** What is said of a Gateway: by its control plane, and by the Gateway controller. */
export type GatewaySays = { translation: GatewayReport } | { infrastructure: GatewayInfrastructureStatus };

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
      let translation: GatewayReport | undefined;
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
    conditions: (gateway) =>
      new Map([
        ['', gateway.status?.conditions ?? []],
        ...(gateway.status?.listeners ?? []).map((listener): [string, readonly ExistingCondition[]] => [
          `Listener ${listener.name}`,
          listener.conditions,
        ]),
      ]),
  };
}

/** HTTPRoute. */
export function routeStatusKind(
  cache: Cache<HTTPRoute>,
  mayRemove: (parent: ParentReference, routeNamespace: string) => boolean,
): StatusKind<HTTPRoute, RouteReport> {
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

function parentName({ kind = 'Gateway', name, sectionName, port }: ParentReference): string {
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
