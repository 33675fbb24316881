/**
 * Turns host names into addresses, and again from time to time. A name that cannot be resolved any more keeps its addresses:
 * a name server that is away must not take a gateway's upstreams away.
 */
import { lookup } from 'node:dns/promises';
import { connect, isIP, isIPv6 } from 'node:net';

import { systemCode } from './sluiceError.ts';

export interface HostResolverOptions {
  /** The addresses of some host have changed, or whether it can be resolved. */
  onChange: () => void;
  /** How often names are looked up again, in milliseconds. */
  interval?: number;
  /** All addresses of a name. */
  resolve?: (host: string) => Promise<string[]>;
}

interface Host {
  addresses: readonly string[];
  /** One sentence while the last look-up failed. */
  fault: string | undefined;
  ports: ReadonlySet<number>;
}

async function resolveBySystem(host: string): Promise<string[]> {
  return (await lookup(host, { all: true, verbatim: true })).map(({ address }) => address);
}

function answers(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, timeout: 500 });
    const end = (answered: boolean): void => {
      socket.destroy();
      resolve(answered);
    };
    socket
      .once('connect', () => end(true))
      .once('timeout', () => end(false))
      .once('error', () => end(false));
  });
}

/**
 * Of a name with addresses of both families, the family that answers: `localhost` often has both although a server listens on
 * one, and a proxy would send every second request to the wrong one.
 */
async function answeringFamily(addresses: readonly string[], ports: ReadonlySet<number>): Promise<readonly string[]> {
  const six = addresses.filter((address) => isIPv6(address));
  const four = addresses.filter((address) => !isIPv6(address));
  if (six.length === 0 || four.length === 0) return addresses;
  const [port] = ports;
  if (port === undefined || (await answers(four[0]!, port))) return four;
  return (await answers(six[0]!, port)) ? six : four;
}

export class HostResolver {
  readonly #options: Required<HostResolverOptions>;
  readonly #hosts = new Map<string, Host>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: HostResolverOptions) {
    this.#options = { interval: 10_000, resolve: resolveBySystem, ...options };
  }

  /**
   * States which names are needed, and the ports that are called on them.
   * Resolves when each new one has been looked up once.
   */
  async need(hosts: ReadonlyMap<string, ReadonlySet<number>>): Promise<void> {
    for (const host of this.#hosts.keys()) if (!hosts.has(host)) this.#hosts.delete(host);
    const added: string[] = [];
    for (const [host, ports] of hosts) {
      if (isIP(host) !== 0) continue;
      const known = this.#hosts.get(host);
      if (known === undefined) added.push(host);
      this.#hosts.set(host, { addresses: known?.addresses ?? [], fault: known?.fault, ports });
    }
    await Promise.all(added.map((host) => this.#lookUp(host)));
    this.#arm();
  }

  /** The addresses of a name; none before it could be resolved. */
  addresses(host: string): readonly string[] {
    return this.#hosts.get(host)?.addresses ?? [];
  }

  /** One sentence, while a name cannot be resolved. */
  fault(host: string): string | undefined {
    return this.#hosts.get(host)?.fault;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #arm(): void {
    clearTimeout(this.#timer);
    if (this.#closed || this.#hosts.size === 0) return;
    // A name that has no address yet is waited for.
    const impatient = [...this.#hosts.values()].some(({ addresses }) => addresses.length === 0);
    this.#timer = setTimeout(
      () => void this.#again(),
      impatient ? Math.min(1000, this.#options.interval) : this.#options.interval,
    );
    this.#timer.unref();
  }

  async #again(): Promise<void> {
    const changed = await Promise.all([...this.#hosts.keys()].map((host) => this.#lookUp(host)));
    if (this.#closed) return;
    if (changed.some(Boolean)) this.#options.onChange();
    this.#arm();
  }

  async #lookUp(host: string): Promise<boolean> {
    const before = this.#hosts.get(host);
    let addresses = before?.addresses ?? [];
    let fault: string | undefined;
    try {
      const found = await answeringFamily(await this.#options.resolve(host), before?.ports ?? new Set());
      addresses = [...new Set(found)].toSorted();
    } catch (error) {
      const kept = addresses.length > 0 ? '; the addresses found before stay in use' : '';
      fault = `The host name ${host} cannot be resolved (${systemCode(error) ?? String(error)})${kept}.`;
    }
    const known = this.#hosts.get(host);
    if (known === undefined) return false;
    const changed = known.fault !== fault || known.addresses.join() !== addresses.join();
    this.#hosts.set(host, { ...known, addresses, fault });
    return changed;
  }
}
