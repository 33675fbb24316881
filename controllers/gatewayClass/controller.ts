/** The GatewayClass controller: says of each class with our controller name whether it is accepted and what is supported. */
import type { GatewayConfiguration } from '../../api/gatewayConfiguration.ts';
import type { GatewayClass } from '../../api/gateway/index.ts';
import type { ConditionContribution, ObjectKey } from '../../api/object.ts';
import { classReference, referenceProblem } from '../gateway/parameters.ts';
import { isOurs } from '../topology.ts';
import type { Bundle } from './bundle.ts';

/** What a class is judged by. */
export interface GatewayClassSurroundings {
  configuration: (key: ObjectKey) => GatewayConfiguration | undefined;
  bundle: Bundle | undefined;
}

/** The conditions of a class of ours; undefined for another controller's. */
export function gatewayClassConditions(
  gatewayClass: GatewayClass,
  { configuration, bundle }: GatewayClassSurroundings,
): ConditionContribution[] | undefined {
  if (!isOurs(gatewayClass)) return undefined;
  const reference = classReference(gatewayClass);
  const problem = reference === undefined ? undefined : referenceProblem(reference, configuration);
  const unsupported = bundle?.unusable ?? bundle?.unknown;
  const accepted: ConditionContribution =
    bundle?.unusable !== undefined
      ? { type: 'Accepted', status: 'False', reason: 'UnsupportedVersion', message: bundle.unusable }
      : problem !== undefined
        ? { type: 'Accepted', status: 'False', reason: 'InvalidParameters', message: problem }
        : {
            type: 'Accepted',
            status: 'True',
            reason: 'Accepted',
            message: 'Gateways of this class are served by Sluice.',
          };
  return [
    accepted,
    unsupported === undefined
      ? {
          type: 'SupportedVersion',
          status: 'True',
          reason: 'SupportedVersion',
          message: `Gateway API ${bundle?.version ?? ''} is supported.`,
        }
      : { type: 'SupportedVersion', status: 'False', reason: 'UnsupportedVersion', message: unsupported },
  ];
}
