import { fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  experimental,
  type ServerDuplexStream,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  status,
} from '@grpc/grpc-js';
import type { Logger } from 'pino';
import {
  type DeltaDiscoveryRequest,
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
} from '../api/envoy/envoy/service/discovery/v3/discovery_pb.ts';
import { CertificateSource, type ServerCertificate } from './certificateSource.ts';
import { type DeltaResponse, DeltaResponseEncoder } from './deltaResponse.ts';
import { DeltaStream } from './deltaStream.ts';
import type { DiscoveryMetrics } from './metrics.ts';
import type { ResourceStore } from './resourceStore.ts';
import { uriNames } from './subjectAlternativeName.ts';

/** Who opened a stream. */
export interface DiscoveryPeer {
  /** `host:port`; empty over a unix socket. */
  address: string;
  /** The URI names (SAN) of the verified client certificate; empty without TLS. */
  uris: string[];
}

/** Which store a peer may read, or why none, said to the peer. */
export type Authentication = { ok: string } | { error: string };

export interface DiscoveryServerOptions {
  authenticate: (peer: DiscoveryPeer) => Authentication;
  /**
   * The store of a key; undefined if there is none (yet): the proxy is told to come again, which it does after up to 30 s.
   * A cold store is better: its streams wait for the first update.
   */
  stores: (key: string) => ResourceStore | undefined;
  logger: Logger;
  /**
   * The server's certificate and the CAs of its clients; read on `listen` and on `reloadCertificate`.
   * Absent: plain, for unix sockets and loopback.
   */
  tls?: () => ServerCertificate;
  metrics?: DiscoveryMetrics;
}

type Call = ServerDuplexStream<DeltaDiscoveryRequest, DeltaResponse>;

/** A proxy states every name and version that it has when it comes back: megabytes, for thousands of clusters. */
const largestRequest = 64 * 2 ** 20;

const encoder = new DeltaResponseEncoder();

const service: ServiceDefinition = {
  deltaAggregatedResources: {
    path: '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources',
    requestStream: true,
    responseStream: true,
    requestSerialize: (request: DeltaDiscoveryRequest) => Buffer.from(toBinary(DeltaDiscoveryRequestSchema, request)),
    requestDeserialize: (bytes: Buffer) => fromBinary(DeltaDiscoveryRequestSchema, bytes),
    // grpc-js copies what it gets here into a frame before it does anything else.
    responseSerialize: (response: DeltaResponse) => encoder.encode(response),
    responseDeserialize: (bytes: Buffer) => fromBinary(DeltaDiscoveryResponseSchema, bytes),
  },
};

