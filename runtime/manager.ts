/** The manager: owns the caches and controllers of a process, starts them in order and stops them in order. */
import type { Logger } from 'pino';
import { Registry } from 'prom-client';
import type { KubernetesObject } from '../api/object.ts';
import { Cache, type CacheOptions } from './cache.ts';
import type { Client } from './client.ts';
import { type Controller, controller, type ControllerOptions } from './controller.ts';
import { HealthChecks, healthHandler } from './health.ts';
import { type EndpointAddress, HttpEndpoint } from './httpEndpoint.ts';
import { LeaderElection, type LeaderElectionOptions } from './leaderElection.ts';
import type { ReflectorTuning } from './reflector.ts';
import { type Resource, resourceName } from './resource.ts';

/** Something else that runs with the manager. */
export interface Runnable {
  name: string;
  /** Whether only the replica that holds the lease runs it; default false. It is started and stopped as often as leadership changes. */
  leaderOnly?: boolean;
  /**
   * Begins, and returns once it has begun; what comes next in order waits for that. The caches may not have synced yet:
   * what needs them waits for `whenSynced` in the background.
   * @param signal aborts when it should stop
   */
  start(signal: AbortSignal): Promise<void> | void;
  /** Ends. Called only after `start` has returned. */
  stop(): Promise<void> | void;
}

export interface ManagerOptions {
  client: Client;
  logger: Logger;
  /** Metrics go here and are served from here; default: a new one. */
  registry?: Registry;
  /** Absent: there is only one replica, which leads. */
  leaderElection?: Omit<
    LeaderElectionOptions,
    'client' | 'logger' | 'registry' | 'onStartedLeading' | 'onStoppedLeading' | 'onNewLeader'
  >;
  /** Where `/healthz` and `/readyz` are served; absent: nowhere. */
  health?: EndpointAddress;
  /** Where `/metrics` is served; absent: nowhere. */
  metrics?: EndpointAddress;
  /** How long reconciliations may go on when they should stop, in milliseconds; default 10,000. */
  gracePeriodMs?: number;
  /** For all caches. */
  cacheTuning?: ReflectorTuning;
}

/** Which objects of a kind a cache holds. */
export type ManagedCacheOptions<T extends KubernetesObject> = Omit<
  CacheOptions<T>,
  'client' | 'resource' | 'logger' | 'registry' | 'tuning'
>;

/** Runs caches, controllers, leader election, probes and metrics. */
export class Manager {
  readonly client: Client;
  readonly logger: Logger;
  readonly registry: Registry;
  readonly liveness = new HealthChecks();
  readonly readiness = new HealthChecks();
  readonly #options: ManagerOptions;
  readonly #gracePeriodMs: number;
  readonly #caches = new Map<string, Cache<KubernetesObject>>();
  readonly #runnables: Runnable[] = [];
  readonly #election: LeaderElection | undefined;
  readonly #healthEndpoint: HttpEndpoint | undefined;
  readonly #metricsEndpoint: HttpEndpoint | undefined;
  #state: 'new' | 'running' | 'stopping' | 'stopped' = 'new';
  readonly #everywhere: Group;
  readonly #leading: Group;
  #isLeader = false;
  #leaderFailure: string | undefined;
  #stopped: Promise<void> | undefined;

