import type { ResourceType } from '../api/resource.ts';

/** Hooks through which the owner of the server counts what it does. Every hook is called synchronously and must not throw. */
export interface DiscoveryMetrics {
  /** A response was handed to the transport. `bytes` is its encoded size, without gRPC framing. */
  pushed(type: ResourceType, push: { resources: number; removed: number; bytes: number }): void;
  /** A proxy answered a response, `seconds` after it was sent; `accepted` is false for a NACK. */
  answered(type: ResourceType, answer: { accepted: boolean; seconds: number }): void;
  /** The number of proxies connected to the server changed. */
  connectedProxies(count: number): void;
}
