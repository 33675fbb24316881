/** Descriptors of kinds: what is needed to address one over the Kubernetes API. */
import type { KubernetesObject, ObjectKey } from '../api/object.ts';

/** A kind of object and where the API server serves it. `T` is the type of its objects. */
export interface Resource<T extends KubernetesObject = KubernetesObject> {
  /** API group; empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** Lower-case plural, as in the URL. */
  readonly plural: string;
  readonly namespaced: boolean;
  /** Carries the type only; never set. */
  readonly objectType?: T;
}

/** Describes a kind: `defineResource<Service>({ group: '', version: 'v1', kind: 'Service', plural: 'services', namespaced: true })`. */
export function defineResource<T extends KubernetesObject>(descriptor: Omit<Resource<T>, 'objectType'>): Resource<T> {
  return Object.freeze({ ...descriptor });
}

/** `apiVersion` of the objects of a kind. */
export function apiVersionOf(resource: Resource): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
}

/** The name people know a kind by: `gateways.gateway.networking.k8s.io`, `services`. */
export function resourceName(resource: Resource): string {
  return resource.group === '' ? resource.plural : `${resource.plural}.${resource.group}`;
}

/** Names one object of a kind: its key (`namespace/name`, or `name` where cluster-scoped), or anything with both names, such as its metadata. */
export type ObjectName = ObjectKey | { readonly namespace?: string | undefined; readonly name: string };

/** Takes a key apart. */
export function splitKey(key: ObjectKey): { namespace: string | undefined; name: string } {
  const slash = key.indexOf('/');
  return slash === -1
    ? { namespace: undefined, name: key }
    : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/**
 * The URL path of a kind, or of one object of it.
 * @throws TypeError where an object of a namespaced kind is named without its namespace
 * Source: Kubernetes API concepts, "Resource URIs"
 */
export function resourcePath(
  resource: Resource,
  target: { namespace?: string | undefined; name?: string; subresource?: string | undefined },
): string {
  let path = resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  if (resource.namespaced && target.namespace !== undefined)
    path += `/namespaces/${encodeURIComponent(target.namespace)}`;
  path += `/${resource.plural}`;
  if (target.name !== undefined) {
    if (resource.namespaced && target.namespace === undefined) {
      throw new TypeError(`${resource.kind} "${target.name}" is named without its namespace: use "namespace/name".`);
    }
    path += `/${encodeURIComponent(target.name)}`;
    if (target.subresource !== undefined) path += `/${target.subresource}`;
  }
  return path;
}
