/** The objects that the benchmark works with: one Gateway, two backends, and routes with a host name each. */
import type { Gateway, HTTPRoute } from '../../api/gateway/index.ts';
import { serviceNameLabel } from '../../api/core.ts';
import { gatewayClassName } from '../../api/names.ts';
import { keyOf, type KubernetesObject } from '../../api/object.ts';
import type { SourceChange } from '../../translate/index.ts';

export const gatewayName = 'bench';
export const listenerPort = 80;
/** Backends answer with their own name somewhere in the body. */
export type Backend = 'backend-a' | 'backend-b';
export const backends: readonly Backend[] = ['backend-a', 'backend-b'];
export const backendPort = 80;

/** An edit of one route: `route` is its name, and `host` below is where it is served. */
export interface Edit {
  route: string;
  backend: Backend;
}

/** The host name of a route. */
export function host(route: string): string {
  return `${route}.bench.example.com`;
}

export function loadName(index: number): string {
  return `load-${index}`;
}

/** Half of the routes lead to each backend, so that both are in use whatever the edited routes do. */
export function loadRoute(index: number): Edit {
  return { route: loadName(index), backend: backends[index % backends.length]! };
}

export function gateway(namespace: string, name = gatewayName): Gateway {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    metadata: { namespace, name },
    spec: {
      gatewayClassName,
      listeners: [
        { name: 'http', protocol: 'HTTP', port: listenerPort, allowedRoutes: { namespaces: { from: 'Same' } } },
      ],
    },
  };
}

export function httpRoute(namespace: string, { route, backend }: Edit): HTTPRoute {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { namespace, name: route },
    spec: {
      parentRefs: [{ name: gatewayName }],
      hostnames: [host(route)],
      rules: [
        {
          matches: [{ path: { type: 'PathPrefix', value: '/' } }],
          backendRefs: [{ name: backend, port: backendPort }],
        },
      ],
    },
  };
}

/** Where the backends are, when they are not Pods. */
export type BackendPorts = Record<Backend, number>;

/** Everything that an operator would read of the cluster before the first edit, with backends on loopback. */
export function initialChanges(namespace: string, routes: number, ports: BackendPorts): SourceChange[] {
  const changes: SourceChange[] = [
    { kind: 'Gateway', key: keyOf(namespace, gatewayName), object: generated(gateway(namespace)) },
    ...backendChanges(namespace, ports),
  ];
  for (let index = 0; index < routes; index++) changes.push(routeChange(namespace, loadRoute(index), 1));
  return changes;
}

/** The Services of the backends, with an endpoint each on loopback. */
export function backendChanges(namespace: string, ports: BackendPorts): SourceChange[] {
  const changes: SourceChange[] = [];
  for (const backend of backends) {
    const key = keyOf(namespace, backend);
    changes.push(
      {
        kind: 'Service',
        key,
        object: {
          apiVersion: 'v1',
          kind: 'Service',
          metadata: { namespace, name: backend },
          spec: { ports: [{ port: backendPort, protocol: 'TCP' }] },
        },
      },
      {
        kind: 'EndpointSlice',
        key,
        object: {
          apiVersion: 'discovery.k8s.io/v1',
          kind: 'EndpointSlice',
          metadata: { namespace, name: backend, labels: { [serviceNameLabel]: backend } },
          addressType: 'IPv4',
          endpoints: [{ addresses: ['127.0.0.1'], conditions: { ready: true } }],
          ports: [{ port: ports[backend], protocol: 'TCP' }],
        },
      },
    );
  }
  return changes;
}

/** An edit as an operator would hear of it. */
export function routeChange(namespace: string, edit: Edit, generation: number): SourceChange {
  return {
    kind: 'HTTPRoute',
    key: keyOf(namespace, edit.route),
    object: generated(httpRoute(namespace, edit), generation),
  };
}

/** The object as an API server gives it back: the translation orders routes by age. */
function generated<T extends KubernetesObject>(object: T, generation = 1): T {
  return { ...object, metadata: { ...object.metadata, generation, creationTimestamp: '2025-01-01T00:00:00Z' } };
}
