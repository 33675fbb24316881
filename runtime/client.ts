/** The Kubernetes API as typed verbs. */
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { KubernetesObject, ObjectMeta } from '../api/object.ts';
import { ApiError, type ApiStatus, isExpired, isNotFound } from './apiError.ts';
import { sleep } from './backoff.ts';
import type { ClusterAccess } from './clusterAccess.ts';
import { apiVersionOf, type ObjectName, type Resource, resourceName, resourcePath, splitKey } from './resource.ts';
import { type Method, Transport, type TransportResponse } from './transport.ts';
import { LineSplitter } from './watchStream.ts';

export interface ClientOptions {
  /** From `loadClusterAccess()`. */
  access: ClusterAccess;
  /** Owner of the fields that this client writes, in server-side apply and else. */
  fieldOwner: string;
  logger: Logger;
  /** Where the metrics of requests go; none are kept where absent. */
  registry?: Registry | undefined;
  /** `User-Agent`; default `sluice`. */
  userAgent?: string;
  /** Default of each request, in milliseconds; 30,000 where absent. */
  timeoutMs?: number;
}

export interface RequestOptions {
  signal?: AbortSignal | undefined;
  /** Longest time to the answer, retries included, in milliseconds. */
  timeoutMs?: number | undefined;
}

export interface WriteOptions extends RequestOptions {
  /** `status`, or another subresource that takes the whole object. */
  subresource?: string | undefined;
  /** Only admit and validate; nothing is stored. */
  dryRun?: boolean | undefined;
  /** What happens to unknown and duplicate fields; the API server's default is `Warn`. */
  fieldValidation?: 'Ignore' | 'Warn' | 'Strict' | undefined;
  /** Default: the client's. */
  fieldOwner?: string | undefined;
}

export interface ApplyOptions extends WriteOptions {
  /** Take over fields that others own; default true, as for a controller. */
  force?: boolean | undefined;
}

export interface DeleteOptions extends RequestOptions {
  /** Delete only this very object; a `Conflict` else. */
  preconditions?: { uid?: string | undefined; resourceVersion?: string | undefined } | undefined;
  propagationPolicy?: 'Background' | 'Foreground' | 'Orphan' | undefined;
  gracePeriodSeconds?: number | undefined;
  dryRun?: boolean | undefined;
}

export interface Selection {
  /** Default: all namespaces. */
  namespace?: string | undefined;
  /** As in `kubectl -l`. */
  labelSelector?: string | undefined;
  fieldSelector?: string | undefined;
  /** Only `metadata` of each object, where that is all that is read. Source: Kubernetes API concepts, "Metadata-only fetches" */
  metadataOnly?: boolean | undefined;
}

export interface ListOptions extends Selection, RequestOptions {
  /** Objects per request; default 500. */
  pageSize?: number | undefined;
}

export interface List<T> {
  items: T[];
  /** A watch from here on misses nothing. */
  resourceVersion: string;
}

export interface WatchOptions extends Selection {
  /** Where to go on; absent: from now on, or with the objects that exist first. */
  resourceVersion?: string | undefined;
  /** First an `ADDED` for each object that exists, then a bookmark that says so (WatchList). */
  sendInitialEvents?: boolean;
  /** After this time the API server ends the watch. */
  timeoutSeconds: number;
  /** The watch is given up when nothing came for this long, in milliseconds; bookmarks come about once a minute. */
  idleTimeoutMs: number;
  signal?: AbortSignal | undefined;
  /** The API server has accepted the watch. */
  onOpen?: (() => void) | undefined;
}

/** One line of a watch. */
export type WatchEvent<T> =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: T }
  | { type: 'BOOKMARK'; object: { metadata: { resourceVersion: string; annotations?: Record<string, string> } } };

export type DeepPartial<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { [K in keyof T]?: DeepPartial<T[K]> | undefined }
    : T;

/** An object of which only the fields that the writer wants to own are set. `apiVersion` and `kind` are filled in. */
export type ApplyConfiguration<T extends KubernetesObject> = DeepPartial<Omit<T, 'metadata' | 'objectType'>> & {
  metadata: Partial<ObjectMeta> & { name: string };
};

/** One operation of a JSON patch (RFC 6902). */
export type JsonPatchOperation =
  | { op: 'add' | 'replace' | 'test'; path: string; value: unknown }
  | { op: 'remove'; path: string }
  | { op: 'move' | 'copy'; from: string; path: string };

/** Source: Kubernetes API reference, autoscaling/v1 Scale. */
export interface Scale extends KubernetesObject<{ replicas?: number }, { replicas: number; selector?: string }> {}

