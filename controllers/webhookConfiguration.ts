/**
 * Keeps the operator's certificate authority in the installed ValidatingWebhookConfiguration, so that API servers trust the
 * webhook. All else of it is the installation's: nothing but `caBundle` is applied.
 * Source: Kubernetes docs, "Dynamic Admission Control", contacting the webhook.
 */
import type { Logger } from 'pino';
import type { Cache, Client } from '../runtime/index.ts';
import type { ValidatingWebhookConfiguration } from './kubernetes.ts';
import { resources } from './resources.ts';

export interface WebhookConfigurationKeeperOptions {
  client: Client;
  /** The configuration of this name and no other. */
  configurations: Cache<ValidatingWebhookConfiguration>;
  name: string;
  /** PEM of the authorities that are trusted; undefined while there is none. */
  trustBundle: () => string | undefined;
  logger: Logger;
}

const retryAfter = 5000;

export class WebhookConfigurationKeeper {
  readonly #options: WebhookConfigurationKeeperOptions;
  #leading = false;
  #timer: NodeJS.Timeout | undefined;
  #work: Promise<void> = Promise.resolve();

  constructor(options: WebhookConfigurationKeeperOptions) {
    this.#options = options;
    options.configurations.onChange(() => this.tend());
  }

  /** Whether this replica writes. */
  lead(leading: boolean): void {
    this.#leading = leading;
    this.tend();
  }

  async stop(): Promise<void> {
    this.#leading = false;
    clearTimeout(this.#timer);
    await this.#work;
  }

  /** Looks whether something is to be written, after what is under way. */
  tend(): void {
    if (!this.#leading) return;
    this.#work = this.#tendAfter(this.#work);
  }

  async #tendAfter(previous: Promise<void>): Promise<void> {
    await previous;
    clearTimeout(this.#timer);
    if (!this.#leading) return;
    const { client, configurations, name, trustBundle, logger } = this.#options;
    const configuration = configurations.get(name);
    const bundle = trustBundle();
    if (configuration === undefined || bundle === undefined) return;
    const caBundle = Buffer.from(bundle).toString('base64');
    const webhooks = configuration.webhooks ?? [];
    if (webhooks.every(({ clientConfig }) => clientConfig.caBundle === caBundle)) return;
    try {
      await client.jsonPatch(
        resources.validatingWebhookConfigurations,
        { name },
        webhooks.map((_, index) => ({
          op: 'add' as const,
          path: `/webhooks/${index}/clientConfig/caBundle`,
          value: caBundle,
        })),
      );
      logger.info({ name }, 'API servers trust the webhook.');
    } catch (error) {
      logger.warn({ err: error, name }, 'The ValidatingWebhookConfiguration cannot be written: it is tried again.');
      this.#timer = setTimeout(() => this.tend(), retryAfter);
    }
  }
}
