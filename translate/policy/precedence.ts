/**
 * Which of several policies counts for a target.
 * Source: Gateway API, GEP-713 and BackendTLSPolicySpec.targetRefs: the more specific target, then the older policy, then
 * the first by name.
 */
import type { ConditionContribution, ObjectKey } from '../../api/object.ts';
import type { Index, Member, Reader } from '../incremental/index.ts';

/** The part of an object that a policy is for. */
export interface PolicyTarget {
  /** See `targetKey`. */
  key: string;
  /** The name of a port; undefined for the whole. */
  sectionName: string | undefined;
}

/** What all policies have in common once they are read. */
export interface PolicyPlan {
  key: ObjectKey;
  generation: number | undefined;
  /** Orders policies: the first one wins. */
  seniority: string;
  targets: PolicyTarget[];
}

/** Names the target of a policy across kinds. */
export function targetKey(group: string, kind: string, namespace: string, name: string): string {
  return `${group}/${kind}/${namespace}/${name}`;
}

/** What orders policies. */
export function policySeniority(metadata: { creationTimestamp?: string; namespace?: string; name: string }): string {
  return `${metadata.creationTimestamp ?? ''} ${metadata.namespace}/${metadata.name}`;
}

/** The policy that counts for a port of a target. */
export function policyFor<Plan extends PolicyPlan>(
  reader: Reader,
  policiesByTarget: Index<Plan>,
  target: string,
  port: string | undefined,
): Plan | undefined {
  const policies = reader.group(policiesByTarget, target);
  return (
    (port === undefined ? undefined : senior(policies, { key: target, sectionName: port })) ??
    senior(policies, { key: target, sectionName: undefined })
  );
}

function senior<Plan extends PolicyPlan>(policies: readonly Member<Plan>[], target: PolicyTarget): Plan | undefined {
  let result: Plan | undefined;
  for (const { value } of policies) {
    if (!value.targets.some(({ key, sectionName }) => key === target.key && sectionName === target.sectionName))
      continue;
    if (result === undefined || value.seniority < result.seniority) result = value;
  }
  return result;
}

/**
 * The condition Accepted of a policy as far as its targets decide.
 * @param missing what there is of a target: undefined where it is there, a sentence where it is not
 * @returns undefined where nothing stands against it
 */
export function targetsAccepted<Plan extends PolicyPlan>(
  reader: Reader,
  policiesByTarget: Index<Plan>,
  policy: Plan,
  targets: readonly PolicyTarget[],
  missing: (target: PolicyTarget) => string | undefined,
): ConditionContribution | undefined {
  const absent: string[] = [];
  const lost: string[] = [];
  for (const target of targets) {
    const why = missing(target);
    if (why !== undefined) {
      absent.push(why);
      continue;
    }
    const winner = senior(reader.group(policiesByTarget, target.key), target);
    if (winner !== undefined && winner.key !== policy.key) {
      lost.push(`policy ${winner.key}, which is older or comes first by name, is for ${describeTarget(target)}, too`);
    }
  }
  if (absent.length + lost.length < targets.length) return undefined;
  const base = { type: 'Accepted', status: 'False' } as const;
  if (lost.length > 0) return { ...base, reason: 'Conflicted', message: `Another policy counts: ${lost[0]}` };
  return absent.length === 0 ? undefined : { ...base, reason: 'TargetNotFound', message: absent.join('; ') };
}

/** `Service default/app`, with the port where there is one. */
export function describeTarget({ key, sectionName }: PolicyTarget): string {
  const [, kind, namespace, name] = key.split('/');
  return `${kind} ${namespace}/${name}${sectionName === undefined ? '' : `, port "${sectionName}"`}`;
}
