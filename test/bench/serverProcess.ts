/** A measured server in a process of its own, so that the client that measures takes none of its time. */
import { type ChildProcess, fork } from 'node:child_process';
import type { BackendPorts, Edit } from './workload.ts';

export interface LocalSetup {
  /** Where the server listens for Envoy. */
  socketPath: string;
  /** Routes that are there from the start. */
  routes: number;
  backendPorts: BackendPorts;
  /** Where Envoy is to listen. */
  listenerPort: number;
  readinessPort: number;
}

export interface Usage {
  /** Resident memory, in bytes. */
  memory: number;
  /** CPU time since the start, in seconds. */
  cpu: number;
}

/** What the parent asks of a server, and what it is answered. */
export interface Requests {
  /** Answered once the server listens and has all there is to serve. */
  start: { argument: LocalSetup; answer: null };
  /** Work before an edit that does not belong to it. */
  prepare: { argument: Edit; answer: null };
  /** Makes an edit; answered once the proxy has acknowledged it. */
  apply: { argument: Edit; answer: null };
  usage: { argument: null; answer: Usage };
  /** Starts the CPU profiler or, with a file name, ends it and writes what it saw. */
  profile: { argument: string | null; answer: null };
}

type Handlers = { [R in keyof Requests]: (argument: Requests[R]['argument']) => Promise<Requests[R]['answer']> };

interface Call {
  id: number;
  request: keyof Requests;
  argument: never;
}

interface Reply {
  id: number;
  answer?: unknown;
  error?: string;
}

/** In the server's process: answers the parent until it goes away. */
export function serveParent(handlers: Handlers): void {
  process.on('message', (message: Call) => {
    const reply = (fields: Omit<Reply, 'id'>): void => void process.send?.({ id: message.id, ...fields });
    handlers[message.request](message.argument).then(
      (answer) => reply({ answer }),
      (error: unknown) => reply({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
  });
  process.on('disconnect', () => {
    process.kill(process.pid, 'SIGTERM');
  });
}

/** In the parent: the server of a module in this folder that calls `serveParent`. */
export class ServerProcess {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve: (answer: never) => void; reject: (error: Error) => void }>();
  readonly #gone: Promise<void>;
  #calls = 0;

  constructor(module: URL) {
    this.#child = fork(module, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#child.on('message', ({ id, answer, error }: Reply) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(answer as never);
      else waiting?.reject(new Error(error));
    });
    this.#gone = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => {
        for (const { reject } of this.#waiting.values())
          reject(new Error(`${module.pathname} ended: ${signal ?? code}`));
        this.#waiting.clear();
        resolve();
      });
    });
  }

  async call<R extends keyof Requests>(request: R, argument: Requests[R]['argument']): Promise<Requests[R]['answer']> {
    const id = ++this.#calls;
    return await new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#child.send({ id, request, argument }, (error) => {
        if (error === null) return;
        this.#waiting.delete(id);
        reject(error);
      });
    });
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGTERM');
    await this.#gone;
  }
}