/** The gRPC endpoint of Envoy's aggregated discovery service, delta variant. */
export class DiscoveryServer {
  readonly #options: DiscoveryServerOptions;
  readonly #server = new Server({
    'grpc.max_receive_message_length': largestRequest,
    'grpc.max_send_message_length': -1,
    // Finds a proxy that vanished without a word; until then the status of its configuration waits for it.
    'grpc.keepalive_time_ms': 15_000,
    'grpc.keepalive_timeout_ms': 10_000,
    // A proxy has one stream; a reconnecting one may have a second for a moment.
    'grpc.max_concurrent_streams': 16,
    'grpc.enable_channelz': 0,
  });
  readonly #endStream = new Set<(code: status, details: string) => void>();
  #certificate: CertificateSource | undefined;
  #closed = false;
  #connected = 0;

  constructor(options: DiscoveryServerOptions) {
    this.#options = options;
    this.#server.addService(service, { deltaAggregatedResources: (call: Call) => this.#serve(call) });
  }

  /**
   * Listens; may be called for several addresses.
   * @param address `host:port` (port 0: any free one) or `unix:/path`
   * @returns the bound port; 1 for a unix socket
   * @throws Error if the address cannot be bound, or what `tls` throws
   */
  async listen(address: string): Promise<number> {
    const credentials = this.#credentials();
    return await new Promise((resolve, reject) => {
      this.#server.bindAsync(address, credentials, (error, port) => {
        if (error === null) resolve(port);
        else reject(new Error(`the discovery server cannot listen on ${address}: ${error.message}`, { cause: error }));
      });
    });
  }

  /**
   * Calls `tls` again: new connections use what it gives, open streams go on.
   * @throws Error if the certificate does not match its key, or what `tls` throws; what was in use stays in use then
   */
  reloadCertificate(): void {
    if (this.#options.tls === undefined) return;
    this.#certificate?.replace(this.#options.tls());
  }

  /** Ends all streams, so that proxies go elsewhere, waits up to `graceMs` milliseconds for that, then cuts connections. */
  async close({ graceMs }: { graceMs: number }): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => this.#server.forceShutdown(), graceMs);
      this.#server.tryShutdown(() => {
        clearTimeout(timer);
        resolve();
      });
      for (const end of this.#endStream) end(status.UNAVAILABLE, 'the discovery server is shutting down');
    });
    this.#server.forceShutdown();
  }

  #credentials(): ServerCredentials {
    const { tls } = this.#options;
    if (tls === undefined) return ServerCredentials.createInsecure();
    if (this.#certificate === undefined) this.#certificate = new CertificateSource(tls());
    else this.#certificate.replace(tls());
    return experimental.createCertificateProviderServerCredentials(this.#certificate, this.#certificate, true);
  }

  #serve(call: Call): void {
    const { logger, metrics } = this.#options;
    const peer = peerOf(call);
    let ended = false;
    let stream: DeltaStream | undefined;
    let disconnect: (() => void) | undefined;
    const cleanUp = (): void => {
      ended = true;
      this.#endStream.delete(end);
      if (disconnect === undefined) return;
      disconnect();
      disconnect = undefined;
      metrics?.connectedProxies(--this.#connected);
      logger.info({ proxy: stream?.id, address: peer.address }, 'proxy disconnected');
    };
    const end = (code: status, details: string): void => {
      if (ended) return;
      cleanUp();
      call.emit('error', { code, details }); // grpc-js sends it as the status of the stream
    };
    call.on('cancelled', cleanUp);
    call.on('close', cleanUp);
    call.on('error', cleanUp);
    call.on('end', () => {
      if (!ended) {
        cleanUp();
        call.end();
      }
    });

    if (this.#closed) {
      end(status.UNAVAILABLE, 'the discovery server is shutting down');
      return;
    }
    this.#endStream.add(end);
    const authentication = this.#options.authenticate(peer);
    if ('error' in authentication) {
      logger.warn({ peer, reason: authentication.error }, 'refused a discovery stream');
      end(status.PERMISSION_DENIED, authentication.error);
      return;
    }
    const store = this.#options.stores(authentication.ok);
    if (store === undefined || store.closed) {
      end(status.UNAVAILABLE, `there is no configuration for ${authentication.ok} yet; it will come`);
      return;
    }

    const open = (first: DeltaDiscoveryRequest): DeltaStream => {
      const id = first.node?.id ?? '';
      const opened = new DeltaStream({
        id,
        address: peer.address,
        store,
        transport: { send: (response, sent) => call.write(response, (error?: Error | null) => error ?? sent()) },
        metrics,
        remainder: store.takeRemainder(id),
        onChange: () => store.changed(),
        onRejection: (report) => logger.warn({ proxy: id, ...report }, 'the proxy refused configuration'),
      });
      disconnect = store.connect(opened, () => end(status.UNAVAILABLE, 'this configuration is served no longer'));
      metrics?.connectedProxies(++this.#connected);
      logger.info({ proxy: id, address: peer.address, dataPlane: authentication.ok }, 'proxy connected');
      return opened;
    };
    call.on('data', (request: DeltaDiscoveryRequest) => {
      if (ended) return;
      try {
        // Only the first request says who the proxy is.
        stream ??= open(request);
        stream.receive(request);
      } catch (error) {
        logger.error({ proxy: stream?.id, err: error }, 'a discovery request could not be handled');
        end(status.INTERNAL, 'the discovery server met an error of its own; its log says more');
      }
    });
  }
}

function peerOf(call: Call): DiscoveryPeer {
  const certificate = call.getAuthContext().sslPeerCertificate;
  const address = call.getPeer();
  return {
    address: address === 'unknown' ? '' : address,
    uris: certificate?.subjectaltname === undefined ? [] : uriNames(certificate.subjectaltname),
  };
}
