/** A gRPC client that plays a proxy, request by request, for tests of the protocol's corners. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { type ClientDuplexStream, Client, credentials, type ChannelCredentials } from '@grpc/grpc-js';
import {
  type DeltaDiscoveryRequest,
  DeltaDiscoveryRequestSchema,
  type DeltaDiscoveryResponse,
  DeltaDiscoveryResponseSchema,
} from '../../api/envoy/envoy/service/discovery/v3/discovery_pb.ts';
import { type ResourceType, resourceTypeUrl } from '../../api/resource.ts';

export interface RequestParts {
  subscribe?: string[];
  unsubscribe?: string[];
  /** Name to version. */
  initial?: Record<string, string>;
  nonce?: string;
  /** Makes it a NACK. */
  error?: string;
}

/** A response, in short. */
export interface Received {
  type: ResourceType;
  nonce: string;
  /** Name to version. */
  resources: Record<string, string>;
  removed: string[];
}

const types: readonly ResourceType[] = ['cluster', 'endpoint', 'listener', 'route', 'secret'];
const typeByUrl = new Map(types.map((type) => [resourceTypeUrl[type], type]));

export class ProxyClient {
  readonly #probes = new Set<string>();
  #probe = 0;
  readonly received: Received[] = [];
  readonly #client: Client;
  readonly #id: string;
  #stream: ClientDuplexStream<DeltaDiscoveryRequest, DeltaDiscoveryResponse> | undefined;
  #sentNode = false;
  #waiting: (() => void)[] = [];
  #ended: { code: number; details: string } | undefined;
  /** Called with every response, before anything else sees it. */
  onResponse: ((response: Received) => void) | undefined;

  constructor(address: string, options: { id?: string; credentials?: ChannelCredentials } = {}) {
    this.#id = options.id ?? 'proxy';
    this.#client = new Client(address, options.credentials ?? credentials.createInsecure(), {
      'grpc.max_receive_message_length': -1,
      'grpc.use_local_subchannel_pool': 1,
    });
  }

  open(): void {
    const stream = this.#client.makeBidiStreamRequest(
      '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources',
      (request: DeltaDiscoveryRequest) => Buffer.from(toBinary(DeltaDiscoveryRequestSchema, request)),
      (bytes: Buffer) => fromBinary(DeltaDiscoveryResponseSchema, bytes),
    );
    this.#stream = stream;
    this.#sentNode = false;
    this.#ended = undefined;
    this.received.length = 0;
    stream.on('data', (response: DeltaDiscoveryResponse) => {
      if (this.#stream !== stream) return;
      const received = inShort(response);
      if (received === undefined) {
        for (const name of response.removedResources) this.#probes.add(name);
      } else {
        this.onResponse?.(received);
        this.received.push(received);
      }
      this.#wake();
    });
    stream.on('error', () => undefined); // told by 'status'
    stream.on('status', (end: { code: number; details: string }) => {
      if (this.#stream !== stream) return;
      this.#ended = end;
      this.#wake();
    });
  }

  request(type: ResourceType, parts: RequestParts = {}): void {
    if (this.#stream === undefined) this.open();
    const node = this.#sentNode ? {} : { node: { id: this.#id } };
    this.#sentNode = true;
    this.#stream!.write(
      create(DeltaDiscoveryRequestSchema, {
        ...node,
        typeUrl: resourceTypeUrl[type],
        resourceNamesSubscribe: parts.subscribe ?? [],
        resourceNamesUnsubscribe: parts.unsubscribe ?? [],
        initialResourceVersions: parts.initial ?? {},
        responseNonce: parts.nonce ?? '',
        ...(parts.error === undefined ? {} : { errorDetail: { code: 13, message: parts.error } }),
      }),
    );
  }

  /** Takes the next response; waits for it. */
  async next(): Promise<Received> {
    for (;;) {
      const response = this.received.shift();
      if (response !== undefined) return response;
      if (this.#ended !== undefined) throw new Error(`the stream ended: ${JSON.stringify(this.#ended)}`);
      // oxlint-disable-next-line no-await-in-loop -- events come one after the other
      await this.#event();
    }
  }

  /** Takes the next response and says yes to it. */
  async accept(): Promise<Received> {
    const response = await this.next();
    this.request(response.type, { nonce: response.nonce });
    return response;
  }

  /** Takes the next response and says no to it. */
  async refuse(error: string): Promise<Received> {
    const response = await this.next();
    this.request(response.type, { nonce: response.nonce, error });
    return response;
  }

  /**
   * Resolves when the server has handled everything that was requested until now and has nothing more to say: asks for a
   * type that the server does not have. The answer comes after what was sent before; what was waiting for that to be sent
   * comes after it. So one round per type tells.
   */
  async settled(): Promise<void> {
    for (let round = 0; round <= Object.keys(resourceTypeUrl).length; round++) {
      const name = `probe-${++this.#probe}`;
      const node = this.#sentNode ? {} : { node: { id: this.#id } };
      this.#sentNode = true;
      this.#stream!.write(
        create(DeltaDiscoveryRequestSchema, {
          ...node,
          typeUrl: 'type.googleapis.com/envoy.service.runtime.v3.Runtime',
          resourceNamesSubscribe: [name],
        }),
      );
      // oxlint-disable-next-line no-await-in-loop -- one after the other is the point
      while (!this.#probes.delete(name)) await this.#event();
    }
  }

  /** Waits for the end of the stream. */
  async ended(): Promise<{ code: number; details: string }> {
    // oxlint-disable-next-line no-await-in-loop -- events come one after the other
    while (this.#ended === undefined) await this.#event();
    return this.#ended;
  }

  /** Breaks the stream off, as a lost connection does. */
  disconnect(): void {
    this.#stream?.cancel();
    this.#stream = undefined;
  }

  pause(): void {
    this.#stream?.pause();
  }

  resume(): void {
    this.#stream?.resume();
  }

  close(): void {
    this.disconnect();
    this.#client.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #event(): Promise<void> {
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

function inShort(response: DeltaDiscoveryResponse): Received | undefined {
  const type = typeByUrl.get(response.typeUrl);
  if (type === undefined) return undefined;
  return {
    type,
    nonce: response.nonce,
    resources: Object.fromEntries(response.resources.map(({ name, version }) => [name, version])),
    removed: response.removedResources,
  };
}
