/**
 * HTTP to one API server over one shared pool: HTTP/2 where the server has it (as kube-apiserver does), so that any
 * number of watches and requests share a few connections; HTTP/1.1 with keep-alive else.
 */
import { TLSSocket } from 'node:tls';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { buildConnector, Client, type Dispatcher, Pool, ProxyAgent, Socks5ProxyAgent } from 'undici';
import { ApiError } from './apiError.ts';
import type { ClusterAccess, TlsIdentity } from './clusterAccess.ts';
import { type RuntimeMetrics, runtimeMetrics } from './metrics.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface TransportRequest {
  method: Method;
  /** With its query. */
  path: string;
  contentType?: string | undefined;
  /** Default: `application/json`. */
  accept?: string | undefined;
  body?: string | undefined;
  /** Longest silence of the server, in milliseconds: to the headers of its answer, and within its body. */
  timeoutMs: number;
  /** Longest time to the end of the answer, in milliseconds; unlimited where absent, as for a watch. */
  deadlineMs?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** Takes the body of a successful answer piece by piece. */
export interface BodyStream {
  /** The answer has begun. */
  onOpen?: () => void;
  /** What it throws breaks the request off and is thrown by it. */
  onData: (chunk: Buffer) => void;
}

export interface TransportResponse {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Empty where it was streamed. */
  body: string;
}

/** TCP keep-alive finds a peer that vanished: first probe after this long, in milliseconds (client-go uses 30 s). */
const keepAliveProbeMs = 15_000;
/** An idle connection is kept this long, in milliseconds. */
const keepAliveIdleMs = 90_000;
const connectTimeoutMs = 10_000;
const deadlineMarginMs = 50;

/** Sends requests to one API server as one user. */
export class Transport {
  readonly #access: ClusterAccess;
  #dispatcher: Promise<Dispatcher> | undefined;
  readonly #origin: string;
  readonly #basePath: string;
  readonly #host: string;
  readonly #userAgent: string;
  readonly #logger: Logger;
  readonly #metrics: RuntimeMetrics | undefined;
  readonly #warnings = new Set<string>();

  constructor(options: { access: ClusterAccess; userAgent: string; logger: Logger; registry?: Registry | undefined }) {
    this.#access = options.access;
    const url = new URL(options.access.server);
    this.#origin = url.origin;
    this.#basePath = url.pathname === '/' ? '' : url.pathname.replace(/\/$/, '');
    this.#host = url.host;
    this.#userAgent = options.userAgent;
    this.#logger = options.logger;
    this.#metrics = options.registry === undefined ? undefined : runtimeMetrics(options.registry);
  }

  /** The API server's URL, for messages. */
  get server(): string {
    return this.#access.server;
  }

  /**
   * Sends one request, and again with fresh credentials where they were refused.
   * @param stream takes the body of a success as it comes; its bytes are not kept
   * @throws ApiError where no answer came; an answer of any status is returned. The signal's reason where it aborts.
   */
  async send(request: TransportRequest, stream?: BodyStream): Promise<TransportResponse> {
    const response = await this.#sendOnce(request, stream);
    if (response.status !== 401) return response;
    this.#access.refresh();
    return await this.#sendOnce(request, stream);
  }

