/**
 * A real HTTPS proxy (HTTP/2 and HTTP/1.1) in front of a real API server, that can answer in its place, cut its
 * streams, add lines to its watches and count connections.
 */
import { once } from 'node:events';
import {
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from 'node:http2';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { type Dispatcher, Pool } from 'undici';
import type { KubeApiServerConnection } from '../../test/fixtures/index.ts';
import { issueCertificate } from '../../test/fixtures/index.ts';
import { ClusterAccess } from '../clusterAccess.ts';

export interface ProxiedRequest {
  method: string;
  /** Without its query. */
  path: string;
  query: URLSearchParams;
  isWatch: boolean;
}

/** What the proxy does instead of asking the API server. */
export interface Fault {
  status: number;
  headers?: Record<string, string>;
  body?: string;
}

/** A watch that passes through. */
export interface ProxiedWatch {
  request: ProxiedRequest;
  /** Adds bytes to what the API server sends. */
  write(text: string): void;
  /** Passes on the first half of the next bytes, and then ends the stream: cleanly, or by a reset. */
  cutNextChunk(how: 'end' | 'reset'): void;
  /** Ends the stream cleanly. */
  end(): void;
}

export class FaultProxy {
  /** Asked for each request; undefined lets it through. */
  onRequest: (request: ProxiedRequest) => Fault | undefined | Promise<Fault | undefined> = () => undefined;
  /** All requests so far. */
  readonly requests: ProxiedRequest[] = [];
  /** Watches that are open. */
  readonly watches = new Set<ProxiedWatch>();
  /** Connections that are open. */
  readonly connections = new Set<Socket>();
  /** Connections there ever were. */
  connectionCount = 0;
  readonly access: ClusterAccess;
  /** Passes bytes on, so that a connection can fall silent below TLS. */
  readonly #front: Server;
  readonly #server: Http2SecureServer;
  readonly #upstream: Pool;

  private constructor(front: Server, server: Http2SecureServer, upstream: Pool, ca: string) {
    this.#front = front;
    this.#server = server;
    this.#upstream = upstream;
    const { port } = front.address() as AddressInfo;
    this.access = new ClusterAccess(
      {
        name: 'proxy',
        server: `https://127.0.0.1:${port}`,
        caData: Buffer.from(ca).toString('base64'),
        skipTLSVerify: false,
      },
      { name: 'anyone' },
    );
    front.on('connection', (socket) => {
      this.connectionCount++;
      this.connections.add(socket);
      const inner = connect((server.address() as AddressInfo).port, '127.0.0.1');
      socket.pipe(inner).pipe(socket);
      socket.on('error', () => inner.destroy());
      inner.on('error', () => socket.destroy());
      inner.once('close', () => socket.destroy());
      socket.once('close', () => {
        inner.destroy();
        this.connections.delete(socket);
      });
    });
    server.on('request', (request, response) => void this.#handle(request, response));
  }

  /** @param options.allowHttp2 default true; false leaves HTTP/1.1 */
  static async start(apiServer: KubeApiServerConnection, options: { allowHttp2?: boolean } = {}): Promise<FaultProxy> {
    const own = await issueCertificate(apiServer.authority, { commonName: 'proxy', ipAddresses: ['127.0.0.1'] });
    const server = createSecureServer({
      cert: own.certificate,
      key: own.key,
      allowHTTP1: true,
      ...(options.allowHttp2 === false ? { ALPNProtocols: ['http/1.1'] } : {}),
    });
    const front = createServer();
    for (const listener of [server, front]) {
      listener.listen(0, '127.0.0.1');
      await once(listener, 'listening');
    }
    const upstream = new Pool(apiServer.url, {
      connect: { ca: apiServer.ca, cert: apiServer.clientCert, key: apiServer.clientKey },
      bodyTimeout: 0,
    });
    return new FaultProxy(front, server, upstream, apiServer.ca);
  }

  /** Open watches of a path that ends so. */
  watchesOf(plural: string): ProxiedWatch[] {
    return [...this.watches].filter((watch) => watch.request.path.endsWith(`/${plural}`));
  }

  /** Breaks all connections. */
  breakConnections(): void {
    for (const socket of this.connections) socket.destroy();
  }

  /** Passes nothing on any more over the connections there are, as a peer that vanished: they stay open and silent. */
  freezeConnections(): void {
    for (const socket of this.connections) socket.unpipe().pause();
  }

  async stop(): Promise<void> {
    const closed = [this.#front, this.#server].map((server) => once(server, 'close'));
    this.#front.close();
    this.#server.close();
    this.breakConnections();
    await Promise.all(closed);
    await this.#upstream.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #handle(request: Http2ServerRequest, response: Http2ServerResponse): Promise<void> {
    const url = new URL(request.url, 'https://proxy');
    const proxied: ProxiedRequest = {
      method: request.method,
      path: url.pathname,
      query: url.searchParams,
      isWatch: url.searchParams.get('watch') === 'true',
    };
    this.requests.push(proxied);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const fault = await this.onRequest(proxied);
    if (fault !== undefined) {
      response.writeHead(fault.status, { 'content-type': 'application/json', ...fault.headers });
      response.end(fault.body ?? '');
      return;
    }
    const { accept = 'application/json', 'content-type': contentType } = request.headers;
    const headers = { accept, ...(contentType === undefined ? {} : { 'content-type': contentType }) };
    this.#forward(request.url, proxied, Buffer.concat(chunks), headers, response);
  }

  #forward(
    url: string,
    proxied: ProxiedRequest,
    body: Buffer,
    sent: Record<string, string>,
    response: Http2ServerResponse,
  ): void {
    let upstream: Dispatcher.DispatchController | undefined;
    let cut: 'end' | 'reset' | undefined;
    const stop = (how: 'end' | 'reset'): void => {
      upstream?.abort(new Error('The proxy cut the stream.'));
      this.watches.delete(watch);
      if (how === 'end') response.end();
      else if (response.stream === undefined) response.destroy();
      else response.stream.close(8);
    };
    const watch: ProxiedWatch = {
      request: proxied,
      write: (text) => response.write(text),
      cutNextChunk: (how) => (cut = how),
      end: () => stop('end'),
    };
    response.once('close', () => {
      this.watches.delete(watch);
      upstream?.abort(new Error('The client has gone.'));
    });
    this.#upstream.dispatch(
      {
        path: url,
        method: proxied.method,
        headers: sent,
        body: body.length === 0 ? null : body,
      },
      {
        onRequestStart: (controller) => {
          upstream = controller;
        },
        onResponseStart: (_, status, headers) => {
          const type = headers['content-type'];
          response.writeHead(status, typeof type === 'string' ? { 'content-type': type } : {});
          if (proxied.isWatch) {
            (response as unknown as { flushHeaders?: () => void }).flushHeaders?.();
            this.watches.add(watch);
          }
        },
        onResponseData: (_, chunk) => {
          if (cut === undefined) {
            response.write(chunk);
            return;
          }
          const how = cut;
          response.write(chunk.subarray(0, Math.floor(chunk.length / 2)), () => stop(how));
        },
        onResponseEnd: () => {
          this.watches.delete(watch);
          response.end();
        },
        onResponseError: () => {
          this.watches.delete(watch);
          if (response.stream === undefined) response.destroy();
          else response.stream.close(8);
        },
      },
    );
  }
}
