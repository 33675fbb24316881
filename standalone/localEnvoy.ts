/**
 * One Envoy process beside this one: started, watched, started again with growing pauses if it dies, drained and ended at the
 * end. It never outlives this process: where the system has it, the kernel ends it (`PR_SET_PDEATHSIG`), elsewhere a shell that
 * waits for the end of a pipe does.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Logger } from 'pino';
import { Agent, request } from 'undici';

import { drainOver, observeTraffic, startDrain } from '../shutdown/index.ts';
import { readTraffic, trafficFilter } from '../shutdown/traffic.ts';
import { envoyLogFormat, EnvoyLogReader, foldedLevel } from './envoyLog.ts';
import { messageOf } from './sluiceError.ts';
import type { WorkDirectory } from './workDirectory.ts';

export interface LocalEnvoyOptions {
  binary: string;
  /** Its bootstrap configuration in JSON form; `admin` is replaced by a socket in the work directory. */
  bootstrap: Record<string, unknown>;
  workDirectory: WorkDirectory;
  logger: Logger;
  /** Envoy's own names of levels; default `info`, of which the log shows warnings and worse. */
  logLevel?: string;
  /** Worker threads. */
  concurrency?: number;
  /** How long open requests are waited for at the end, in milliseconds. */
  drainTimeout: number;
  /** Envoy is gone and will be started again. */
  onExit?: (description: string, restartIn: number) => void;
  /** Pauses before starts, in milliseconds; doubled from the first to the last. */
  backoff?: { first: number; last: number };
  /** The program that asks the kernel to end Envoy with us; found in PATH if not given, undefined for the guarding shell. */
  setpriv?: string | undefined;
}

/** Where util-linux installs it. A newer system has it, an old or small one not. */
function findSetpriv(): string | undefined {
  if (process.platform !== 'linux') return undefined;
  const directories = (process.env['PATH'] ?? '').split(path.delimiter);
  return [...directories, '/usr/bin', '/bin']
    .map((directory) => path.join(directory, 'setpriv'))
    .find((file) => existsSync(file));
}

/**
 * Runs its arguments, and kills them when descriptor 3 ends, which is when the parent is gone. Signals are passed on.
 */
const guardScript = `
"$@" 3<&- &
child=$!
trap 'kill -TERM $child 2>/dev/null' TERM INT
( read -r _ <&3; kill -KILL $child 2>/dev/null ) &
guard=$!
exec 3<&-
while :; do
  wait $child
  code=$?
  kill -0 $child 2>/dev/null || break
done
kill $guard 2>/dev/null
exit $code
`;

/** A process that stays up this long has recovered: its next death starts from the shortest pause. In milliseconds. */
const recovered = 30_000;

export class LocalEnvoy {
  readonly #options: LocalEnvoyOptions;
  readonly #agent: Agent;
  #child: ChildProcess | undefined;
  #exited: Promise<void> = Promise.resolve();
  #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #starts = 0;

