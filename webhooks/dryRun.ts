/**
 * What the translation would say of a route: the same code that serves it, on the objects that concern it and no others.
 */
import { gatewayGroup, type Gateway, type GatewayListener, type ListenerSet } from '../api/gateway/index.ts';
import { keyOf, objectKey, type ConditionContribution, type KubernetesObject, type ObjectKey } from '../api/object.ts';
import {
  listenerSetGateway,
  parentOf,
  readAuthorityConfigMap,
  readCertificate,
  sourceChange,
  Translator,
  type AnyRoute,
  type RouteKind,
  type SourceChange,
  type StatusContribution,
} from '../translate/index.ts';
import type { BackendKind, Surroundings } from './surroundings.ts';

export interface DryRun {
  /** What the route itself says, wherever it is attached: ResolvedRefs, and what of it can never be served. */
  own: ConditionContribution[];
  /** Whether each parent that there is accepts it. */
  parents: ConditionContribution[];
}

/** A Gateway that takes any route, so that a route is judged before its Gateway exists. */
const anyGateway = { namespace: 'any', name: 'any' };
const anyListener: Record<RouteKind, Pick<GatewayListener, 'port' | 'protocol' | 'tls'>> = {
  HTTPRoute: { port: 80, protocol: 'HTTP' },
  GRPCRoute: { port: 80, protocol: 'HTTP' },
  TLSRoute: { port: 443, protocol: 'TLS', tls: { mode: 'Passthrough' } },
  TCPRoute: { port: 80, protocol: 'TCP' },
  UDPRoute: { port: 53, protocol: 'UDP' },
};

/** @param gateways keys of the Gateways that are ours */
export function dryRunRoute(
  kind: RouteKind,
  route: AnyRoute,
  surroundings: Surroundings,
  gateways: readonly ObjectKey[],
): DryRun {
  const context = [
    ...backendsOf(route, surroundings),
    ...grantsFor(route, surroundings),
    ...namespaceOf(route, surroundings),
  ];
  const anywhere = { ...route, spec: { ...route.spec, parentRefs: [{ ...anyGateway }] } } as AnyRoute;
  const own = conditionsOf(kind, anywhere, [...context, sourceChange('Gateway', gatewayForAny(kind))]);
  const parents = gateways.flatMap((key) => gatewayWithSets(key, surroundings));
  return {
    own: own.flat(),
    parents: conditionsOf(kind, route, [...context, ...parents]).flatMap(
      (conditions) => conditions.find(({ type }) => type === 'Accepted') ?? [],
    ),
  };
}

/** The keys of the Gateways that a route names, be it by a ListenerSet. */
export function gatewaysOf(route: AnyRoute, surroundings: Surroundings): ObjectKey[] {
  const keys = (route.spec.parentRefs ?? []).flatMap((reference) => {
    const parent = parentOf(reference, route.metadata.namespace ?? '');
    if (parent === undefined) return [];
    if (parent.kind === 'Gateway') return parent.key;
    const set = surroundings.listenerSets.get(parent.key);
    return (set === undefined ? undefined : listenerSetGateway(set)) ?? [];
  });
  return [...new Set(keys)];
}

/** What is said of each listener that is written in a Gateway or a ListenerSet, by its name. */
export function dryRunListeners(
  owner: { kind: 'Gateway'; object: Gateway } | { kind: 'ListenerSet'; object: ListenerSet },
  surroundings: Surroundings,
): Map<string, ConditionContribution[]> {
  const { kind, object } = owner;
  const gateway = kind === 'Gateway' ? objectKey(object) : listenerSetGateway(object);
  const parent = kind === 'Gateway' || gateway === undefined ? undefined : surroundings.gateways.get(gateway);
  const changes: SourceChange[] = [
    ...namespaceOf(object, surroundings),
    ...certificatesOf(object, surroundings),
    ...grantsFor(object, surroundings),
    ...(kind === 'Gateway' ? [sourceChange('Gateway', object)] : [sourceChange('ListenerSet', object)]),
    ...(parent === undefined ? [] : [sourceChange('Gateway', parent)]),
  ];
  const said = saidOf(kind, objectKey(object), changes);
  return new Map(
    said !== undefined && 'listeners' in said ? said.listeners.map(({ name, conditions }) => [name, conditions]) : [],
  );
}

