/** What a Gateway is configured with, from its class and itself. */
import type { GatewayConfiguration, GatewayConfigurationSpec } from '../../api/gatewayConfiguration.ts';
import type { Gateway, GatewayClass } from '../../api/gateway/index.ts';
import { group } from '../../api/names.ts';
import { keyOf, type ObjectKey } from '../../api/object.ts';
import { mergeConfigurations } from '../gatewayConfiguration/merge.ts';

export interface GatewayParameters {
  /** The two configurations merged, without `controlPlaneRef`. */
  templates: Pick<GatewayConfigurationSpec, 'dataPlane' | 'controlPlane'>;
  /** The ControlPlane that serves the Gateway instead of one of its own. */
  controlPlane?: ObjectKey;
}

/** A reference to parameters, with where it stands. */
interface Reference {
  /** Undefined where it names no namespace, as it must. */
  namespace: string | undefined;
  group: string;
  kind: string;
  name: string;
  where: string;
}

/** The GatewayConfiguration that a class names; undefined where it names none. */
export function classReference(gatewayClass: GatewayClass): Reference | undefined {
  const reference = gatewayClass.spec.parametersRef;
  return reference === undefined
    ? undefined
    : {
        ...reference,
        namespace: reference.namespace,
        where: `spec.parametersRef of GatewayClass ${gatewayClass.metadata.name}`,
      };
}

/** The GatewayConfiguration that a Gateway names; undefined where it names none. */
export function gatewayReference(gateway: Gateway): Reference | undefined {
  const reference = gateway.spec.infrastructure?.parametersRef;
  return reference === undefined
    ? undefined
    : {
        ...reference,
        namespace: gateway.metadata.namespace ?? '',
        where: `spec.infrastructure.parametersRef of Gateway ${gateway.metadata.namespace}/${gateway.metadata.name}`,
      };
}

/** The key of the GatewayConfiguration that a reference names; undefined where it names something else. */
export function referenceKey(reference: Reference | undefined): ObjectKey | undefined {
  if (reference === undefined || reference.group !== group || reference.kind !== 'GatewayConfiguration')
    return undefined;
  return reference.namespace === undefined ? undefined : keyOf(reference.namespace, reference.name);
}

/** What is wrong with a reference, as a sentence; undefined where it leads to a configuration. */
export function referenceProblem(
  reference: Reference,
  get: (key: ObjectKey) => GatewayConfiguration | undefined,
): string | undefined {
  if (reference.group !== group || reference.kind !== 'GatewayConfiguration') {
    return `${reference.where} names a ${reference.kind} of the group ${reference.group}: Sluice takes a GatewayConfiguration of the group ${group}.`;
  }
  if (reference.namespace === undefined)
    return `${reference.where} names no namespace: a GatewayConfiguration is in one.`;
  const key = keyOf(reference.namespace, reference.name);
  if (get(key) === undefined)
    return `${reference.where} names GatewayConfiguration ${key}, which does not exist. Create it or correct the name.`;
  return undefined;
}

/** The parameters of a Gateway, or what is wrong with them. */
export function gatewayParameters(
  gateway: Gateway,
  gatewayClass: GatewayClass,
  get: (key: ObjectKey) => GatewayConfiguration | undefined,
): { parameters: GatewayParameters } | { problem: string } {
  const references = [classReference(gatewayClass), gatewayReference(gateway)];
  const configurations: (GatewayConfiguration | undefined)[] = [];
  for (const reference of references) {
    const problem = reference === undefined ? undefined : referenceProblem(reference, get);
    if (problem !== undefined) return { problem };
    const key = referenceKey(reference);
    configurations.push(key === undefined ? undefined : get(key));
  }
  const [ofClass, ofGateway] = configurations;
  const merged = mergeConfigurations(ofClass?.spec, ofGateway?.spec);
  const { controlPlaneRef, ...templates } = merged;
  if (controlPlaneRef === undefined) return { parameters: { templates } };
  // The reference is local to the configuration that has it.
  const from = ofGateway?.spec?.controlPlaneRef === controlPlaneRef ? ofGateway : ofClass;
  return { parameters: { templates, controlPlane: keyOf(from?.metadata.namespace ?? '', controlPlaneRef.name) } };
}
