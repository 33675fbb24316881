/** Which namespaces are let in, by listeners for routes and by Gateways for ListenerSets. Source: Gateway API, RouteNamespaces. */
import type { Namespace } from '../../api/core.ts';
import type { LabelSelector } from '../../api/gateway/index.ts';
import type { Collection, Reader } from '../incremental/index.ts';
import type { AllowedNamespaces } from './listener.ts';

/**
 * @param own the namespace of who allows
 * @param other the namespace of what is to be let in
 */
export function allowsNamespace(
  reader: Reader,
  namespaces: Collection<Namespace>,
  allowed: AllowedNamespaces,
  own: string,
  other: string,
): boolean {
  if (allowed.from === 'All') return true;
  if (allowed.from === 'None') return false;
  if (allowed.from === 'Same') return own === other;
  const namespace = reader.get(namespaces, other);
  return namespace !== undefined && selects(allowed.selector, namespace.metadata.labels ?? {});
}

/** Whether a label selector selects these labels; an empty one selects all. Source: Kubernetes docs, "Labels and Selectors". */
export function selects(selector: LabelSelector, labels: Readonly<Record<string, string>>): boolean {
  for (const [name, value] of Object.entries(selector.matchLabels ?? {})) {
    if (labels[name] !== value) return false;
  }
  return (selector.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
    const value = labels[key];
    if (operator === 'Exists') return value !== undefined;
    if (operator === 'DoesNotExist') return value === undefined;
    if (operator === 'In') return value !== undefined && values.includes(value);
    if (operator === 'NotIn') return value === undefined || !values.includes(value);
    return false;
  });
}
