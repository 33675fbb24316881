export type {
  GatewayContribution,
  ListenerContribution,
  ResourceReference,
  RouteContribution,
  RouteParentContribution,
  StatusContribution,
} from './contribution.ts';
export { gatewayContribution } from './gateway.ts';
export { routeContribution } from './route.ts';
