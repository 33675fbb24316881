/**
 * The operator, put together.
 *
 *     caches ──► feed ──► control planes (one per DataPlane) ──► xDS server, in every replica once all caches have synced
 *        │                       └──► status writer  ┐
 *        └──► topology ──► controllers ──────────────┴─► API server, in the replica that leads
 */
import type { Logger } from 'pino';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { controllerName, fieldOwner } from '../api/names.ts';
import { type ConditionContribution, keyOf, type KubernetesObject, objectKey, type ObjectKey } from '../api/object.ts';
import { Scheduler, type StatusReport } from '../controlplane/index.ts';
import {
  type CacheView,
  Client,
  type ClusterAccess,
  type Controller,
  EventRecorder,
  generationChanged,
  Manager,
} from '../runtime/index.ts';
import { type AnyRoute, isRouteKind, listenerSetGateway, parentOf, type RouteKind } from '../translate/index.ts';
import { DiscoveryServer } from '../xds/index.ts';
import { Admission, webhookConfigurationName } from './admission.ts';
import { type Caches, listenerSetsByGateway, makeCaches } from './caches.ts';
import {
  CertificateKeeper,
  type CertificatePolicy,
  defaultCertificatePolicy,
  sessionTicketKeysOf,
  identityOf,
} from './certificates/index.ts';
import { controlPlaneStatus } from './controlPlane/status.ts';
import { dataPlaneReconciler, DataPlaneView, proxyPorts } from './dataPlane/index.ts';
import { KeyedDebounce } from './debounce.ts';
import { cacheOfDefinition, gatewayDefinition, installedKinds, missingWith, onServed } from './definitions.ts';
import { SourceFeed } from './feed.ts';
import { Fleets } from './fleet.ts';
import { GatewayInfrastructure, gatewayReconciler } from './gateway/controller.ts';
import { type Bundle, readBundle } from './gatewayClass/bundle.ts';
import { supportedFeatures } from './gatewayClass/features.ts';
import { gatewayClassConditions } from './gatewayClass/controller.ts';
import { gatewayConfigurationConditions } from './gatewayConfiguration/controller.ts';
import { discoveryMetrics, statusWrites } from './metrics.ts';
import { OwnedObjects } from './ownedObjects.ts';
import { type AncestorReference, jsonEqual, type StatusSink, StatusWriter } from './status/index.ts';
import {
  ancestorStatusKind,
  backendAncestors,
  type GatewaySays,
  gatewayStatusKind,
  listenerSetStatusKind,
  type OwnStatus,
  ownStatusKind,
  policyAncestors,
  routeStatusKind,
} from './statusKinds.ts';
import type {
  BackendReport,
  GatewayReport,
  ListenerSetReport,
  PolicyReport,
  RouteReport,
} from '../controlplane/index.ts';
import { computeTopology, emptyTopology, isOurs, type Topology } from './topology.ts';

export interface OperatorOptions {
  access: ClusterAccess;
  logger: Logger;
  /** Where the operator runs, and keeps its Lease and its certificate authority. */
  namespace: string;
  operatorImage: string;
  envoyImage: string;
  /** The Service by which proxies find the xDS server, and the port that is listened on; 0 for any. */
  discovery: { service: string; port: number };
  /** The port on which the API server asks about objects; 0 for any. Undefined: it does not. */
  webhookPort?: number;
  /** Ports of the probes and of the metrics; 0 for any. */
  healthPort: number;
  metricsPort: number;
  /** The families of addresses that Pods of this cluster have. */
  addressFamilies?: readonly ('IPv4' | 'IPv6')[];
  /** False where there is only this replica. */
  leaderElection: boolean;
  certificates?: CertificatePolicy;
  now?: () => Date;
}

/** Kinds whose status has an entry for each ancestor. */
type AncestorKind = 'BackendTLSPolicy' | 'XBackendTrafficPolicy' | 'XBackend';

