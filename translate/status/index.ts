export type {
  BackendContribution,
  GatewayContribution,
  ListenerContribution,
  ListenerSetContribution,
  PolicyContribution,
  ResourceReference,
  RouteContribution,
  RouteParentContribution,
  StatusContribution,
} from './contribution.ts';
export { gatewayContribution } from './gateway.ts';
export { listenerContribution } from './listener.ts';
export { isListenerSetAccepted, listenerSetContribution } from './listenerSet.ts';
export { refusedParents, routeContribution, translationFailed, type Served } from './route.ts';