  constructor(options: ManagerOptions) {
    this.#options = options;
    this.client = options.client;
    this.logger = options.logger;
    this.registry = options.registry ?? new Registry();
    this.#gracePeriodMs = options.gracePeriodMs ?? 10_000;
    this.#everywhere = new Group();
    this.#leading = new Group();
    if (options.leaderElection !== undefined) {
      this.#election = new LeaderElection({
        ...options.leaderElection,
        client: options.client,
        logger: options.logger,
        registry: this.registry,
        onStartedLeading: () => this.#lead(),
        onStoppedLeading: () => this.#follow(),
      });
    }
    if (options.health !== undefined) {
      this.#healthEndpoint = new HttpEndpoint('health', options.health, healthHandler(this.liveness, this.readiness));
    }
    if (options.metrics !== undefined) {
      this.#metricsEndpoint = new HttpEndpoint('metrics', options.metrics, async (path) =>
        path === '/metrics'
          ? { status: 200, contentType: this.registry.contentType, body: await this.registry.metrics() }
          : undefined,
      );
    }
    this.readiness.add('leader', () => this.#leaderFailure ?? this.#election?.problem());
    this.readiness.add('running', () =>
      this.#state === 'running' ? undefined : 'The process is starting or stopping.',
    );
  }

  /**
   * The cache of a kind; the same for the same kind and selection, whoever asks. It runs with the manager; one that is
   * asked for later starts at once. Readiness waits for it.
   */
  cache<T extends KubernetesObject>(resource: Resource<T>, options: ManagedCacheOptions<T> = {}): Cache<T> {
    const { namespace = '', labelSelector = '', fieldSelector = '' } = options;
    const id = [resource.group, resource.version, resource.plural, namespace, labelSelector, fieldSelector].join('|');
    const existing = this.#caches.get(id);
    if (existing !== undefined) return existing as unknown as Cache<T>;
    const cache = new Cache<T>({
      ...options,
      client: this.client,
      resource,
      logger: this.logger,
      registry: this.registry,
      tuning: this.#options.cacheTuning,
    });
    this.#caches.set(id, cache as unknown as Cache<KubernetesObject>);
    const selected = [namespace, labelSelector, fieldSelector].filter((part) => part !== '').join(' ');
    this.readiness.add(`cache ${resourceName(resource)}${selected === '' ? '' : ` ${selected}`}`, () =>
      cache.notReady(),
    );
    if (this.#state === 'running') cache.start();
    return cache;
  }

  /** Adds a controller. It starts once every cache of the manager has synced and, unless told otherwise, this replica leads. */
  controller<T extends KubernetesObject, const Watched extends readonly KubernetesObject[] = []>(
    options: Omit<ControllerOptions<T, Watched>, 'logger' | 'registry'>,
  ): Controller {
    const made = controller<T, Watched>({
      ...options,
      logger: this.logger,
      registry: this.registry,
    });
    let started: Promise<void>;
    this.add({
      name: `controller ${made.name}`,
      leaderOnly: made.leaderOnly,
      start: (signal) => {
        started = this.whenSynced(signal).then(
          () => made.start(),
          () => undefined, // It should stop before it has begun.
        );
      },
      stop: async () => {
        await started;
        await made.stop(this.#gracePeriodMs);
      },
    });
    return made;
  }

  /**
   * Adds something that runs with the manager. Started in the order of addition and stopped in the opposite one.
   * @throws Error once the manager has started
   */
  add(runnable: Runnable): void {
    if (this.#state !== 'new') throw new Error(`${runnable.name} must be added before the manager starts.`);
    this.#runnables.push(runnable);
  }

  /** Whether this replica leads, and may write. */
  isLeader(): boolean {
    return this.#election === undefined ? this.#isLeader : this.#election.isLeader();
  }

  /** Resolves once all caches have synced. */
  async whenSynced(signal?: AbortSignal): Promise<void> {
    await Promise.all([...this.#caches.values()].map((cache) => cache.whenSynced(signal)));
  }

  /** Port of the health endpoint, once started. */
  get healthPort(): number | undefined {
    return this.#healthEndpoint?.port;
  }

  /** Port of the metrics endpoint, once started. */
  get metricsPort(): number | undefined {
    return this.#metricsEndpoint?.port;
  }

  /**
   * Starts, in this order: probes and metrics, caches, what every replica runs, leader election and with it the rest.
   * Does not wait for caches: readiness says what is missing.
   * @throws Error where an address is not free or a runnable does not start; what had started is stopped
   */
  async start(): Promise<void> {
    if (this.#state !== 'new') throw new Error('The manager was started before.');
    this.#state = 'running';
    try {
      await this.#healthEndpoint?.start();
      await this.#metricsEndpoint?.start();
      for (const cache of this.#caches.values()) cache.start();
      await this.#everywhere.start(this.#runnables.filter((runnable) => runnable.leaderOnly !== true));
      if (this.#election === undefined) this.#lead();
      else this.#election.start();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Stops everything in the opposite order; gives the lease back after the last write. Resolves when all has ended. */
  async stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    await this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#state = 'stopping';
    if (this.#election === undefined) await this.#follow();
    else await this.#election.stop();
    await this.#everywhere.stop(this.logger);
    await Promise.all([...this.#caches.values()].map((cache) => cache.stop()));
    await this.#metricsEndpoint?.stop();
    await this.#healthEndpoint?.stop();
    this.#state = 'stopped';
  }

  #lead(): void {
    this.#isLeader = true;
    const runnables = this.#runnables.filter((runnable) => runnable.leaderOnly === true);
    this.#leading.start(runnables).catch((error: unknown) => {
      this.#leaderFailure = error instanceof Error ? error.message : String(error);
      this.logger.error({ err: error }, 'This replica leads, but cannot do all that a leader does');
    });
  }

  async #follow(): Promise<void> {
    this.#isLeader = false;
    this.#leaderFailure = undefined;
    await this.#leading.stop(this.logger);
  }
}

/** Runnables that are started and stopped together, one after another. */
class Group {
  #abort = new AbortController();
  #starting: Promise<void> = Promise.resolve();
  #started: Runnable[] = [];

  /** @throws Error of the first that does not start; those before it run */
  async start(runnables: readonly Runnable[]): Promise<void> {
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    const starting = (async () => {
      for (const runnable of runnables) {
        if (signal.aborted) return;
        try {
          await runnable.start(signal);
        } catch (cause) {
          throw new Error(
            `${runnable.name} does not start: ${cause instanceof Error ? cause.message : String(cause)}`,
            { cause },
          );
        }
        this.#started.push(runnable);
      }
    })();
    this.#starting = starting.catch(() => undefined); // The caller of start is told.
    await starting;
  }

  /** Stops in the opposite order what has started. */
  async stop(logger: Logger): Promise<void> {
    this.#abort.abort(new Error('The manager stops.'));
    await this.#starting;
    for (const runnable of this.#started.splice(0).toReversed()) {
      try {
        await runnable.stop();
      } catch (error) {
        logger.error({ err: error }, `${runnable.name} did not stop in order`);
      }
    }
  }
}
