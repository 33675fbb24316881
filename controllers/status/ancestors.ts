/**
 * The status of a policy or of an XBackend: one entry per ancestor, of which only ours are ours to write.
 * Source: Gateway API, PolicyStatus; apisx/v1alpha1, BackendStatus.
 */
import type { PolicyAncestorStatus } from '../../api/gateway/index.ts';
import type { ConditionContribution } from '../../api/object.ts';
import { type ExistingCondition, mergeConditions } from './conditions.ts';
import { joinEntries } from './entries.ts';
import { sameParent } from './route.ts';

export type AncestorReference = PolicyAncestorStatus['ancestorRef'];

/** What one ControlPlane says. */
export interface AncestorContribution {
  ancestors: readonly { ancestorRef: AncestorReference; conditions: readonly ConditionContribution[] }[];
}

/** An entry as it was read. */
interface ExistingAncestor {
  ancestorRef: AncestorReference;
  controllerName: string;
  conditions?: readonly ExistingCondition[];
}

export interface AncestorJoinOptions {
  controllerName: string;
  generation: number | undefined;
  now: string;
  /** The most entries that the API admits. */
  maximum: number;
  mayRemove: (ancestor: AncestorReference) => boolean;
}

/** The list as it must be now. */
export function joinAncestors(
  existing: readonly ExistingAncestor[] | undefined,
  contributions: readonly AncestorContribution[],
  { controllerName, generation, now, maximum, mayRemove }: AncestorJoinOptions,
): PolicyAncestorStatus[] {
  return joinEntries(
    (existing ?? []).map(({ ancestorRef, ...entry }) => ({ ...entry, reference: ancestorRef })),
    contributions.flatMap(({ ancestors }) =>
      ancestors.map(({ ancestorRef, conditions }) => ({ reference: ancestorRef, conditions })),
    ),
    {
      controllerName,
      now,
      maximum,
      sameReference: sameParent,
      mayRemove,
      merge: (before, conditions) => mergeConditions(before, conditions, { generation, now, keepForeign: false }),
    },
  ).map(({ reference, ...entry }) => ({ ...entry, ancestorRef: reference }));
}
