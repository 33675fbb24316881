/** What the operator takes of the machine, as its own metrics tell. */
import { request } from 'undici';
import { systemNamespace } from '../../api/names.ts';
import type { Client } from '../../runtime/index.ts';
import { pods } from './clusterObjects.ts';
import type { Usage } from './serverProcess.ts';

const metricsPort = 8080;
const sampleInterval = 1_000;

/**
 * The value of a metric without labels in Prometheus' text form.
 * @throws Error where it is not there
 */
export function metric(text: string, name: string): number {
  const match = new RegExp(`^${name} (\\S+)$`, 'm').exec(text);
  if (match === null) throw new Error(`the operator's metrics have no ${name}`);
  return Number(match[1]);
}

/** Asks the operator's Pods; of several, memory is that of the greatest and CPU time the sum. */
export class OperatorUsage {
  readonly #urls: readonly string[];
  #peak = 0;
  #timer: NodeJS.Timeout;

  private constructor(urls: readonly string[]) {
    this.#urls = urls;
    this.#timer = setInterval(() => {
      // The measured values come by `read`, which does not swallow its errors; a missing sample only makes the peak coarser.
      this.read().catch(() => undefined);
    }, sampleInterval);
  }

  /** @throws Error where no Pod of the operator has an address */
  static async start(client: Client): Promise<OperatorUsage> {
    const { items } = await client.list(pods, {
      namespace: systemNamespace,
      labelSelector: 'app.kubernetes.io/name=sluice,app.kubernetes.io/component=operator',
    });
    const addresses = items.flatMap(({ status }) => status?.podIP ?? []);
    if (addresses.length === 0) throw new Error(`no operator runs in ${systemNamespace}: make cluster-up`);
    return new OperatorUsage(addresses.map((address) => `http://${address}:${metricsPort}/metrics`));
  }

  async read(): Promise<Usage> {
    const texts = await Promise.all(this.#urls.map(async (url) => await (await request(url)).body.text()));
    const memory = Math.max(...texts.map((text) => metric(text, 'process_resident_memory_bytes')));
    const cpu = texts.reduce((sum, text) => sum + metric(text, 'process_cpu_seconds_total'), 0);
    this.#peak = Math.max(this.#peak, memory);
    return { memory, cpu };
  }

  /** The most memory since the last call, by a sample each second. */
  takePeak(): number {
    const peak = this.#peak;
    this.#peak = 0;
    return peak;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
