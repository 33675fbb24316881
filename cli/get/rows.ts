/** Gateways and routes as one screen shows them: attachment, conditions, effective hostnames, endpoints. */
import type { Gateway, ListenerSet, ParentReference } from '../../api/gateway/index.ts';
import { conditionTypes, controllerName } from '../../api/names.ts';
import { keyOf, objectKey, type ObjectKey } from '../../api/object.ts';
import { sameParent } from '../../controllers/status/route.ts';
import {
  type AnyRoute,
  attachedRoute,
  parentOf,
  reachedBackends,
  type ReachedBackend,
  routeId,
  type RouteKind,
  routeKinds,
  statusKey,
  type StatusContribution,
} from '../../translate/index.ts';
import { type Fleet, fleetsOf, type Gathered } from '../objects/index.ts';

export interface ShownCondition {
  type: string;
  status: string;
  reason: string;
  message: string;
}

/** What is said of an object or a part of it. */
interface Judged {
  /** `True`, `False`, `Unknown`, or `-` where nothing is said. */
  accepted: string;
  resolvedRefs: string;
  programmed: string;
  conditions: ShownCondition[];
  /** What is not as it should be. */
  problems: ShownCondition[];
}

export interface ListenerRow extends Judged {
  namespace: string;
  gateway: string;
  className: string;
  addresses: string[];
  /** Empty where the Gateway as a whole is meant. */
  listener: string;
  /** `ListenerSet namespace/name`; undefined for listeners of the Gateway itself. */
  from: string | undefined;
  protocol: string;
  port: number | undefined;
  /** `*` for any. */
  hostname: string;
  attachedRoutes: number | undefined;
}

export interface RouteRow extends Judged {
  kind: RouteKind;
  namespace: string;
  name: string;
  /** The Gateway of the parent, or the parent itself where it leads to none. */
  gateway: string;
  listeners: { name: string; port: number }[];
  /** Under which it is served; `*` for any. */
  hostnames: string[];
  backends: ReachedBackend[];
}

const unsaid: Judged = { accepted: '-', resolvedRefs: '-', programmed: '-', conditions: [], problems: [] };

function judge(conditions: readonly ShownCondition[], programmedType: string): Judged {
  const of = (type: string): string => conditions.find((each) => each.type === type)?.status ?? '-';
  const bad = conditions.filter(({ type, status }) =>
    [conditionTypes.accepted, conditionTypes.resolvedRefs, programmedType].includes(type)
      ? status !== 'True'
      : ['Conflicted', 'PartiallyInvalid'].includes(type) && status === 'True',
  );
  // One cause is told once.
  const problems = bad.filter(({ message }, index) => bad.findIndex((each) => each.message === message) === index);
  return {
    accepted: of(conditionTypes.accepted),
    resolvedRefs: of(conditionTypes.resolvedRefs),
    programmed: of(programmedType),
    conditions: [...conditions],
    problems,
  };
}

function shown(conditions: readonly object[] | undefined): ShownCondition[] {
  return (conditions ?? []).map((each) => {
    const { type = '', status = '', reason = '', message = '' } = each as Partial<ShownCondition>;
    return { type, status, reason, message };
  });
}

/** What is not known without proxies: whether they have it. That they cannot have it is known. */
function withoutProxies(
  conditions: readonly object[],
  unprogrammable: string | undefined,
  type: string,
): ShownCondition[] {
  const said = shown(conditions);
  if (unprogrammable === undefined) return said;
  return [...said, { type, status: 'False', reason: 'Invalid', message: unprogrammable }];
}

/** One row for each listener, and one for each Gateway that has no listener to speak of. */
export function gatewayRows(gathered: Gathered, namespace: string | undefined): ListenerRow[] {
  const fleets = fleetsOf(gathered);
  const rows: ListenerRow[] = [];
  for (const gateway of gathered.of<Gateway>('Gateway')) {
    if (namespace !== undefined && gateway.metadata.namespace !== namespace) continue;
    rows.push(...rowsOfGateway(gathered, fleets, gateway));
  }
  return rows.toSorted((a, b) => compare(keyOf(a.namespace, a.gateway), keyOf(b.namespace, b.gateway)));
}