  constructor(options: LocalEnvoyOptions) {
    this.#options = options;
    const socketPath = options.workDirectory.file('admin.sock');
    this.#agent = new Agent({
      connections: 1,
      connect: { socketPath, timeout: 2000 },
      headersTimeout: 5000,
      bodyTimeout: 5000,
    });
  }

  /** Of the process that was started: Envoy itself, or the shell that guards it. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** How often Envoy was started. */
  get starts(): number {
    return this.#starts;
  }

  start(): void {
    const { workDirectory, bootstrap } = this.#options;
    const admin = { address: { pipe: { path: workDirectory.file('admin.sock'), mode: 0o600 } } };
    writeFileSync(workDirectory.file('bootstrap.json'), JSON.stringify({ ...bootstrap, admin }), { mode: 0o600 });
    this.#running = this.#supervise();
  }

  /**
   * One request to the admin interface.
   *
   * @throws Error where Envoy does not answer with 200
   */
  async admin(target: string, method: 'GET' | 'POST' = 'GET'): Promise<string> {
    const { statusCode, body } = await request(`http://envoy${target}`, { method, dispatcher: this.#agent });
    const text = await body.text();
    if (statusCode !== 200) throw new Error(`Envoy answered ${method} ${target} with ${statusCode}: ${text.trim()}`);
    return text;
  }

  async #supervise(): Promise<void> {
    const { backoff = { first: 100, last: 10_000 }, logger, onExit } = this.#options;
    let pause = backoff.first;
    while (!this.#stopping.signal.aborted) {
      const startedAt = performance.now();
      const description = await this.#run();
      if (this.#stopping.signal.aborted) return;
      if (performance.now() - startedAt > recovered) pause = backoff.first;
      logger.error(`Envoy ${description}; it is started again in ${pause / 1000} s.`);
      onExit?.(description, pause);
      await sleep(pause, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
      pause = Math.min(pause * 2, backoff.last);
    }
  }

  /** Runs Envoy to its end. @returns how it ended, as the rest of a sentence */
  async #run(): Promise<string> {
    const { binary, workDirectory, logLevel = 'info', concurrency, drainTimeout } = this.#options;
    const envoyArguments = [
      '--config-path',
      workDirectory.file('bootstrap.json'),
      // Several runs side by side, and no shared memory that outlives a killed one.
      '--disable-hot-restart',
      '--log-format',
      envoyLogFormat,
      '--log-level',
      logLevel,
      '--drain-time-s',
      String(Math.max(1, Math.round(drainTimeout / 1000))),
      ...(concurrency === undefined ? [] : ['--concurrency', String(concurrency)]),
    ];
    const setpriv = 'setpriv' in this.#options ? this.#options.setpriv : findSetpriv();
    const command =
      setpriv === undefined
        ? ['/bin/sh', '-c', guardScript, 'sh', binary, ...envoyArguments]
        : [setpriv, '--pdeathsig', 'KILL', binary, ...envoyArguments];
    const child = spawn(command[0]!, command.slice(1), {
      cwd: workDirectory.path,
      stdio: ['ignore', 'pipe', 'pipe', setpriv === undefined ? 'pipe' : 'ignore'],
      // Ctrl-C in a terminal reaches the whole foreground group; Envoy must drain instead.
      detached: true,
    });
    this.#child = child;
    this.#starts++;
    this.#listen(child.stderr!);
    this.#listen(child.stdout!);
    if (child.pid !== undefined) workDirectory.recordEnvoy(child.pid);
    const ended = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(`could not be started (${messageOf(error)})`));
      child.once('close', (code, signal) =>
        resolve(signal === null ? `ended with code ${code}` : `was ended by ${signal}`),
      );
    });
    this.#exited = ended.then(() => undefined);
    const description = await ended;
    this.#child = undefined;
    return description;
  }

  #listen(stream: Readable): void {
    const { logger } = this.#options;
    const reader = new EnvoyLogReader((entry) => {
      logger[foldedLevel(entry)]({ component: entry.component }, `Envoy: ${entry.message}`);
    });
    stream.setEncoding('utf8');
    stream.on('data', (chunk: string) => reader.write(chunk));
    stream.once('end', () => reader.end());
  }

  /**
   * Asks callers to go, waits for open requests, ends Envoy.
   *
   * @param hurry ends the waiting
   */
  async stop(hurry?: AbortSignal): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    // From here on a death is an end.
    this.#stopping.abort();
    if (this.#child !== undefined) {
      await this.#drain(hurry);
      await this.#end();
    }
    await this.#running;
    await this.#agent.close();
  }

  async #drain(hurry?: AbortSignal): Promise<void> {
    const { drainTimeout, logger } = this.#options;
    const gone = new AbortController();
    void this.#exited.then(() => gone.abort());
    const over = hurry === undefined ? gone.signal : AbortSignal.any([hurry, gone.signal]);
    const policy = { timeout: drainTimeout, settle: 0, quiet: 250 };
    let drain = startDrain(performance.now());
    try {
      await this.admin('/healthcheck/fail', 'POST');
      await this.admin('/drain_listeners?graceful&skip_exit', 'POST');
      while (!over.aborted) {
        const stats: unknown = JSON.parse(
          await this.admin(`/stats?format=json&filter=${encodeURIComponent(trafficFilter)}`),
        );
        drain = observeTraffic(drain, readTraffic(stats), performance.now());
        const why = drainOver(drain, policy, performance.now());
        if (why === 'timeout')
          logger.warn(`${drain.last?.requests ?? 0} requests were still open after ${drainTimeout / 1000} s.`);
        if (why !== undefined) return;
        await sleep(25, undefined, { signal: over }).catch(() => undefined);
      }
    } catch (error) {
      logger.debug(`Envoy could not be drained: ${messageOf(error)}`);
    }
  }

  async #end(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    child.kill('SIGTERM');
    const patience = setTimeout(() => this.#killChild(child), 5000);
    await this.#exited;
    clearTimeout(patience);
  }

  /** Ends Envoy at once; for the `exit` event of the process, where nothing can be waited for. */
  kill(): void {
    this.#stopping.abort();
    if (this.#child !== undefined) this.#killChild(this.#child);
  }

  #killChild(child: ChildProcess): void {
    // The guarding shell cannot pass this signal on: the end of its pipe does.
    const pipe = child.stdio[3];
    if (pipe !== null && pipe !== undefined && 'destroy' in pipe) pipe.destroy();
    child.kill('SIGKILL');
  }
}
