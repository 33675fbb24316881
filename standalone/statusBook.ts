/**
 * The status of every object in use: what the control plane reports, joined with what only a local run knows (ports that cannot
 * be bound, Services without an address, classes of other controllers, kinds that are not served).
 */
import { isDeepStrictEqual } from 'node:util';

import type {
  BackendTLSPolicy,
  Gateway,
  GatewayClass,
  HTTPRoute,
  ListenerSet,
  ParentReference,
  PolicyAncestorStatus,
  RouteParentStatus,
  XBackendStatus,
  XBackendTrafficPolicy,
} from '../api/gateway/index.ts';
import { conditionTypes, controllerName } from '../api/names.ts';
import {
  type Condition,
  type ConditionContribution,
  type KubernetesObject,
  objectKey,
  type ObjectKey,
} from '../api/object.ts';
import type {
  BackendReport,
  GatewayReport,
  ListenerSetReport,
  PolicyReport,
  RouteReport,
  StatusReport,
} from '../controlplane/index.ts';
import { conditionTime, mergeConditions } from '../controllers/status/conditions.ts';
import { joinAncestors } from '../controllers/status/ancestors.ts';
import { joinGatewayStatus } from '../controllers/status/gateway.ts';
import { joinListenerSetStatus } from '../controllers/status/listenerSet.ts';
import { joinRouteParents, sameParent } from '../controllers/status/route.ts';
import { isRouteKind, portKey } from '../translate/index.ts';
import type { CatalogObject } from './catalog.ts';
import {
  classConditions,
  condition,
  type Finder,
  type GatewayClasses,
  idlePolicyAncestors,
  orphanConditions,
  parentFault,
  parentObject,
  unservedConditions,
} from './judgement.ts';
import type { Transport } from './portBook.ts';

/** What a local run knows beside the reports of the control plane. */
export interface Circumstances extends Finder {
  classes: GatewayClasses;
  /** Why a listener port (`tcp/80`) cannot be bound, in one sentence without its full stop. */
  portFault: (key: string) => string | undefined;
  /** Why a Service has no endpoints, in one sentence without its full stop. */
  serviceFault: (key: ObjectKey) => string | undefined;
  /** The address that callers use. */
  address: string;
  now: () => Date;
}

interface StatusWithConditions {
  conditions?: Condition[];
  parents?: RouteParentStatus[];
}

/** A port of a Service that a route sends traffic to. */
export interface ReferencedPort {
  service: ObjectKey;
  port: number | undefined;
  transport: Transport;
}

/** Ports and names of Services that a route sends traffic to. */
export function backendsOf(route: KubernetesObject): ReferencedPort[] {
  const transport = route.kind === 'UDPRoute' ? 'udp' : 'tcp';
  const found: ReferencedPort[] = [];
  const visit = (reference: unknown): void => {
    if (typeof reference !== 'object' || reference === null) return;
    const { group, kind, namespace, name, port } = reference as Record<string, unknown>;
    if ((group ?? '') !== '' || (kind ?? 'Service') !== 'Service' || typeof name !== 'string') return;
    const where = typeof namespace === 'string' ? namespace : (route.metadata.namespace ?? 'default');
    found.push({ service: `${where}/${name}`, port: typeof port === 'number' ? port : undefined, transport });
  };
  const list = (value: unknown): Record<string, unknown>[] =>
    Array.isArray(value) ? (value as Record<string, unknown>[]) : [];
  const filters = (value: unknown): void => {
    for (const { requestMirror, externalAuth } of list(value)) {
      for (const filter of [requestMirror, externalAuth]) {
        if (typeof filter === 'object' && filter !== null && 'backendRef' in filter) visit(filter.backendRef);
      }
    }
  };
  for (const rule of list((route.spec as { rules?: unknown } | undefined)?.rules)) {
    filters(rule['filters']);
    for (const backend of list(rule['backendRefs'])) {
      visit(backend);
      filters(backend['filters']);
    }
  }
  return found;
}

