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
  ParentReference,
  RouteParentStatus,
} from '../api/gateway/index.ts';
import { conditionTypes, controllerName } from '../api/names.ts';
import {
  type Condition,
  type ConditionContribution,
  type KubernetesObject,
  objectKey,
  type ObjectKey,
} from '../api/object.ts';
import type { GatewayReport, RouteReport, StatusReport } from '../controlplane/index.ts';
import { conditionTime, mergeConditions } from '../controllers/status/conditions.ts';
import { joinGatewayStatus } from '../controllers/status/gateway.ts';
import { joinRouteParents, sameParent } from '../controllers/status/route.ts';
import { isRouteKind, portKey } from '../translate/index.ts';
import type { CatalogObject } from './catalog.ts';
import {
  classConditions,
  condition,
  type GatewayClasses,
  parentFault,
  unservedConditions,
  unservedPolicyAncestors,
} from './judgement.ts';
import type { Transport } from './portBook.ts';

/** What a local run knows beside the reports of the control plane. */
export interface Circumstances {
  classes: GatewayClasses;
  gateway: (key: ObjectKey) => Gateway | undefined;
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
    for (const { requestMirror } of list(value)) {
      if (typeof requestMirror === 'object' && requestMirror !== null && 'backendRef' in requestMirror)
        visit(requestMirror.backendRef);
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
    if (kind === 'BackendTLSPolicy') {
      const ancestors = unservedPolicyAncestors(object as BackendTLSPolicy);
      const known = (before as { ancestors?: { conditions?: Condition[] }[] } | undefined)?.ancestors;
      return {
        ancestors: ancestors.map(({ ancestorRef, conditions }, index) => ({
          ancestorRef,
          controllerName,
          conditions: this.#merge(object, known?.[index]?.conditions, conditions),
        })),
      };
    }
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
    const translation = report === undefined ? undefined : this.#withPorts(report, gateway);
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
  #withPorts(report: GatewayReport, gateway: Gateway): GatewayReport {
    const faults = new Map<string, string>();
    for (const listener of gateway.spec.listeners) {
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

  #routeStatus(route: KubernetesObject, before: StatusWithConditions | undefined): object | undefined {
    const { generation } = route.metadata;
    const { classes, gateway } = this.#circumstances;
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
      const namespace = parentRef.namespace ?? route.metadata.namespace ?? 'default';
      const target = gateway(`${namespace}/${parentRef.name}`);
      const isGateway = (parentRef.kind ?? 'Gateway') === 'Gateway';
      const isServed = isGateway && target !== undefined && classes.verdict(target.spec.gatewayClassName).ours;
      // The control plane has not spoken yet: what stood there goes on standing.
      if (isServed) return before;
      const fault = parentFault(parentRef, route, gateway, classes);
      const accepted = condition(conditionTypes.accepted, 'False', 'NoMatchingParent', fault);
      parents.push({ parentRef, conditions: [accepted] });
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
    const { gateway, portFault, serviceFault } = this.#circumstances;
    const parent = gateway(`${parentRef.namespace ?? route.metadata.namespace ?? 'default'}/${parentRef.name}`);
    const listeners = (parent?.spec.listeners ?? []).filter(
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