  async #sendOnce(request: TransportRequest, stream?: BodyStream): Promise<TransportResponse> {
    let headers: Record<string, string>;
    let dispatcher: Dispatcher;
    try {
      headers = await this.#access.headers();
      dispatcher = await this.#pool();
    } catch (cause) {
      throw new ApiError(
        {
          status: 0,
          reason: 'CredentialsUnavailable',
          message: `There are no credentials for the API server at ${this.server}: ${messageOf(cause)}`,
        },
        { cause },
      );
    }
    // Checked as late as possible: a signal that has aborted tells no one who begins to listen.
    request.signal?.throwIfAborted();
    headers['Accept'] = request.accept ?? 'application/json';
    headers['User-Agent'] = this.#userAgent;
    if (request.contentType !== undefined) headers['Content-Type'] = request.contentType;
    const started = performance.now();
    try {
      const response = await this.#dispatch(dispatcher, request, headers, stream, (status) => {
        this.#observe(request.method, String(status), started);
      });
      this.#logWarnings(response);
      return response;
    } catch (error) {
      if (error instanceof ApiError) this.#observe(request.method, '<error>', started);
      throw error;
    }
  }

  async #pool(): Promise<Dispatcher> {
    this.#dispatcher ??= createDispatcher(this.#access, this.#origin);
    try {
      return await this.#dispatcher;
    } catch (error) {
      this.#dispatcher = undefined;
      throw error;
    }
  }

  #dispatch(
    dispatcher: Dispatcher,
    request: TransportRequest,
    headers: Record<string, string>,
    stream: BodyStream | undefined,
    onStatus: (status: number) => void,
  ): Promise<TransportResponse> {
    const { signal, deadlineMs, timeoutMs } = request;
    return new Promise((resolve, reject) => {
      let controller: Dispatcher.DispatchController | undefined;
      let response: TransportResponse | undefined;
      let stopped: Error | undefined;
      const chunks: Buffer[] = [];

      const finish = (): void => {
        clearTimeout(deadline);
        signal?.removeEventListener('abort', onAbort);
      };
      // A request that still waits for a connection has no controller: it is aborted as it starts.
      const stop = (error: Error): void => {
        if (stopped !== undefined) return;
        stopped = error;
        finish();
        controller?.abort(error);
        reject(error);
      };
      const onAbort = (): void => {
        const reason: unknown = signal?.reason;
        stop(reason instanceof Error ? reason : new Error('The request was aborted.', { cause: reason }));
      };
      const attempt = (callback: () => void): void => {
        try {
          callback();
        } catch (error) {
          stop(error instanceof Error ? error : new Error(String(error)));
        }
      };
      // A little later than undici's own timeout, which alone makes it question the connection.
      const deadline =
        deadlineMs === undefined
          ? undefined
          : setTimeout(() => stop(this.#timeout(request, deadlineMs)), deadlineMs + deadlineMarginMs);
      signal?.addEventListener('abort', onAbort, { once: true });

      dispatcher.dispatch(
        {
          origin: this.#origin,
          path: this.#basePath + request.path,
          method: request.method,
          headers,
          body: request.body ?? null,
          // undici asks the peer of a stream that timed out for a sign of life, and drops a dead connection.
          headersTimeout: timeoutMs,
          bodyTimeout: timeoutMs,
        },
        {
          onRequestStart(started) {
            controller = started;
            if (stopped !== undefined) started.abort(stopped);
          },
          onResponseStart(_, status, responseHeaders) {
            if (status < 200) return;
            response = { status, headers: responseHeaders, body: '' };
            onStatus(status);
            if (status < 300 && stream?.onOpen !== undefined) attempt(stream.onOpen);
          },
          onResponseData(_, chunk) {
            if (stopped !== undefined) return;
            if (stream === undefined || response === undefined || response.status >= 300) chunks.push(chunk);
            else attempt(() => stream.onData(chunk));
          },
          onResponseEnd: () => {
            finish();
            if (response === undefined) {
              reject(this.#unreachable(request, new Error('the answer has no status')));
              return;
            }
            response.body = (chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)).toString('utf8');
            resolve(response);
          },
          onResponseError: (_, error) => {
            finish();
            if (stopped !== undefined) return;
            const timedOut =
              'code' in error && (error.code === 'UND_ERR_HEADERS_TIMEOUT' || error.code === 'UND_ERR_BODY_TIMEOUT');
            reject(timedOut ? this.#timeout(request, timeoutMs, error) : this.#unreachable(request, error));
          },
        },
      );
    });
  }

  #timeout(request: TransportRequest, milliseconds: number, cause?: Error): ApiError {
    return new ApiError(
      {
        status: 0,
        reason: 'RequestTimeout',
        message: `The API server at ${this.server} did not answer ${request.method} ${withoutQuery(request.path)} within ${milliseconds / 1000} s.`,
      },
      { cause },
    );
  }

  #unreachable(request: TransportRequest, cause: Error): ApiError {
    return new ApiError(
      {
        status: 0,
        reason: 'Unreachable',
        message: `The API server at ${this.server} cannot be reached for ${request.method} ${withoutQuery(request.path)}: ${messageOf(cause)}`,
      },
      { cause },
    );
  }

  #observe(method: Method, code: string, started: number): void {
    this.#metrics?.restClientRequests.inc({ code, method, host: this.#host });
    this.#metrics?.restClientDuration.observe({ verb: method, host: this.#host }, (performance.now() - started) / 1000);
  }

  /** The API server warns of deprecated versions and doubtful fields. Source: KEP-1693, "Warning mechanism for use of deprecated APIs". */
  #logWarnings(response: TransportResponse): void {
    const header = response.headers['warning'];
    if (header === undefined) return;
    const text = Array.isArray(header) ? header.join(', ') : header;
    if (this.#warnings.has(text) || this.#warnings.size >= 1000) return;
    this.#warnings.add(text);
    this.#logger.warn({ warning: text }, 'The API server warns');
  }

  /** Breaks off what is under way and closes all connections. */
  async close(): Promise<void> {
    await (await this.#dispatcher)?.destroy();
  }
}

