/** A local copy of all objects of a kind, kept up to date by a watch. */
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { type KubernetesObject, type ObjectKey, objectKey } from '../api/object.ts';
import type { Client, Selection } from './client.ts';
import { type IndexFunction, IndexedStore } from './indexedStore.ts';
import { runtimeMetrics } from './metrics.ts';
import { Reflector, type ReflectorError, type ReflectorTuning } from './reflector.ts';
import { apiVersionOf, type Resource, resourceName } from './resource.ts';

/** One change of one object: added (no `before`), changed, or deleted (no `after`). */
export interface Change<T> {
  readonly key: ObjectKey;
  readonly before?: T;
  readonly after?: T;
}

export type ChangeListener<T> = (change: Change<T>) => void;

/** What readers of a cache need of it. */
export interface CacheView<T extends KubernetesObject = KubernetesObject> {
  readonly resource: Resource<T>;
  readonly name: string;
  readonly size: number;
  get(key: ObjectKey): T | undefined;
  list(): T[];
  keys(): IteratorObject<ObjectKey>;
  byIndex(name: string, value: string): T[];
  hasSynced(): boolean;
  whenSynced(signal?: AbortSignal): Promise<void>;
  onChange(listener: ChangeListener<T>): () => void;
}

export interface CacheOptions<T extends KubernetesObject> extends Selection {
  client: Client;
  resource: Resource<T>;
  logger: Logger;
  registry?: Registry | undefined;
  /**
   * Makes an object smaller before it is stored, after `metadata.managedFields` is gone: what it returns is stored.
   * It must keep name, namespace, uid and resourceVersion.
   */
  transform?: ((object: T) => T) | undefined;
  /**
   * The API server need not serve this kind (a CustomResourceDefinition that may be missing): while it does not, the
   * cache counts as synced and is empty (or keeps what it had). It goes on asking. Default false.
   */
  optional?: boolean | undefined;
  /**
   * Versions of the kind that will do, in this order, while the API server does not serve that of the resource. Whoever
   * learns that definitions have changed calls `reconsider`.
   */
  otherVersions?: readonly string[] | undefined;
  tuning?: ReflectorTuning | undefined;
}

/**
 * A local copy of all objects of a kind (in a namespace, with labels …).
 *
 * Objects are shared: never change one, copy it. What was once there stays until the API server says otherwise: a cache
 * that cannot reach the API server keeps what it has.
 */
