/** A small HTTP server for probes and metrics. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface EndpointResponse {
  status: number;
  /** Default `text/plain; charset=utf-8`. */
  contentType?: string;
  body: string;
}

/** Answers GET and HEAD of paths that it knows; undefined is a 404. */
export type EndpointHandler = (
  path: string,
  query: URLSearchParams,
) => Promise<EndpointResponse | undefined> | EndpointResponse | undefined;

/** One address to listen on. */
export interface EndpointAddress {
  /** Default: all addresses, IPv6 and IPv4. */
  host?: string | undefined;
  /** 0: any free port. */
  port: number;
}

/** Serves one handler on one address. */
export class HttpEndpoint {
  readonly #name: string;
  readonly #address: EndpointAddress;
  readonly #server: Server;

  constructor(name: string, address: EndpointAddress, handler: EndpointHandler) {
    this.#name = name;
    this.#address = address;
    this.#server = createServer((request, response) => {
      void respond(request, response, handler);
    });
  }

  /**
   * Begins to listen.
   * @throws Error where the address is not free
   */
  async start(): Promise<void> {
    const { host, port } = this.#address;
    this.#server.listen(port, host);
    try {
      await once(this.#server, 'listening');
    } catch (cause) {
      const where = `${host ?? '*'}:${port}`;
      throw new Error(
        `The ${this.#name} server cannot listen on ${where} (${(cause as Error).message}): free that address or configure another.`,
        { cause },
      );
    }
  }

  /** The port that it listens on. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Answers no more and closes all connections. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}

async function respond(request: IncomingMessage, response: ServerResponse, handler: EndpointHandler): Promise<void> {
  const { status, body, contentType } = await answer(request, handler);
  response.writeHead(status, { 'content-type': contentType ?? 'text/plain; charset=utf-8' });
  response.end(request.method === 'HEAD' ? undefined : body);
}

async function answer(request: IncomingMessage, handler: EndpointHandler): Promise<EndpointResponse> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return { status: 405, body: 'Only GET is allowed.\n' };
  const url = request.url ?? '/';
  const question = url.indexOf('?');
  const path = question === -1 ? url : url.slice(0, question);
  try {
    const response = await handler(path, new URLSearchParams(question === -1 ? '' : url.slice(question)));
    return response ?? { status: 404, body: `There is nothing at ${path}.\n` };
  } catch (error) {
    return { status: 500, body: `${error instanceof Error ? error.message : String(error)}\n` };
  }
}
