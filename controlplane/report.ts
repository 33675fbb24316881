/**
 * The status of an object as a control plane knows it: what the translation says of it, joined with what the proxies
 * acknowledged. Pure.
 * Source: Gateway API, the condition Programmed of GatewayStatus and ListenerStatus.
 */
import { conditionTypes } from '../api/names.ts';
import type { ParentReference, RouteGroupKind } from '../api/gateway/index.ts';
import type { ConditionContribution, ObjectKey } from '../api/object.ts';
import type {
  BackendContribution,
  GatewayContribution,
  ListenerContribution,
  ListenerSetContribution,
  PolicyContribution,
  ResourceReference,
  RouteContribution,
  RouteKind,
  StatusContribution,
} from '../translate/index.ts';

export interface GatewayReport {
  kind: 'Gateway';
  key: ObjectKey;
  generation: number | undefined;
  /** Accepted and Programmed. */
  conditions: ConditionContribution[];
  listeners: ListenerReport[];
  attachedListenerSets: number;
  /** Whether the proxies have answered: false while Programmed may still change by itself. */
  settled: boolean;
}

export interface ListenerReport {
  name: string;
  attachedRoutes: number;
  supportedKinds: RouteGroupKind[];
  /** Accepted, Programmed, ResolvedRefs, Conflicted. */
  conditions: ConditionContribution[];
}

export interface ListenerSetReport {
  kind: 'ListenerSet';
  key: ObjectKey;
  gateway: ObjectKey;
  generation: number | undefined;
  /** Accepted and Programmed. */
  conditions: ConditionContribution[];
  listeners: ListenerReport[];
  settled: boolean;
}

export interface RouteReport {
  kind: RouteKind;
  key: ObjectKey;
  generation: number | undefined;
  parents: {
    parentRef: ParentReference;
    gateway: ObjectKey;
    /** Accepted, ResolvedRefs, PartiallyInvalid, sluice.dev/Programmed. */
    conditions: ConditionContribution[];
  }[];
  settled: boolean;
}

/** Policies and backends are parts of what others rest on: the proxies have nothing to say of them. */
export type PolicyReport = Omit<PolicyContribution, 'fingerprint'> & { settled: true };
export type BackendReport = Omit<BackendContribution, 'fingerprint'> & { settled: true };

export type StatusReport = GatewayReport | ListenerSetReport | RouteReport | PolicyReport | BackendReport;

/** What the proxies have to say of one object. */
export interface Acknowledgement {
  /** Proxies that have all that the object needs. */
  acknowledged: number;
  /** Proxies that there should be. */
  total: number;
  /** Envoy's own words where a proxy refused the resource; undefined where none did. */
  rejection: (resource: ResourceReference) => string | undefined;
}

export function report(contribution: StatusContribution, acknowledgement: Acknowledgement): StatusReport {
  switch (contribution.kind) {
    case 'Gateway':
      return gatewayReport(contribution, acknowledgement);
    case 'ListenerSet':
      return listenerSetReport(contribution, acknowledgement);
    case 'BackendTLSPolicy':
    case 'XBackendTrafficPolicy': {
      const { kind, key, generation, ancestors } = contribution;
      return { kind, key, generation, ancestors, settled: true };
    }
    case 'XBackend': {
      const { kind, key, generation, ancestors } = contribution;
      return { kind, key, generation, ancestors, settled: true };
    }
    default:
      return routeReport(contribution, acknowledgement);
  }
}

function listenerReports(
  contributions: readonly ListenerContribution[],
  acknowledgement: Acknowledgement,
): { listeners: ListenerReport[]; programmed: ConditionContribution[]; settled: boolean } {
  const listeners = contributions.map(({ name, attachedRoutes, supportedKinds, conditions, ...listener }) => {
    const programmed =
      listener.unprogrammable === undefined
        ? programmedCondition(conditionTypes.programmed, listener.resources, acknowledgement)
        : refused(conditionTypes.programmed, listener.unprogrammable);
    return { name, attachedRoutes, supportedKinds, conditions: [...conditions, programmed] };
  });
  const programmed = listeners.map(({ conditions }) => conditions.at(-1)!);
  return { listeners, programmed, settled: programmed.every(({ reason }) => reason !== 'Pending') };
}

function gatewayReport(contribution: GatewayContribution, acknowledgement: Acknowledgement): GatewayReport {
  const { listeners, programmed, settled } = listenerReports(contribution.listeners, acknowledgement);
  const { kind, key, generation, attachedListenerSets } = contribution;
  const conditions = [...contribution.conditions, summary(programmed, 'Invalid')];
  return { kind, key, generation, conditions, listeners, attachedListenerSets, settled };
}

function listenerSetReport(contribution: ListenerSetContribution, acknowledgement: Acknowledgement): ListenerSetReport {
  const { listeners, programmed, settled } = listenerReports(contribution.listeners, acknowledgement);
  const { kind, key, gateway, generation, unprogrammable } = contribution;
  const condition =
    unprogrammable === undefined
      ? summary(programmed, 'ListenersNotValid')
      : refused(conditionTypes.programmed, unprogrammable);
  return { kind, key, gateway, generation, conditions: [...contribution.conditions, condition], listeners, settled };
}

/** A Gateway or a ListenerSet is programmed when what of it can be served is served. */
function summary(listeners: readonly ConditionContribution[], reason: string): ConditionContribution {
  const type = conditionTypes.programmed;
  const pending = listeners.find((condition) => condition.reason === 'Pending');
  if (pending !== undefined) return pending;
  const good = listeners.find(({ status }) => status === 'True');
  if (good !== undefined) return good;
  const messages = [...new Set(listeners.map(({ message }) => message))];
  const message = `No listener is programmed: ${messages.slice(0, 3).join('; ')}`;
  return { type, status: 'False', reason, message };
}

function routeReport(contribution: RouteContribution, acknowledgement: Acknowledgement): RouteReport {
  const type = conditionTypes.routeProgrammed;
  const clusters = contribution.clusters.map((name) => ({ type: 'cluster' as const, name }));
  const parents = contribution.parents.map(({ parentRef, gateway, conditions, resources, unprogrammable }) => {
    const programmed =
      unprogrammable === undefined
        ? programmedCondition(type, [...resources, ...clusters], acknowledgement)
        : refused(type, unprogrammable);
    return { parentRef, gateway, conditions: [...conditions, programmed] };
  });
  const settled = parents.every(({ conditions }) => conditions.at(-1)!.reason !== 'Pending');
  const { kind, key, generation } = contribution;
  return { kind, key, generation, parents, settled };
}

function refused(type: string, { reason, message }: { reason: string; message: string }): ConditionContribution {
  return { type, status: 'False', reason, message };
}

function programmedCondition(
  type: string,
  resources: readonly ResourceReference[],
  { acknowledged, total, rejection }: Acknowledgement,
): ConditionContribution {
  for (const resource of resources) {
    const words = rejection(resource);
    if (words !== undefined) {
      return { type, status: 'False', reason: 'Invalid', message: `The proxies refuse ${resource.name}: ${words}` };
    }
  }
  if (total === 0) {
    return { type, status: 'False', reason: 'Pending', message: 'No proxy is connected yet: see the DataPlane' };
  }
  const proxies = `${acknowledged} of ${total} ${total === 1 ? 'proxy' : 'proxies'}`;
  return acknowledged < total
    ? { type, status: 'False', reason: 'Pending', message: `Acknowledged by ${proxies}` }
    : { type, status: 'True', reason: 'Programmed', message: `Acknowledged by ${proxies}` };
}