export class StatusBook {
  readonly #circumstances: Circumstances;
  readonly #reports = new Map<string, StatusReport>();
  readonly #statuses = new Map<string, object>();

  constructor(circumstances: Circumstances) {
    this.#circumstances = circumstances;
  }

  /** Takes what the control plane says. */
  report(kind: StatusReport['kind'], key: ObjectKey, report: StatusReport | undefined): void {
    if (report === undefined) this.#reports.delete(`${kind} ${key}`);
    else this.#reports.set(`${kind} ${key}`, report);
  }

  /** The status of an object; undefined for kinds without one, and while too little is known. */
  get(object: KubernetesObject): object | undefined {
    return this.#statuses.get(`${object.kind} ${objectKey(object)}`);
  }

  /**
   * Brings the statuses up to date.
   *
   * @returns whether any changed
   */
  update(objects: Iterable<CatalogObject>): boolean {
    let changed = false;
    const present = new Set<string>();
    for (const { object } of objects) {
      const id = `${object.kind} ${objectKey(object)}`;
      present.add(id);
      const before = this.#statuses.get(id);
      const now = this.#statusOf(object, before);
      if (now === undefined || isDeepStrictEqual(before, now)) continue;
      this.#statuses.set(id, now);
      changed = true;
    }
    for (const id of this.#statuses.keys()) {
      if (present.has(id)) continue;
      this.#statuses.delete(id);
      changed = true;
    }
    return changed;
  }