function rowsOfGateway(gathered: Gathered, fleets: readonly Fleet[], gateway: Gateway): ListenerRow[] {
  const key = objectKey(gateway);
  const { gatewayClassName: className } = gateway.spec;
  const base = {
    namespace: gateway.metadata.namespace ?? '',
    gateway: gateway.metadata.name,
    className,
    addresses: (gateway.status?.addresses ?? gateway.spec.addresses ?? []).flatMap(({ value }) => value ?? []),
    listener: '',
    from: undefined,
    protocol: '-',
    port: undefined,
    hostname: '-',
    attachedRoutes: undefined,
  };
  const found = gathered.gatewayClass(className);
  if ('foreign' in found) {
    const problem = { type: 'Accepted', status: '-', reason: 'OtherController', message: found.foreign };
    return [{ ...base, ...unsaid, problems: [problem] }];
  }
  const fleet = fleets.find(({ gateways }) => gateways.some((each) => objectKey(each) === key));
  const plan = fleet?.snapshot.inspection.gateways.get(key);
  const rows = (plan?.listeners ?? []).map((listener): ListenerRow => {
    const { name, port, protocol, hostname, owner } = listener;
    const said = gathered.hasStatus
      ? storedListener(gathered, gateway, owner, name)
      : madeListener(fleet!, owner, name);
    return {
      ...base,
      listener: name,
      from: owner.kind === 'Gateway' ? undefined : `${owner.kind} ${owner.key}`,
      protocol: protocol ?? 'unknown',
      port,
      hostname: hostname === '' ? '*' : hostname,
      attachedRoutes: said.attachedRoutes,
      ...judge(said.conditions, conditionTypes.programmed),
    };
  });
  const own = judge(ownConditions(gathered, fleet, gateway), conditionTypes.programmed);
  const told = new Set(rows.flatMap(({ problems }) => problems.map(({ message }) => message)));
  const isTold =
    rows.length > 0 &&
    own.problems.every(({ message }) => told.has(message) || /see (the|their) conditions/.test(message));
  const notes = (fleet?.notes ?? []).filter((note) => note.startsWith(`Gateway ${key}:`));
  const problems = [
    ...(isTold ? [] : own.problems),
    ...notes.map((message) => ({ type: 'Accepted', status: 'False', reason: 'InvalidParameters', message })),
  ];
  if (problems.length === 0 && rows.length > 0) return rows;
  return [...rows, { ...base, ...own, problems }];
}

function ownConditions(gathered: Gathered, fleet: Fleet | undefined, gateway: Gateway): ShownCondition[] {
  if (gathered.hasStatus) return shown(gateway.status?.conditions);
  const made = fleet?.snapshot.statuses.get(statusKey('Gateway', objectKey(gateway)));
  return made === undefined || !('conditions' in made) ? [] : shown(made.conditions);
}

interface Owner {
  kind: 'Gateway' | 'ListenerSet';
  key: ObjectKey;
}

function storedListener(
  gathered: Gathered,
  gateway: Gateway,
  owner: Owner,
  name: string,
): { conditions: ShownCondition[]; attachedRoutes: number | undefined } {
  const object =
    owner.kind === 'Gateway'
      ? gateway
      : gathered.of<ListenerSet>('ListenerSet').find((each) => objectKey(each) === owner.key);
  const stored = object?.status?.listeners?.find((each) => each.name === name);
  return { conditions: shown(stored?.conditions), attachedRoutes: stored?.attachedRoutes };
}

function madeListener(
  { snapshot }: Fleet,
  owner: Owner,
  name: string,
): { conditions: ShownCondition[]; attachedRoutes: number | undefined } {
  const made: StatusContribution | undefined = snapshot.statuses.get(statusKey(owner.kind, owner.key));
  const listener =
    made !== undefined && 'listeners' in made ? made.listeners.find((each) => each.name === name) : undefined;
  if (listener === undefined) return { conditions: [], attachedRoutes: undefined };
  const conditions = withoutProxies(listener.conditions, listener.unprogrammable?.message, conditionTypes.programmed);
  return { conditions, attachedRoutes: listener.attachedRoutes };
}

