import type { ResourceType } from '../api/resource.ts';

/** A standing NACK: the proxy refused this content and keeps what it had before. */
export interface Rejection {
  type: ResourceType;
  /** Names of the refused resources, as in the store. */
  names: string[];
  /** Envoy's own words. */
  message: string;
  /** The store revision that brought the refused content. */
  revision: number;
}

/** What one connected proxy has of a store. A snapshot: ask the store again after a change. */
export interface ProxyState {
  /** `node.id` of the proxy. It names the proxy in logs and status and carries no authority. */
  id: string;
  /** Where the proxy connected from, `host:port`; empty over a unix socket. */
  address: string;
  connectedAt: Date;
  /**
   * The greatest store revision r such that everything this proxy subscribes to is acknowledged as of r:
   * the store's current revision when nothing is pending or in flight, else the revision before the oldest
   * change without an answer. 0 until the proxy has asked for listeners and got them. A NACK is an answer.
   */
  acknowledged: number;
  /** NACKs that stand until the same names are acknowledged in other content, or go away. */
  rejections: Rejection[];
}