export class Cache<T extends KubernetesObject> implements CacheView<T> {
  readonly selection: Selection;
  #resource: Resource<T>;
  readonly #logger: Logger;
  readonly #store = new IndexedStore<T>((key, error) => {
    this.#logger.error({ err: error, resource: this.name, key }, 'An index function failed');
  });
  readonly #transform: ((object: T) => T) | undefined;
  readonly #optional: boolean;
  readonly #listeners = new Set<ChangeListener<T>>();
  readonly #reflector: Reflector<T>;
  readonly #synced = Promise.withResolvers<void>();
  #hasSynced = false;
  #served: boolean | undefined;
  readonly #servedListeners = new Set<() => void>();
  #lastError: ReflectorError | undefined;
  #running: { abort: AbortController; ended: Promise<void> } | undefined;

  constructor(options: CacheOptions<T>) {
    this.#resource = options.resource;
    this.selection = {
      namespace: options.namespace,
      labelSelector: options.labelSelector,
      fieldSelector: options.fieldSelector,
      metadataOnly: options.metadataOnly,
    };
    this.#logger = options.logger;
    this.#transform = options.transform;
    this.#optional = options.optional ?? false;
    this.#reflector = new Reflector({
      client: options.client,
      resource: options.resource,
      otherVersions: options.otherVersions,
      optional: options.optional,
      selection: this.selection,
      logger: options.logger,
      metrics: options.registry === undefined ? undefined : runtimeMetrics(options.registry),
      tuning: options.tuning,
      sink: {
        prepare: (object) => this.#strip(object),
        replace: (objects, byNewDefinition) => this.#replace(objects, byNewDefinition),
        set: (object) => this.#set(object),
        delete: (object) => this.#change(objectKey(object), undefined),
        failed: (error) => this.#failed(error),
      },
    });
  }

  /** The kind, in the version that the objects were last read in. */
  get resource(): Resource<T> {
    return this.#resource;
  }

  /** Name for logs and checks: `gateways.gateway.networking.k8s.io`, with its namespace where it has only one. */
  get name(): string {
    const { namespace } = this.selection;
    return namespace === undefined ? resourceName(this.resource) : `${resourceName(this.resource)} in ${namespace}`;
  }

  /** Number of objects. */
  get size(): number {
    return this.#store.size;
  }

  get(key: ObjectKey): T | undefined {
    return this.#store.get(key);
  }

  list(): T[] {
    return [...this.#store.values()];
  }

  keys(): IteratorObject<ObjectKey> {
    return this.#store.keys();
  }

  /**
   * Adds an index; at any time, also while the cache runs.
   * @throws Error where there is one of that name
   */
  addIndex(name: string, valuesOf: IndexFunction<T>): void {
    this.#store.addIndex(name, valuesOf);
  }

  hasIndex(name: string): boolean {
    return this.#store.hasIndex(name);
  }

  /**
   * The objects that have a value in an index.
   * @throws Error where there is no such index
   */
  byIndex(name: string, value: string): T[] {
    return this.#store.byIndex(name, value);
  }

  /** Whether all objects were read once. Stays true whatever happens later. */
  hasSynced(): boolean {
    return this.#hasSynced;
  }

  /** Resolves once all objects were read; rejects only where the signal aborts. */
  async whenSynced(signal?: AbortSignal): Promise<void> {
    if (signal === undefined) return await this.#synced.promise;
    signal.throwIfAborted();
    const aborted = Promise.withResolvers<never>();
    const onAbort = (): void => aborted.reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await Promise.race([this.#synced.promise, aborted.promise]);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** Whether the API server serves this kind; undefined until it was asked. */
  get served(): boolean | undefined {
    return this.#served;
  }

  /** Calls the listener whenever `served`, or the version that is read, has changed. */
  onServed(listener: () => void): () => void {
    this.#servedListeners.add(listener);
    return () => this.#servedListeners.delete(listener);
  }

  /** The definition of the kind may have changed: one that is not served, or only in an older version, is asked for at once. */
  reconsider(): void {
    this.#reflector.reconsider();
  }

  /**
   * The definition of the kind has another schema: objects that have not changed may be shown with other fields. They are
   * read again once the API server goes by it, and those that differ are told as changed, in the same resource version.
   */
  relist(): void {
    this.#reflector.relist();
  }

  /** Why the cache is not up to date now, in one sentence; undefined while all is well. It keeps trying. */
  get lastError(): ReflectorError | undefined {
    return this.#lastError;
  }

  /** Undefined while the cache can be relied upon; else why not, in one sentence. */
  notReady(): string | undefined {
    if (this.#hasSynced) return undefined;
    return this.#lastError?.message ?? `${this.name} is being read for the first time.`;
  }

  /**
   * Calls the listener for each change, in order and synchronously, after the store has it; first for each object that
   * is there now. A listener should only take note: what it throws is logged.
   * @returns ends the subscription
   */
  onChange(listener: ChangeListener<T>): () => void {
    for (const [key, after] of this.#store.entries()) this.#call(listener, { key, after });
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Begins to list and watch. */
  start(): void {
    if (this.#running !== undefined) return;
    const abort = new AbortController();
    this.#running = { abort, ended: this.#reflector.run(abort.signal) };
  }

  /** Ends the watch; the objects stay readable. */
  async stop(): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    running.abort.abort();
    await running.ended;
    this.#running = undefined;
  }

  #replace(objects: T[], byNewDefinition: boolean): void {
    const isOther = this.#resource !== this.#reflector.resource;
    this.#resource = this.#reflector.resource;
    const gone = new Set(this.#store.keys());
    for (const object of objects) gone.delete(objectKey(object));
    for (const key of gone) this.#change(key, undefined);
    for (const object of objects) this.#set(object, byNewDefinition);
    const wasServed = this.#served;
    this.#served = true;
    this.#markSynced();
    if (wasServed !== true || isOther) this.#tellServed();
  }

  #tellServed(): void {
    for (const listener of this.#servedListeners) {
      try {
        listener();
      } catch (error) {
        this.#logger.error({ err: error, resource: this.name }, 'A listener failed');
      }
    }
  }

  #set(object: T, compares = false): void {
    const key = objectKey(object);
    const before = this.#store.get(key);
    const { resourceVersion, uid } = object.metadata;
    const isSame = before?.metadata.resourceVersion === resourceVersion && before?.metadata.uid === uid;
    // In another version the same object may have other fields.
    if (isSame && before?.apiVersion === object.apiVersion && (!compares || isDeepStrictEqual(before, object))) return;
    // Deleted and made again while nobody watched: the delete is told all the same.
    if (before !== undefined && before.metadata.uid !== uid) this.#change(key, undefined);
    this.#change(key, object);
  }

  #change(key: ObjectKey, after: T | undefined): void {
    const before = this.#store.get(key);
    if (before === undefined && after === undefined) return;
    this.#store.set(key, after);
    const change: Change<T> = {
      key,
      ...(before === undefined ? {} : { before }),
      ...(after === undefined ? {} : { after }),
    };
    for (const listener of this.#listeners) this.#call(listener, change);
  }

  #call(listener: ChangeListener<T>, change: Change<T>): void {
    try {
      listener(change);
    } catch (error) {
      this.#logger.error({ err: error, resource: this.name, key: change.key }, 'A listener failed');
    }
  }

  #strip(received: T): T {
    // A copy without the field, and not `delete`, which would make every later access to the object slow.
    const { managedFields: _, ...metadata } = received.metadata as T['metadata'] & { managedFields?: unknown };
    const { resource } = this.#reflector;
    const object = { ...received, apiVersion: apiVersionOf(resource), kind: resource.kind, metadata };
    if (this.#transform === undefined) return object;
    try {
      return this.#transform(object);
    } catch (error) {
      this.#logger.error({ err: error, resource: this.name, key: objectKey(received) }, 'A transform failed');
      return object;
    }
  }

  #failed(error: ReflectorError | undefined): void {
    this.#lastError = error;
    if (error?.reason !== 'NotServed') return;
    const wasServed = this.#served;
    this.#served = false;
    if (this.#optional) {
      this.#lastError = undefined;
      this.#markSynced();
    }
    if (wasServed !== false) this.#tellServed();
  }

  #markSynced(): void {
    if (this.#hasSynced) return;
    this.#hasSynced = true;
    this.#synced.resolve();
  }
}
