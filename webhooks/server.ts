/**
 * The HTTPS server that the API server asks. It keeps nothing between requests, so any replica answers.
 * Source: Kubernetes docs, "Dynamic Admission Control".
 */
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import { answerReview, type AdmissionRequest, parseReview, type Verdict } from './admissionReview.ts';

/** Where the API server posts its reviews. */
export const validationPath = '/validate';
/** More than any object: the API server takes 3 MiB, and sends two of them. */
const longestBody = 8 << 20;

export interface WebhookServerOptions {
  /** PEM; read at start and at each `reloadCertificate`. Throws while there is none. */
  tls: () => { cert: string | Buffer; key: string | Buffer };
  validate: (request: AdmissionRequest) => Verdict;
  logger: Logger;
}

export class WebhookServer {
  readonly #options: WebhookServerOptions;
  #server: Server | undefined;

  constructor(options: WebhookServerOptions) {
    this.#options = options;
  }

  /** @returns the port, where 0 was asked for the one that was free */
  async listen(host: string, port: number): Promise<number> {
    const server = createServer({ ...this.#options.tls(), minVersion: 'TLSv1.2' }, (request, response) => {
      void this.#handle(request, response);
    });
    server.listen(port, host);
    await once(server, 'listening');
    this.#server = server;
    return (server.address() as AddressInfo).port;
  }

  /** New connections get the certificate as it is now. */
  reloadCertificate(): void {
    this.#server?.setSecureContext({ ...this.#options.tls(), minVersion: 'TLSv1.2' });
  }

  /** Ends once what is under way has its answer, or when the time is over. */
  async close(graceMs: number): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const closed = once(server, 'close');
    server.close();
    server.closeIdleConnections();
    const timer = setTimeout(() => server.closeAllConnections(), graceMs);
    await closed;
    clearTimeout(timer);
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const refuse = (status: number, message: string): void => {
      response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' });
      response.end(`${message}\n`);
    };
    if (request.url?.split('?')[0] !== validationPath) return refuse(404, `Only ${validationPath} is served here.`);
    if (request.method !== 'POST') return refuse(405, 'An AdmissionReview is sent by POST.');
    let review: AdmissionRequest;
    try {
      review = parseReview(await bodyOf(request));
    } catch (error) {
      return refuse(400, error instanceof Error ? error.message : String(error));
    }
    let verdict: Verdict;
    try {
      verdict = this.#options.validate(review);
    } catch (error) {
      // A defect of ours keeps nobody from working: status will say what is wrong with the object.
      const { kind, namespace, name } = review;
      this.#options.logger.error({ err: error, kind: kind.kind, namespace, name }, 'An object could not be validated.');
      verdict = { warnings: ['Sluice could not validate this object, and let it in: see the log of the operator'] };
    }
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(answerReview(review.uid, verdict));
    return undefined;
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > longestBody) throw new Error('The body is larger than any object can be.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
