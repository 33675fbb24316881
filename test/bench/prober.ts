/** Clients of the gateway. They keep their connections, so that what is measured is the gateway and not the connecting. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'undici';
import { host, type Edit } from './workload.ts';

export interface GatewayAddress {
  address: string;
  port: number;
}

/** Answers by status; 0 counts requests without one. */
export class Answers {
  readonly byStatus = new Map<number, number>();

  count(status: number): void {
    this.byStatus.set(status, (this.byStatus.get(status) ?? 0) + 1);
  }

  get total(): number {
    return this.byStatus.values().reduce((sum, count) => sum + count, 0);
  }

  /** Those that a caller should never see: everything but the statuses given. */
  except(...expected: number[]): Map<number, number> {
    return new Map([...this.byStatus].filter(([status]) => !expected.includes(status)));
  }
}

interface Answer {
  status: number;
  body: string;
}

/** Long for a request on one machine: one without an answer must not hold up the run for good. */
const requestTimeout = 10_000;
const pollInterval = 2;

export class Prober {
  readonly answers = new Answers();
  readonly #client: Client;

  constructor({ address, port }: GatewayAddress) {
    this.#client = new Client(`http://${address}:${port}`, {
      pipelining: 1,
      keepAliveTimeout: 60_000,
      headersTimeout: requestTimeout,
      bodyTimeout: requestTimeout,
      connect: { timeout: requestTimeout },
    });
  }

  /** One request to a route's host. A failure is an answer with status 0 and the failure as the body. */
  async get(route: string): Promise<Answer> {
    let answer: Answer;
    try {
      const { statusCode, body } = await this.#client.request({
        method: 'GET',
        path: '/',
        headers: { host: host(route) },
      });
      answer = { status: statusCode, body: await body.text() };
    } catch (error) {
      answer = { status: 0, body: error instanceof Error ? error.message : String(error) };
    }
    this.answers.count(answer.status);
    return answer;
  }

  /**
   * Asks every 2 ms until the route answers 200 with `text` in the body.
   * @returns `performance.now()` when that answer was there
   * @throws Error where it does not within `timeout` milliseconds
   */
  async until(route: string, text: string, timeout = 60_000): Promise<number> {
    const deadline = performance.now() + timeout;
    for (;;) {
      const { status, body } = await this.get(route);
      const now = performance.now();
      if (status === 200 && body.includes(text)) return now;
      if (now > deadline) {
        throw new Error(`${host(route)} did not answer from ${text} within ${timeout} ms; last: ${status} ${body}`);
      }
      await sleep(pollInterval);
    }
  }

  async close(): Promise<void> {
    await this.#client.destroy();
  }
}

/** Waits until an edit is served. @throws Error where it is not within a minute */
export async function untilServed(gateway: GatewayAddress, { route, backend }: Edit): Promise<void> {
  const prober = new Prober(gateway);
  try {
    await prober.until(route, backend);
  } finally {
    await prober.close();
  }
}

const steadyInterval = 20;

/** A client that asks for routes that stay as they are, 50 times a second, on one connection: each answer should be 200. */
export class SteadyClient {
  readonly #prober: Prober;
  readonly #done: Promise<void>;
  #stopped = false;

  constructor(gateway: GatewayAddress, routes: readonly string[]) {
    this.#prober = new Prober(gateway);
    this.#done = this.#run(routes);
  }

  async #run(routes: readonly string[]): Promise<void> {
    for (let index = 0; !this.#stopped; index++) {
      // A stride that has no factor in common with the number of routes comes by all of them.
      await this.#prober.get(routes[(index * 7919) % routes.length]!);
      await sleep(steadyInterval);
    }
  }

  /** Ends it. @returns what it was answered */
  async stop(): Promise<Answers> {
    this.#stopped = true;
    await this.#done;
    await this.#prober.close();
    return this.#prober.answers;
  }
}
