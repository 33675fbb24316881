/**
 * The resources for the local Envoy: those of the translation without the listeners whose port cannot be bound, and without the
 * readiness listener, which only a Pod needs. What is left out is put in as soon as its port is free.
 */
import type { ResourceChange } from '../api/resource.ts';
import { ResourceStore, type ResourceStoreOptions } from '../xds/index.ts';

/** The key of the port: the translation names listeners by it, `listener/80` or `listener/udp/53`. */
function portOf(change: ResourceChange): string | undefined {
  const match = change.type === 'listener' ? /^listener\/(udp\/)?(\d+)$/.exec(change.name) : null;
  return match === null ? undefined : `${match[1] ?? 'tcp/'}${match[2]}`;
}

export class LocalStore extends ResourceStore {
  readonly #isBlocked: (key: string) => boolean;
  readonly #heldBack = new Map<string, ResourceChange>();
  readonly #listeners = new Map<string, ResourceChange>();

  /** @param isBlocked whether a port of a Gateway's listener (`tcp/80`) cannot be bound now */
  constructor(isBlocked: (key: string) => boolean, options?: ResourceStoreOptions) {
    super(options);
    this.#isBlocked = isBlocked;
  }

  override update(changes: Iterable<ResourceChange>): number {
    const passed: ResourceChange[] = [];
    for (const change of changes) {
      if (change.type === 'listener' && change.name === 'readiness') continue;
      const port = portOf(change);
      if (port === undefined) {
        passed.push(change);
        continue;
      }
      if (change.resource === undefined) this.#listeners.delete(port);
      else this.#listeners.set(port, change);
      this.#heldBack.delete(port);
      if (change.resource !== undefined && this.#isBlocked(port)) {
        this.#heldBack.set(port, change);
        passed.push({ ...change, resource: undefined });
      } else {
        passed.push(change);
      }
    }
    return super.update(passed);
  }

  /** Looks again at which ports are blocked. */
  reconsider(): void {
    const changes: ResourceChange[] = [];
    for (const [port, change] of this.#listeners) {
      const blocked = this.#isBlocked(port);
      if (blocked === this.#heldBack.has(port)) continue;
      if (blocked) this.#heldBack.set(port, change);
      else this.#heldBack.delete(port);
      changes.push(blocked ? { ...change, resource: undefined } : change);
    }
    if (changes.length > 0) super.update(changes);
  }
}
