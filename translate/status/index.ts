export type {
  GatewayContribution,
  ListenerContribution,
  RouteContribution,
  RouteParentContribution,
  StatusContribution,
} from './contribution.ts';
export { gatewayContribution } from './gateway.ts';
export { routeContribution } from './route.ts';
