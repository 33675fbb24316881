export { conditionTime, mergeConditions, type ExistingCondition } from './conditions.ts';
export { jsonContains, jsonEqual } from './equal.ts';
export { joinGatewayStatus, type GatewayInfrastructureStatus, type GatewayTranslation } from './gateway.ts';
export { joinListenerSetStatus, type ListenerSetSays } from './listenerSet.ts';
export { type AncestorContribution, type AncestorReference, joinAncestors } from './ancestors.ts';
export { joinRouteParents, sameParent, type RouteContribution } from './route.ts';
export { StatusWriter, type StatusKind, type StatusSink, type StatusWriterOptions } from './statusWriter.ts';
export { transitions, type Transition } from './transitions.ts';
