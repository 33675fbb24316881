/**
 * Which port is bound for which port of a listener, and which ports cannot be bound. A port is tried here before Envoy gets it:
 * Envoy binds with SO_REUSEPORT and would share the port with another Envoy of the same user without a word.
 */
import { createServer } from 'node:net';

import { SluiceError, systemCode } from './sluiceError.ts';

export interface PortBookOptions {
  /** The address that listeners bind. */
  address: string;
  /** `--port`: bound ports by listener ports. */
  mapping: ReadonlyMap<number, number>;
  /** `--ports auto`: free high ports for all others. */
  auto: boolean;
  /** A port can be bound now that could not, or the other way round. */
  onChange: () => void;
  /** How often ports that are taken are tried again, in milliseconds. */
  interval?: number;
}

interface Entry {
  bound: number;
  /** One sentence without its full stop, while the port cannot be bound. */
  fault: string | undefined;
}

/**
 * Reads `LISTENERPORT=BINDPORT`.
 *
 * @throws SluiceError InvalidArgument
 */
export function parsePortMapping(text: string): [listener: number, bound: number] {
  const match = /^(\d+)=(\d+)$/.exec(text);
  const numbers = match?.slice(1).map(Number) ?? [];
  const [listener, bound] = numbers;
  if (listener === undefined || bound === undefined || numbers.some((port) => port < 1 || port > 65_535)) {
    throw new SluiceError(
      'InvalidArgument',
      `--port ${text} cannot be read; write LISTENERPORT=BINDPORT, for example --port 80=8080.`,
    );
  }
  return [listener, bound];
}

/** Binds a port and lets it go. @returns the error code, or undefined if that went well */
export function tryPort(address: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) => resolve(systemCode(error) ?? String(error)));
    server.listen({ host: address, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

/** A port that is free now, chosen by the system. */
export function anyFreePort(address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ host: address, port: 0, exclusive: true }, () => {
      const bound = server.address();
      const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
      server.close(() => resolve(port));
    });
  });
}

/** Ports that only privileged processes may bind, on most systems. */
const privileged = 1024;
/** What `--ports auto` adds to a privileged port. */
const autoOffset = 10_000;

export class PortBook {
  readonly #options: Required<PortBookOptions>;
  readonly #entries = new Map<number, Entry>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: PortBookOptions) {
    this.#options = { interval: 2000, ...options };
  }

  /**
   * States which listener ports there are. Resolves when each new one has been tried.
   */
  async need(ports: ReadonlySet<number>): Promise<void> {
    for (const port of this.#entries.keys()) if (!ports.has(port)) this.#entries.delete(port);
    for (const port of ports) {
      if (!this.#entries.has(port)) this.#entries.set(port, await this.#open(port));
    }
    this.#arm();
  }

  /** The port to bind for a port of a listener. */
  bound(port: number): number {
    return this.#entries.get(port)?.bound ?? this.#options.mapping.get(port) ?? port;
  }

  /** Why a listener port cannot be bound, in one sentence without its full stop. */
  fault(port: number): string | undefined {
    return this.#entries.get(port)?.fault;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async #open(port: number): Promise<Entry> {
    const { mapping, auto, address } = this.#options;
    const stated = mapping.get(port);
    if (stated === undefined && auto) return { bound: await this.#freePort(port), fault: undefined };
    const bound = stated ?? port;
    const rival = [...this.#entries].find(
      ([other, entry]) => other !== port && entry.bound === bound && entry.fault === undefined,
    );
    if (rival !== undefined) {
      return {
        bound,
        fault: `Port ${bound} is bound for listener port ${rival[0]} already: choose another one with --port ${port}=PORT`,
      };
    }
    return { bound, fault: this.#sentence(port, bound, await tryPort(address, bound)) };
  }

  async #freePort(port: number): Promise<number> {
    const { address } = this.#options;
    const taken = new Set([...this.#entries.values()].map(({ bound }) => bound));
    // The same in every run where that is possible, so that what was typed once works again.
    const preferred = port < privileged ? autoOffset + port : port;
    if (!taken.has(preferred) && (await tryPort(address, preferred)) === undefined) return preferred;
    let free = await anyFreePort(address);
    while (taken.has(free)) free = await anyFreePort(address);
    return free;
  }

  #sentence(port: number, bound: number, code: string | undefined): string | undefined {
    if (code === undefined) return undefined;
    const other = `choose another one with --port ${port}=PORT or --ports auto`;
    switch (code) {
      case 'EADDRINUSE':
        return `Port ${bound} is in use by another process: end it, or ${other}`;
      case 'EACCES':
      case 'EPERM':
        return `Port ${bound} needs rights that this user lacks${bound < privileged ? ' (it is below 1024)' : ''}: ${other}`;
      case 'EADDRNOTAVAIL':
        return `Port ${bound} cannot be bound because this machine does not have the address ${this.#options.address}: correct --address`;
      default:
        return `Port ${bound} cannot be bound (${code}): ${other}`;
    }
  }

  #arm(): void {
    clearTimeout(this.#timer);
    if (this.#closed || ![...this.#entries.values()].some(({ fault }) => fault !== undefined)) return;
    this.#timer = setTimeout(() => void this.#again(), this.#options.interval);
    this.#timer.unref();
  }

  async #again(): Promise<void> {
    let changed = false;
    for (const [port, entry] of this.#entries) {
      if (entry.fault === undefined) continue;
      const next = await this.#open(port);
      if (this.#entries.get(port) !== entry) continue;
      this.#entries.set(port, next);
      changed ||= next.fault !== entry.fault;
    }
    if (this.#closed) return;
    if (changed) this.#options.onChange();
    this.#arm();
  }
}
