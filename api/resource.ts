/** An Envoy resource as the translation makes it and the xDS server delivers it. */

/** The xDS resource types in use, by their common names. Source: Envoy docs, "xDS REST and gRPC protocol", resource types. */
export type ResourceType = 'cluster' | 'endpoint' | 'listener' | 'route' | 'secret';

/** `type.googleapis.com/…` of each resource type. */
export const resourceTypeUrl: Record<ResourceType, string> = {
  cluster: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
  endpoint: 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
  listener: 'type.googleapis.com/envoy.config.listener.v3.Listener',
  route: 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
  secret: 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
};

/** One encoded resource. */
export interface EncodedResource {
  name: string;
  /** A hash of `bytes`: equal on every replica for equal content. */
  version: string;
  /** The message in protobuf's binary form, without the `Any` around it. Never changed after it is made. */
  bytes: Uint8Array;
  /**
   * Names of the clusters that this resource sends traffic to, asked for only while a cluster is not warm yet:
   * a route that names a cluster must not reach a proxy before that cluster.
   */
  clusters?: () => Iterable<string>;
}

/** What changed of one resource; `resource` is undefined where it was removed. */
export interface ResourceChange {
  type: ResourceType;
  name: string;
  resource: EncodedResource | undefined;
}
