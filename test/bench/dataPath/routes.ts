/** The routes that both sides serve, and what is asked of them. */
import { backendPort, backends, gatewayName, host, loadName, type Backend } from '../workload.ts';
import type { HTTPRoute } from '../../../api/gateway/index.ts';
import type { Target } from './loadGenerator.ts';

/** `hosts`: each route has a host name of its own; `paths`: all share one, and each has a path prefix of its own. */
export type Shape = 'hosts' | 'paths';

export interface Scenario {
  shape: Shape;
  routes: number;
}

export interface Route {
  name: string;
  host: string;
  prefix: string;
  backend: Backend;
}

const sharedHost = 'bench.example.com';
/** What clients of TLS ask for, whatever the host: it is in the certificate. */
export const serverName = sharedHost;

/** No prefix is the beginning of another, so that the order of routes makes no difference. */
export function routesOf({ shape, routes }: Scenario): Route[] {
  return Array.from({ length: routes }, (_, index) => {
    const name = loadName(index);
    const backend = backends[index % backends.length]!;
    return shape === 'hosts'
      ? { name, backend, host: host(name), prefix: '/' }
      : { name, backend, host: sharedHost, prefix: `/route-${String(index).padStart(5, '0')}` };
  });
}

export function targetsOf(scenario: Scenario): Target[] {
  return routesOf(scenario).map(({ host: name, prefix }) => ({
    host: name,
    path: `${prefix.replace(/\/$/, '')}/item`,
  }));
}

export function httpRoute(namespace: string, { name, host: hostname, prefix, backend }: Route): HTTPRoute {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { namespace, name, generation: 1, creationTimestamp: '2025-01-01T00:00:00Z' },
    spec: {
      parentRefs: [{ name: gatewayName }],
      hostnames: [hostname],
      rules: [
        {
          matches: [{ path: { type: 'PathPrefix', value: prefix } }],
          backendRefs: [{ name: backend, port: backendPort }],
        },
      ],
    },
  };
}
