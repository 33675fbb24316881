/** DataPlane: a fleet of Envoy proxies. */
import { z } from 'zod';
import {
  annotationMap,
  anyObject,
  conditions,
  configurationStatus,
  duration,
  labelMap,
  resourceRequirements,
} from './fields.ts';
import { ageColumn, conditionColumn, type KindDefinition, reasonColumn, type ReasonOf, rules } from './kind.ts';
import type { KubernetesObject } from './object.ts';

const replicas = z.int32().min(0).max(1000);
const replicasDescription =
  'How many proxies run. A HorizontalPodAutoscaler that targets this DataPlane sets it through the scale subresource.';

/** `spec.deployment` without defaults. */
const deploymentTemplate = z.object({
  replicas: replicas.describe(replicasDescription).exactOptional(),
  image: z
    .string()
    .min(1)
    .max(512)
    .regex(/^\S+$/)
    .describe('Image of the Envoy container. Left out: the Envoy release that this operator is tested with.')
    .exactOptional(),
  resources: resourceRequirements.describe('Requests and limits of the Envoy container.').exactOptional(),
  podTemplate: anyObject
    .describe(
      'A PodTemplateSpec (metadata, spec) that is merged over the generated one by strategic merge patch, as kubectl patch does: ' +
        'name a container to change it (the proxy is called envoy), add one to run a sidecar, use $patch directives to remove.',
    )
    .exactOptional(),
});

const serviceType = z.enum(['ClusterIP', 'NodePort', 'LoadBalancer']);
const serviceTypeDescription =
  'How the proxies are reached: LoadBalancer asks the infrastructure for an address, NodePort opens ports on every node, ' +
  'ClusterIP stays inside the cluster.';

const serviceRules = rules(
  {
    rule: "!has(self.type) || self.type == 'LoadBalancer' || !has(self.loadBalancerClass)",
    message: 'loadBalancerClass needs type LoadBalancer: set the type or remove the class',
    fieldPath: '.loadBalancerClass',
  },
  {
    rule: "!has(self.type) || self.type == 'LoadBalancer' || !has(self.loadBalancerSourceRanges)",
    message: 'loadBalancerSourceRanges need type LoadBalancer: set the type or remove the ranges',
    fieldPath: '.loadBalancerSourceRanges',
  },
  {
    rule: "!has(self.type) || self.type != 'ClusterIP' || !has(self.externalTrafficPolicy)",
    message: 'externalTrafficPolicy needs type NodePort or LoadBalancer: no external traffic reaches a ClusterIP',
    fieldPath: '.externalTrafficPolicy',
  },
);

/** `spec.service` without defaults. */
const serviceTemplate = z
  .object({
    type: serviceType.describe(serviceTypeDescription).exactOptional(),
    annotations: annotationMap
      .describe('Annotations of the Service; cloud providers read their load balancer settings from there.')
      .exactOptional(),
    labels: labelMap.describe('Labels of the Service, beside those that Sluice sets.').exactOptional(),
    externalTrafficPolicy: z
      .enum(['Cluster', 'Local'])
      .describe(
        'Local keeps the address of the client and skips nodes without a proxy; Cluster spreads over all nodes.',
      )
      .exactOptional(),
    loadBalancerClass: z
      .string()
      .min(1)
      .max(316)
      .regex(
        /^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/,
      )
      .describe('Which load balancer implementation gives the address. Left out: the default of the cluster.')
      .exactOptional(),
    loadBalancerSourceRanges: z
      .array(
        z
          .string()
          .min(1)
          .max(49)
          .meta(
            rules({
              rule: 'isCIDR(self)',
              message: 'a source range is an address block as in 192.0.2.0/24 or 2001:db8::/32',
            }),
          ),
      )
      .max(128)
      .meta({ 'x-kubernetes-list-type': 'set' })
      .describe('The only address blocks whose clients the load balancer lets in, where it supports that.')
      .exactOptional(),
  })
  .meta(serviceRules);

const logLevel = z.enum(['trace', 'debug', 'info', 'warning', 'error', 'critical']);
const logLevelDescription = 'The least severe messages that Envoy logs.';
const drainTimeout = duration.meta(
  rules({ rule: "duration(self) <= duration('1h')", message: 'a proxy drains for at most 1h' }),
);
const drainTimeoutDescription =
  'How long a proxy that ends, or a listener that is replaced, lets open requests and connections finish.';

/** `spec.envoy` without defaults. */
const envoyTemplate = z.object({
  logLevel: logLevel.describe(logLevelDescription).exactOptional(),
  concurrency: z
    .int32()
    .min(1)
    .max(1024)
    .describe(
      'Worker threads of each proxy. Left out: the CPU limit rounded up, or one per CPU of the node without a limit.',
    )
    .exactOptional(),
  drainTimeout: drainTimeout.describe(drainTimeoutDescription).exactOptional(),
});

/** What a GatewayConfiguration says of DataPlanes: the same fields, none of which has a default, so that templates merge. */
export const dataPlaneTemplate = z.object({
  deployment: deploymentTemplate.describe('The Pods of the proxies.').exactOptional(),
  service: serviceTemplate.describe('The Service in front of the proxies.').exactOptional(),
  envoy: envoyTemplate.describe('The Envoy process.').exactOptional(),
});