/** One row for each parent of each route. */
export function routeRows(gathered: Gathered, namespace: string | undefined): RouteRow[] {
  const fleets = fleetsOf(gathered);
  const rows: RouteRow[] = [];
  for (const kind of routeKinds) {
    for (const route of gathered.of<AnyRoute>(kind)) {
      if (namespace !== undefined && route.metadata.namespace !== namespace) continue;
      rows.push(...rowsOfRoute(gathered, fleets, kind, route));
    }
  }
  return rows.toSorted((a, b) => compare(keyOf(a.namespace, a.name), keyOf(b.namespace, b.name)));
}

function rowsOfRoute(gathered: Gathered, fleets: readonly Fleet[], kind: RouteKind, route: AnyRoute): RouteRow[] {
  const id = routeId(kind, objectKey(route));
  const base = { kind, namespace: route.metadata.namespace ?? '', name: route.metadata.name };
  const attached = fleets.flatMap(({ snapshot }) =>
    attachedRoute(snapshot, id).map((each) => ({ ...each, backends: reachedBackends(snapshot, id) })),
  );
  const rows = attached.map(
    ({ parentRef, gateway, listeners, hostnames, conditions, unprogrammable, backends }): RouteRow => {
      const said = gathered.hasStatus
        ? storedParent(route, parentRef)
        : withoutProxies(conditions, unprogrammable, conditionTypes.routeProgrammed);
      return {
        ...base,
        gateway,
        listeners: listeners.map(({ name, port }) => ({ name, port })),
        hostnames,
        backends,
        ...judge(said, conditionTypes.routeProgrammed),
      };
    },
  );
  const elsewhere = (route.spec.parentRefs ?? []).filter(
    (parentRef) => !attached.some((each) => sameParent(each.parentRef, parentRef)),
  );
  for (const parentRef of elsewhere) {
    const { gateway, message } = unknownParent(gathered, route, parentRef);
    const problem = { type: 'Accepted', status: '-', reason: 'NoMatchingParent', message };
    rows.push({ ...base, ...unsaid, gateway, listeners: [], hostnames: [], backends: [], problems: [problem] });
  }
  if (rows.length === 0) {
    const message = 'It names no parent: name the Gateway that is to serve it in parentRefs';
    const problem = { type: 'Accepted', status: '-', reason: 'NoParent', message };
    rows.push({ ...base, ...unsaid, gateway: '-', listeners: [], hostnames: [], backends: [], problems: [problem] });
  }
  return rows;
}

function storedParent(route: AnyRoute, parentRef: ParentReference): ShownCondition[] {
  const stored = route.status?.parents.find(
    (each) => each.controllerName === controllerName && sameParent(each.parentRef, parentRef),
  );
  return shown(stored?.conditions);
}

/** Why a parent leads to no Gateway that is served here. */
function unknownParent(
  gathered: Gathered,
  route: AnyRoute,
  parentRef: ParentReference,
): { gateway: string; message: string } {
  const parent = parentOf(parentRef, route.metadata.namespace ?? '');
  if (parent === undefined) {
    const gateway = `${parentRef.kind ?? 'Gateway'} ${parentRef.name}`;
    return {
      gateway,
      message: `Its parent is a ${parentRef.kind}, which is not served: name a Gateway or a ListenerSet`,
    };
  }
  const { kind, key } = parent;
  if (kind === 'ListenerSet') {
    const exists = gathered.of('ListenerSet').some((object) => objectKey(object) === key);
    const why = exists
      ? 'is attached to no Gateway that is served here'
      : 'does not exist: create it or correct parentRefs';
    return { gateway: `ListenerSet ${key}`, message: `ListenerSet ${key} ${why}` };
  }
  const gateway = gathered.of<Gateway>('Gateway').find((object) => objectKey(object) === key);
  if (gateway === undefined) {
    return { gateway: key, message: `Gateway ${key} does not exist: create it or correct parentRefs` };
  }
  const found = gathered.gatewayClass(gateway.spec.gatewayClassName);
  const why = 'foreign' in found ? found.foreign : 'see its conditions';
  return { gateway: key, message: `Gateway ${key} is not served. ${why}` };
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
