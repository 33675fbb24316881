export { backendProtocol, cluster } from './cluster.ts';
export { endpointAddresses, endpoints } from './endpoints.ts';
export {
  listener,
  listenerName,
  readinessListener,
  readinessListenerName,
  readinessPath,
  type Binding,
} from './listener.ts';
export {
  inPrecedence,
  routeConfiguration,
  virtualHost,
  type RouteGroup,
  type VirtualHost,
} from './routeConfiguration.ts';
export { secret, secretName } from './secret.ts';
