/** The status of a ListenerSet, from what its control plane says. Source: Gateway API, ListenerSetStatus. */
import type { ListenerSetStatus } from '../../api/gateway/index.ts';
import { conditionTypes } from '../../api/names.ts';
import type { ConditionContribution } from '../../api/object.ts';
import { type ExistingCondition, mergeConditions } from './conditions.ts';
import { type GatewayTranslation, joinListeners } from './gateway.ts';
import { keepProgrammed } from './route.ts';

/** What the ControlPlane says. */
export interface ListenerSetSays {
  conditions: readonly ConditionContribution[];
  listeners: GatewayTranslation['listeners'];
}

/** What was read. */
interface ExistingListenerSetStatus {
  conditions?: readonly ExistingCondition[];
  listeners?: readonly { name: string; conditions?: readonly ExistingCondition[] }[];
}

/** The status as it must be now. */
export function joinListenerSetStatus(
  existing: ExistingListenerSetStatus | undefined,
  { conditions, listeners }: ListenerSetSays,
  options: { generation: number | undefined; now: string },
): ListenerSetStatus {
  return {
    conditions: mergeConditions(
      existing?.conditions,
      keepProgrammed(existing?.conditions, conditions, conditionTypes.programmed, options.generation),
      { ...options, keepForeign: true },
    ),
    listeners: joinListeners(existing?.listeners, listeners, options),
  };
}
