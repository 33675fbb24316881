/** The status of a Gateway: what the translation says, and what its infrastructure says. Source: Gateway API, GatewayStatus. */
import type { GatewayStatus, GatewayStatusAddress, ListenerStatus, RouteGroupKind } from '../../api/gateway/index.ts';
import { conditionTypes } from '../../api/names.ts';
import type { ConditionContribution } from '../../api/object.ts';
import { type ExistingCondition, mergeConditions } from './conditions.ts';
import { keepProgrammed } from './route.ts';

/** What the ControlPlane says. */
export interface GatewayTranslation {
  generation: number | undefined;
  conditions: readonly ConditionContribution[];
  listeners: readonly {
    name: string;
    supportedKinds: readonly RouteGroupKind[];
    attachedRoutes: number;
    conditions: readonly ConditionContribution[];
  }[];
  /** Undefined where the API server knows no ListenerSets, nor the field. */
  attachedListenerSets?: number | undefined;
}

/** What the Gateway controller says. */
export interface GatewayInfrastructureStatus {
  generation: number | undefined;
  addresses: readonly GatewayStatusAddress[];
  /** Why the Gateway is not accepted at all. */
  refusal?: { reason: string; message: string };
  /** Why it cannot be reached yet. */
  pending?: { reason: string; message: string };
}

/** What was read. */
interface ExistingGatewayStatus {
  conditions?: readonly ExistingCondition[];
  listeners?: readonly { name: string; conditions?: readonly ExistingCondition[] }[];
}

export interface GatewayJoinOptions {
  generation: number | undefined;
  now: string;
}

/**
 * The status as it must be now; undefined while too little is known to say anything.
 */
export function joinGatewayStatus(
  existing: ExistingGatewayStatus | undefined,
  translation: GatewayTranslation | undefined,
  infrastructure: GatewayInfrastructureStatus | undefined,
  { generation, now }: GatewayJoinOptions,
): GatewayStatus | undefined {
  if (infrastructure === undefined) return undefined;
  const { refusal, pending, addresses } = infrastructure;
  if (refusal === undefined && (translation === undefined || translation.generation !== generation)) return undefined;
  const said = new Map((translation?.conditions ?? []).map((condition) => [condition.type, condition]));
  if (refusal !== undefined) {
    said.set(conditionTypes.accepted, { type: conditionTypes.accepted, status: 'False', ...refusal });
    // What ran goes on running: only a Gateway without proxies is not programmed.
    if (addresses.length === 0 || translation === undefined) {
      said.set(conditionTypes.programmed, {
        type: conditionTypes.programmed,
        status: 'False',
        reason: 'Invalid',
        message: refusal.message,
      });
    }
  } else if (pending !== undefined && said.get(conditionTypes.programmed)?.status !== 'False') {
    said.set(conditionTypes.programmed, { type: conditionTypes.programmed, status: 'False', ...pending });
  }
  const conditions =
    pending === undefined
      ? keepProgrammed(existing?.conditions, [...said.values()], conditionTypes.programmed, generation)
      : [...said.values()];
  return {
    addresses: [...addresses].slice(0, 16),
    conditions: mergeConditions(
      // Those that only stand while there is a cause.
      existing?.conditions?.filter(({ type }) => said.has(type) || !passing.has(type)),
      conditions,
      { generation, now, keepForeign: true },
    ),
    listeners: joinListeners(existing?.listeners, translation?.listeners ?? [], { generation, now }),
    ...(translation?.attachedListenerSets === undefined
      ? {}
      : { attachedListenerSets: translation.attachedListenerSets }),
  };
}

/** Condition types of ours that go when nobody states them any more. */
const passing = new Set<string>(['DefaultGateway', 'InsecureFrontendValidationMode', conditionTypes.resolvedRefs]);

/** `status.listeners` of a Gateway or a ListenerSet as it must be now. */
export function joinListeners(
  existing: ExistingGatewayStatus['listeners'],
  listeners: GatewayTranslation['listeners'],
  { generation, now }: GatewayJoinOptions,
): ListenerStatus[] {
  return listeners.map((listener) => {
    const before = existing?.find(({ name }) => name === listener.name)?.conditions;
    return {
      name: listener.name,
      supportedKinds: [...listener.supportedKinds],
      attachedRoutes: listener.attachedRoutes,
      conditions: mergeConditions(
        before,
        keepProgrammed(before, listener.conditions, conditionTypes.programmed, generation),
        { generation, now, keepForeign: false },
      ),
    };
  });
}
