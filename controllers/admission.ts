/** The operator's side of admission: the webhook's server in every replica, and what API servers must know to trust it. */
import type { Logger } from 'pino';
import type { Client } from '../runtime/index.ts';
import { type Surroundings, validate, WebhookServer } from '../webhooks/index.ts';
import type { Caches } from './caches.ts';
import type { CertificateKeeper } from './certificates/index.ts';
import { WebhookConfigurationKeeper } from './webhookConfiguration.ts';

/** Name of the ValidatingWebhookConfiguration that is installed. */
export const webhookConfigurationName = 'sluice';

export interface AdmissionOptions {
  client: Client;
  caches: Caches;
  certificates: CertificateKeeper;
  logger: Logger;
}

export class Admission {
  readonly #server: WebhookServer;
  readonly #keeper: WebhookConfigurationKeeper;
  #isListening = false;

  constructor({ client, caches, certificates, logger }: AdmissionOptions) {
    const surroundings = surroundingsOf(caches);
    this.#server = new WebhookServer({
      tls: () => {
        const leaf = certificates.server;
        if (leaf === undefined) throw new Error('There is no certificate for the webhook yet.');
        return { cert: leaf.certificate, key: leaf.privateKey };
      },
      validate: (request) => validate(request, surroundings),
      logger,
    });
    this.#keeper = new WebhookConfigurationKeeper({
      client,
      configurations: caches.webhookConfigurations,
      name: webhookConfigurationName,
      trustBundle: () => certificates.server?.trustBundle,
      logger,
    });
  }

  get isListening(): boolean {
    return this.#isListening;
  }

  /** Begins to answer. All caches must have synced, and there must be a certificate. */
  async listen(port: number): Promise<number> {
    const listening = await this.#server.listen('::', port).catch(() => this.#server.listen('0.0.0.0', port));
    this.#isListening = true;
    return listening;
  }

  /** The certificate or the authority has changed. */
  reload(): void {
    if (this.#isListening) this.#server.reloadCertificate();
    this.#keeper.tend();
  }

  /** Whether this replica tells the API server whom to trust. */
  lead(leading: boolean): void {
    this.#keeper.lead(leading);
  }

  async close(graceMs: number): Promise<void> {
    this.#isListening = false;
    await this.#keeper.stop();
    await this.#server.close(graceMs);
  }
}

function surroundingsOf(caches: Caches): Surroundings {
  const { gatewayClasses, gateways, listenerSets, referenceGrants, namespaces, secrets } = caches;
  const { gatewayConfigurations, dataPlanes, controlPlanes, services, serviceImports, xBackends } = caches;
  return {
    gatewayClasses,
    gateways,
    listenerSets,
    referenceGrants,
    namespaces,
    secrets,
    configMaps: caches.authorities,
    gatewayConfigurations,
    dataPlanes,
    controlPlanes,
    backends: { Service: services, ServiceImport: serviceImports, XBackend: xBackends },
    routes: {
      HTTPRoute: caches.httpRoutes,
      GRPCRoute: caches.grpcRoutes,
      TLSRoute: caches.tlsRoutes,
      TCPRoute: caches.tcpRoutes,
      UDPRoute: caches.udpRoutes,
    },
  };
}
