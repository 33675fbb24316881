/**
 * Which port is bound for which port of a listener, and which ports cannot be bound. A port is tried here before Envoy gets it:
 * Envoy binds with SO_REUSEPORT and would share the port with another Envoy of the same user without a word.
 */
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

import { SluiceError, systemCode } from './sluiceError.ts';

/** TCP and UDP have port numbers of their own. */
export type Transport = 'tcp' | 'udp';

export interface PortBookOptions {
  /** The address that listeners bind. */
  address: string;
  /** `--port`: bound ports by listener ports, of either transport. */
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
export function tryPort(address: string, port: number, transport: Transport): Promise<string | undefined> {
  if (transport === 'udp') {
    return new Promise((resolve) => {
      const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
      socket.once('error', (error) => {
        socket.close();
        resolve(systemCode(error) ?? String(error));
      });
      socket.bind({ address, port, exclusive: true }, () => socket.close(() => resolve(undefined)));
    });
  }
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) => resolve(systemCode(error) ?? String(error)));
    server.listen({ host: address, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

/** A port that is free now, chosen by the system. */
export function anyFreePort(address: string, transport: Transport): Promise<number> {
  if (transport === 'udp') {
    return new Promise((resolve, reject) => {
      const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
      socket.once('error', reject);
      socket.bind({ address, port: 0, exclusive: true }, () => {
        const { port } = socket.address();
        socket.close(() => resolve(port));
      });
    });
  }
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

/** `tcp/80`, see `portKey`. */
type Key = string;

function parse(key: Key): { port: number; transport: Transport } {
  const [transport, port] = key.split('/') as [Transport, string];
  return { port: Number(port), transport };
}

function nameOf(transport: Transport): string {
  return transport === 'udp' ? 'UDP port' : 'Port';
}

export class PortBook {
  readonly #options: Required<PortBookOptions>;
  readonly #entries = new Map<Key, Entry>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: PortBookOptions) {
    this.#options = { interval: 2000, ...options };
  }

  /**
   * States which listener ports there are. Resolves when each new one has been tried.
   *
   * @param keys `tcp/80`, `udp/53`
   */
  async need(keys: ReadonlySet<Key>): Promise<void> {
    for (const key of this.#entries.keys()) if (!keys.has(key)) this.#entries.delete(key);
    for (const key of keys) {
      if (!this.#entries.has(key)) this.#entries.set(key, await this.#open(key));
    }
    this.#arm();
  }

  /** The port to bind for a port of a listener. */
  bound(port: number, transport: Transport): number {
    return this.#entries.get(`${transport}/${port}`)?.bound ?? this.#options.mapping.get(port) ?? port;
  }

  /** Why a listener port cannot be bound, in one sentence without its full stop. */
  fault(key: Key): string | undefined {
    return this.#entries.get(key)?.fault;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async #open(key: Key): Promise<Entry> {
    const { mapping, auto, address } = this.#options;
    const { port, transport } = parse(key);
    const stated = mapping.get(port);
    if (stated === undefined && auto) return { bound: await this.#freePort(port, transport), fault: undefined };
    const bound = stated ?? port;
    const rival = [...this.#entries].find(
      ([other, entry]) =>
        other !== key && parse(other).transport === transport && entry.bound === bound && entry.fault === undefined,
    );
    if (rival !== undefined) {
      return {
        bound,
        fault: `${nameOf(transport)} ${bound} is bound for listener port ${parse(rival[0]).port} already: choose another one with --port ${port}=PORT`,
      };
    }
    return { bound, fault: this.#sentence(port, bound, transport, await tryPort(address, bound, transport)) };
  }

  async #freePort(port: number, transport: Transport): Promise<number> {
    const { address } = this.#options;
    const own = [...this.#entries].filter(([key]) => parse(key).transport === transport);
    const taken = new Set(own.map(([, { bound }]) => bound));
    // The same in every run where that is possible, so that what was typed once works again.
    const preferred = port < privileged ? autoOffset + port : port;
    if (!taken.has(preferred) && (await tryPort(address, preferred, transport)) === undefined) return preferred;
    let free = await anyFreePort(address, transport);
    while (taken.has(free)) free = await anyFreePort(address, transport);
    return free;
  }

  #sentence(port: number, bound: number, transport: Transport, code: string | undefined): string | undefined {
    if (code === undefined) return undefined;
    const name = nameOf(transport);
    const other = `choose another one with --port ${port}=PORT or --ports auto`;
    switch (code) {
      case 'EADDRINUSE':
        return `${name} ${bound} is in use by another process: end it, or ${other}`;
      case 'EACCES':
      case 'EPERM':
        return `${name} ${bound} needs rights that this user lacks${bound < privileged ? ' (it is below 1024)' : ''}: ${other}`;
      case 'EADDRNOTAVAIL':
        return `${name} ${bound} cannot be bound because this machine does not have the address ${this.#options.address}: correct --address`;
      default:
        return `${name} ${bound} cannot be bound (${code}): ${other}`;
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
    for (const [key, entry] of this.#entries) {
      if (entry.fault === undefined) continue;
      const next = await this.#open(key);
      if (this.#entries.get(key) !== entry) continue;
      this.#entries.set(key, next);
      changed ||= next.fault !== entry.fault;
    }
    if (this.#closed) return;
    if (changed) this.#options.onChange();
    this.#arm();
  }
}
