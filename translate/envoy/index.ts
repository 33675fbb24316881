export { cluster } from './cluster.ts';
export { endpointAddresses, endpoints, type EndpointAddress } from './endpoints.ts';
export {
  listener,
  listenerName,
  readinessListener,
  readinessListenerName,
  readinessPath,
  streamChain,
  type Binding,
} from './listener.ts';
export {
  inPrecedence,
  routeConfiguration,
  virtualHost,
  type RouteGroup,
  type VirtualHost,
} from './routeConfiguration.ts';
export {
  authoritiesSecret,
  backendAuthoritiesName,
  clientAuthoritiesName,
  clientCertificateName,
  parseAuthoritiesName,
  secret,
  secretName,
  sessionTicketKeys,
} from './secret.ts';
export type { StreamChain } from './stream.ts';
export { udpCluster, udpEndpoints, udpListener, type WeightedEndpoints } from './udp.ts';
