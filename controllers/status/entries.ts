/**
 * Status lists in which each controller has entries of its own: `parents` of routes, `ancestors` of policies. Only ours are
 * ours to write. Source: Gateway API, RouteParentStatus and PolicyAncestorStatus.
 */
import type { Condition, ConditionContribution } from '../../api/object.ts';
import { asCondition, type ExistingCondition } from './conditions.ts';

/** What is to be said of one reference. */
export interface WantedEntry<Reference> {
  reference: Reference;
  conditions: readonly ConditionContribution[];
}

/** An entry as it was read. */
export interface ExistingEntry<Reference> {
  reference: Reference;
  controllerName: string;
  conditions?: readonly ExistingCondition[];
}

/** An entry as it must be. */
export interface JoinedEntry<Reference> {
  reference: Reference;
  controllerName: string;
  conditions: Condition[];
}

export interface EntriesOptions<Reference> {
  controllerName: string;
  /** RFC 3339, whole seconds. */
  now: string;
  /** The most entries that the API admits. */
  maximum: number;
  sameReference: (one: Reference, other: Reference) => boolean;
  /**
   * Whether an entry of ours that nobody wants any more may go. False while whoever would want it has not looked at its
   * objects yet, as after a start.
   */
  mayRemove: (reference: Reference) => boolean;
  /** The conditions of an entry as they must be, from those that stand in it. */
  merge: (
    existing: readonly ExistingCondition[] | undefined,
    conditions: readonly ConditionContribution[],
  ) => Condition[];
}

/** The list as it must be now: entries of other controllers untouched and in place, ours where they were or at the end. */
export function joinEntries<Reference>(
  existing: readonly ExistingEntry<Reference>[],
  wanted: readonly WantedEntry<Reference>[],
  options: EntriesOptions<Reference>,
): JoinedEntry<Reference>[] {
  const { controllerName, now, merge } = options;
  const result: JoinedEntry<Reference>[] = [];
  const placed = new Set<number>();
  for (const entry of existing) {
    const isOurs = entry.controllerName === controllerName;
    const index = isOurs
      ? wanted.findIndex(
          ({ reference }, position) => !placed.has(position) && options.sameReference(reference, entry.reference),
        )
      : -1;
    const want = wanted[index];
    if (want !== undefined) {
      placed.add(index);
      // The reference as it is stored, with the defaults that the API server filled in: it is nothing to write.
      const { reference } = entry;
      result.push({ reference, controllerName, conditions: merge(entry.conditions, want.conditions) });
    } else if (!isOurs || !options.mayRemove(entry.reference)) {
      const conditions = (entry.conditions ?? []).map((condition) => asCondition(condition, now));
      result.push({ ...entry, conditions });
    }
  }
  wanted.forEach(({ reference, conditions }, index) => {
    if (!placed.has(index)) result.push({ reference, controllerName, conditions: merge(undefined, conditions) });
  });
  return result.slice(0, options.maximum);
}