export const dataPlaneSpec = z.object({
  deployment: deploymentTemplate
    .extend({ replicas: replicas.default(1).describe(replicasDescription) })
    .prefault({})
    .describe('The Pods of the proxies.'),
  service: serviceTemplate
    .extend({ type: serviceType.default('LoadBalancer').describe(serviceTypeDescription) })
    .meta(serviceRules)
    .prefault({})
    .describe('The Service in front of the proxies. Its ports are those of the listeners.'),
  envoy: envoyTemplate
    .extend({
      logLevel: logLevel.default('warning').describe(logLevelDescription),
      drainTimeout: drainTimeout.default('60s').describe(drainTimeoutDescription),
    })
    .prefault({})
    .describe('The Envoy process.'),
});

export const dataPlaneStatus = z.object({
  conditions: conditions.describe('Accepted, Ready and Programmed.').exactOptional(),
  addresses: z
    .array(
      z.object({
        type: z.enum(['IPAddress', 'Hostname']).describe('What the value is.'),
        value: z.string().min(1).max(253).describe('The address or name.'),
      }),
    )
    .max(16)
    .meta({ 'x-kubernetes-list-type': 'atomic' })
    .describe('Where clients reach the proxies.')
    .exactOptional(),
  selector: z
    .string()
    .max(1024)
    .describe('Label selector of the proxy Pods, as the scale subresource needs it.')
    .exactOptional(),
  replicas: z.int32().min(0).describe('How many proxy Pods exist.').exactOptional(),
  readyReplicas: z
    .int32()
    .min(0)
    .describe('How many proxy Pods are ready: they serve a configuration.')
    .exactOptional(),
  configuration: configurationStatus.describe('How far the configuration has reached the proxies.').exactOptional(),
});

export const dataPlaneReasons = {
  Accepted: {
    Accepted: 'The DataPlane is valid and its objects are kept as it says.',
    InvalidPodTemplate:
      'spec.deployment.podTemplate does not merge into a Pod template; the message quotes the API server.',
    Conflict:
      'An object of the name that the DataPlane needs belongs to someone else; rename the DataPlane or remove that object.',
    Invalid:
      'The API server refuses an object that the DataPlane needs as spec asks for it; the message has its words.',
    Forbidden:
      'The operator may not write an object it needs; grant its ServiceAccount the permission that the message names.',
  },
  Ready: {
    Ready: 'Every proxy Pod is ready.',
    Pending: 'Proxy Pods are being started, replaced or stopped; the message counts them.',
    PodsNotReady: 'Proxy Pods fail or cannot be scheduled; the message quotes the first reason.',
    ScaledToZero: 'deployment.replicas is 0, so nothing serves.',
    AddressPending: 'No address was given to the Service yet; the message says what gives one.',
    NotAccepted: 'The DataPlane is not accepted; see that condition.',
  },
  Programmed: {
    Programmed: 'Every connected proxy has acknowledged the current configuration.',
    Pending: 'Some proxies have not acknowledged the current configuration yet; the message says n of m.',
    NoControlPlane: 'No ControlPlane names this DataPlane, so its proxies serve an empty configuration.',
    NoProxies: 'No proxy is connected.',
    Rejected: 'A proxy refused a part of the configuration and keeps the last good one; the message has its words.',
  },
} as const;
export type DataPlaneReason<Type extends keyof typeof dataPlaneReasons> = ReasonOf<typeof dataPlaneReasons, Type>;

export const dataPlaneKind = {
  kind: 'DataPlane',
  singular: 'dataplane',
  plural: 'dataplanes',
  shortNames: ['dp'],
  description:
    'DataPlane runs a fleet of Envoy proxies: a Deployment, a Service, a ServiceAccount, a ConfigMap and certificates. ' +
    'A ControlPlane that names it gives it a configuration. A Gateway makes its own; one is written by hand to be shared or used alone.',
  spec: dataPlaneSpec,
  specRequired: false,
  status: dataPlaneStatus,
  rules: [
    {
      rule: "self.metadata.name.matches('^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$')",
      message:
        'the name becomes that of a Service: at most 63 lowercase letters, digits and hyphens, first a letter, last no hyphen',
    },
  ],
  printerColumns: [
    conditionColumn('Ready', 'Whether every proxy is ready.'),
    conditionColumn('Programmed', 'Whether every proxy has acknowledged its configuration.'),
    { name: 'Proxies', type: 'integer', jsonPath: '.status.readyReplicas', description: 'Ready proxies.' },
    { name: 'Address', type: 'string', jsonPath: '.status.addresses[0].value', description: 'First address.' },
    {
      name: 'Acknowledged',
      type: 'integer',
      jsonPath: '.status.configuration.acknowledged',
      description: 'Proxies that have acknowledged the current configuration.',
      priority: 1,
    },
    reasonColumn('Ready'),
    ageColumn,
  ],
  scale: {
    specReplicasPath: '.spec.deployment.replicas',
    statusReplicasPath: '.status.replicas',
    labelSelectorPath: '.status.selector',
  },
  reasons: dataPlaneReasons,
} as const satisfies KindDefinition;

/** The spec as it is read: defaults are filled in. */
export type DataPlaneSpec = z.output<typeof dataPlaneSpec>;
/** The spec as it is written: what has a default may be left out. */
export type DataPlaneSpecInput = z.input<typeof dataPlaneSpec>;
export type DataPlaneTemplate = z.output<typeof dataPlaneTemplate>;
export type DataPlaneStatus = z.output<typeof dataPlaneStatus>;
export type DataPlaneAddress = NonNullable<DataPlaneStatus['addresses']>[number];
export interface DataPlane extends KubernetesObject<DataPlaneSpec, DataPlaneStatus> {
  spec: DataPlaneSpec;
}
