/** Conditions over time. Source: Kubernetes API conventions, "Typical status properties". */
import type { Condition, ConditionContribution } from '../../api/object.ts';

/** What is there, loosely: generated types of different kinds spell conditions a little differently. */
export interface ExistingCondition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
  observedGeneration?: number;
  lastTransitionTime?: string;
}

export interface ConditionMergeOptions {
  /** `metadata.generation` that the contributions speak of; undefined for kinds without one. */
  generation: number | undefined;
  /** RFC 3339, whole seconds. */
  now: string;
  /** Condition types of other writers stay where they are. */
  keepForeign: boolean;
}

/** The time as conditions carry it: the API server drops fractions of a second. */
export function conditionTime(now: Date): string {
  return `${now.toISOString().slice(0, 19)}Z`;
}

/** The conditions as they must be now. A condition whose status is the same keeps its time; the order is that of the contributions, foreign ones last. */
export function mergeConditions(
  existing: readonly ExistingCondition[] | undefined,
  contributions: readonly ConditionContribution[],
  { generation, now, keepForeign }: ConditionMergeOptions,
): Condition[] {
  const merged = contributions.map(({ type, status, reason, message }): Condition => {
    const before = existing?.find((condition) => condition.type === type);
    return {
      type,
      status,
      reason,
      message: message.length > 32_768 ? `${message.slice(0, 32_767)}…` : message,
      ...(generation === undefined ? {} : { observedGeneration: generation }),
      lastTransitionTime:
        before?.status === status && before.lastTransitionTime !== undefined ? before.lastTransitionTime : now,
    };
  });
  if (!keepForeign || existing === undefined) return merged;
  const own = new Set(contributions.map((condition) => condition.type));
  const foreign = existing
    .filter((condition) => !own.has(condition.type))
    .map((condition) => asCondition(condition, now));
  return [...merged, ...foreign];
}

/** A condition that is passed on as it is. */
export function asCondition(condition: ExistingCondition, now: string): Condition {
  const { status } = condition;
  return {
    ...condition,
    status: status === 'True' || status === 'False' ? status : 'Unknown',
    reason: condition.reason ?? '',
    message: condition.message ?? '',
    lastTransitionTime: condition.lastTransitionTime ?? now,
  };
}
