import type { Logger } from 'pino';
import type { DiscoveryMetrics } from './metrics.ts';
import type { ResourceStore } from './resourceStore.ts';

/** Who opened a stream. */
export interface DiscoveryPeer {
  /** `host:port`; empty over a unix socket. */
  address: string;
  /** The URI names (SAN) of the verified client certificate; empty without TLS. */
  uris: string[];
}

/** Which store a peer may read, or why none, said to the peer. */
export type Authentication = { ok: string } | { error: string };

/** PEM; `ca` may hold several certificates, so that CAs can overlap in a rotation. */
export interface ServerCertificate {
  ca: Buffer;
  cert: Buffer;
  key: Buffer;
}

export interface DiscoveryServerOptions {
  authenticate: (peer: DiscoveryPeer) => Authentication;
  /** The store of a key; undefined if there is none (yet): the proxy is asked to come again. */
  stores: (key: string) => ResourceStore | undefined;
  logger: Logger;
  /** The server's certificate and the CAs of its clients; read on `listen` and on `reloadCertificate`. Absent: plain, for unix sockets and loopback. */
  tls?: () => ServerCertificate;
  metrics?: DiscoveryMetrics;
}

/** The gRPC endpoint of the aggregated discovery service, delta variant. */
export class DiscoveryServer {
  constructor(_options: DiscoveryServerOptions) {}

  /** Listens on `host:port` or `unix:/path`. @returns the bound port (1 for a unix socket). */
  listen(_address: string): Promise<number> {
    return Promise.reject(new Error('in the next commit'));
  }

  /** Calls `tls` again: new connections use what it gives, streams that are open go on. Throws what `tls` throws or if the pair does not match. */
  reloadCertificate(): void {}

  /** Tells every proxy to go elsewhere, waits up to `graceMs` milliseconds for the streams to end, then cuts them. */
  close(_options: { graceMs: number }): Promise<void> {
    return Promise.resolve();
  }
}