  #statusOf(object: KubernetesObject, before: StatusWithConditions | undefined): object | undefined {
    const { kind } = object;
    const { classes } = this.#circumstances;
    if (kind === 'GatewayClass') {
      const verdict = classes.verdict((object as GatewayClass).metadata.name);
      return { conditions: this.#merge(object, before?.conditions, classConditions(verdict)) };
    }
    if (kind === 'Gateway') return this.#gatewayStatus(object as Gateway, before);
    if (isRouteKind(kind)) return this.#routeStatus(object, before);
    if (kind === 'ListenerSet') return this.#listenerSetStatus(object as ListenerSet, before);
    if (kind === 'BackendTLSPolicy' || kind === 'XBackendTrafficPolicy') {
      return this.#policyStatus(object as BackendTLSPolicy | XBackendTrafficPolicy, before);
    }
    if (kind === 'XBackend') return this.#backendStatus(object, before);
    const conditions = unservedConditions(kind);
    return conditions === undefined ? undefined : { conditions: this.#merge(object, before?.conditions, conditions) };
  }

  #merge(
    object: KubernetesObject,
    before: readonly Condition[] | undefined,
    conditions: readonly ConditionContribution[],
  ): Condition[] {
    const { generation } = object.metadata;
    return mergeConditions(before, conditions, { generation, now: this.#now(), keepForeign: false });
  }

  #now(): string {
    return conditionTime(this.#circumstances.now());
  }

  #gatewayStatus(gateway: Gateway, before: object | undefined): object | undefined {
    const { classes, address } = this.#circumstances;
    const { generation } = gateway.metadata;
    const options = { generation, now: this.#now() };
    const verdict = classes.verdict(gateway.spec.gatewayClassName);
    if (!verdict.ours) {
      const { reason, message } = verdict;
      return joinGatewayStatus(before, undefined, { generation, addresses: [], refusal: { reason, message } }, options);
    }
    const report = this.#reports.get(`Gateway ${objectKey(gateway)}`) as GatewayReport | undefined;
    const translation = report === undefined ? undefined : this.#withPorts(report, gateway.spec.listeners);
    const asked = gateway.spec.addresses ?? [];
    const foreign = asked.filter(({ value }) => value !== undefined && value !== address);
    const infrastructure = {
      generation,
      addresses: [{ type: 'IPAddress', value: address }],
      ...(foreign.length === 0
        ? {}
        : {
            pending: {
              reason: 'AddressNotAssigned',
              message: `Requests are taken on ${address}, but not on ${foreign.map(({ value }) => value).join(', ')}: remove spec.addresses, or bind another address with --address`,
            },
          }),
    };
    return joinGatewayStatus(before, translation, infrastructure, options);
  }

  /** Adds to a report what is known of ports. */
  #withPorts<Report extends GatewayReport | ListenerSetReport>(
    report: Report,
    stated: readonly { name: string; port: number; protocol: string }[],
  ): Report {
    const faults = new Map<string, string>();
    for (const listener of stated) {
      const fault = this.#circumstances.portFault(portKey(listener));
      if (fault !== undefined) faults.set(listener.name, fault);
    }
    if (faults.size === 0) return report;
    const listeners = report.listeners.map((listener) => {
      const fault = faults.get(listener.name);
      if (fault === undefined) return listener;
      const conditions = listener.conditions.map((each) =>
        each.type === conditionTypes.accepted || each.type === conditionTypes.programmed
          ? condition(each.type, 'False', 'PortUnavailable', fault)
          : each,
      );
      return { ...listener, conditions };
    });
    const good = listeners.filter(({ conditions }) =>
      conditions.some(({ type, status }) => type === conditionTypes.programmed && status === 'True'),
    );
    const waiting = listeners.some(({ conditions }) => conditions.some(({ reason }) => reason === 'Pending'));
    const sentence = [...new Set(faults.values())].join('; ');
    const conditions = report.conditions.map((each) => {
      if (each.type === conditionTypes.accepted && each.status === 'True') {
        return faults.size < listeners.length
          ? condition(each.type, 'True', 'ListenersNotValid', sentence)
          : condition(each.type, 'False', 'ListenersNotValid', sentence);
      }
      if (each.type !== conditionTypes.programmed || waiting) return each;
      return good.length > 0
        ? each
        : condition(each.type, 'False', 'Invalid', `No listener is programmed: ${sentence}`);
    });
    return { ...report, listeners, conditions };
  }

  #listenerSetStatus(listenerSet: ListenerSet, before: object | undefined): object | undefined {
    const { generation } = listenerSet.metadata;
    const options = { generation, now: this.#now() };
    const fault = parentFault(
      listenerSet.spec.parentRef,
      listenerSet,
      this.#circumstances,
      this.#circumstances.classes,
    );
    if (fault !== undefined) {
      return joinListenerSetStatus(before, { conditions: orphanConditions(fault), listeners: [] }, options);
    }
    const report = this.#reports.get(`ListenerSet ${objectKey(listenerSet)}`) as ListenerSetReport | undefined;
    if (report === undefined || report.generation !== generation) return before;
    return joinListenerSetStatus(before, this.#withPorts(report, listenerSet.spec.listeners), options);
  }

  #policyStatus(policy: BackendTLSPolicy | XBackendTrafficPolicy, before: object | undefined): object | undefined {
    const report = this.#reports.get(`${policy.kind} ${objectKey(policy)}`) as PolicyReport | undefined;
    if (report !== undefined && report.generation !== policy.metadata.generation) return before;
    const said = report?.ancestors ?? [];
    const { ancestors } = (before ?? {}) as { ancestors?: PolicyAncestorStatus[] };
    return {
      ancestors: this.#joinAncestors(policy, ancestors, said.length === 0 ? idlePolicyAncestors(policy) : said),
    };
  }

  #backendStatus(backend: KubernetesObject, before: object | undefined): object | undefined {
    const report = this.#reports.get(`XBackend ${objectKey(backend)}`) as BackendReport | undefined;
    if (report === undefined || report.generation !== backend.metadata.generation) return before;
    const { parents = [] } = (before ?? {}) as XBackendStatus;
    const known = parents.map(({ parentRef, ...entry }) => ({ ...entry, ancestorRef: parentRef }));
    const joined = this.#joinAncestors(backend, known as PolicyAncestorStatus[], report.ancestors);
    return { parents: joined.map(({ ancestorRef, ...entry }) => ({ ...entry, parentRef: ancestorRef })) };
  }

