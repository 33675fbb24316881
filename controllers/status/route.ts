/** The status of a route: one entry per parent, of which only ours are ours to write. Source: Gateway API, RouteStatus. */
import { conditionTypes } from '../../api/names.ts';
import type { ConditionContribution } from '../../api/object.ts';
import type { ParentReference, RouteParentStatus } from '../../api/gateway/index.ts';
import { type ExistingCondition, mergeConditions } from './conditions.ts';
import { joinEntries } from './entries.ts';
import { jsonEqual } from './equal.ts';

/** What one ControlPlane says of a route. */
export interface RouteContribution {
  generation: number | undefined;
  parents: readonly { parentRef: ParentReference; conditions: readonly ConditionContribution[] }[];
}

export interface RouteJoinOptions {
  controllerName: string;
  generation: number | undefined;
  now: string;
  /**
   * Whether an entry of ours that nobody contributes any more may go. False while whoever would contribute it has not
   * looked at its objects yet, as after a start.
   */
  mayRemove: (parent: ParentReference) => boolean;
}

/** An entry as it was read. */
interface ExistingParent {
  parentRef: ParentReference;
  controllerName: string;
  conditions?: readonly ExistingCondition[];
}

/** The most entries that the API admits. */
const maximum = 32;

/** `status.parents` as it must be now: entries of other controllers untouched and in place, ours after them or where they were. */
export function joinRouteParents(
  existing: readonly ExistingParent[] | undefined,
  contributions: readonly RouteContribution[],
  { controllerName, generation, now, mayRemove }: RouteJoinOptions,
): RouteParentStatus[] {
  return joinEntries(
    (existing ?? []).map(({ parentRef, ...entry }) => ({ ...entry, reference: parentRef })),
    contributions.flatMap(({ parents }) =>
      parents.map(({ parentRef, conditions }) => ({ reference: parentRef, conditions })),
    ),
    {
      controllerName,
      now,
      maximum,
      sameReference: sameParent,
      mayRemove,
      merge: (before, conditions) =>
        mergeConditions(before, keepProgrammed(before, conditions, conditionTypes.routeProgrammed, generation), {
          generation,
          now,
          keepForeign: false,
        }),
    },
  ).map(({ reference, ...entry }) => ({ ...entry, parentRef: reference }));
}

/**
 * Programmed=True of this generation is not taken back because acknowledgements are outstanding: proxies that have not
 * connected again after a restart, or are busy with another object's change, still serve this one.
 */
export function keepProgrammed(
  existing: readonly ExistingCondition[] | undefined,
  contributions: readonly ConditionContribution[],
  type: string,
  generation: number | undefined,
): readonly ConditionContribution[] {
  const before = existing?.find((condition) => condition.type === type);
  if (before?.status !== 'True' || before.observedGeneration !== generation) return contributions;
  return contributions.map((condition) =>
    condition.type === type && condition.status !== 'True' && condition.reason === 'Pending'
      ? { type, status: 'True', reason: before.reason ?? 'Programmed', message: before.message ?? '' }
      : condition,
  );
}

/** Whether two references name the same parent or ancestor, defaults filled in. */
export function sameParent(one: Reference, other: Reference): boolean {
  return jsonEqual(withDefaults(one), withDefaults(other));
}

type Reference = Omit<ParentReference, 'name'> & { name: string };

function withDefaults(parent: Reference): object {
  return { group: 'gateway.networking.k8s.io', kind: 'Gateway', ...parent };
}
