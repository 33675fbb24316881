/**
 * What is to be said of objects that the translation does not speak of: in a cluster nobody would, but who runs files wants to
 * know of each object whether it is in effect. Pure.
 */
import {
  type BackendTLSPolicy,
  type Gateway,
  type GatewayClass,
  gatewayGroup,
  type ListenerSet,
  type ParentReference,
  type PolicyAncestorStatus,
  type XBackendTrafficPolicy,
} from '../api/gateway/index.ts';
import { controllerName } from '../api/names.ts';
import { type ConditionContribution, keyOf, type KubernetesObject, type ObjectKey } from '../api/object.ts';

/** What is known of a class name. */
export type ClassVerdict =
  | { ours: true }
  | { ours: false; reason: 'GatewayClassNotFound' | 'OtherController'; message: string };

/** Says which classes are served here. */
export class GatewayClasses {
  readonly #own: ReadonlySet<string>;
  readonly #adopted: ReadonlySet<string>;
  #stated = new Map<string, GatewayClass>();

  /**
   * @param own names of classes that exist without standing in a file
   * @param adopted names of `--gateway-class`, served whatever controller the files name
   */
  constructor(own: Iterable<string>, adopted: Iterable<string>) {
    this.#own = new Set(own);
    this.#adopted = new Set(adopted);
  }

  /** States the classes of the files. */
  set(classes: Iterable<GatewayClass>): void {
    this.#stated = new Map([...classes].map((each) => [each.metadata.name, each]));
  }

  verdict(name: string): ClassVerdict {
    if (this.#adopted.has(name)) return { ours: true };
    const stated = this.#stated.get(name);
    if (stated !== undefined) {
      if (stated.spec.controllerName === controllerName) return { ours: true };
      const message = `GatewayClass ${name} belongs to the controller ${stated.spec.controllerName}: serve it here with --gateway-class ${name}, or write gatewayClassName: sluice`;
      return { ours: false, reason: 'OtherController', message };
    }
    if (this.#own.has(name)) return { ours: true };
    const message = `There is no GatewayClass ${name}: serve it here with --gateway-class ${name}, or write gatewayClassName: sluice`;
    return { ours: false, reason: 'GatewayClassNotFound', message };
  }
}

export function condition(
  type: string,
  status: ConditionContribution['status'],
  reason: string,
  message: string,
): ConditionContribution {
  return { type, status, reason, message };
}

/** Accepted of a GatewayClass. */
export function classConditions(verdict: ClassVerdict): ConditionContribution[] {
  return verdict.ours
    ? [condition('Accepted', 'True', 'Accepted', 'Gateways of this class are served')]
    : [condition('Accepted', 'False', verdict.reason, verdict.message)];
}

/** How objects are found that others refer to. */
export interface Finder {
  gateway: (key: ObjectKey) => Gateway | undefined;
  listenerSet: (key: ObjectKey) => ListenerSet | undefined;
}

/** The Gateway or ListenerSet that a reference names, where it is one and exists. */
export function parentObject(
  { group = gatewayGroup, kind = 'Gateway', name, namespace }: ParentReference,
  from: KubernetesObject,
  find: Finder,
): Gateway | ListenerSet | undefined {
  if (group !== gatewayGroup) return undefined;
  const key = keyOf(namespace ?? from.metadata.namespace ?? 'default', name);
  if (kind === 'ListenerSet') return find.listenerSet(key);
  return kind === 'Gateway' ? find.gateway(key) : undefined;
}

/** Why a parent reference leads to nothing that is served here; undefined where the control plane is to say more. */
export function parentFault(
  parentRef: ParentReference,
  from: KubernetesObject,
  find: Finder,
  classes: GatewayClasses,
): string | undefined {
  const { group = gatewayGroup, kind = 'Gateway', name } = parentRef;
  const key = keyOf(parentRef.namespace ?? from.metadata.namespace ?? 'default', name);
  // No chains: Gateways alone have ListenerSets, and two that name each other lead nowhere.
  if (from.kind === 'ListenerSet' && (group !== gatewayGroup || kind !== 'Gateway')) {
    return `The parent is ${kind} ${key}, which cannot have ListenerSets: name a Gateway`;
  }
  if (kind === 'Service' && group === '') {
    return `The parent is Service ${key}, but routes of a service mesh are not served: name a Gateway`;
  }
  if (group !== gatewayGroup || (kind !== 'Gateway' && kind !== 'ListenerSet')) {
    return `The parent is ${kind} ${key}, which cannot have routes here: name a Gateway`;
  }
  const parent = parentObject(parentRef, from, find);
  if (parent === undefined) {
    const field = from.kind === 'ListenerSet' ? 'parentRef' : 'parentRefs';
    return `${kind} ${key} does not exist: add it to the files, or correct ${field}`;
  }
  if ('parentRef' in parent.spec) {
    const fault = parentFault(parent.spec.parentRef, parent, find, classes);
    return fault === undefined ? undefined : `ListenerSet ${key} is not served. ${fault}`;
  }
  const verdict = classes.verdict((parent as Gateway).spec.gatewayClassName);
  return verdict.ours ? undefined : `Gateway ${key} is not served. ${verdict.message}`;
}

/** The conditions of a ListenerSet whose Gateway is not there or not served. */
export function orphanConditions(fault: string): ConditionContribution[] {
  return [
    condition('Accepted', 'False', 'ParentNotAccepted', fault),
    condition('Programmed', 'False', 'Invalid', fault),
  ];
}

/**
 * The conditions of kinds that are read and checked, but have no effect here.
 *
 * @returns undefined for kinds that have an effect, or no status
 */
export function unservedConditions(kind: string): ConditionContribution[] | undefined {
  switch (kind) {
    case 'XMesh':
      return [condition('Accepted', 'False', 'Unsupported', `${kind} is not served by Sluice, and has no effect`)];
    case 'ControlPlane':
    case 'DataPlane':
    case 'GatewayConfiguration':
      return [
        condition(
          'Ready',
          'False',
          'NotInCluster',
          `${kind} has an effect only in a cluster: sluice run starts an Envoy of its own and takes its settings from flags`,
        ),
      ];
    default:
      return undefined;
  }
}

/** What is said of a policy that no traffic meets: one entry for each target. */
export function idlePolicyAncestors(
  policy: BackendTLSPolicy | XBackendTrafficPolicy,
): { ancestorRef: PolicyAncestorStatus['ancestorRef']; conditions: ConditionContribution[] }[] {
  const seen = new Set<string>();
  return policy.spec.targetRefs.flatMap(({ group, kind, name }) => {
    const id = `${group}/${kind}/${name}`;
    if (seen.has(id)) return [];
    seen.add(id);
    const message = `No route that is served here sends traffic to ${kind} ${name}, so that the policy has no effect`;
    return [{ ancestorRef: { group, kind, name }, conditions: [condition('Accepted', 'False', 'NotInUse', message)] }];
  });
}
