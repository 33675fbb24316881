/** The GatewayConfiguration controller: says who uses a configuration and what is wrong with it. */
import type { GatewayConfiguration, GatewayConfigurationReason } from '../../api/gatewayConfiguration.ts';
import type { Gateway, GatewayClass } from '../../api/gateway/index.ts';
import { keyOf, objectKey, type ConditionContribution, type ObjectKey } from '../../api/object.ts';
import { classReference, gatewayReference, referenceKey } from '../gateway/parameters.ts';
import { isOurs } from '../topology.ts';

/** What a configuration is judged by. */
export interface GatewayConfigurationSurroundings {
  gatewayClasses: Iterable<GatewayClass>;
  gateways: Iterable<Gateway>;
  hasControlPlane: (key: ObjectKey) => boolean;
  /** Why a Gateway that uses it cannot have its objects, as the API server says. */
  failure: (gateway: ObjectKey) => string | undefined;
}

/** Users that are named in a message; of the rest only the number is told. */
const named = 5;

/** The conditions of a configuration. */
export function gatewayConfigurationConditions(
  configuration: GatewayConfiguration,
  { gatewayClasses, gateways, hasControlPlane, failure }: GatewayConfigurationSurroundings,
): ConditionContribution[] {
  const key = objectKey(configuration);
  const ours = [...gatewayClasses].filter(isOurs);
  const classes = ours
    .filter((gatewayClass) => referenceKey(classReference(gatewayClass)) === key)
    .map(({ metadata }) => metadata.name);
  const all = [...gateways].filter(({ spec }) => ours.some(({ metadata }) => metadata.name === spec.gatewayClassName));
  const users = all.filter((gateway) => referenceKey(gatewayReference(gateway)) === key);
  const affected = [...users, ...all.filter(({ spec }) => classes.includes(spec.gatewayClassName))];
  return [accepted(configuration, hasControlPlane, affected, failure), referenced(classes, users.map(objectKey))];
}

function accepted(
  { metadata, spec }: GatewayConfiguration,
  hasControlPlane: (key: ObjectKey) => boolean,
  affected: readonly Gateway[],
  failure: (gateway: ObjectKey) => string | undefined,
): ConditionContribution {
  const not = (reason: GatewayConfigurationReason<'Accepted'>, message: string): ConditionContribution => ({
    type: 'Accepted',
    status: 'False',
    reason,
    message,
  });
  const reference = spec?.controlPlaneRef?.name;
  if (reference !== undefined && !hasControlPlane(keyOf(metadata.namespace ?? '', reference))) {
    return not(
      'ControlPlaneNotFound',
      `controlPlaneRef names ControlPlane ${metadata.namespace}/${reference}, which does not exist. Create it or correct the name.`,
    );
  }
  for (const gateway of affected) {
    const message = failure(objectKey(gateway));
    if (message !== undefined)
      return not('Invalid', `Gateway ${objectKey(gateway)} cannot be made with it: ${message}`);
  }
  return {
    type: 'Accepted',
    status: 'True',
    reason: 'Accepted',
    message: 'The configuration is in effect wherever it is referenced.',
  };
}

function referenced(classes: readonly string[], gateways: readonly ObjectKey[]): ConditionContribution {
  const users = [...classes.map((name) => `GatewayClass ${name}`), ...gateways.map((key) => `Gateway ${key}`)];
  if (users.length === 0) {
    return {
      type: 'Referenced',
      status: 'False',
      reason: 'NotReferenced',
      message:
        'Nothing uses it. Name it in parametersRef of a GatewayClass, or in infrastructure.parametersRef of a Gateway.',
    };
  }
  const rest = users.length > named ? ` and ${users.length - named} more` : '';
  return {
    type: 'Referenced',
    status: 'True',
    reason: 'Referenced',
    message: `Used by ${users.slice(0, named).join(', ')}${rest}.`,
  };
}