async function createDispatcher(access: ClusterAccess, origin: string): Promise<Dispatcher> {
  const pool = {
    allowH2: true,
    keepAliveTimeout: keepAliveIdleMs,
    keepAliveMaxTimeout: keepAliveIdleMs,
    h2Options: { connectionWindowSize: 8 << 20 },
  };
  const proxy = access.cluster.proxyUrl;
  if (proxy === undefined || proxy === '') {
    const connect = connector(access);
    return new Pool(origin, { ...pool, factory: (at, options: Client.Options) => connection(at, options, connect) });
  }
  // Through a proxy the certificates are read once.
  const requestTls = { ...(await access.tls()), preferH2: true };
  return proxy.startsWith('socks')
    ? new Socks5ProxyAgent(proxy, { ...pool, requestTls })
    : new ProxyAgent({ ...pool, uri: proxy, requestTls });
}

/**
 * One connection of the pool. A server that sends GOAWAY lets streams that are open go on, as long as a watch may last, and
 * wants new ones on a new connection. undici opens that only while fewer requests run than its pipelining factor, which is
 * for HTTP/1.1, where it must be 1, and has no other use under HTTP/2: there it is raised.
 * Source: RFC 9113, section 6.8; undici, lib/dispatcher/client.js, `getMaxConcurrent`
 */
function connection(origin: URL, options: Client.Options, connect: buildConnector.connector): Client {
  const client: Client = new Client(origin, {
    ...options,
    connect: (target, callback) => {
      connect(target, (...result) => {
        const [error, socket] = result;
        // A connection that failed comes without a socket: undefined, whatever undici's types say.
        const isHttp2 = error === null && socket instanceof TLSSocket && socket.alpnProtocol === 'h2';
        client.pipelining = isHttp2 ? Number.MAX_SAFE_INTEGER : 1;
        callback(...result);
      });
    },
  });
  return client;
}

/** Opens connections with the certificates as they are on disk at that moment. */
function connector(access: ClusterAccess): buildConnector.connector {
  let previous: { tls: string; connect: buildConnector.connector } | undefined;
  const connectorFor = (tls: TlsIdentity): buildConnector.connector => {
    // Kept while nothing changes, because it remembers TLS sessions.
    const fingerprint = JSON.stringify([tls.ca, tls.cert, tls.key, tls.servername, tls.rejectUnauthorized].map(String));
    if (previous?.tls !== fingerprint) {
      const connect = buildConnector({
        ...tls,
        allowH2: true,
        preferH2: true,
        timeout: connectTimeoutMs,
        keepAlive: true,
        keepAliveInitialDelay: keepAliveProbeMs,
      });
      previous = { tls: fingerprint, connect };
    }
    return previous.connect;
  };
  const open = async (options: buildConnector.Options, callback: buildConnector.Callback): Promise<void> => {
    let tls: TlsIdentity;
    try {
      tls = await access.tls();
    } catch (error) {
      callback(error instanceof Error ? error : new Error(String(error)), null);
      return;
    }
    try {
      connectorFor(tls)(options, callback);
    } catch (error) {
      // Certificates that are none, told before a connection is opened.
      callback(error instanceof Error ? error : new Error(String(error)), null);
    }
  };
  return (options, callback) => void open(options, callback);
}

function withoutQuery(path: string): string {
  const query = path.indexOf('?');
  return query === -1 ? path : path.slice(0, query);
}

/** The message of an error; of one that gathers several, theirs. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join(', ');
  return error instanceof Error ? error.message : String(error);
}
