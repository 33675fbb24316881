/** The load generator of `load/`, which speaks a line of JSON for each job. */
import { execFileSync, spawn, type ChildProcessByStdio } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { BackendPorts } from '../workload.ts';
import { onCore } from './cores.ts';

export interface Target {
  host: string;
  path: string;
}

interface Common {
  /** `host:port` of what is asked. */
  addresses: string[];
  /** Absent for plain text. */
  tls?: { serverName: string; version: '1.2' | '1.3' } | undefined;
  /** Connections, or clients, at the same time. */
  connections: number;
}

/** Each is bounded in connections and in time or number. */
export type Job =
  | ({ kind: 'closed'; seconds: number; warmup: number } & Common)
  | ({ kind: 'open'; seconds: number; warmup: number; rate: number } & Common)
  | ({ kind: 'handshakes'; seconds: number } & Common)
  | ({ kind: 'reconnects'; reconnects: number } & Common);

/** Latencies are in milliseconds. */
export interface LoadResult {
  /** Requests, or connections, that were answered with 200 while it was measured. */
  done: number;
  /** With those of the warm-up. */
  total: number;
  seconds: number;
  /** How many connections resumed a session. */
  resumed: number;
  p50: number;
  p99: number;
  /** CPU time of the generator with its backends, in seconds. */
  cpu: number;
}

interface Reply extends LoadResult {
  failures: Record<string, number> | null;
  error?: string;
}

export class LoadGenerator {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;

  /** @param core where it runs with its backends; anywhere where undefined */
  constructor(core: number | undefined) {
    const binary = execFileSync(join(import.meta.dirname, '../../../hack/tools/load'), { encoding: 'utf8' }).trim();
    const { command, args } = onCore(core, binary, []);
    this.#child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** Where its backends listen, each on loopback. Called first, and once. */
  async backends(): Promise<BackendPorts> {
    const [a, b] = (JSON.parse(await this.#line()) as { backends: number[] }).backends;
    return { 'backend-a': a!, 'backend-b': b! };
  }

  /** What later jobs ask for, in turn. */
  async targets(targets: readonly Target[]): Promise<void> {
    await this.#ask({ kind: 'targets', targets });
  }

  /** @throws Error on any answer but 200, and on what went wrong */
  async run(job: Job): Promise<LoadResult> {
    const { failures, error, ...result } = await this.#ask(job);
    if (error !== undefined) throw new Error(`${job.kind} on ${job.addresses.join(', ')}: ${error}`);
    const found = Object.entries(failures ?? {}).map(([what, times]) => `${times} × ${what}`);
    if (found.length > 0) throw new Error(`${job.kind} on ${job.addresses.join(', ')}: ${found.join('; ')}`);
    return result;
  }

  /** Waits until every one of the targets is answered. @throws Error where that takes more than a minute */
  async untilAnswered(job: Pick<Job, 'addresses' | 'tls'>): Promise<void> {
    const deadline = performance.now() + 60_000;
    for (;;) {
      try {
        await this.run({ kind: 'closed', connections: 4, seconds: 0.4, warmup: 0, ...job });
        return;
      } catch (error) {
        if (performance.now() > deadline) throw error;
      }
    }
  }

  async #ask(message: object): Promise<Reply> {
    this.#child.stdin.write(`${JSON.stringify(message)}\n`);
    return JSON.parse(await this.#line()) as Reply;
  }

  async #line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error('the load generator has ended');
    return value;
  }

  async stop(): Promise<void> {
    const gone = new Promise((resolve) => {
      this.#child.once('exit', resolve);
    });
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill('SIGTERM');
    await gone;
  }
}
