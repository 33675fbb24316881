/** GatewayConfiguration: parameters of a GatewayClass or a Gateway. */
import { z } from 'zod';
import { controlPlaneTemplate } from './controlPlane.ts';
import { dataPlaneTemplate } from './dataPlane.ts';
import { conditions, localReference } from './fields.ts';
import { ageColumn, conditionColumn, type KindDefinition, reasonColumn, type ReasonOf, rules } from './kind.ts';
import type { KubernetesObject } from './object.ts';

export const gatewayConfigurationSpec = z
  .object({
    dataPlane: dataPlaneTemplate.describe('Fields of the DataPlane that each Gateway gets.').exactOptional(),
    controlPlane: controlPlaneTemplate.describe('Fields of the ControlPlane that each Gateway gets.').exactOptional(),
    controlPlaneRef: localReference('ControlPlane')
      .describe(
        'An existing ControlPlane, with its DataPlane, that serves the Gateways instead of a pair of their own. ' +
          'Gateways that name the same one are merged onto it.',
      )
      .exactOptional(),
  })
  .meta(
    rules(
      {
        rule: '!has(self.controlPlaneRef) || !has(self.dataPlane)',
        message: 'controlPlaneRef brings its own DataPlane: remove dataPlane, or remove controlPlaneRef',
        fieldPath: '.dataPlane',
      },
      {
        rule: '!has(self.controlPlaneRef) || !has(self.controlPlane)',
        message: 'controlPlaneRef names an existing ControlPlane: remove controlPlane, or remove controlPlaneRef',
        fieldPath: '.controlPlane',
      },
    ),
  );

export const gatewayConfigurationStatus = z.object({
  conditions: conditions.describe('Accepted and Referenced.').exactOptional(),
});

export const gatewayConfigurationReasons = {
  Accepted: {
    Accepted: 'The configuration is valid and in effect wherever it is referenced.',
    Invalid: 'The configuration cannot be used; the message says which field and why.',
    ControlPlaneNotFound: 'No ControlPlane has the name in controlPlaneRef; make it or correct the name.',
  },
  Referenced: {
    Referenced: 'GatewayClasses or Gateways use it; the message names them.',
    NotReferenced:
      'Nothing uses it; name it in parametersRef of a GatewayClass, or in infrastructure.parametersRef of a Gateway.',
  },
} as const;
export type GatewayConfigurationReason<Type extends keyof typeof gatewayConfigurationReasons> = ReasonOf<
  typeof gatewayConfigurationReasons,
  Type
>;

export const gatewayConfigurationKind = {
  kind: 'GatewayConfiguration',
  singular: 'gatewayconfiguration',
  plural: 'gatewayconfigurations',
  shortNames: ['gwcfg'],
  description:
    'GatewayConfiguration holds parameters of Gateways. A GatewayClass names one in spec.parametersRef, a Gateway in ' +
    "spec.infrastructure.parametersRef; the Gateway's is merged over that of its class, field by field.",
  spec: gatewayConfigurationSpec,
  specRequired: false,
  status: gatewayConfigurationStatus,
  printerColumns: [
    conditionColumn('Accepted', 'Whether it can be used.'),
    conditionColumn('Referenced', 'Whether a GatewayClass or Gateway uses it.'),
    reasonColumn('Accepted'),
    ageColumn,
  ],
  reasons: gatewayConfigurationReasons,
} as const satisfies KindDefinition;

export type GatewayConfigurationSpec = z.output<typeof gatewayConfigurationSpec>;
export type GatewayConfigurationStatus = z.output<typeof gatewayConfigurationStatus>;
export interface GatewayConfiguration extends KubernetesObject<GatewayConfigurationSpec, GatewayConfigurationStatus> {
  spec: GatewayConfigurationSpec;
}
