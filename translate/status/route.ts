/** The status of an HTTPRoute as far as the translation knows it. Source: Gateway API, RouteParentStatus. */
import type { ConditionContribution, ObjectKey } from '../../api/object.ts';
import type { ParentAttachment } from '../gateway/index.ts';
import type { TranslatedRoute } from '../httpRoute/route.ts';
import type { RouteContribution, RouteParentContribution } from './contribution.ts';

/**
 * @param tables whether any listener of a parent is served, and the tables in which the route stands for it
 * @param fingerprint of what the route became
 */
export function routeContribution(
  key: ObjectKey,
  generation: number | undefined,
  parents: readonly ParentAttachment[],
  translated: TranslatedRoute | undefined,
  tables: (parent: ParentAttachment) => { isServed: boolean; tables: string[] },
  fingerprint: string,
): RouteContribution {
  return {
    kind: 'HTTPRoute',
    key,
    generation,
    parents: parents.map((parent) => parentContribution(parent, translated, tables(parent))),
    clusters: translated?.clusters ?? [],
    fingerprint,
  };
}

function parentContribution(
  parent: ParentAttachment,
  translated: TranslatedRoute | undefined,
  { isServed, tables }: { isServed: boolean; tables: string[] },
): RouteParentContribution {
  const { parentRef, gateway } = parent;
  const unusable =
    translated === undefined
      ? 'The translation of this route failed: see the log of the operator'
      : translated.unusable;
  const accepted: ConditionContribution =
    parent.accepted.status === 'True' && unusable !== undefined
      ? { type: 'Accepted', status: 'False', reason: 'UnsupportedValue', message: unusable }
      : parent.accepted;
  const conditions = [accepted, ...(translated?.conditions ?? [])];
  const base = { parentRef, gateway, conditions };
  if (accepted.status !== 'True') {
    return { ...base, tables: [], unprogrammable: { reason: 'NotAccepted', message: accepted.message } };
  }
  if (isServed && tables.length === 0) {
    const message = `Every hostname under which this route could be served on Gateway ${gateway} belongs to a listener with a more specific hostname: attach it to that one`;
    return { ...base, tables, unprogrammable: { reason: 'NoHostname', message } };
  }
  if (!isServed) {
    const message = `No listener of Gateway ${gateway} that this route is attached to is served: see the conditions of its listeners`;
    return { ...base, tables: [], unprogrammable: { reason: 'ListenerNotProgrammed', message } };
  }
  return { ...base, tables, unprogrammable: undefined };
}