  #joinAncestors(
    object: KubernetesObject,
    before: readonly PolicyAncestorStatus[] | undefined,
    ancestors: PolicyReport['ancestors'],
  ): PolicyAncestorStatus[] {
    return joinAncestors(before, [{ ancestors }], {
      controllerName,
      generation: object.metadata.generation,
      now: this.#now(),
      // Source: Gateway API, PolicyStatus; apisx/v1alpha1, BackendStatus.
      maximum: object.kind === 'XBackend' ? 32 : 16,
      mayRemove: () => true,
    });
  }

  #routeStatus(route: KubernetesObject, before: StatusWithConditions | undefined): object | undefined {
    const { generation } = route.metadata;
    const { classes } = this.#circumstances;
    const wanted = (route as HTTPRoute).spec.parentRefs ?? [];
    const report = this.#reports.get(`${route.kind} ${objectKey(route)}`) as RouteReport | undefined;
    const reported = report?.generation === generation ? (report?.parents ?? []) : undefined;
    const parents: { parentRef: ParentReference; conditions: ConditionContribution[] }[] = [];
    for (const parentRef of wanted) {
      const said = reported?.find((parent) => sameParent(parent.parentRef, parentRef));
      if (said !== undefined) {
        parents.push({ parentRef, conditions: this.#withCircumstances(said.conditions, parentRef, route) });
        continue;
      }
      const fault = parentFault(parentRef, route, this.#circumstances, classes);
      // The control plane has not spoken yet: what stood there goes on standing.
      if (fault === undefined) return before;
      const accepted = condition(conditionTypes.accepted, 'False', 'NoMatchingParent', fault);
      parents.push({ parentRef, conditions: [accepted] });
    }
    // Default Gateways, which the route does not name.
    for (const { parentRef, conditions } of reported ?? []) {
      if (wanted.some((named) => sameParent(named, parentRef))) continue;
      parents.push({ parentRef, conditions: this.#withCircumstances(conditions, parentRef, route) });
    }
    const contribution = { generation, parents };
    const options = { controllerName, generation, now: this.#now(), mayRemove: () => true };
    return { parents: joinRouteParents(before?.parents, [contribution], options) };
  }

  /** Adds to what is said of a route's parent what is known of ports and Services. */
  #withCircumstances(
    conditions: readonly ConditionContribution[],
    parentRef: ParentReference,
    route: KubernetesObject,
  ): ConditionContribution[] {
    const { portFault, serviceFault } = this.#circumstances;
    const parent = parentObject(parentRef, route, this.#circumstances);
    const stated: readonly { name: string; port: number; protocol: string }[] = parent?.spec.listeners ?? [];
    const listeners = stated.filter(
      ({ name, port }) =>
        (parentRef.sectionName === undefined || parentRef.sectionName === name) &&
        (parentRef.port === undefined || parentRef.port === port),
    );
    const blocked = listeners.map((listener) => portFault(portKey(listener)));
    const noListener = blocked.length > 0 && blocked.every((fault) => fault !== undefined);
    const unaddressed = [...new Set(backendsOf(route).map(({ service }) => serviceFault(service)))].filter(
      (fault) => fault !== undefined,
    );
    return conditions.map((each) => {
      if (each.type === conditionTypes.resolvedRefs && each.status === 'True' && unaddressed.length > 0) {
        return condition(each.type, 'False', 'NoEndpoints', unaddressed.join('; '));
      }
      if (each.type === conditionTypes.routeProgrammed && each.status === 'True' && noListener) {
        return condition(each.type, 'False', 'ListenerNotProgrammed', blocked[0]!);
      }
      return each;
    });
  }
}
