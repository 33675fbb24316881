/** ControlPlane: what translates the objects of some namespaces for one DataPlane. */
import { z } from 'zod';
import { conditions, localReference, namespaceName } from './fields.ts';
import { ageColumn, conditionColumn, type KindDefinition, reasonColumn, type ReasonOf, rules } from './kind.ts';
import type { KubernetesObject } from './object.ts';

const namespaceList = z.array(namespaceName).min(1).max(256).meta({ 'x-kubernetes-list-type': 'set' });

/** One unit: merging or applying it replaces the whole, for a type of one and a list of another mean nothing together. */
const watchNamespaces = z
  .object({
    type: z
      .enum(['all', 'own', 'list'])
      .describe('all: every namespace. own: the namespace of the ControlPlane. list: those that are listed.'),
    list: namespaceList.describe('The namespaces, where type is list.').exactOptional(),
  })
  .meta({
    'x-kubernetes-map-type': 'atomic',
    ...rules(
      {
        rule: "self.type != 'list' || has(self.list)",
        message: 'type list needs the names of the namespaces in list',
        reason: 'FieldValueRequired',
        fieldPath: '.list',
      },
      {
        rule: "self.type == 'list' || !has(self.list)",
        message: 'list is read only with type list: set the type or remove the list',
        fieldPath: '.list',
      },
    ),
  });
const watchNamespacesDescription =
  'The namespaces whose Gateways, routes, Services and Secrets are read. Objects of other namespaces are as if they did not exist.';

/**
 * What a GatewayConfiguration says of ControlPlanes: the same fields without defaults, and without `dataPlaneRef`,
 * which is the DataPlane that the Gateway makes.
 */
export const controlPlaneTemplate = z.object({
  watchNamespaces: watchNamespaces.describe(watchNamespacesDescription).exactOptional(),
});

export const controlPlaneSpec = z.object({
  dataPlaneRef: localReference('DataPlane')
    .meta(
      rules({
        rule: 'self == oldSelf',
        message: 'dataPlaneRef cannot be changed: make another ControlPlane for the other DataPlane',
      }),
    )
    .describe('The DataPlane that is configured. A DataPlane has one ControlPlane: the oldest that names it.'),
  watchNamespaces: watchNamespaces.default({ type: 'all' }).describe(watchNamespacesDescription),
});

export const controlPlaneStatus = z.object({
  conditions: conditions.describe('Accepted, Ready and Programmed.').exactOptional(),
  dataPlaneRef: localReference('DataPlane').describe('The DataPlane that is configured.').exactOptional(),
  watchNamespaces: z
    .object({
      type: z.enum(['all', 'own', 'list']).describe('The type in effect.'),
      list: namespaceList.describe('The namespaces that are read, unless all are.').exactOptional(),
    })
    .meta({ 'x-kubernetes-map-type': 'atomic' })
    .describe('The namespaces that are read, as they are in effect.')
    .exactOptional(),
});

export const controlPlaneReasons = {
  Accepted: {
    Accepted: 'The ControlPlane configures its DataPlane.',
    DataPlaneNotFound: 'No DataPlane has the name in dataPlaneRef; make it or correct the name.',
    DataPlaneTaken: 'An older ControlPlane configures that DataPlane; the message names it.',
    NamespacesForbidden:
      'The operator may not read objects of a namespace; grant its ServiceAccount what the message names.',
  },
  Ready: {
    Ready: 'All objects were read and the configuration is made from them.',
    Starting: 'Objects are still being read; proxies keep what they have.',
    CacheNotSynced: 'Objects of a kind cannot be read; the message says which and why.',
    NotAccepted: 'The ControlPlane is not accepted; see that condition.',
  },
  Programmed: {
    Programmed: 'Every connected proxy has acknowledged the current configuration.',
    Pending: 'Some proxies have not acknowledged the current configuration yet; the message says n of m.',
    NoProxies: 'No proxy is connected.',
    Rejected: 'A proxy refused a part of the configuration and keeps the last good one; the message has its words.',
    NotReady: 'No configuration is made yet; see the condition Ready.',
  },
} as const;
export type ControlPlaneReason<Type extends keyof typeof controlPlaneReasons> = ReasonOf<
  typeof controlPlaneReasons,
  Type
>;

export const controlPlaneKind = {
  kind: 'ControlPlane',
  singular: 'controlplane',
  plural: 'controlplanes',
  shortNames: ['cp'],
  description:
    'ControlPlane translates the Gateways and routes of some namespaces into the configuration of one DataPlane. ' +
    'A Gateway makes its own; one is written by hand to be shared by several Gateways.',
  spec: controlPlaneSpec,
  specRequired: true,
  status: controlPlaneStatus,
  printerColumns: [
    { name: 'DataPlane', type: 'string', jsonPath: '.spec.dataPlaneRef.name', description: 'What it configures.' },
    conditionColumn('Ready', 'Whether all objects were read.'),
    conditionColumn('Programmed', 'Whether every proxy has acknowledged its configuration.'),
    {
      name: 'Namespaces',
      type: 'string',
      jsonPath: '.status.watchNamespaces.type',
      description: 'Which namespaces are read.',
      priority: 1,
    },
    reasonColumn('Ready'),
    ageColumn,
  ],
  reasons: controlPlaneReasons,
} as const satisfies KindDefinition;

/** The spec as it is read: defaults are filled in. */
export type ControlPlaneSpec = z.output<typeof controlPlaneSpec>;
/** The spec as it is written: what has a default may be left out. */
export type ControlPlaneSpecInput = z.input<typeof controlPlaneSpec>;
export type ControlPlaneTemplate = z.output<typeof controlPlaneTemplate>;
export type ControlPlaneStatus = z.output<typeof controlPlaneStatus>;
export type WatchNamespaces = ControlPlaneSpec['watchNamespaces'];
export interface ControlPlane extends KubernetesObject<ControlPlaneSpec, ControlPlaneStatus> {
  spec: ControlPlaneSpec;
}
