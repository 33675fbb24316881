/**
 * Stops a proxy without losing a request. It runs beside Envoy in the same Pod. When the Pod is deleted, the kubelet at once
 * sends SIGTERM to this process and calls `GET /drain` as the preStop hook of the Envoy container; Envoy gets its own SIGTERM
 * when that call is answered, which is when the drain is over. Source: Kubernetes docs, "Pod Lifecycle", termination of Pods.
 *
 * `GET /drain` waits and starts nothing: anyone who can reach the Pod can call it.
 */
import { createServer, type Server, type ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { drainOver, observeTraffic, startDrain, type DrainPolicy } from './drain.ts';
import type { EnvoyAdmin } from './envoyAdmin.ts';

export interface ShutdownManagerOptions {
  admin: EnvoyAdmin;
  policy: DrainPolicy;
  /** Milliseconds between two looks at the proxy. */
  interval: number;
  /** Milliseconds that a call of `/drain` waits for a drain to begin: an Envoy container that ends alone must not hang. */
  patience: number;
  /** Milliseconds to stay, after the drain, for a call that is still on its way. */
  linger: number;
  logger: Logger;
}

export class ShutdownManager {
  readonly #options: ShutdownManagerOptions;
  readonly #server: Server;
  readonly #waiting = new Set<ServerResponse>();
  #state: 'serving' | 'draining' | 'drained' = 'serving';
  #called: (() => void) | undefined;

  constructor(options: ShutdownManagerOptions) {
    this.#options = options;
    this.#server = createServer((incoming, response) => this.#answer(incoming.url ?? '', response));
  }

  /** Listens, on every address of the Pod where no host is given, and resolves to the port. */
  async listen(port: number, host?: string): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ port, host }, () => resolve());
    });
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('The shutdown manager listens on no port.');
    return address.port;
  }

  #answer(path: string, response: ServerResponse): void {
    if (path === '/healthz') {
      response.end(`${this.#state}\n`);
    } else if (path === '/drain') {
      this.#waiting.add(response);
      if (this.#state === 'drained') this.#release();
      else if (this.#state === 'serving') {
        const impatient = setTimeout(() => {
          if (this.#state !== 'serving' || !this.#waiting.delete(response)) return;
          response.writeHead(503).end('This Pod is not being deleted, so there is nothing to drain.\n');
        }, this.#options.patience);
        response.once('close', () => clearTimeout(impatient));
      }
      response.once('close', () => this.#waiting.delete(response));
    } else {
      response.writeHead(404).end('Only /drain and /healthz are here.\n');
    }
  }

  #release(): void {
    for (const response of this.#waiting) response.end('drained\n');
    this.#waiting.clear();
    this.#called?.();
  }

  /** Drains the proxy and resolves when whoever waits for it has been told. For use on SIGTERM, once. */
  async drain(): Promise<void> {
    const { logger, linger } = this.#options;
    this.#state = 'draining';
    const outcome = await this.#untilOver();
    logger.info({ outcome }, 'The proxy is drained.');
    this.#state = 'drained';
    if (this.#waiting.size === 0) {
      const waiting = new AbortController();
      this.#called = () => waiting.abort();
      await delay(linger, undefined, { signal: waiting.signal }).catch(() => undefined);
    }
    this.#release();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeIdleConnections();
    });
  }

  async #untilOver(): Promise<string> {
    const { admin, policy, interval, logger } = this.#options;
    let drain = startDrain(performance.now());
    let asked = false;
    let unreachable = 0;
    for (;;) {
      try {
        if (!asked) {
          await admin.failHealthCheck();
          await admin.drainListeners();
          asked = true;
          logger.info({ timeout: policy.timeout }, 'The proxy answers readiness with 503 and asks its callers to go.');
        }
        drain = observeTraffic(drain, await admin.traffic(), performance.now());
        unreachable = 0;
      } catch (error) {
        unreachable += 1;
        logger.warn({ err: error }, 'Envoy does not answer on its admin interface.');
        // Three looks in a row: it has ended by itself, and nothing is left to wait for.
        if (unreachable >= 3) return 'envoy is gone';
      }
      const over = drainOver(drain, policy, performance.now());
      if (over !== undefined) return over;
      await delay(interval);
    }
  }
}