/** Name of the Lease, and of the Secret of the certificate authority. */
const leaseName = 'sluice-operator';
const authoritySecret = 'sluice-certificate-authority';
/** Milliseconds between two looks at how far the proxies of a DataPlane are, for its status. */
const progressInterval = 1000;
/** Milliseconds that open streams get to end when the operator stops. */
const closeGrace = 2000;

export class Operator {
  readonly manager: Manager;
  readonly #options: OperatorOptions;
  readonly #client: Client;
  readonly #caches: Caches;
  readonly #topologyEffects: KeyedDebounce;
  readonly #feed: SourceFeed;
  readonly #fleets: Fleets;
  readonly #view: DataPlaneView;
  readonly #certificates: CertificateKeeper;
  readonly #events: EventRecorder;
  readonly #writer: StatusWriter;
  readonly #infrastructure: GatewayInfrastructure;
  readonly #progress: KeyedDebounce;
  readonly #server: DiscoveryServer;
  readonly #admission: Admission | undefined;
  readonly #sinks: {
    gateways: StatusSink<GatewaySays>;
    listenerSets: StatusSink<ListenerSetReport>;
    routes: Record<RouteKind, StatusSink<RouteReport>>;
    ancestors: Record<AncestorKind, StatusSink<PolicyReport | BackendReport>>;
    dataPlanes: StatusSink<OwnStatus>;
    controlPlanes: StatusSink<OwnStatus>;
    gatewayClasses: StatusSink<OwnStatus>;
    gatewayConfigurations: StatusSink<OwnStatus>;
  };
  readonly #controllers: { gateways: Controller; dataPlanes: Controller };
  #topology: Topology = emptyTopology;
  #isDirty = true;
  /** Whether all caches had synced, and control planes are made from them. */
  #hasBegun = false;
  readonly #begun = Promise.withResolvers<void>();
  #isListening = false;
  #discoveryPort = 0;
  #webhookPort = 0;
  #listenFailure: string | undefined;
  readonly #stopping = new AbortController();

  constructor(options: OperatorOptions) {
    this.#options = options;
    const { logger, namespace, access } = options;
    const now = options.now ?? ((): Date => new Date());
    const policy = options.certificates ?? defaultCertificatePolicy;
    const registry = new Registry();
    collectDefaultMetrics({ register: registry });
    const client = new Client({ access, fieldOwner, logger, registry });
    this.#client = client;
    this.manager = new Manager({
      client,
      logger,
      registry,
      health: { port: options.healthPort },
      metrics: { port: options.metricsPort },
      ...(options.leaderElection ? { leaderElection: { namespace, name: leaseName } } : {}),
    });
    const caches = makeCaches({
      manager: this.manager,
      namespace,
      authoritySecret,
      webhookConfiguration: webhookConfigurationName,
    });
    this.#caches = caches;
    this.#events = new EventRecorder({ client, controller: controllerName, logger, registry });
    const serverName = `${options.discovery.service}.${namespace}.svc`;
    this.#certificates = new CertificateKeeper({
      client,
      secrets: caches.authority,
      namespace,
      name: authoritySecret,
      serverNames: [serverName],
      policy,
      now,
      logger,
    });
    this.#admission =
      options.webhookPort === undefined
        ? undefined
        : new Admission({ client, caches, certificates: this.#certificates, logger });
    this.#writer = new StatusWriter({
      client,
      logger,
      now,
      writes: statusWrites(registry),
      onTransition: (object, { about, condition, type }) => {
        const prefix = about === '' ? '' : `${about}: `;
        const reason = condition.status === 'True' ? condition.type : (condition.reason ?? condition.type);
        this.#events.record(object, type, eventReason(reason), `${prefix}${condition.message ?? ''}`, 'Reconcile');
      },
    });
    const mayRemove = (reference: AncestorReference, from: string): boolean =>
      this.#mayRemove(parentOf(reference, from));
    this.#sinks = {
      gateways: this.#writer.register(gatewayStatusKind(caches.gateways)),
      listenerSets: this.#writer.register(listenerSetStatusKind(caches.listenerSets)),
      routes: {
        HTTPRoute: this.#writer.register(routeStatusKind(caches.httpRoutes, mayRemove)),
        GRPCRoute: this.#writer.register(routeStatusKind(caches.grpcRoutes, mayRemove)),
        TLSRoute: this.#writer.register(routeStatusKind(caches.tlsRoutes, mayRemove)),
        TCPRoute: this.#writer.register(routeStatusKind(caches.tcpRoutes, mayRemove)),
        UDPRoute: this.#writer.register(routeStatusKind(caches.udpRoutes, mayRemove)),
      },
      ancestors: {
        BackendTLSPolicy: this.#writer.register(
          ancestorStatusKind(caches.backendTLSPolicies, policyAncestors, mayRemove),
        ),
        XBackendTrafficPolicy: this.#writer.register(
          ancestorStatusKind(caches.xBackendTrafficPolicies, policyAncestors, mayRemove),
        ),
        XBackend: this.#writer.register(ancestorStatusKind(caches.xBackends, backendAncestors, mayRemove)),
      },
      dataPlanes: this.#writer.register(ownStatusKind(caches.dataPlanes)),
      controlPlanes: this.#writer.register(ownStatusKind(caches.controlPlanes)),
      gatewayClasses: this.#writer.register(ownStatusKind(caches.gatewayClasses)),
      gatewayConfigurations: this.#writer.register(ownStatusKind(caches.gatewayConfigurations)),
    };
    const families = options.addressFamilies ?? ['IPv4'];
    // Of both families, where there are both.
    const everywhere = families.includes('IPv6') ? '::' : '0.0.0.0';
    this.#feed = new SourceFeed(caches);
    this.#fleets = new Fleets({
      feed: this.#feed,
      scheduler: new Scheduler(),
      translator: {
        binding: { address: everywhere, port: (port) => port },
        readiness: { address: everywhere, port: proxyPorts.readiness },
        reservedPorts: Object.values(proxyPorts),
      },
      logger,
      sessionTicketKeys: (dataPlane) => {
        const secrets = this.#certificates.sessionTickets;
        return secrets === undefined ? undefined : sessionTicketKeysOf(secrets, dataPlane);
      },
      expectedProxies: (dataPlane) => this.#view.readyReplicas(dataPlane),
      onStatus: (dataPlane, reports) => this.#takeReports(dataPlane, reports),
      onProgress: (dataPlane) => this.#progress.soon(dataPlane),
      onSettled: (dataPlane) => {
        this.#sweep();
        // From now on the ports of its listeners are known.
        this.#controllers.dataPlanes.enqueue(dataPlane);
      },
    });
    this.#view = new DataPlaneView({
      ...caches,
      topology: () => this.#currentTopology(),
      configuration: (dataPlane) => this.#fleets.configuration(dataPlane),
      isSettled: (dataPlane) => this.#fleets.isSettled(dataPlane),
      listenerSets: (gateway) =>
        caches.listenerSets
          .byIndex(listenerSetsByGateway, gateway)
          .filter((listenerSet) => this.#accepted.has(objectKey(listenerSet))),
      settings: {
        operatorImage: options.operatorImage,
        envoyImage: options.envoyImage,
        isDualStack: families.length > 1,
      },
    });
    this.#infrastructure = new GatewayInfrastructure({
      gateways: caches.gateways,
      dataPlanes: caches.dataPlanes,
      topology: () => this.#currentTopology(),
      view: this.#view,
      contribute: (key, status) =>
        this.#sinks.gateways.contribute(
          key,
          'infrastructure',
          status === undefined ? undefined : { infrastructure: status },
        ),
    });
    this.#progress = new KeyedDebounce({ interval: progressInterval, run: (key) => this.#publishDataPlane(key) });
    this.#topologyEffects = new KeyedDebounce({ interval: 0, run: () => this.#applyTopology() });
    this.#server = new DiscoveryServer({
      logger,
      metrics: discoveryMetrics(registry),
      authenticate: ({ uris }) => {
        const found = identityOf(uris);
        return 'problem' in found
          ? { error: found.problem }
          : { ok: keyOf(found.identity.namespace, found.identity.name) };
      },
      stores: (key) => this.#fleets.store(key),
      tls: () => {
        const leaf = this.#certificates.server;
        if (leaf === undefined) throw new Error('There is no certificate for the xDS server yet.');
        return {
          ca: Buffer.from(leaf.trustBundle),
          cert: Buffer.from(leaf.certificate),
          key: Buffer.from(leaf.privateKey),
        };
      },
    });
    const owned = new OwnedObjects(client);
    this.#controllers = {
      dataPlanes: this.manager.controller({
        name: 'dataplane',
        for: caches.dataPlanes,
        filter: generationChanged,
        owns: [caches.deployments, caches.services, caches.serviceAccounts, caches.configMaps, caches.secrets],
        concurrency: 4,
        reconcile: dataPlaneReconciler({
          ...caches,
          owned,
          policy,
          now,
          view: this.#view,
          certificates: this.#certificates,
          metricsAddress: families.includes('IPv4') ? '0.0.0.0' : '::',
          discovery: { host: serverName, serverName, port: options.discovery.port },
          publish: (key) => this.#progress.urgent(key),
        }),
      }),
      gateways: this.manager.controller({
        name: 'gateway',
        for: caches.gateways,
        filter: generationChanged,
        owns: [caches.dataPlanes, caches.controlPlanes],
        concurrency: 4,
        reconcile: gatewayReconciler({
          ...caches,
          owned,
          topology: () => this.#currentTopology(),
          infrastructure: this.#infrastructure,
        }),
      }),
    };
    this.#listenToCaches();
    this.#addRunnables();
    this.#addChecks();
  }

  #listenToCaches(): void {
    const caches = this.#caches;
    const shape = (change: { before?: KubernetesObject; after?: KubernetesObject; key: string }): void => {
      if (!generationChanged(change)) return;
      this.#isDirty = true;
      this.#topologyEffects.urgent('');
    };
    caches.gateways.onChange(shape);
    caches.gatewayClasses.onChange(shape);
    caches.gatewayConfigurations.onChange(shape);
    caches.controlPlanes.onChange(shape);
    caches.dataPlanes.onChange(shape);
    caches.listenerSets.onChange((change) => {
      // Ports of one that is accepted.
      if (!this.#hasBegun || !generationChanged(change)) return;
      if (this.#accepted.has(change.key)) this.#topologyEffects.urgent('');
      if (this.#orphans.has(change.key)) this.#judgeOrphan(change.key);
    });
    caches.definitions.onChange(({ key, before, after }) => {
      const cache = cacheOfDefinition(caches, key);
      if (cache === undefined) return;
      cache.reconsider();
      if (before !== undefined && after !== undefined && before.metadata.generation !== after.metadata.generation)
        cache.relist();
      this.#topologyEffects.urgent('');
    });
    onServed(caches, () => this.#topologyEffects.urgent(''));
    for (const cache of [caches.deployments, caches.services, caches.pods]) {
      cache.onChange(({ before, after }) => {
        const dataPlane = ownerDataPlane(after ?? before);
        if (dataPlane === undefined || !this.#hasBegun) return;
        if (cache === caches.deployments) this.#fleets.proxiesExpected(dataPlane);
        this.#progress.urgent(dataPlane);
      });
    }
    this.#certificates.onChange(() => {
      if (this.#isListening) this.#server.reloadCertificate();
      this.#fleets.sessionTicketKeysChanged();
      this.#admission?.reload();
      for (const key of caches.dataPlanes.keys()) this.#controllers.dataPlanes.enqueue(key);
    });
  }

  #addRunnables(): void {
    this.manager.add({
      name: 'control planes and xDS server',
      start: () => {
        // In the background: the caches may take as long as a missing definition takes to appear.
        void this.#begin();
      },
      stop: async () => {
        this.#stopping.abort();
        await Promise.all([this.#server.close({ graceMs: closeGrace }), this.#admission?.close(closeGrace)]);
        this.#progress.stop();
        this.#topologyEffects.stop();
        this.#fleets.close();
        this.#feed.stop();
        await this.#certificates.stop();
      },
    });
    this.manager.add({
      name: 'certificate authority',
      leaderOnly: true,
      start: () => {
        this.#certificates.lead(true);
        this.#admission?.lead(true);
      },
      stop: () => {
        this.#certificates.lead(false);
        this.#admission?.lead(false);
      },
    });
    this.manager.add({
      name: 'status writer',
      leaderOnly: true,
      start: () => {
        void this.#begun.promise.then(() => {
          if (this.manager.isLeader() && !this.#stopping.signal.aborted) this.#writer.start();
          return undefined;
        });
      },
      stop: () => this.#writer.stop(),
    });
  }

  #addChecks(): void {
    const { readiness } = this.manager;
    const caches = this.#caches;
    readiness.add('gateway-api', () => readBundle(caches.definitions.get(gatewayDefinition))?.unusable);
    readiness.add('certificates', () =>
      this.#hasBegun && this.#certificates.server === undefined ? this.#certificates.problem() : undefined,
    );
    readiness.add('webhooks', () =>
      this.#admission?.isListening === false
        ? 'The webhook does not listen yet: objects are still being read.'
        : undefined,
    );
    readiness.add('xds', () => {
      if (this.#isListening) return undefined;
      const waiting = this.#hasBegun ? 'it has no certificate' : 'objects are still being read';
      return this.#listenFailure ?? `The xDS server does not listen yet: ${waiting}.`;
    });
  }

  /** Waits for all caches, then makes control planes and serves them. */
  async #begin(): Promise<void> {
    const { logger } = this.#options;
    try {
      await this.manager.whenSynced(this.#stopping.signal);
      this.#hasBegun = true;
      this.#feed.start();
      this.#applyTopology();
      this.#begun.resolve();
      this.#certificates.start();
      await this.#untilCertified();
      await this.#listen();
      await this.#listenForReviews();
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      this.#listenFailure = error instanceof Error ? error.message : String(error);
      logger.error({ err: error }, 'The xDS server cannot be started.');
    }
  }

  async #untilCertified(): Promise<void> {
    if (this.#certificates.server !== undefined) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const stop = this.#certificates.onChange(() => {
      if (this.#certificates.server !== undefined) resolve();
    });
    this.#stopping.signal.addEventListener('abort', () => reject(new Error('The operator stops.')), { once: true });
    await promise.finally(stop);
  }

  async #listenForReviews(): Promise<void> {
    const { webhookPort, logger } = this.#options;
    if (this.#admission === undefined || webhookPort === undefined) return;
    this.#webhookPort = await this.#admission.listen(webhookPort);
    logger.info({ port: this.#webhookPort }, 'The webhook listens.');
  }

  async #listen(): Promise<void> {
    const { port } = this.#options.discovery;
    try {
      this.#discoveryPort = await this.#server.listen(`[::]:${port}`);
    } catch (error) {
      // A machine without IPv6.
      this.#options.logger.debug({ err: error }, 'The xDS server cannot listen on IPv6.');
      this.#discoveryPort = await this.#server.listen(`0.0.0.0:${port}`);
    }
    this.#isListening = true;
    this.#options.logger.info({ port: this.#discoveryPort }, 'The xDS server listens.');
  }

  /** The port on which the API server asks about objects; 0 until it is listened on. */
  get webhookPort(): number {
    return this.#webhookPort;
  }

  /** The port of the xDS server; 0 while it does not listen. */
  get discoveryPort(): number {
    return this.#discoveryPort;
  }

  #currentTopology(): Topology {
    if (!this.#isDirty) return this.#topology;
    const caches = this.#caches;
    this.#isDirty = false;
    this.#topology = computeTopology(
      {
        gateways: () => caches.gateways.list(),
        gatewayClass: (name) => caches.gatewayClasses.get(name),
        configuration: (key) => caches.gatewayConfigurations.get(key),
        controlPlanes: () => caches.controlPlanes.list(),
        dataPlane: (key) => caches.dataPlanes.get(key),
      },
      this.#topology,
    );
    return this.#topology;
  }

  #applied: Topology = emptyTopology;

  /** Brings fleets, controllers and statuses in line with the topology as it is now. */
  #applyTopology(): void {
    if (!this.#hasBegun) return;
    const caches = this.#caches;
    const before = this.#applied;
    const topology = this.#currentTopology();
    this.#applied = topology;
    this.#fleets.reconcile(caches.dataPlanes.list(), topology);
    for (const [key, attachment] of topology.attachments) {
      if (!jsonEqual(attachment, before.attachments.get(key))) this.#controllers.gateways.enqueue(key);
      this.#infrastructure.publish(key);
    }
    for (const key of before.attachments.keys())
      if (!topology.attachments.has(key)) this.#controllers.gateways.enqueue(key);
    for (const dataPlane of caches.dataPlanes.list()) {
      const key = objectKey(dataPlane);
      // Ports of listeners, labels and addresses are a DataPlane's objects.
      this.#controllers.dataPlanes.enqueue(key);
      this.#progress.urgent(key);
    }
    for (const [key, state] of topology.controlPlanes) if (!('dataPlane' in state)) this.#publishControlPlane(key);
    this.#publishParameters();
  }

  #takeReports(
    dataPlane: ObjectKey,
    reports: { kind: StatusReport['kind']; key: ObjectKey; report: StatusReport | undefined }[],
  ): void {
    for (const { kind, key, report } of reports) {
      if (kind === 'Gateway') {
        const translation = report?.kind === 'Gateway' ? this.#known(report) : undefined;
        this.#sinks.gateways.contribute(key, dataPlane, translation === undefined ? undefined : { translation });
      } else if (kind === 'ListenerSet') {
        const says = report?.kind === 'ListenerSet' ? report : undefined;
        this.#sinks.listenerSets.contribute(key, dataPlane, says);
        this.#noteListenerSet(key, dataPlane, says);
        if (says === undefined) this.#orphans.add(key);
        else this.#orphans.delete(key);
        this.#judgeOrphan(key);
      } else if (isRouteKind(kind)) {
        this.#sinks.routes[kind].contribute(
          key,
          dataPlane,
          report !== undefined && 'parents' in report ? report : undefined,
        );
      } else {
        this.#sinks.ancestors[kind].contribute(
          key,
          dataPlane,
          report !== undefined && 'ancestors' in report ? report : undefined,
        );
      }
    }
  }

  /** A field that an older definition of Gateway does not have would be written again and again. */
  #known(report: GatewayReport): Extract<GatewaySays, { translation: unknown }>['translation'] {
    if (this.#caches.listenerSets.served === true) return report;
    const { attachedListenerSets: _, ...rest } = report;
    return rest;
  }

  /** The ListenerSets that their Gateways have accepted: they add ports. */
  readonly #accepted = new Set<ObjectKey>();

  #noteListenerSet(key: ObjectKey, dataPlane: ObjectKey, report: ListenerSetReport | undefined): void {
    const isAccepted = report?.conditions.some(({ type, status }) => type === 'Accepted' && status === 'True') ?? false;
    if (isAccepted === this.#accepted.has(key)) return;
    if (isAccepted) this.#accepted.add(key);
    else this.#accepted.delete(key);
    this.#controllers.dataPlanes.enqueue(dataPlane);
  }

  /** ListenerSets of which a control plane spoke and none does now. */
  readonly #orphans = new Set<ObjectKey>();

  /** Where the Gateway of a ListenerSet of ours is gone, what was said of its listeners is no longer true. */
  #judgeOrphan(key: ObjectKey): void {
    const { listenerSets, gateways } = this.#caches;
    const listenerSet = listenerSets.get(key);
    const gateway = listenerSet === undefined ? undefined : listenerSetGateway(listenerSet);
    if (listenerSet === undefined) this.#orphans.delete(key);
    // One that another controller serves is its to speak of.
    const isOrphan = this.#orphans.has(key) && (gateway === undefined || gateways.get(gateway) === undefined);
    this.#sinks.listenerSets.contribute(
      key,
      'orphan',
      isOrphan
        ? {
            kind: 'ListenerSet',
            key,
            gateway: gateway ?? '',
            generation: listenerSet?.metadata.generation,
            conditions: orphanConditions(gateway),
            listeners: [],
            settled: true,
          }
        : undefined,
    );
  }

  /** Entries of ours that nobody speaks for any more may go once whoever would speak for them has spoken. */
  #mayRemove(parent: ReturnType<typeof parentOf>): boolean {
    if (!this.#hasBegun) return false;
    const topology = this.#currentTopology();
    // An ancestor of another kind may be anybody's.
    if (parent === undefined)
      return [...topology.scopes.keys()].every((dataPlane) => this.#fleets.isSettled(dataPlane));
    const { gateways, listenerSets } = this.#caches;
    const listenerSet = parent.kind === 'ListenerSet' ? listenerSets.get(parent.key) : undefined;
    const gateway =
      parent.kind === 'Gateway' ? parent.key : listenerSet === undefined ? undefined : listenerSetGateway(listenerSet);
    if (gateway === undefined || gateways.get(gateway) === undefined) return true;
    const attachment = topology.attachments.get(gateway);
    if (attachment === undefined) return true;
    const state =
      attachment.controlPlane === undefined ? undefined : topology.controlPlanes.get(attachment.controlPlane);
    return state !== undefined && 'dataPlane' in state && this.#fleets.isSettled(state.dataPlane);
  }

  /** Looks again at whatever has an entry of ours. */
  #sweep(): void {
    const { routes, ancestors } = this.#sinks;
    const caches = this.#caches;
    const sweep = <T extends KubernetesObject>(
      cache: CacheView<T>,
      sink: { refresh: (key: ObjectKey) => void },
      entries: (object: T) => readonly { controllerName: string }[] | undefined,
    ): void => {
      for (const object of cache.list())
        if (entries(object)?.some((entry) => entry.controllerName === controllerName) === true)
          sink.refresh(objectKey(object));
    };
    const parents = (route: AnyRoute) => route.status?.parents;
    sweep(caches.httpRoutes, routes.HTTPRoute, parents);
    sweep(caches.grpcRoutes, routes.GRPCRoute, parents);
    sweep(caches.tlsRoutes, routes.TLSRoute, parents);
    sweep(caches.tcpRoutes, routes.TCPRoute, parents);
    sweep(caches.udpRoutes, routes.UDPRoute, parents);
    sweep(caches.backendTLSPolicies, ancestors.BackendTLSPolicy, ({ status }) => status?.ancestors);
    sweep(caches.xBackendTrafficPolicies, ancestors.XBackendTrafficPolicy, ({ status }) => status?.ancestors);
    sweep(caches.xBackends, ancestors.XBackend, ({ status }) => status?.parents);
  }

  /** Contributes what is known of a DataPlane to its own status and to those of its ControlPlane and Gateways. */
  #publishDataPlane(key: ObjectKey): void {
    const dataPlane = this.#caches.dataPlanes.get(key);
    if (dataPlane === undefined || !this.#hasBegun) {
      this.#sinks.dataPlanes.contribute(key, 'controller', undefined);
      this.#progress.forget(key);
      return;
    }
    const { conditions, ...fields } = this.#view.status(dataPlane);
    this.#sinks.dataPlanes.contribute(key, 'controller', {
      generation: dataPlane.metadata.generation,
      conditions,
      fields,
    });
    const scope = this.#currentTopology().scopes.get(key);
    if (scope === undefined) return;
    this.#publishControlPlane(scope.controlPlane);
    for (const gateway of scope.gateways) this.#infrastructure.publish(gateway);
  }

  #publishControlPlane(key: ObjectKey): void {
    const controlPlane = this.#caches.controlPlanes.get(key);
    const state = this.#currentTopology().controlPlanes.get(key);
    if (controlPlane === undefined || state === undefined) {
      this.#sinks.controlPlanes.contribute(key, 'controller', undefined);
      return;
    }
    const dataPlane = 'dataPlane' in state ? state.dataPlane : '';
    const { conditions, ...fields } = controlPlaneStatus(controlPlane, {
      state,
      isSettled: this.#fleets.isSettled(dataPlane),
      configuration: this.#fleets.configuration(dataPlane),
    });
    this.#sinks.controlPlanes.contribute(key, 'controller', {
      generation: controlPlane.metadata.generation,
      conditions,
      fields,
    });
  }

  /** Contributes to the statuses of GatewayClasses and GatewayConfigurations. */
  #publishParameters(): void {
    const { gatewayClasses, gatewayConfigurations, gateways, controlPlanes } = this.#caches;
    const { definitions } = this.#caches;
    const bundle = readBundle(definitions.get(gatewayDefinition));
    const installed = installedKinds(this.#caches);
    this.#tellMissing(installed);
    const features = supportedFeatures(installed).map((name) => ({ name }));
    for (const gatewayClass of gatewayClasses.list()) {
      const conditions = gatewayClassConditions(gatewayClass, {
        bundle,
        configuration: (key) => gatewayConfigurations.get(key),
      });
      const { name, generation } = gatewayClass.metadata;
      this.#sinks.gatewayClasses.contribute(
        name,
        'controller',
        conditions === undefined ? undefined : { generation, conditions, fields: { supportedFeatures: features } },
      );
    }
    const served = new Set(gatewayClasses.list().filter(isOurs));
    for (const configuration of gatewayConfigurations.list()) {
      const conditions = gatewayConfigurationConditions(configuration, {
        gatewayClasses: served,
        gateways: gateways.list(),
        hasControlPlane: (key) => controlPlanes.get(key) !== undefined,
        failure: (key) => this.#infrastructure.failure(key),
      });
      this.#sinks.gatewayConfigurations.contribute(objectKey(configuration), 'controller', {
        generation: configuration.metadata.generation,
        conditions,
        fields: {},
      });
    }
  }

  /** Logs once, and again when it changes, what is off for want of definitions. */
  #tellMissing(installed: ReadonlyMap<string, Bundle>): void {
    const missing = missingWith(installed);
    const text = JSON.stringify(missing);
    if (text === this.#toldMissing) return;
    const { logger } = this.#options;
    if (missing !== undefined)
      logger.info(missing, 'Some kinds or features of Gateway API are off: their definitions are not installed.');
    else if (this.#toldMissing !== undefined) logger.info('All kinds and features of Gateway API are on.');
    this.#toldMissing = text;
  }

  #toldMissing: string | undefined;

  /** Starts everything that can be started; readiness says what is still missing. Throws where a port is not free. */
  async start(): Promise<void> {
    await this.manager.start();
  }

  /** Ends in order: no new work, last writes, the Lease, streams. Proxies keep what they have. */
  async stop(): Promise<void> {
    await this.manager.stop();
    await this.#events.stop(closeGrace);
    await this.#client.close();
  }
}

/** A reason as Events take it: at most 128 characters of CamelCase. */
function eventReason(reason: string): string {
  return (reason.split('/').at(-1) ?? reason).slice(0, 128);
}

/** The conditions of a ListenerSet whose Gateway is not there. Source: Gateway API, ListenerSetConditionReason. */
function orphanConditions(gateway: ObjectKey | undefined): ConditionContribution[] {
  const message = `There is no Gateway ${gateway ?? 'that parentRef names'}. Create it, or correct parentRef.`;
  return [
    { type: 'Accepted', status: 'False', reason: 'ParentNotAccepted', message },
    { type: 'Programmed', status: 'False', reason: 'Invalid', message },
  ];
}

/** The DataPlane that an owned object or a Pod is of. */
function ownerDataPlane(object: KubernetesObject | undefined): ObjectKey | undefined {
  const name = object?.metadata.labels?.['sluice.dev/data-plane'];
  return name === undefined ? undefined : keyOf(object?.metadata.namespace ?? '', name);
}
