/** The status of a DataPlane, made of what was observed. Pure. */
import type { Service } from '../../api/core.ts';
import type { DataPlane, DataPlaneAddress, DataPlaneReason, DataPlaneStatus } from '../../api/dataPlane.ts';
import type { ConditionContribution } from '../../api/object.ts';
import type { Deployment, Pod } from '../kubernetes.ts';
import { selectorLabels, selectorText } from './names.ts';
import { podProblem } from './podProblem.ts';

/** How far the configuration has reached the proxies. */
export interface FleetConfiguration {
  /** Empty while nothing is published. */
  version: string;
  acknowledged: number;
  /** Proxies that are connected. */
  total: number;
  /** Envoy's own words on what it refuses. */
  rejection?: string;
}

/** What the reconciler saw. */
export interface DataPlaneObservation {
  /** Why the objects are not as the DataPlane wants them. */
  problem?: { reason: DataPlaneReason<'Accepted'>; message: string };
  deployment?: Deployment;
  pods: readonly Pod[];
  service?: Service;
  /** Whether there is a listener, so that a Service is wanted. */
  hasListeners: boolean;
  /** The ControlPlane that configures it, if there is one. */
  controlPlane?: string;
  /** Whether a Gateway made it, which makes a ControlPlane with it. */
  isOfGateway?: boolean;
  configuration: FleetConfiguration;
  requestedAddress?: string;
}

/** A status whose conditions have no times yet. */
export type DataPlaneStatusContribution = Omit<DataPlaneStatus, 'conditions'> & { conditions: ConditionContribution[] };

/** The status that the DataPlane must have now. */
export function dataPlaneStatus(dataPlane: DataPlane, observation: DataPlaneObservation): DataPlaneStatusContribution {
  const addresses = addressesOf(observation.service);
  const status = observation.deployment?.status;
  return {
    conditions: [accepted(observation), ready(dataPlane, observation, addresses), programmed(observation)],
    addresses,
    selector: selectorText(selectorLabels(dataPlane.metadata.name)),
    replicas: status?.replicas ?? 0,
    readyReplicas: status?.readyReplicas ?? 0,
    configuration: {
      version: observation.configuration.version,
      acknowledged: observation.configuration.acknowledged,
      total: observation.configuration.total,
    },
  };
}

function accepted({ problem }: DataPlaneObservation): ConditionContribution {
  if (problem !== undefined) return { type: 'Accepted', status: 'False', ...problem };
  return {
    type: 'Accepted',
    status: 'True',
    reason: 'Accepted',
    message: 'The objects of the DataPlane are as it says.',
  };
}

function ready(
  dataPlane: DataPlane,
  observation: DataPlaneObservation,
  addresses: readonly DataPlaneAddress[],
): ConditionContribution {
  const { problem, deployment, pods, service } = observation;
  if (problem !== undefined) return notReady('NotAccepted', problem.message);
  const wanted = deployment?.spec?.replicas ?? dataPlane.spec.deployment.replicas ?? 1;
  if (wanted === 0)
    return notReady('ScaledToZero', 'deployment.replicas is 0, so no proxy runs. Set it to 1 or more to serve.');
  const failing = podProblem(pods);
  const { observedGeneration = 0, readyReplicas = 0, updatedReplicas = 0, replicas = 0 } = deployment?.status ?? {};
  const current = observedGeneration >= (deployment?.metadata.generation ?? 1);
  const complete = current && readyReplicas >= wanted && updatedReplicas >= wanted;
  if (!complete) {
    if (failing !== undefined) return notReady('PodsNotReady', failing);
    const refused = deployment?.status?.conditions?.find(
      (condition) => condition.type === 'ReplicaFailure' && condition.status === 'True',
    );
    if (refused !== undefined)
      return notReady('PodsNotReady', `Pods cannot be created: ${refused.message ?? refused.reason ?? ''}`);
    return notReady(
      'Pending',
      updatedReplicas < wanted && replicas > 0
        ? `${updatedReplicas} of ${wanted} proxies run the present Pod template; ${readyReplicas} are ready.`
        : `${readyReplicas} of ${wanted} proxies are ready.`,
    );
  }
  if (observation.hasListeners && addresses.length === 0)
    return notReady('AddressPending', addressPending(service, observation.requestedAddress));
  return {
    type: 'Ready',
    status: 'True',
    reason: 'Ready',
    message: `${readyReplicas} of ${wanted} proxies are ready.`,
  };
}

function programmed({ controlPlane, isOfGateway, configuration }: DataPlaneObservation): ConditionContribution {
  const { acknowledged, total, rejection } = configuration;
  if (controlPlane === undefined && isOfGateway === true)
    return notProgrammed('Pending', 'The ControlPlane of the Gateway is being created.');
  if (controlPlane === undefined) {
    return notProgrammed(
      'NoControlPlane',
      'No ControlPlane names this DataPlane, so its proxies serve an empty configuration. Create one with this name in dataPlaneRef.',
    );
  }
  if (rejection !== undefined)
    return notProgrammed('Rejected', `A proxy refused a part of the configuration and keeps what it had: ${rejection}`);
  if (total === 0) return notProgrammed('NoProxies', 'No proxy is connected to the operator.');
  if (acknowledged < total)
    return notProgrammed('Pending', `${acknowledged} of ${total} proxies have acknowledged the present configuration.`);
  return {
    type: 'Programmed',
    status: 'True',
    reason: 'Programmed',
    message: `${acknowledged} of ${total} proxies have acknowledged the present configuration.`,
  };
}

/** Where callers reach a Service: what its load balancer gave, else what is asked for or the address inside the cluster. */
export function addressesOf(service: Service | undefined): DataPlaneAddress[] {
  if (service === undefined) return [];
  if (service.spec?.type === 'LoadBalancer') {
    return (service.status?.loadBalancer?.ingress ?? [])
      .flatMap((ingress): DataPlaneAddress[] => {
        if (ingress.ip !== undefined) return [ip(ingress.ip)];
        return ingress.hostname === undefined ? [] : [{ type: 'Hostname', value: ingress.hostname }];
      })
      .slice(0, 16);
  }
  const { externalIPs = [], clusterIPs = [], clusterIP } = service.spec ?? {};
  if (externalIPs.length > 0) return externalIPs.slice(0, 16).map(ip);
  const inside = clusterIPs.length > 0 ? clusterIPs : clusterIP === undefined ? [] : [clusterIP];
  return inside.filter((address) => address !== '' && address !== 'None').map(ip);
}

function addressPending(service: Service | undefined, requested: string | undefined): string {
  if (service === undefined) return 'The Service of the proxies does not exist yet.';
  const name = `${service.metadata.namespace}/${service.metadata.name}`;
  if (requested !== undefined) {
    return `Nothing has given the Service ${name} the address ${requested} yet. Ask for one that the load balancer of this cluster has, or for none.`;
  }
  return (
    `Nothing has given the Service ${name} of type LoadBalancer an address yet. A cluster without a cloud needs a load balancer ` +
    'such as MetalLB; or set service.type to NodePort or ClusterIP in the GatewayConfiguration or DataPlane.'
  );
}

function ip(value: string): DataPlaneAddress {
  return { type: 'IPAddress', value };
}

function notReady(reason: DataPlaneReason<'Ready'>, message: string): ConditionContribution {
  return { type: 'Ready', status: 'False', reason, message };
}

function notProgrammed(reason: DataPlaneReason<'Programmed'>, message: string): ConditionContribution {
  return { type: 'Programmed', status: 'False', reason, message };
}
