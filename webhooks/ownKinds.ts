/** Judges the kinds of ours. What one object alone says is judged by the rules of its definition (CEL). */
import type { ControlPlane } from '../api/controlPlane.ts';
import type { GatewayConfiguration } from '../api/gatewayConfiguration.ts';
import { keyOf } from '../api/object.ts';
import type { Verdict } from './admissionReview.ts';
import type { Surroundings } from './surroundings.ts';

export function judgeControlPlane({ metadata, spec }: ControlPlane, surroundings: Surroundings): Verdict {
  const namespace = metadata.namespace ?? '';
  const dataPlane = keyOf(namespace, spec.dataPlaneRef.name);
  const warnings: string[] = [];
  if (surroundings.dataPlanes.get(dataPlane) === undefined) {
    warnings.push(`DataPlane ${dataPlane} does not exist: the ControlPlane configures nothing until it does`);
  }
  for (const other of surroundings.controlPlanes.list()) {
    if (other.metadata.namespace !== namespace || other.metadata.name === metadata.name) continue;
    if (other.spec.dataPlaneRef.name !== spec.dataPlaneRef.name) continue;
    warnings.push(
      `ControlPlane ${namespace}/${other.metadata.name} names DataPlane ${dataPlane}, too: only the older one configures it`,
    );
  }
  return { warnings };
}

export function judgeGatewayConfiguration(
  { metadata, spec }: GatewayConfiguration,
  surroundings: Surroundings,
): Verdict {
  const reference = spec?.controlPlaneRef?.name;
  if (reference === undefined) return { warnings: [] };
  const key = keyOf(metadata.namespace ?? '', reference);
  if (surroundings.controlPlanes.get(key) !== undefined) return { warnings: [] };
  return { warnings: [`ControlPlane ${key} does not exist: Gateways stay where they are until it does`] };
}
