/** The status of a ControlPlane. Pure. */
import type { ControlPlane, ControlPlaneReason, ControlPlaneStatus } from '../../api/controlPlane.ts';
import type { ConditionContribution } from '../../api/object.ts';
import type { FleetConfiguration } from '../dataPlane/index.ts';
import { type ControlPlaneState, watchedNamespaces } from '../topology.ts';

/** What is known of a ControlPlane. */
export interface ControlPlaneObservation {
  state: ControlPlaneState;
  /** Whether the first configuration was made. */
  isSettled: boolean;
  configuration: FleetConfiguration;
}

/** A status whose conditions have no times yet. */
export type ControlPlaneStatusContribution = Omit<ControlPlaneStatus, 'conditions'> & {
  conditions: ConditionContribution[];
};

/** The status that a ControlPlane must have now. */
export function controlPlaneStatus(
  controlPlane: ControlPlane,
  observation: ControlPlaneObservation,
): ControlPlaneStatusContribution {
  const accepted = acceptedCondition(observation.state);
  const namespaces = watchedNamespaces(controlPlane);
  const name = controlPlane.spec?.dataPlaneRef.name ?? '';
  return {
    conditions: [accepted, readyCondition(accepted, observation), programmedCondition(accepted, observation)],
    dataPlaneRef: { name },
    watchNamespaces: {
      type: controlPlane.spec?.watchNamespaces.type ?? 'all',
      ...(namespaces === undefined ? {} : { list: [...namespaces].toSorted((one, other) => (one < other ? -1 : 1)) }),
    },
  };
}

function acceptedCondition(state: ControlPlaneState): ConditionContribution {
  if ('missing' in state)
    return refused(
      'DataPlaneNotFound',
      `There is no DataPlane ${state.missing}. Create it or correct the name in dataPlaneRef.`,
    );
  if ('taken' in state)
    return refused(
      'DataPlaneTaken',
      `DataPlane ${state.taken} is configured by ControlPlane ${state.by}, which is older. Delete one of the two.`,
    );
  return {
    type: 'Accepted',
    status: 'True',
    reason: 'Accepted',
    message: `It configures DataPlane ${state.dataPlane}.`,
  };
}

function refused(reason: ControlPlaneReason<'Accepted'>, message: string): ConditionContribution {
  return { type: 'Accepted', status: 'False', reason, message };
}

function readyCondition(
  accepted: ConditionContribution,
  { isSettled }: ControlPlaneObservation,
): ConditionContribution {
  const of = (
    status: 'True' | 'False',
    reason: ControlPlaneReason<'Ready'>,
    message: string,
  ): ConditionContribution => ({ type: 'Ready', status, reason, message });
  if (accepted.status !== 'True') return of('False', 'NotAccepted', accepted.message);
  if (!isSettled) return of('False', 'Starting', 'The first configuration is being made. Proxies keep what they have.');
  return of('True', 'Ready', 'The configuration is made from all objects there are.');
}

function programmedCondition(
  accepted: ConditionContribution,
  { isSettled, configuration }: ControlPlaneObservation,
): ConditionContribution {
  const of = (
    status: 'True' | 'False',
    reason: ControlPlaneReason<'Programmed'>,
    message: string,
  ): ConditionContribution => ({ type: 'Programmed', status, reason, message });
  if (accepted.status !== 'True' || !isSettled)
    return of('False', 'NotReady', 'No configuration is made. The condition Ready says why.');
  const { acknowledged, total, rejection } = configuration;
  if (rejection !== undefined)
    return of('False', 'Rejected', `A proxy refused a part of the configuration and keeps what it had: ${rejection}`);
  if (total === 0) return of('False', 'NoProxies', 'No proxy is connected.');
  const count = `${acknowledged} of ${total} proxies have acknowledged the present configuration.`;
  return acknowledged < total ? of('False', 'Pending', count) : of('True', 'Programmed', count);
}
