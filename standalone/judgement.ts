/**
 * What is to be said of objects that the translation does not speak of: in a cluster nobody would, but who runs files wants to
 * know of each object whether it is in effect. Pure.
 */
import {
  type BackendTLSPolicy,
  type BackendTLSPolicyStatus,
  type Gateway,
  type GatewayClass,
  gatewayGroup,
  type ParentReference,
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

/** Why a parent reference of a route leads to nothing that is served here. */
export function parentFault(
  parentRef: ParentReference,
  route: KubernetesObject,
  gateways: (key: ObjectKey) => Gateway | undefined,
  classes: GatewayClasses,
): string {
  const { group = gatewayGroup, kind = 'Gateway', name } = parentRef;
  const namespace = parentRef.namespace ?? route.metadata.namespace ?? 'default';
  if (kind === 'Service' && group === '') {
    return `The parent is Service ${keyOf(namespace, name)}, but routes of a service mesh are not served: name a Gateway`;
  }
  if (group !== gatewayGroup || kind !== 'Gateway') {
    return `The parent is ${kind} ${keyOf(namespace, name)}, which cannot have routes here: name a Gateway`;
  }
  const gateway = gateways(keyOf(namespace, name));
  if (gateway === undefined) {
    return `Gateway ${keyOf(namespace, name)} does not exist: add it to the files, or correct parentRefs`;
  }
  const verdict = classes.verdict(gateway.spec.gatewayClassName);
  return verdict.ours
    ? `Gateway ${keyOf(namespace, name)} does not take a ${route.kind}`
    : `Gateway ${keyOf(namespace, name)} is not served. ${verdict.message}`;
}

function unserved(kind: string): string {
  return `${kind} is not served by this version of Sluice`;
}

/**
 * The conditions of kinds that are read and checked, but have no effect here.
 *
 * @returns undefined for kinds that have an effect, or no status
 */
export function unservedConditions(kind: string): ConditionContribution[] | undefined {
  switch (kind) {
    case 'ListenerSet':
      return ['Accepted', 'Programmed'].map((type) =>
        condition(
          type,
          'False',
          type === 'Accepted' ? 'NotAllowed' : 'Invalid',
          `${unserved(kind)}: write its listeners into the Gateway`,
        ),
      );
    case 'XBackend':
    case 'XBackendTrafficPolicy':
    case 'XMesh':
      return [condition('Accepted', 'False', 'Unsupported', `${unserved(kind)}, and has no effect`)];
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

/** The status of a BackendTLSPolicy: one ancestor for each target, as long as no Gateway takes it up. */
export function unservedPolicyAncestors(
  policy: BackendTLSPolicy,
): { ancestorRef: BackendTLSPolicyStatus['ancestors'][number]['ancestorRef']; conditions: ConditionContribution[] }[] {
  const message = `${unserved('BackendTLSPolicy')}: requests reach the target without TLS`;
  const seen = new Set<string>();
  return policy.spec.targetRefs.flatMap(({ group, kind, name }) => {
    const id = `${group}/${kind}/${name}`;
    if (seen.has(id)) return [];
    seen.add(id);
    return [{ ancestorRef: { group, kind, name }, conditions: [condition('Accepted', 'False', 'Invalid', message)] }];
  });
}
