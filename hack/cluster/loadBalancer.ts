/**
 * Gives each Service of type LoadBalancer an address from a pool: `spec.loadBalancerIP` where that is in the pool and
 * free, else the next free one. kube-proxy does the rest, so an address answers from within the cluster's network only.
 *
 *     node loadBalancer.ts KUBECONFIG
 */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { Agent, request } from 'undici';
import { parse } from 'yaml';

/** The parts of a Service that are read here. */
export interface Service {
  metadata: { namespace: string; name: string; resourceVersion: string; deletionTimestamp?: string };
  spec: { type?: string; loadBalancerIP?: string; loadBalancerClass?: string };
  status?: { loadBalancer?: { ingress?: { ip?: string }[] } };
}

/** Which address belongs to which Service. */
export class AddressPool {
  readonly #addresses: readonly string[];
  /** From address to `namespace/name`. */
  readonly #holders = new Map<string, string>();
  /** Services without an address, by `namespace/name`. */
  readonly #waiting = new Map<string, Service>();

  constructor(addresses: readonly string[]) {
    this.#addresses = addresses;
  }

  /** Forgets every Service; what holds an address is told anew. */
  clear(): void {
    this.#holders.clear();
    this.#waiting.clear();
  }

  /** A Service is gone. */
  forget(service: Service): void {
    this.#waiting.delete(keyOf(service));
    this.release(service);
  }

  /** A Service has no address any more. */
  release(service: Service): void {
    const key = keyOf(service);
    for (const [address, holder] of this.#holders) if (holder === key) this.#holders.delete(address);
  }

  /**
   * The address to write to the status of this Service; null where it must lose the one that it has, undefined where there
   * is nothing to write: it has its address, wants none or gets none.
   */
  assign(service: Service): string | null | undefined {
    const key = keyOf(service);
    const wanted = service.spec.type === 'LoadBalancer' && service.spec.loadBalancerClass === undefined;
    this.#waiting.delete(key);
    if (!wanted || service.metadata.deletionTimestamp !== undefined) {
      this.release(service);
      return undefined;
    }
    const wish = service.spec.loadBalancerIP;
    const present = service.status?.loadBalancer?.ingress?.[0]?.ip;
    if (present !== undefined && (wish === undefined || wish === present)) {
      this.#holders.set(present, key);
      return undefined;
    }
    const isFree = (address: string): boolean => (this.#holders.get(address) ?? key) === key;
    const free = this.#addresses.filter(isFree);
    const address = wish === undefined ? free[0] : free.find((each) => each === wish);
    this.release(service);
    if (address === undefined) {
      this.#waiting.set(key, service);
      return present === undefined ? undefined : null;
    }
    this.#holders.set(address, key);
    return address;
  }

  /** Takes those that got no address, to be asked again: an address may have become free. */
  takeWaiting(): Service[] {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    return waiting;
  }
}

function keyOf(service: Service): string {
  return `${service.metadata.namespace}/${service.metadata.name}`;
}

interface Kubeconfig {
  clusters: { cluster: { server: string; 'certificate-authority'?: string; 'certificate-authority-data'?: string } }[];
  users: {
    user: {
      'client-certificate'?: string;
      'client-certificate-data'?: string;
      'client-key'?: string;
      'client-key-data'?: string;
    };
  }[];
}

/** A kubeconfig as kubectl and kind write it: one cluster, one user with a client certificate. */
function connect(path: string): { server: string; agent: Agent } {
  const config = parse(readFileSync(path, 'utf8')) as Kubeconfig;
  const cluster = config.clusters[0]!.cluster;
  const user = config.users[0]!.user;
  const agent = new Agent({
    bodyTimeout: 0, // a watch may be silent for long
    connect: {
      ca: pem(cluster['certificate-authority'], cluster['certificate-authority-data']),
      cert: pem(user['client-certificate'], user['client-certificate-data']),
      key: pem(user['client-key'], user['client-key-data']),
    },
  });
  return { server: cluster.server, agent };
}

/** PEM from a file, or from base64 in place. */
function pem(file: string | undefined, data: string | undefined): Buffer {
  return file === undefined ? Buffer.from(data ?? '', 'base64') : readFileSync(file);
}

/** Lists and watches Services until the connection breaks. */
async function listAndWatch(pool: AddressPool, api: { server: string; agent: Agent }): Promise<void> {
  const call = async (path: string, patch?: unknown) => {
    const answer = await request(api.server + path, {
      dispatcher: api.agent,
      method: patch === undefined ? 'GET' : 'PATCH',
      headers: patch === undefined ? {} : { 'content-type': 'application/merge-patch+json' },
      body: patch === undefined ? null : JSON.stringify(patch),
    });
    if (answer.statusCode >= 300) throw new Error(`${path}: ${answer.statusCode} ${await answer.body.text()}`);
    return answer.body;
  };
  const assign = async (service: Service): Promise<void> => {
    const address = pool.assign(service);
    if (address === undefined) return;
    const { namespace, name } = service.metadata;
    const ingress = address === null ? [] : [{ ip: address, ipMode: 'VIP' }];
    const answer = await call(`/api/v1/namespaces/${namespace}/services/${name}/status`, {
      status: { loadBalancer: { ingress } },
    });
    await answer.dump();
    process.stdout.write(`${namespace}/${name}: ${address ?? 'none'}\n`);
  };

  const list = (await (await call('/api/v1/services')).json()) as {
    metadata: { resourceVersion: string };
    items: Service[];
  };
  pool.clear();
  // Those that have an address first, so that nobody else is given it.
  const hasAddress = (service: Service): number => (service.status?.loadBalancer?.ingress === undefined ? 1 : 0);
  for (const service of list.items.toSorted((a, b) => hasAddress(a) - hasAddress(b))) await assign(service);

  const watch = await call(`/api/v1/services?watch=true&resourceVersion=${list.metadata.resourceVersion}`);
  for await (const line of createInterface({ input: watch })) {
    const event = JSON.parse(line) as { type: string; object: Service };
    if (event.type === 'ERROR') throw new Error(line);
    if (event.type === 'DELETED') pool.forget(event.object);
    else await assign(event.object);
    for (const service of pool.takeWaiting()) await assign(service);
  }
}

async function main(kubeconfig: string): Promise<never> {
  const pool = new AddressPool(Array.from({ length: 150 }, (_, index) => `198.51.100.${100 + index}`));
  const api = connect(kubeconfig);
  for (;;) {
    try {
      await listAndWatch(pool, api);
    } catch (error) {
      process.stderr.write(`${String(error)}\n`);
    }
    await sleep(250);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main(process.argv[2]!);
