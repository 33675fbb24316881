/**
 * A client that never stops asking, over connections that it keeps and over new ones, and tells of each answer that was
 * not as expected.
 */
import type { Agent } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { waitFor } from '../../fixtures/index.ts';
import { oneConnection, type RequestTo, send } from './request.ts';

export interface Failure {
  /** Clock time of the answer or error. */
  at: string;
  /** What the test was doing. */
  during: string;
  caller: string;
  /** The status that was not 200 with the beginning of the body, or the error. */
  reason: string;
}

interface Caller {
  name: string;
  to: RequestTo;
  /** Undefined for a new connection per request. */
  agent: Agent | undefined;
  answers: number;
}

export interface SteadyClientOptions {
  /** What is asked; each gets callers of its own. */
  targets: readonly { name: string; to: RequestTo }[];
  /** Kept connections per target; default 3. */
  kept?: number;
  /** Callers per target that open a connection for each request; default 1. */
  fresh?: number;
  /** The status of every answer; default 200. */
  expected?: number;
}

/** Milliseconds between an answer and the next request of a caller: bounds the load. */
const pause = 15;

export class SteadyClient {
  readonly failures: Failure[] = [];
  readonly #callers: Caller[] = [];
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>[];
  readonly #expected: number;
  #activity = 'the start';

  /** Begins at once. */
  constructor({ targets, kept = 3, fresh = 1, expected = 200 }: SteadyClientOptions) {
    this.#expected = expected;
    for (const { name, to } of targets) {
      for (let index = 0; index < kept; index++) {
        const agent = oneConnection(to.authorities !== undefined);
        this.#callers.push({ name: `${name}, kept connection ${index}`, to, agent, answers: 0 });
      }
      for (let index = 0; index < fresh; index++) {
        this.#callers.push({ name: `${name}, new connections ${index}`, to, agent: undefined, answers: 0 });
      }
    }
    this.#running = this.#callers.map((caller) => this.#call(caller));
  }

  /** Requests so far. */
  get answers(): number {
    return this.#callers.reduce((sum, { answers }) => sum + answers, 0);
  }

  async #call(caller: Caller): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        const { status, body } = await send(caller.to, caller.agent);
        if (status !== this.#expected) this.#fail(caller, `status ${status}: ${body.slice(0, 300)}`);
      } catch (error) {
        this.#fail(caller, String(error));
      }
      caller.answers += 1;
      await delay(pause, undefined, { signal }).catch(() => undefined);
    }
    caller.agent?.destroy();
  }

  #fail({ name }: Caller, reason: string): void {
    this.failures.push({ at: new Date().toISOString(), during: this.#activity, caller: name, reason });
  }

  /**
   * Does something while the client runs, and then lets each caller ask on for a while.
   * @throws Error with every answer that was not 200 meanwhile
   */
  async during<T>(activity: string, action: () => Promise<T>): Promise<T> {
    this.#activity = activity;
    const before = this.failures.length;
    const result = await action();
    await this.goOn();
    this.#activity = `the time after ${activity}`;
    this.expectNone(before);
    return result;
  }

  /** Until each caller has had this many more answers. */
  async goOn(answers = 20): Promise<void> {
    const goals = this.#callers.map((caller) => caller.answers + answers);
    await waitFor(`${answers} more answers for each steady caller`, () =>
      this.#callers.every((caller, index) => caller.answers >= goals[index]!),
    );
  }

  /** @throws Error with the failures from the given one on, in short where there are many */
  expectNone(from = 0): void {
    const failures = this.failures.slice(from);
    if (failures.length === 0) return;
    const lines = failures
      .slice(0, 25)
      .map(({ at, during, caller, reason }) => `  ${at} [${during}] ${caller}: ${reason}`);
    if (failures.length > lines.length) lines.push(`  … and ${failures.length - lines.length} more`);
    throw new Error(
      `${failures.length} requests of the steady client were not answered with ${this.#expected}:\n${lines.join('\n')}`,
    );
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#running);
  }
}