function conditionsOf(kind: RouteKind, route: AnyRoute, context: readonly SourceChange[]): ConditionContribution[][] {
  const said = saidOf(kind, objectKey(route), [...context, sourceChange(kind, route as never)]);
  return said !== undefined && 'parents' in said ? said.parents.map(({ conditions }) => conditions) : [];
}

function saidOf(kind: string, key: ObjectKey, changes: readonly SourceChange[]): StatusContribution | undefined {
  const translator = new Translator({
    binding: { address: '0.0.0.0', port: (port) => port },
    readiness: { address: '0.0.0.0', port: 1 },
  });
  translator.apply(changes);
  while (!translator.step(() => false));
  const { statuses, faults } = translator.takeOutput();
  const [fault] = faults;
  if (fault !== undefined) throw new Error(`The dry run failed in ${fault.where}.`, { cause: fault.error });
  return statuses.find((status) => status.kind === kind && status.key === key)?.contribution;
}

function gatewayForAny(kind: RouteKind): Gateway {
  return {
    apiVersion: `${gatewayGroup}/v1`,
    kind: 'Gateway',
    metadata: { ...anyGateway },
    spec: {
      gatewayClassName: 'any',
      listeners: [{ name: 'any', ...anyListener[kind], allowedRoutes: { namespaces: { from: 'All' } } }],
    },
  };
}

function gatewayWithSets(key: ObjectKey, surroundings: Surroundings): SourceChange[] {
  const { gateways, listenerSets } = surroundings;
  const gateway = gateways.get(key);
  if (gateway === undefined) return [];
  const sets = [...listenerSets.list()].filter((set: ListenerSet) => listenerSetGateway(set) === key);
  return [
    sourceChange('Gateway', gateway),
    ...sets.flatMap((set) => [sourceChange('ListenerSet', set), ...namespaceOf(set, surroundings)]),
  ];
}

interface Reference {
  group?: string;
  kind?: string;
  namespace?: string;
  name: string;
}

/** Everything in a route that refers to a backend. */
export function backendReferences(route: AnyRoute): Reference[] {
  return referencesIn(route, /^backendRefs?$/);
}

/** Everything in the fields of these names that refers to another object. */
function referencesIn({ spec }: KubernetesObject, fields: RegExp): Reference[] {
  const found: Reference[] = [];
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) for (const item of value) visit(item);
    else if (typeof value === 'object' && value !== null) {
      for (const [name, child] of Object.entries(value)) {
        if (fields.test(name)) found.push(...([child].flat() as Reference[]));
        visit(child);
      }
    }
  };
  visit(spec);
  return found;
}

const certificateFields = /[cC]ertificateRefs?$/;

function certificatesOf(object: KubernetesObject, { secrets, configMaps }: Surroundings): SourceChange[] {
  const now = Date.now();
  return referencesIn(object, certificateFields).flatMap((reference): SourceChange | [] => {
    const key = keyOf(reference.namespace ?? object.metadata.namespace ?? '', reference.name);
    if (reference.kind === 'ConfigMap') {
      const configMap = configMaps.get(key);
      return configMap === undefined ? [] : { kind: 'ConfigMap', key, object: readAuthorityConfigMap(configMap, now) };
    }
    const secret = secrets.get(key);
    return secret === undefined ? [] : { kind: 'Secret', key, object: readCertificate(secret, undefined, now) };
  });
}

function backendsOf(route: AnyRoute, { backends }: Surroundings): SourceChange[] {
  return backendReferences(route).flatMap(({ kind = 'Service', namespace = route.metadata.namespace ?? '', name }) => {
    const object = backends[kind as BackendKind]?.get(keyOf(namespace, name));
    return object === undefined ? [] : sourceChange(kind as BackendKind, object as never);
  });
}

function grantsFor(object: KubernetesObject, { referenceGrants }: Surroundings): SourceChange[] {
  const references = referencesIn(object, /^backendRefs?$|[cC]ertificateRefs?$/);
  const namespaces = new Set(references.map(({ namespace }) => namespace));
  return [...referenceGrants.list()]
    .filter(({ metadata }) => namespaces.has(metadata.namespace))
    .map((grant) => sourceChange('ReferenceGrant', grant));
}

/** Whose labels decide what lets an object in. */
function namespaceOf({ metadata }: KubernetesObject, { namespaces }: Surroundings): SourceChange[] {
  const namespace = namespaces.get(metadata.namespace ?? '');
  return namespace === undefined ? [] : [sourceChange('Namespace', namespace)];
}
