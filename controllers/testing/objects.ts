/** Objects as users write them. */
import type { Gateway, HTTPRoute } from '../../api/gateway/index.ts';
import type { KubernetesObject } from '../../api/object.ts';

/** A Gateway of our class with HTTP listeners. */
export function gateway(
  namespace: string,
  name: string,
  ports: readonly number[],
  spec: Partial<Gateway['spec']> = {},
): Gateway {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    metadata: { namespace, name },
    spec: {
      gatewayClassName: 'sluice',
      listeners: ports.map((port) => ({ name: `http-${port}`, port, protocol: 'HTTP' })),
      ...spec,
    },
  };
}

/** A route of all paths to one Service. */
export function httpRoute(namespace: string, name: string, parents: readonly string[], service: string): HTTPRoute {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { namespace, name },
    spec: {
      parentRefs: parents.map((parent) => ({ name: parent })),
      rules: [{ backendRefs: [{ name: service, port: 80 }] }],
    },
  };
}

/** One of our kinds. */
export function own(
  kind: 'DataPlane' | 'ControlPlane' | 'GatewayConfiguration',
  namespace: string,
  name: string,
  spec: object,
): KubernetesObject {
  return { apiVersion: 'sluice.dev/v1alpha1', kind, metadata: { namespace, name }, spec };
}
