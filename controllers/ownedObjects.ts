/** Writes the objects that another object owns: by server-side apply, never over someone else's, and only where something differs. */
import { createHash } from 'node:crypto';
import { type KubernetesObject, objectKey, type ObjectKey } from '../api/object.ts';
import type { CacheView, Client, Resource } from '../runtime/index.ts';
import { jsonContains } from './status/equal.ts';
import { isOwnedBy } from './topology.ts';

/** An object of the name that is needed belongs to someone else. The message says what to do. */
export class OwnershipError extends Error {
  override readonly name = 'OwnershipError';
}

export class OwnedObjects {
  readonly #client: Client;
  /** What was last applied of each object, as a hash: what left the wish must be applied to leave the object. */
  readonly #applied = new Map<string, string>();

  constructor(client: Client) {
    this.#client = client;
  }

  /**
   * Makes an object as its owner wishes it. Fields that the wish does not have are left to others.
   * @param cache of the kind, with at least the objects that carry the labels of the wish
   * @throws OwnershipError where the name is taken, ApiError where the API server refuses
   */
  async apply<T extends KubernetesObject>(
    cache: CacheView<T>,
    owner: KubernetesObject,
    wish: KubernetesObject,
    signal: AbortSignal,
  ): Promise<void> {
    const key = objectKey(wish);
    const { resource } = cache;
    const cached = cache.get(key);
    const present = cached ?? (await this.#client.find(resource, key, { signal }));
    if (present !== undefined) refuseForeign(present, owner, resource.kind, key);
    const id = `${resource.group}/${resource.kind} ${key}`;
    const hash = createHash('sha256').update(JSON.stringify(wish)).digest('base64url');
    if (present !== undefined && this.#applied.get(id) === hash && jsonContains(present, wish)) return;
    const untyped: Resource = resource;
    await this.#client.apply(untyped, wish, { signal });
    this.#applied.set(id, hash);
  }

  /**
   * Deletes an object if it is the owner's.
   * @returns whether there was one
   */
  async delete<T extends KubernetesObject>(
    cache: CacheView<T>,
    owner: KubernetesObject,
    key: ObjectKey,
    signal: AbortSignal,
  ): Promise<boolean> {
    const present = cache.get(key);
    if (present === undefined || !isOwnedBy(present, owner)) return false;
    if (present.metadata.deletionTimestamp !== undefined) return true;
    await this.#client.delete(cache.resource, key, { signal, preconditions: { uid: present.metadata.uid } });
    return true;
  }
}

function refuseForeign(present: KubernetesObject, owner: KubernetesObject, kind: string, key: ObjectKey): void {
  if (isOwnedBy(present, owner)) return;
  const holder = present.metadata.ownerReferences?.find((reference) => reference.controller === true);
  const whose =
    holder === undefined
      ? 'nobody made it for this object'
      : holder.kind === owner.kind && holder.name === owner.metadata.name
        ? `it belongs to an earlier ${owner.kind} of that name and is about to be collected`
        : `it belongs to ${holder.kind} ${holder.name}`;
  throw new OwnershipError(
    `${kind} ${key} is needed by ${owner.kind} ${owner.metadata.name}, but ${whose}. Rename one of them, or delete that ${kind}.`,
  );
}