/** A kind as discovery lists it. Source: Kubernetes API reference, meta/v1 APIResource. */
export interface DiscoveredResource {
  name: string;
  kind: string;
  namespaced: boolean;
  verbs: string[];
  shortNames?: string[];
}

const defaultTimeoutMs = 30_000;
const defaultPageSize = 500;
/** client-go gives up after as many answers that ask to wait. */
const maxRetries = 10;

/** Reads and writes objects of one API server. Failures are `ApiError`s with the API server's reason and message. */
export class Client {
  readonly #transport: Transport;
  readonly #fieldOwner: string;
  readonly #timeoutMs: number;

  constructor(options: ClientOptions) {
    this.#transport = new Transport({
      access: options.access,
      userAgent: options.userAgent ?? 'sluice',
      logger: options.logger,
      registry: options.registry,
    });
    this.#fieldOwner = options.fieldOwner;
    this.#timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
  }

  /** The API server's URL, for messages. */
  get server(): string {
    return this.#transport.server;
  }

  /** @throws ApiError with reason `NotFound` where there is none */
  async get<T extends KubernetesObject>(resource: Resource<T>, name: ObjectName, options?: RequestOptions): Promise<T> {
    return await this.request<T>('GET', pathOf(resource, name), options);
  }

  /** Like `get`, but undefined where there is none. */
  async find<T extends KubernetesObject>(
    resource: Resource<T>,
    name: ObjectName,
    options?: RequestOptions,
  ): Promise<T | undefined> {
    try {
      return await this.get(resource, name, options);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** All objects of a kind, read in pages. The timeout is per page. */
  async list<T extends KubernetesObject>(resource: Resource<T>, options: ListOptions = {}): Promise<List<T>> {
    const pageSize = options.pageSize ?? defaultPageSize;
    const items: T[] = [];
    let next = '';
    for (;;) {
      let page: ListPage<T>;
      try {
        page = await this.#listPage(resource, options, { limit: pageSize, continue: next });
      } catch (error) {
        // The list was compacted away between two pages: it is read again in one piece, as client-go does.
        if (!isExpired(error) || next === '') throw error;
        page = await this.#listPage(resource, options, {});
        items.length = 0;
      }
      for (const item of page.items) items.push(withType(item, resource));
      next = page.metadata.continue ?? '';
      if (next === '') return { items, resourceVersion: page.metadata.resourceVersion };
    }
  }

  async #listPage<T extends KubernetesObject>(
    resource: Resource<T>,
    options: ListOptions,
    page: { limit?: number; continue?: string },
  ): Promise<ListPage<T>> {
    const path = resourcePath(resource, { namespace: options.namespace });
    const list = await this.request<ListPage<T>>('GET', path, {
      ...options,
      query: { labelSelector: options.labelSelector, fieldSelector: options.fieldSelector, ...page },
      accept: options.metadataOnly === true ? metadataOf('PartialObjectMetadataList') : undefined,
    });
    list.items ??= [];
    return list;
  }

  /** @throws ApiError with reason `AlreadyExists`, `Invalid`, … */
  async create<T extends KubernetesObject>(resource: Resource<T>, object: T, options: WriteOptions = {}): Promise<T> {
    const path = resourcePath(resource, { namespace: object.metadata.namespace });
    return await this.request<T>('POST', path, {
      ...options,
      query: this.#writeQuery(options),
      body: withType(object, resource),
    });
  }

  /**
   * Replaces an object, or its subresource.
   * @throws ApiError with reason `Conflict` where it changed since it was read (its `resourceVersion` says so)
   */
  async update<T extends KubernetesObject>(resource: Resource<T>, object: T, options: WriteOptions = {}): Promise<T> {
    return await this.request<T>('PUT', pathOf(resource, object.metadata, options.subresource), {
      ...options,
      query: this.#writeQuery(options),
      body: withType(object, resource),
    });
  }

  /** Replaces the status of an object; all else in it is ignored. */
  async updateStatus<T extends KubernetesObject>(
    resource: Resource<T>,
    object: T,
    options: WriteOptions = {},
  ): Promise<T> {
    return await this.update(resource, object, { ...options, subresource: 'status' });
  }

  /**
   * Server-side apply: creates the object, or makes the fields given this owner's and removes those it owned and no longer gives.
   * With `subresource: 'status'` only the status is applied, to an object that exists.
   * Source: Kubernetes docs, "Server-Side Apply"
   */
  async apply<T extends KubernetesObject>(
    resource: Resource<T>,
    object: ApplyConfiguration<T>,
    options: ApplyOptions = {},
  ): Promise<T> {
    return await this.request<T>('PATCH', pathOf(resource, object.metadata, options.subresource), {
      ...options,
      query: { ...this.#writeQuery(options), force: options.force ?? true },
      contentType: 'application/apply-patch+yaml',
      body: { ...(object as object), apiVersion: apiVersionOf(resource), kind: resource.kind },
    });
  }

  /** A JSON merge patch (RFC 7386): `null` removes a field; lists are replaced whole. */
  async mergePatch<T extends KubernetesObject>(
    resource: Resource<T>,
    name: ObjectName,
    patch: object,
    options: WriteOptions = {},
  ): Promise<T> {
    return await this.#patch(resource, name, 'application/merge-patch+json', patch, options);
  }

  /** A JSON patch (RFC 6902). */
  async jsonPatch<T extends KubernetesObject>(
    resource: Resource<T>,
    name: ObjectName,
    patch: readonly JsonPatchOperation[],
    options: WriteOptions = {},
  ): Promise<T> {
    return await this.#patch(resource, name, 'application/json-patch+json', patch, options);
  }

  async #patch<T extends KubernetesObject>(
    resource: Resource<T>,
    name: ObjectName,
    contentType: string,
    body: object,
    options: WriteOptions,
  ): Promise<T> {
    return await this.request<T>('PATCH', pathOf(resource, name, options.subresource), {
      ...options,
      query: this.#writeQuery(options),
      contentType,
      body,
    });
  }

  /**
   * Asks for the deletion of an object. Finalizers may keep it for a while.
   * @returns false where there was none
   * @throws ApiError with reason `Conflict` where it is not the one that the preconditions mean
   */
  async delete(resource: Resource, name: ObjectName, options: DeleteOptions = {}): Promise<boolean> {
    const { preconditions, propagationPolicy, gracePeriodSeconds, dryRun } = options;
    try {
      await this.request('DELETE', pathOf(resource, name), {
        ...options,
        body: {
          apiVersion: 'v1',
          kind: 'DeleteOptions',
          ...(preconditions === undefined ? {} : { preconditions }),
          ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
          propagationPolicy: propagationPolicy ?? 'Background',
          ...(dryRun === true ? { dryRun: ['All'] } : {}),
        },
      });
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }

  /** The `scale` subresource of an object. */
  async getScale(resource: Resource, name: ObjectName, options?: RequestOptions): Promise<Scale> {
    return await this.request<Scale>('GET', pathOf(resource, name, 'scale'), options);
  }

  /** Sets the number of replicas through the `scale` subresource. */
  async setScale(resource: Resource, name: ObjectName, replicas: number, options: WriteOptions = {}): Promise<Scale> {
    return await this.request<Scale>('PATCH', pathOf(resource, name, 'scale'), {
      ...options,
      query: this.#writeQuery(options),
      contentType: 'application/merge-patch+json',
      body: { spec: { replicas } },
    });
  }

  /**
   * Watches a kind until the API server ends the watch (as it does after `timeoutSeconds`).
   * @param onEvent called for each event as its bytes arrive; what it throws ends the watch and is thrown
   * @throws ApiError where the watch is refused, ends with an error, breaks off or is cut in the middle of a line
   * Source: Kubernetes API concepts, "Efficient detection of changes", "Streaming lists"
   */
  async watch<T extends KubernetesObject>(
    resource: Resource<T>,
    options: WatchOptions,
    onEvent: (event: WatchEvent<T>) => void,
  ): Promise<void> {
    const query = encodeQuery({
      watch: true,
      allowWatchBookmarks: true,
      resourceVersion: options.resourceVersion,
      labelSelector: options.labelSelector,
      fieldSelector: options.fieldSelector,
      timeoutSeconds: options.timeoutSeconds,
      ...(options.sendInitialEvents === true ? { sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' } : {}),
    });
    const path = resourcePath(resource, { namespace: options.namespace }) + query;
    const lines = new LineSplitter((line) => {
      const event = parseJson(line, `a watch of ${resourceName(resource)}`) as
        | WatchEvent<T>
        | { type: 'ERROR'; object: ApiStatus };
      if (event.type === 'ERROR') throw ApiError.fromStatus(event.object);
      onEvent(event);
    });
    const response = await this.#transport.send(
      {
        method: 'GET',
        path,
        accept: options.metadataOnly === true ? metadataOf('PartialObjectMetadata') : undefined,
        timeoutMs: options.idleTimeoutMs,
        signal: options.signal,
      },
      { onData: (chunk) => lines.push(chunk), ...(options.onOpen === undefined ? {} : { onOpen: options.onOpen }) },
    );
    if (response.status >= 300) throw refusal('GET', path, response);
    if (lines.isMidLine) {
      throw new ApiError({
        status: 0,
        reason: 'Unreachable',
        message: `A watch of ${resourceName(resource)} at ${this.server} was cut in the middle of a line.`,
      });
    }
  }

  /** The kinds that the API server serves of a group and version; undefined where it does not serve that version. */
  async discover(group: string, version: string, options?: RequestOptions): Promise<DiscoveredResource[] | undefined> {
    const path = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
    try {
      return (await this.request<{ resources?: DiscoveredResource[] }>('GET', path, options)).resources ?? [];
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** Whether the API server serves a kind in this version. */
  async serves(resource: Resource, options?: RequestOptions): Promise<boolean> {
    const resources = await this.discover(resource.group, resource.version, options);
    return resources?.some((served) => served.name === resource.plural && served.kind === resource.kind) ?? false;
  }

  /** The API server's version, such as `v1.36.3`. */
  async serverVersion(options?: RequestOptions): Promise<string> {
    return (await this.request<{ gitVersion: string }>('GET', '/version', options)).gitVersion;
  }

  /**
   * Any request whose answer is JSON, for what the verbs above do not cover (`/readyz`, TokenReviews …).
   * Waits and tries again where the API server asks for it (`Retry-After`), and once where a read found its connection broken.
   */
  async request<R>(
    method: Method,
    path: string,
    options: RequestOptions & {
      query?: Query | undefined;
      body?: object | undefined;
      contentType?: string | undefined;
      accept?: string | undefined;
    } = {},
  ): Promise<R> {
    const fullPath = path + encodeQuery(options.query ?? {});
    const timeoutMs = options.timeoutMs ?? this.#timeoutMs;
    const body = options.body === undefined ? undefined : JSON.stringify(options.body);
    const end = performance.now() + timeoutMs;
    for (let attempt = 0; ; attempt++) {
      const remaining = Math.max(1, Math.ceil(end - performance.now()));
      let failure: ApiError;
      try {
        const response = await this.#transport.send({
          method,
          path: fullPath,
          contentType: body === undefined ? undefined : (options.contentType ?? 'application/json'),
          accept: options.accept,
          body,
          timeoutMs: remaining,
          deadlineMs: remaining,
          signal: options.signal,
        });
        if (response.status < 300) return parseJson(response.body, `${method} ${path}`) as R;
        failure = refusal(method, path, response);
      } catch (error) {
        // A read may safely be sent again where a pooled connection turned out to be closed.
        if (attempt === 0 && method === 'GET' && error instanceof ApiError && error.reason === 'Unreachable') continue;
        throw error;
      }
      const wait = failure.status === 429 || failure.status >= 500 ? failure.retryAfterMs : undefined;
      if (wait === undefined || attempt >= maxRetries || performance.now() + wait >= end) throw failure;
      await sleep(wait, options.signal);
      options.signal?.throwIfAborted();
    }
  }

  /** Breaks off what is under way and closes all connections. */
  async close(): Promise<void> {
    await this.#transport.close();
  }

  #writeQuery(options: WriteOptions): Query {
    return {
      fieldManager: options.fieldOwner ?? this.#fieldOwner,
      fieldValidation: options.fieldValidation,
      dryRun: options.dryRun === true ? 'All' : undefined,
    };
  }
}

interface ListPage<T> {
  items: T[];
  metadata: { resourceVersion: string; continue?: string };
}

type Query = Readonly<Record<string, string | number | boolean | undefined>>;

function encodeQuery(query: Query): string {
  const parameters = Object.entries(query).flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [`${name}=${encodeURIComponent(value)}`],
  );
  return parameters.length === 0 ? '' : `?${parameters.join('&')}`;
}

function pathOf(resource: Resource, name: ObjectName, subresource?: string): string {
  const { namespace, name: bare } = typeof name === 'string' ? splitKey(name) : name;
  return resourcePath(resource, { namespace, name: bare, subresource });
}

function metadataOf(kind: string): string {
  return `application/json;as=${kind};g=meta.k8s.io;v=v1`;
}

/** Lists of built-in kinds leave `apiVersion` and `kind` out of their items. */
function withType<T extends KubernetesObject>(object: T, resource: Resource<T>): T {
  if (object.apiVersion !== undefined && object.kind !== undefined) return object;
  return { ...object, apiVersion: apiVersionOf(resource), kind: resource.kind };
}

function refusal(method: string, path: string, response: TransportResponse): ApiError {
  const header = response.headers['retry-after'];
  const seconds = typeof header === 'string' ? Number(header) : Number.NaN;
  return ApiError.fromResponse(
    response.status,
    response.body,
    `${method} ${path}`,
    Number.isFinite(seconds) ? seconds * 1000 : undefined,
  );
}

function parseJson(text: string, source: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ApiError(
      { status: 0, reason: 'InvalidResponse', message: `The answer to ${source} is not JSON: ${text.slice(0, 200)}` },
      { cause },
    );
  }
}
