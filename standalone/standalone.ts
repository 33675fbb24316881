/**
 * The gateway without Kubernetes: files in, a local Envoy out. What a cluster's API server, EndpointSlice controller and kubelet
 * do is done here in small; the translation, the xDS server and the way to Programmed are the same.
 */
import { rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';

import type { Logger } from 'pino';

import {
  type ConfigMap,
  type EndpointSlice,
  type Namespace,
  namespaceNameLabel,
  type Secret,
  type Service,
} from '../api/core.ts';
import type { Gateway, GatewayClass, ListenerSet } from '../api/gateway/index.ts';
import { gatewayClassName } from '../api/names.ts';
import { type KubernetesObject, objectKey, type ObjectKey } from '../api/object.ts';
import { bootstrapFiles, CertificateFeed, ControlPlane, Scheduler } from '../controlplane/index.ts';
import { portKey, routeKinds, type SourceChange, type SourceKind } from '../translate/index.ts';
import { DiscoveryServer } from '../xds/index.ts';
import { Catalog, type CatalogUpdate } from './catalog.ts';
import { DemoUpstream } from './demoUpstream.ts';
import type { EnvoyBinary } from './envoyBinary.ts';
import { scan } from './fileScanner.ts';
import { FileSource } from './fileSource.ts';
import { HostResolver } from './hostResolver.ts';
import { type Finder, GatewayClasses, parentFault } from './judgement.ts';
import { LocalEnvoy } from './localEnvoy.ts';
import { LocalStore } from './localStore.ts';
import { PortBook } from './portBook.ts';
import type { Problem } from './problem.ts';
import { ProblemLog } from './problemLog.ts';
import { planServices, type ServiceMapping, type ServicePlan, slicesOf } from './serviceAddresses.ts';
import { SluiceError } from './sluiceError.ts';
import { StatusBook, backendsOf } from './statusBook.ts';
import { StatusDirectory } from './statusDirectory.ts';
import { objectVerdict, type SummaryInput } from './summary.ts';
import { systemAuthorities } from './systemAuthorities.ts';
import { WorkDirectory } from './workDirectory.ts';

export interface StandaloneOptions {
  /** Files and directories. */
  paths: readonly string[];
  envoy: EnvoyBinary;
  logger: Logger;
  /** Names of GatewayClasses to serve beside `sluice`. */
  gatewayClasses?: readonly string[];
  services?: readonly ServiceMapping[];
  /** Bound ports by listener ports. */
  ports?: ReadonlyMap<number, number>;
  /** Free high ports for all listener ports that `ports` does not name. */
  automaticPorts?: boolean;
  /** The address that listeners bind; all IPv4 addresses if not given. */
  address?: string;
  /** Where objects are written with their status. */
  statusDirectory?: string | undefined;
  /** Answer for Services that have no address. */
  demoUpstream?: boolean;
  /** Worker threads of Envoy; as many as the machine has processors if not given. */
  concurrency?: number | undefined;
  envoyLogLevel?: string | undefined;
  /** How long open requests are waited for at the end, in milliseconds. */
  drainTimeout?: number;
  /** Called whenever something of the summary has changed. */
  onSummary?: (summary: SummaryInput) => void;
}

/** Kinds that are given as they stand in the files, besides routes. */
const otherKinds = [
  'BackendTLSPolicy',
  'ConfigMap',
  'ListenerSet',
  'ReferenceGrant',
  'Secret',
  'ServiceImport',
  'XBackend',
  'XBackendTrafficPolicy',
] as const satisfies readonly SourceKind[];

/** How long an edit waits for the name server before it goes on without, in milliseconds. */
const patienceWithNames = 1000;

const wildcardAddresses: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

export class Standalone {
  readonly #options: StandaloneOptions;
  readonly #logger: Logger;
  readonly #address: string;
  readonly #work: WorkDirectory;
  readonly #catalog = new Catalog(() => new Date());
  readonly #classes: GatewayClasses;
  readonly #ports: PortBook;
  readonly #resolver: HostResolver;
  readonly #demo = new DemoUpstream();
  readonly #store: LocalStore;
  readonly #server: DiscoveryServer;
  readonly #controlPlane: ControlPlane;
  readonly #certificates: CertificateFeed;
  readonly #envoy: LocalEnvoy;
  readonly #files: FileSource;
  readonly #statuses: StatusBook;
  readonly #problems: ProblemLog;
  readonly #statusDirectory: StatusDirectory | undefined;
  /** What the control plane was given, by kind and key. */
  #given = new Map<string, { kind: SourceKind; key: ObjectKey; object: object }>();
  #gateways = new Map<ObjectKey, Gateway>();
  #listenerSets = new Map<ObjectKey, ListenerSet>();
  readonly #finder: Finder = {
    gateway: (key) => this.#gateways.get(key),
    listenerSet: (key) => this.#listenerSets.get(key),
  };
  #unaddressed: ReadonlyMap<ObjectKey, string> = new Map();
  #fileProblems: readonly Problem[] = [];
  #leftOut = '';
  #dirty = false;
  #refreshing: Promise<void> | undefined;
  #reporting = false;
  #lastSummary: SummaryInput | undefined;
  #isReady = false;
  #closed = false;

  private constructor(options: StandaloneOptions, work: WorkDirectory, statusDirectory: StatusDirectory | undefined) {
    const { logger, address = '0.0.0.0' } = options;
    this.#options = options;
    this.#logger = logger;
    this.#work = work;
    this.#statusDirectory = statusDirectory;
    this.#address = wildcardAddresses[address] ?? address;
    this.#problems = new ProblemLog(logger);
    this.#classes = new GatewayClasses([gatewayClassName], options.gatewayClasses ?? []);
    this.#ports = new PortBook({
      address,
      mapping: options.ports ?? new Map(),
      auto: options.automaticPorts ?? false,
      onChange: () => this.#refresh(),
    });
    this.#resolver = new HostResolver({ onChange: () => this.#refresh() });
    this.#store = new LocalStore((key) => this.#ports.fault(key) !== undefined);
    this.#server = new DiscoveryServer({
      authenticate: () => ({ ok: 'local' }),
      stores: () => this.#store,
      // That the local Envoy comes and goes is no news.
      logger: logger.child({ component: 'xds' }, { level: logger.isLevelEnabled('debug') ? logger.level : 'warn' }),
    });
    this.#controlPlane = new ControlPlane({
      name: 'standalone',
      translator: {
        binding: { address, port: (port, transport) => this.#ports.bound(port, transport) },
        // The local store leaves this listener out.
        readiness: { address: '127.0.0.1', port: 19_003 },
        systemAuthorities: systemAuthorities(),
      },
      store: this.#store,
      scheduler: new Scheduler(),
      expectedProxies: () => 1,
      onStatus: (reports) => {
        for (const { kind, key, report } of reports) this.#statuses.report(kind, key, report);
        this.#report();
      },
      logger,
    });
    this.#certificates = new CertificateFeed((change) => this.#controlPlane.apply([change]));
    this.#statuses = new StatusBook({
      classes: this.#classes,
      ...this.#finder,
      portFault: (key) => this.#ports.fault(key),
      serviceFault: (key) => this.#unaddressed.get(key),
      address: this.#address,
      now: () => new Date(),
    });
    this.#files = new FileSource({
      paths: options.paths,
      onChange: (contents, order) => this.#took(this.#catalog.update(contents, order)),
      onWarning: (message) => logger.warn(message),
    });
    const files = bootstrapFiles({
      nodeId: 'standalone',
      cluster: 'sluice',
      discovery: { socketPath: work.file('xds.sock') },
      // Replaced by a socket: the admin interface must not be open to every user of the machine.
      admin: { address: '127.0.0.1', port: 0 },
    });
    this.#envoy = new LocalEnvoy({
      binary: options.envoy.path,
      bootstrap: JSON.parse(files['bootstrap.json']!) as Record<string, unknown>,
      workDirectory: work,
      logger,
      drainTimeout: options.drainTimeout ?? 10_000,
      ...(options.concurrency === undefined ? {} : { concurrency: options.concurrency }),
      ...(options.envoyLogLevel === undefined ? {} : { logLevel: options.envoyLogLevel }),
    });
  }

  /**
   * Reads the files and starts Envoy. Resolves when everything there is has been given to the translation; whether it is
   * served comes by `onSummary`.
   *
   * @throws SluiceError
   */
  static async start(options: StandaloneOptions): Promise<Standalone> {
    await checkPaths(options);
    const { statusDirectory: directory, logger } = options;
    const statusDirectory = directory === undefined ? undefined : await StatusDirectory.open(directory, logger);
    const work = WorkDirectory.create((message) => logger.warn(message));
    const standalone = new Standalone(options, work, statusDirectory);
    try {
      await standalone.#start();
    } catch (error) {
      await standalone.stop(AbortSignal.abort());
      throw error;
    }
    return standalone;
  }

  async #start(): Promise<void> {
    await this.#server.listen(`unix:${this.#work.file('xds.sock')}`);
    // Its own start takes as long as reading the files.
    this.#envoy.start();
    await this.#files.start();
    await this.#refreshing;
    this.#isReady = true;
    this.#controlPlane.synced();
    this.#report();
  }

  /** How often Envoy was started. */
  get envoyStarts(): number {
    return this.#envoy.starts;
  }

  /** One request to Envoy's admin interface. @throws Error where the answer is not a 200 */
  admin(target: string): Promise<string> {
    return this.#envoy.admin(target);
  }

  /** What is served and what is wrong, as of now. */
  summary(): SummaryInput {
    return {
      objects: [...this.#catalog.objects()].map(({ object }) => ({ object, status: this.#statuses.get(object) })),
      problems: this.#problems.current(),
      boundPort: (port, transport) => this.#ports.bound(port, transport),
      address: this.#address,
    };
  }

  /**
   * Lets open requests end, ends Envoy and removes what was made, but not the status directory.
   *
   * @param hurry ends the waiting
   */
  async stop(hurry?: AbortSignal): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#files.close();
    this.#ports.close();
    this.#resolver.close();
    this.#certificates.close();
    await this.#envoy.stop(hurry);
    this.#controlPlane.close();
    this.#store.close();
    await this.#server.close({ graceMs: 100 });
    await this.#demo.close();
    await this.#statusDirectory?.flushed();
    this.#work.remove();
  }

  /** Ends Envoy and removes what was made, at once; for the `exit` event of the process. */
  kill(): void {
    this.#envoy.kill();
    rmSync(this.#work.path, { recursive: true, force: true });
  }

  #took({ changes, problems, leftOut }: CatalogUpdate): void {
    this.#fileProblems = problems;
    const names = leftOut.join(', ');
    if (names !== '' && names !== this.#leftOut)
      this.#logger.info(`Left out, because only a cluster runs them: ${names}.`);
    this.#leftOut = names;
    if (this.#isReady && changes.length > 0) {
      const shown = changes.slice(0, 5).map(({ entry, namespace, name, before, after }) => {
        const what = before === undefined ? 'added' : after === undefined ? 'removed' : 'changed';
        return `${entry.kind} ${namespace === '' ? name : `${namespace}/${name}`} ${what}`;
      });
      const rest = changes.length - shown.length;
      this.#logger.info(`${shown.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}.`);
    }
    this.#refresh();
  }

  /** Gives the control plane what there is now. One run at a time; what changes meanwhile makes another. */
  #refresh(): void {
    this.#dirty = true;
    this.#refreshing ??= (async () => {
      try {
        while (this.#dirty && !this.#closed) {
          this.#dirty = false;
          await this.#give();
        }
      } catch (error) {
        this.#logger.error({ err: error }, 'The files could not be taken over: this is a bug of Sluice.');
      } finally {
        this.#refreshing = undefined;
      }
    })();
  }

  async #give(): Promise<void> {
    const byKind = new Map<string, KubernetesObject[]>();
    for (const { object } of this.#catalog.objects()) {
      const list = byKind.get(object.kind);
      if (list === undefined) byKind.set(object.kind, [object]);
      else list.push(object);
    }
    const of = <T extends KubernetesObject>(kind: string): T[] => (byKind.get(kind) ?? []) as T[];
    this.#classes.set(of<GatewayClass>('GatewayClass'));
    this.#gateways = new Map(of<Gateway>('Gateway').map((gateway) => [objectKey(gateway), gateway]));
    const served = of<Gateway>('Gateway').filter(({ spec }) => this.#classes.verdict(spec.gatewayClassName).ours);
    const listenerSets = of<ListenerSet>('ListenerSet');
    this.#listenerSets = new Map(listenerSets.map((listenerSet) => [objectKey(listenerSet), listenerSet]));
    const attached = listenerSets.filter(
      (listenerSet) => parentFault(listenerSet.spec.parentRef, listenerSet, this.#finder, this.#classes) === undefined,
    );
    const listeners = [...served, ...attached].flatMap(({ spec }): { port: number; protocol: string }[] => [
      ...spec.listeners,
    ]);
    await this.#ports.need(new Set(listeners.map(portKey)));
    const routes = routeKinds.flatMap((kind) => of(kind));

    const { plan, slices } = await this.#locateServices(
      of<Service>('Service'),
      of<EndpointSlice>('EndpointSlice'),
      routes,
    );
    const wanted = new Map<string, { kind: SourceKind; key: ObjectKey; object: object }>();
    const want = (kind: SourceKind, objects: Iterable<KubernetesObject>): void => {
      for (const object of objects)
        wanted.set(`${kind} ${objectKey(object)}`, { kind, key: objectKey(object), object });
    };
    want('Gateway', served);
    for (const kind of routeKinds) want(kind, of(kind));
    for (const kind of otherKinds) want(kind, of(kind));
    want('Service', [...of<Service>('Service'), ...plan.madeUp]);
    want('EndpointSlice', [
      ...slices,
      ...of<EndpointSlice>('EndpointSlice').filter((slice) => !plan.overridden.has(slice)),
    ]);
    want('Namespace', [...this.#impliedNamespaces(), ...of<Namespace>('Namespace')]);

    const changes: SourceChange[] = [];
    for (const [id, entry] of wanted) {
      const before = this.#given.get(id);
      // What is made up here is made anew each time.
      if (before !== undefined && isDeepStrictEqual(before.object, entry.object)) continue;
      if (entry.kind === 'Secret') this.#certificates.set(entry.key, entry.object as Secret);
      else if (entry.kind === 'ConfigMap') this.#certificates.setConfigMap(entry.key, entry.object as ConfigMap);
      else changes.push(entry as SourceChange);
    }
    for (const [id, { kind, key }] of this.#given) {
      if (wanted.has(id)) continue;
      if (kind === 'Secret') this.#certificates.set(key, undefined);
      else if (kind === 'ConfigMap') this.#certificates.setConfigMap(key, undefined);
      else changes.push({ kind, key, object: undefined });
    }
    this.#given = wanted;
    this.#unaddressed = plan.unaddressed;
    this.#problems.set([...this.#fileProblems, ...this.#serviceProblems(plan)]);
    this.#controlPlane.apply(changes);
    this.#store.reconsider();
    this.#report();
  }

  async #locateServices(
    services: readonly Service[],
    slices: readonly EndpointSlice[],
    routes: readonly KubernetesObject[],
  ): Promise<{ plan: ServicePlan; slices: EndpointSlice[] }> {
    const referencedPorts = new Map<ObjectKey, Set<string>>();
    for (const { service, port, transport } of routes.flatMap(backendsOf)) {
      if (port === undefined) continue;
      const ports = referencedPorts.get(service);
      if (ports === undefined) referencedPorts.set(service, new Set([`${transport}/${port}`]));
      else ports.add(`${transport}/${port}`);
    }
    const sources = { services, slices, mappings: this.#options.services ?? [], referencedPorts };
    let plan = planServices({ ...sources, fallback: () => undefined });
    if (this.#options.demoUpstream === true) {
      const { unaddressed } = plan;
      await this.#demo.serve(services.filter((service) => unaddressed.has(objectKey(service))));
      plan = planServices({ ...sources, fallback: (service) => this.#demo.address(objectKey(service)) });
    }
    const hosts = new Map<string, Set<number>>();
    for (const { host, port } of plan.bindings.flatMap(({ targets }) => targets)) {
      const ports = hosts.get(host);
      if (ports === undefined) hosts.set(host, new Set([port]));
      else ports.add(port);
    }
    await this.#resolve(hosts);
    return { plan, slices: slicesOf(plan, (host) => this.#resolver.addresses(host)) };
  }

  /** Waits for names, but not for long: a name server that is away must not hold up an edit. */
  async #resolve(hosts: ReadonlyMap<string, ReadonlySet<number>>): Promise<void> {
    const resolved = this.#resolver.need(hosts);
    const isLate = await Promise.race([resolved.then(() => false), sleep(patienceWithNames, true, { ref: false })]);
    // What is found later is given later.
    if (isLate) void resolved.then(() => this.#refresh());
  }

  #serviceProblems(plan: ServicePlan): Problem[] {
    const problems: Problem[] = [];
    const placeOf = (key: ObjectKey): Pick<Problem, 'file' | 'position'> => {
      const place = this.#catalog.placeOf(`/Service/${key}`);
      if (place === undefined) return { file: '--service' };
      const { file, line, column } = place;
      return { file, position: { line, column } };
    };
    for (const [key, message] of plan.faults) problems.push({ reason: 'ServiceAddress', ...placeOf(key), message });
    for (const [key, message] of plan.unaddressed) {
      if (!plan.faults.has(key)) problems.push({ reason: 'ServiceAddress', ...placeOf(key), message: `${message}.` });
    }
    const said = new Set<string>();
    for (const { service, targets } of plan.bindings) {
      for (const { host } of targets) {
        const fault = this.#resolver.fault(host);
        if (fault === undefined || said.has(fault)) continue;
        said.add(fault);
        problems.push({
          reason: 'ServiceAddress',
          ...placeOf(objectKey(service)),
          message: `Service ${objectKey(service)}: ${fault}`,
        });
      }
    }
    return problems;
  }

  /** Namespaces need not stand in the files; those that do come with their labels. */
  #impliedNamespaces(): Namespace[] {
    const names = new Set(['default']);
    for (const { object } of this.#catalog.objects()) {
      if (object.metadata.namespace !== undefined) names.add(object.metadata.namespace);
    }
    for (const { namespace } of this.#options.services ?? []) names.add(namespace);
    return [...names].map((name) => ({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name, labels: { [namespaceNameLabel]: name } },
    }));
  }

  /** Brings statuses, status directory and summary up to date, once for all that happens in one turn. */
  #report(): void {
    if (this.#reporting || !this.#isReady) return;
    this.#reporting = true;
    setImmediate(() => {
      this.#reporting = false;
      this.#statuses.update(this.#catalog.objects());
      const summary = this.summary();
      this.#statusDirectory?.set(summary.objects.filter(({ object }) => object.kind !== 'Secret'));
      if (!isDeepStrictEqual(withoutFunctions(summary), withoutFunctions(this.#lastSummary))) {
        this.#lastSummary = summary;
        this.#options.onSummary?.(summary);
      }
    });
  }
}

function withoutFunctions(summary: SummaryInput | undefined): unknown {
  if (summary === undefined) return undefined;
  const { objects, problems } = summary;
  return { objects, problems };
}

/** Whether the proxies have answered for everything in a summary. */
export function isSettled({ objects }: SummaryInput): boolean {
  return objects.every(({ object, status }) => objectVerdict(object, status)?.state !== 'pending');
}

/**
 * Whether there is something to start with.
 *
 * @throws SluiceError FileNotFound for an argument that is not there at the start: later, files may come and go
 * @throws SluiceError InvalidArgument where the status would be read as input
 */
export async function checkPaths({
  paths,
  statusDirectory,
}: Pick<StandaloneOptions, 'paths' | 'statusDirectory'>): Promise<void> {
  const { unreadable } = await scan(paths);
  const missing = unreadable.find(({ file }) => paths.includes(file));
  if (missing !== undefined) throw new SluiceError('FileNotFound', `${missing.file} ${missing.message}`);
  if (statusDirectory === undefined) return;
  for (const argument of paths) {
    const relative = path.relative(path.resolve(argument), path.resolve(statusDirectory));
    if (relative === '' || (!relative.startsWith('..') && !path.isAbsolute(relative))) {
      throw new SluiceError(
        'InvalidArgument',
        `--status-dir ${statusDirectory} lies in ${argument}, so that statuses would be read as input; name a directory outside of it.`,
      );
    }
  }
}
