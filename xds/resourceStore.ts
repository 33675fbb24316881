import type { ResourceChange } from '../api/resource.ts';
import type { ProxyState } from './proxyState.ts';

export interface ResourceStoreOptions {
  /** How long a cluster or its endpoints outlive the last route to them, in milliseconds; 30,000 if not given. */
  removalGraceMs?: number;
}

/** The resources of one DataPlane and the proxies that are connected to them. */
export class ResourceStore {
  constructor(_options: ResourceStoreOptions = {}) {}

  /** Counts calls of `update`; 0 while the store is cold, in which state it serves nothing. */
  get revision(): number {
    return 0;
  }

  /**
   * Applies changes as one new revision. At once visible to streams; coalesced per proxy.
   * @returns the new revision.
   */
  update(_changes: Iterable<ResourceChange>): number {
    throw new Error('in the next commit');
  }

  /** The proxies that are connected now. */
  proxies(): ProxyState[] {
    return [];
  }

  /** Calls `listener` in the same tick whenever a proxy's state changed (ACK, NACK, connect, disconnect). Returns the way to stop. */
  onAcknowledgement(_listener: () => void): () => void {
    return () => {};
  }

  /** Ends every stream; their proxies keep what they have and try again. */
  close(): void {}
}
