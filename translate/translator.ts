/**
 * Gateway API to Envoy, incrementally: objects in, Envoy resources and statuses out. Pure: no I/O and no clock.
 *
 *     Gateway ─► gateways ─► ports ──┬─────────► listeners, tables, secrets
 *     HTTPRoute ─► attachments ──────┤              ▲
 *            └──► translations ──► placements ─► virtualHosts
 *                                       └──────► clusters ─► endpoints
 */
import { hash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { serviceNameLabel } from '../api/core.ts';
import { keyOf, objectKey, type ObjectKey } from '../api/object.ts';
import type { EncodedResource, ResourceChange, ResourceType } from '../api/resource.ts';
import { parseClusterName } from './backend/index.ts';
import { sameResource } from './encoding/index.ts';
import {
  backendProtocol,
  cluster,
  endpointAddresses,
  endpoints,
  listener,
  readinessListener,
  readinessListenerName,
  routeConfiguration,
  secret,
  secretName,
  listenerName,
  virtualHost,
  type Binding,
} from './envoy/index.ts';
import { sameBytes } from './encoding/index.ts';
import {
  attachedListeners,
  attachRoute,
  listenerId,
  planGateway,
  planPort,
  tableName,
  type AttachedListener,
  type ParentAttachment,
} from './gateway/index.ts';
import { mostSpecific } from './httpRoute/hostname.ts';
import type { ListenerContext } from './httpRoute/rewrite.ts';
import type { RankedRoute } from './httpRoute/rule.ts';
import { translateRoute } from './httpRoute/route.ts';
import { Graph, type Collection, type SourceCollection } from './incremental/index.ts';
import type { SourceChange, SourceKind, SourceKinds } from './sources.ts';
import { gatewayContribution, routeContribution, type StatusContribution } from './status/index.ts';

export interface TranslatorOptions {
  binding: Binding;
  /** Where the listener binds that shows that a proxy is configured. */
  readiness: { address: string; port: number };
}

/** What changed since the output was last taken. */
export interface TranslationOutput {
  resources: ResourceChange[];
  /** `contribution` is undefined where the translation has nothing to say any more. */
  statuses: { kind: StatusContribution['kind']; key: ObjectKey; contribution: StatusContribution | undefined }[];
  /** Defects of the translation itself, each isolated to one object: for the log. */
  faults: { where: string; error: unknown }[];
}

/** Where a route stands: in which virtual hosts, with which routes. */
interface Placement {
  seniority: string;
  /** Routes for each virtual host, by `virtualHostKey`. */
  hosts: Map<string, readonly RankedRoute[]>;
  clusters: readonly string[];
  fingerprint: string;
}

const separator = '|';

function virtualHostKey(table: string, hostname: string): string {
  return `${table}${separator}${hostname}`;
}

export class Translator {
  private readonly graph = new Graph();
  private readonly sources: { [Kind in SourceKind]: SourceCollection<SourceKinds[Kind]> };
  private readonly outputs: { type: ResourceType; collection: Collection<EncodedResource>; changed: Set<string> }[];
  private readonly statuses: {
    kind: StatusContribution['kind'];
    collection: Collection<StatusContribution>;
    changed: Set<string>;
  }[];
  private readonly reported = new Set<string>();

  constructor(options: TranslatorOptions) {
    const { graph } = this;
    const sources = {
      Gateway: graph.source<SourceKinds['Gateway']>('Gateway'),
      HTTPRoute: graph.source<SourceKinds['HTTPRoute']>('HTTPRoute'),
      ReferenceGrant: graph.source<SourceKinds['ReferenceGrant']>('ReferenceGrant'),
      Service: graph.source<SourceKinds['Service']>('Service'),
      EndpointSlice: graph.source<SourceKinds['EndpointSlice']>('EndpointSlice'),
      Secret: graph.source<SourceKinds['Secret']>('Secret'),
      Namespace: graph.source<SourceKinds['Namespace']>('Namespace'),
      Quarantine: graph.source<SourceKinds['Quarantine']>('Quarantine'),
    };
    this.sources = sources;
    const grantsByNamespace = sources.ReferenceGrant.index('by namespace', (grant) => [grant.metadata.namespace ?? '']);
    const slicesByService = sources.EndpointSlice.index('by Service', (slice) => {
      const service = slice.metadata.labels?.[serviceNameLabel];
      return service === undefined ? [] : [keyOf(slice.metadata.namespace ?? '', service)];
    });
    const backends = { services: sources.Service, grantsByNamespace };

    const gateways = graph.derive(
      'gateways',
      sources.Gateway,
      [sources.Secret, grantsByNamespace],
      (reader, gateway) => planGateway(reader, { secrets: sources.Secret, grantsByNamespace }, gateway),
      { equals: isDeepStrictEqual },
    );
    const gatewaysByPort = gateways.index('by port', ({ listeners }) => listeners.map(({ port }) => String(port)));
    const ports = graph.deriveGroups(
      'ports',
      gatewaysByPort,
      [],
      (_, members, port) => planPort(Number(port), members),
      {
        equals: isDeepStrictEqual,
      },
    );

    const attachments = graph.derive(
      'attachments',
      sources.HTTPRoute,
      [gateways, sources.Namespace],
      (reader, route) => attachRoute(reader, { gateways, namespaces: sources.Namespace }, route),
      { equals: isDeepStrictEqual },
    );
    const attachmentsByListener = attachments.index('by listener', (parents) =>
      attachedListeners(acceptedParents(parents)).keys(),
    );
    const translations = graph.derive(
      'translations',
      sources.HTTPRoute,
      [attachments, sources.Service, grantsByNamespace, sources.Quarantine],
      (reader, route, key) =>
        reader.get(attachments, key) === undefined
          ? undefined
          : translateRoute(reader, backends, route, reader.get(sources.Quarantine, key)),
      // Without its own translation a route is served no more: what it was may be what its author took away.
      { fallback: () => undefined },
    );
    const placements = graph.derive('placements', attachments, [translations, ports], (reader, parents, key) => {
      const translation = reader.get(translations, key);
      if (translation === undefined) return undefined;
      const hosts = new Map<string, readonly RankedRoute[]>();
      for (const { listener: on, hostnames } of attachedListeners(acceptedParents(parents)).values()) {
        const plan = reader.get(ports, String(on.port));
        if (plan === undefined || !plan.listeners.some((served) => listenerId(served) === listenerId(on))) continue;
        const table = plan.tables.find(({ name }) => name === tableName(on));
        if (table === undefined) continue;
        const routes = translation.routes(contextOf(on));
        for (const hostname of hostnames) {
          // A hostname belongs to the most specific listener of its port alone: listeners are isolated.
          if (mostSpecific(table.hostnames, hostname) === on.hostname)
            hosts.set(virtualHostKey(table.name, hostname), routes);
        }
      }
      return {
        seniority: translation.seniority,
        hosts,
        clusters: translation.clusters,
        fingerprint: fingerprintOf(hosts),
      };
    });
    const placementsByHost = placements.index('by virtual host', ({ hosts }) => hosts.keys());
    const placementsByCluster = placements.index('by cluster', ({ hosts, clusters }) =>
      hosts.size === 0 ? [] : clusters,
    );

    const virtualHosts = graph.deriveGroups(
      'virtualHosts',
      placementsByHost,
      [],
      (_, members, key) => {
        const [table, hostname] = key.split(separator) as [string, string];
        const groups = members.map(({ value }) => ({ seniority: value.seniority, routes: value.hosts.get(key)! }));
        return virtualHost(table, hostname, groups);
      },
      { equals: (before, after) => sameBytes(before.field, after.field) },
    );
    const virtualHostsByTable = virtualHosts.index('by table', ({ table }) => [table]);
    const portsByTable = ports.index('by table', ({ tables }) => tables.map(({ name }) => name));
    const routeConfigurations = graph.deriveGroups(
      'routeConfigurations',
      portsByTable,
      [virtualHosts, virtualHostsByTable],
      (reader, members, name) => {
        const hostnames = members.flatMap(
          ({ value }) => value.tables.find((table) => table.name === name)?.hostnames ?? [],
        );
        const absent = hostnames.filter(
          (hostname) => reader.get(virtualHosts, virtualHostKey(name, hostname)) === undefined,
        );
        return routeConfiguration(name, reader.group(virtualHostsByTable, name), absent);
      },
      { equals: sameResource },
    );

    const listeners = graph.derive('listeners', ports, [], (_, plan) => listener(plan, options.binding), {
      equals: sameResource,
    });
    const portsBySecret = ports.index('by Secret', (plan) => new Set(plan.listeners.flatMap(({ secrets }) => secrets)));
    const secrets = graph.deriveKeys(
      'secrets',
      portsBySecret,
      [sources.Secret],
      (reader, key) => {
        const certificate = reader.get(sources.Secret, key)?.certificate;
        return certificate === undefined ? undefined : secret(key, certificate);
      },
      { equals: sameResource },
    );

    const clusters = graph.deriveKeys(
      'clusters',
      placementsByCluster,
      [sources.Service],
      (reader, name) => {
        const backend = parseClusterName(name)!;
        const service = reader.get(sources.Service, keyOf(backend.namespace, backend.name));
        const port = service?.spec?.ports?.find((candidate) => candidate.port === backend.port);
        return cluster(name, backendProtocol(port));
      },
      { equals: sameResource },
    );
    const endpointSets = graph.derive(
      'endpoints',
      clusters,
      [sources.Service, slicesByService],
      (reader, _, name) => {
        const backend = parseClusterName(name)!;
        const key = keyOf(backend.namespace, backend.name);
        const slices = reader.group(slicesByService, key).map(({ value }) => value);
        return endpoints(name, endpointAddresses(reader.get(sources.Service, key), backend.port, slices));
      },
      { equals: sameResource },
    );

    const gatewayStatuses = graph.derive(
      'gatewayStatuses',
      gateways,
      [sources.Gateway, ports, attachmentsByListener, listeners, secrets],
      (reader, plan, key): StatusContribution => {
        const versions = plan.listeners.flatMap((one) => [
          reader.get(listeners, String(one.port))?.version ?? '',
          ...one.secrets.map((name) => reader.get(secrets, name)?.version ?? ''),
        ]);
        return gatewayContribution(
          plan,
          reader.get(sources.Gateway, key)?.metadata.generation,
          (port) => reader.get(ports, String(port)),
          (id) => reader.count(attachmentsByListener, id),
          versions.join(' '),
        );
      },
      { equals: isDeepStrictEqual },
    );
    const routeStatuses = graph.derive(
      'routeStatuses',
      attachments,
      [sources.HTTPRoute, translations, placements, ports],
      (reader, parents, key): StatusContribution => {
        const placement = reader.get(placements, key);
        const tables = (parent: ParentAttachment): { isServed: boolean; tables: string[] } => {
          const served = parent.listeners.filter(({ listener: on }) =>
            reader.get(ports, String(on.port))?.listeners.some((candidate) => listenerId(candidate) === listenerId(on)),
          );
          const names = new Set(
            served.flatMap(({ listener: on, hostnames }) => {
              const table = tableName(on);
              return hostnames.some((hostname) => placement?.hosts.has(virtualHostKey(table, hostname))) ? table : [];
            }),
          );
          return { isServed: served.length > 0, tables: [...names] };
        };
        return routeContribution(
          key,
          reader.get(sources.HTTPRoute, key)?.metadata.generation,
          parents,
          reader.get(translations, key),
          tables,
          placement?.fingerprint ?? '',
        );
      },
      { equals: isDeepStrictEqual },
    );

    this.outputs = (
      [
        ['cluster', clusters],
        ['endpoint', endpointSets],
        ['listener', listeners],
        ['route', routeConfigurations],
        ['secret', secrets],
      ] as const
    ).map(([type, collection]) => ({ type, collection, changed: collection.track() }));
    this.statuses = (
      [
        ['Gateway', gatewayStatuses],
        ['HTTPRoute', routeStatuses],
      ] as const
    ).map(([kind, collection]) => ({ kind, collection, changed: collection.track() }));
    const readiness = readinessListener(options.readiness.address, options.readiness.port);
    this.constant = [{ type: 'listener', name: readinessListenerName, resource: readiness }];
  }

  /** Resources that are there whatever the objects are, until they were taken. */
  private constant: ResourceChange[];

  /** Whether there is something to translate or to take. */
  get hasWork(): boolean {
    return this.graph.hasWork || this.constant.length > 0;
  }

  /** Takes note of changes; `step` works on them. */
  apply(changes: Iterable<SourceChange>): void {
    for (const change of changes) {
      (this.sources[change.kind] as SourceCollection<unknown>).set(change.key, change.object);
    }
  }

  /**
   * Translates until it is done or out of time.
   * @returns whether it is done: the output is then consistent
   */
  step(outOfTime: () => boolean): boolean {
    return this.graph.step(outOfTime);
  }

  /** What changed since the last call. Only after `step` returned true. */
  takeOutput(): TranslationOutput {
    const resources: ResourceChange[] = this.constant;
    this.constant = [];
    for (const { type, collection, changed } of this.outputs) {
      for (const key of changed) {
        resources.push({ type, name: resourceName(type, key), resource: collection.get(key) });
      }
      changed.clear();
    }
    const statuses: TranslationOutput['statuses'] = [];
    for (const { kind, collection, changed } of this.statuses) {
      for (const key of changed) statuses.push({ kind, key, contribution: collection.get(key) });
      changed.clear();
    }
    return { resources, statuses, faults: this.takeFaults() };
  }

  /** The routes that stand in a table, by key: those whose virtual hosts proxies may have refused. */
  routesIn(table: string): ObjectKey[] {
    const status = this.statuses.find(({ kind }) => kind === 'HTTPRoute')!;
    const keys: ObjectKey[] = [];
    for (const [key, contribution] of status.collection.list()) {
      if (contribution.kind !== 'HTTPRoute') continue;
      if (contribution.parents.some(({ tables }) => tables.includes(table))) keys.push(key);
    }
    return keys;
  }

  private takeFaults(): TranslationOutput['faults'] {
    const faults = [...this.graph.faults].filter(([where]) => !this.reported.has(where));
    this.reported.clear();
    for (const where of this.graph.faults.keys()) this.reported.add(where);
    return faults.map(([where, error]) => ({ where, error }));
  }
}

function acceptedParents(parents: readonly ParentAttachment[]): ParentAttachment[] {
  return parents.filter(({ accepted }) => accepted.status === 'True');
}

function contextOf(on: AttachedListener['listener']): ListenerContext {
  return { scheme: on.protocol === 'HTTPS' ? 'https' : 'http', port: on.port };
}

function resourceName(type: ResourceType, key: string): string {
  if (type === 'listener') return listenerName(Number(key));
  if (type === 'secret') return secretName(key);
  return key;
}

function fingerprintOf(hosts: Placement['hosts']): string {
  const parts: Buffer[] = [];
  for (const [host, routes] of hosts) {
    parts.push(Buffer.from(host));
    for (const { bytes } of routes) parts.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  }
  return hash('sha1', Buffer.concat(parts), 'base64url');
}

/** A source change for an object as it was read. */
export function sourceChange<Kind extends Exclude<SourceKind, 'Secret' | 'Quarantine'>>(
  kind: Kind,
  object: SourceKinds[Kind],
): SourceChange {
  return { kind, key: objectKey(object), object } as SourceChange;
}
