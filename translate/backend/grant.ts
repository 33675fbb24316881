/** References across namespaces. Source: Gateway API, ReferenceGrantSpec. */
import type { ReferenceGrant } from '../../api/gateway/index.ts';
import type { Index, Reader } from '../incremental/index.ts';

/** The kind and the namespace of an object that refers to others. */
export interface Referrer {
  group: string;
  kind: string;
  namespace: string;
}

/** The sentence for a reference across namespaces that no ReferenceGrant permits. */
export function notGranted(kind: string, key: string, from: { kind: string; namespace: string }): string {
  const [namespace] = key.split('/');
  return `no ReferenceGrant in namespace ${namespace} lets ${from.kind === 'HTTPRoute' ? 'an' : 'a'} ${from.kind} of namespace ${from.namespace} refer to ${kind} ${key}`;
}

/** Whether a ReferenceGrant beside the target permits a reference. */
export function isGranted(
  reader: Reader,
  grantsByNamespace: Index<ReferenceGrant>,
  from: Referrer,
  to: { group: string; kind: string; namespace: string; name: string },
): boolean {
  return reader
    .group(grantsByNamespace, to.namespace)
    .some(
      ({ value: { spec } }) =>
        spec.from.some(
          (entry) => entry.group === from.group && entry.kind === from.kind && entry.namespace === from.namespace,
        ) &&
        spec.to.some(
          (entry) =>
            entry.group === to.group && entry.kind === to.kind && (entry.name === undefined || entry.name === to.name),
        ),
    );
}
