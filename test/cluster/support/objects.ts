/** Objects as tests apply them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Secret } from '../../../api/core.ts';
import type {
  Gateway,
  GatewayListener,
  GatewaySpec,
  HTTPBackendRef,
  HTTPRoute,
  HTTPRouteRule,
  ReferenceGrant,
} from '../../../api/gateway/index.ts';
import { gatewayGroup } from '../../../api/gateway/index.ts';
import { gatewayClassName } from '../../../api/names.ts';
import type { KubernetesObject } from '../../../api/object.ts';
import type { KeyPair } from '../../fixtures/index.ts';
import { root } from './cluster.ts';

/** Any object: whatever stands beside `spec` is sent as it is. */
export type Manifest = KubernetesObject & { [field: string]: unknown };

/** Images that hack/cluster/up brings into the cluster. */
const images = { echo: 'sluice.dev/echo:dev', node: 'sluice.dev/sluice:dev' };

const hardened = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  runAsNonRoot: true,
  runAsUser: 65532,
  capabilities: { drop: ['ALL'] },
  seccompProfile: { type: 'RuntimeDefault' },
};

function deployment(name: string, replicas: number, container: object, volumes: object[] = []): Manifest {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, labels: { app: name } },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      // As for any server behind a load balancer: a new one is there before an old one goes.
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          terminationGracePeriodSeconds: 20,
          containers: [
            {
              name: 'server',
              imagePullPolicy: 'IfNotPresent',
              securityContext: hardened,
              resources: { requests: { cpu: '5m', memory: '16Mi' } },
              // It serves on while its removal from the endpoints is under way, as any server behind a load balancer has to.
              lifecycle: { preStop: { sleep: { seconds: 3 } } },
              ...container,
            },
          ],
          volumes,
        },
      },
    },
  };
}

function service(name: string, port: number): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name },
    spec: { selector: { app: name }, ports: [{ name: 'http', port: 80, targetPort: port }] },
  };
}

function probe(path: string): object {
  return { httpGet: { path, port: 3000 }, periodSeconds: 1 };
}

/** A Deployment of echo-basic, and the Service that leads to it on port 80. It says which Pod and Service answered. */
export function echo(name: string, { replicas = 1 }: { replicas?: number } = {}): Manifest[] {
  const field = (fieldPath: string): object => ({ valueFrom: { fieldRef: { fieldPath } } });
  const container = {
    image: images.echo,
    env: [
      { name: 'POD_NAME', ...field('metadata.name') },
      { name: 'NAMESPACE', ...field('metadata.namespace') },
      { name: 'SERVICE_NAME', value: name },
    ],
    readinessProbe: probe('/health'),
  };
  return [deployment(name, replicas, container), service(name, 3000)];
}

/** A Deployment of echo-basic that answers datagrams, and the Service that leads to it on UDP port 53. */
export function udpEcho(name: string): Manifest[] {
  const field = (fieldPath: string): object => ({ valueFrom: { fieldRef: { fieldPath } } });
  const container = {
    image: images.echo,
    env: [
      { name: 'UDP_ECHO_SERVER', value: '1' },
      { name: 'POD_NAME', ...field('metadata.name') },
      { name: 'NAMESPACE', ...field('metadata.namespace') },
      { name: 'SERVICE_NAME', value: name },
    ],
  };
  const ports = [{ name: 'dns', port: 53, targetPort: 8080, protocol: 'UDP' }];
  return [
    deployment(name, 1, container),
    { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { selector: { app: name }, ports } },
  ];
}

/** A Deployment of upstream/upstream.ts, and the Service that leads to it on port 80. */
export function upstream(name: string): Manifest[] {
  const program = readFileSync(join(root, 'test/cluster/upstream/upstream.ts'), 'utf8');
  const container = {
    image: images.node,
    // The ending says that it is a module: there is no package.json beside it.
    command: ['/usr/local/bin/node', '/upstream/upstream.mts'],
    readinessProbe: probe('/'),
    volumeMounts: [{ name: 'program', mountPath: '/upstream', readOnly: true }],
  };
  return [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { 'upstream.mts': program } },
    deployment(name, 1, container, [{ name: 'program', configMap: { name } }]),
    service(name, 3000),
  ];
}

export interface Listener {
  name: string;
  port: number;
  hostname?: string;
  /** Names of Secrets: makes it HTTPS. */
  secrets?: string[];
  /** Whose routes may attach; default those of every namespace. */
  from?: 'All' | 'Same';
}

/** A Gateway of our class. */
export function gateway(name: string, listeners: readonly Listener[], spec: Partial<GatewaySpec> = {}): Gateway {
  return {
    apiVersion: `${gatewayGroup}/v1`,
    kind: 'Gateway',
    metadata: { name },
    spec: {
      gatewayClassName,
      listeners: listeners.map(({ secrets, from, hostname, ...listener }): GatewayListener => ({
        ...listener,
        protocol: secrets === undefined ? 'HTTP' : 'HTTPS',
        ...(hostname === undefined ? {} : { hostname }),
        ...(secrets === undefined ? {} : { tls: { certificateRefs: secrets.map((secret) => ({ name: secret })) } }),
        allowedRoutes: { namespaces: { from: from ?? 'All' } },
      })),
      ...spec,
    },
  };
}

/** A reference to port 80 of a Service. */
export function backend(name: string, more: Partial<HTTPBackendRef> = {}): HTTPBackendRef {
  return { name, port: 80, ...more };
}

export interface Route {
  name: string;
  /** The Gateway; with its namespace, where that is another one. */
  parent: string | { name: string; namespace?: string; sectionName?: string; port?: number };
  hostnames?: string[];
  rules: HTTPRouteRule[];
}

export function httpRoute({ name, parent, hostnames, rules }: Route): HTTPRoute {
  return {
    apiVersion: `${gatewayGroup}/v1`,
    kind: 'HTTPRoute',
    metadata: { name },
    spec: {
      parentRefs: [typeof parent === 'string' ? { name: parent } : parent],
      ...(hostnames === undefined ? {} : { hostnames }),
      rules,
    },
  };
}

/** A rule for a path prefix. */
export function prefix(value: string, rule: HTTPRouteRule): HTTPRouteRule {
  return { matches: [{ path: { type: 'PathPrefix', value } }], ...rule };
}

/** Lets HTTPRoutes of a namespace refer to Services of the one that the grant is in. */
export function grantRoutes(name: string, from: string): ReferenceGrant {
  return {
    apiVersion: `${gatewayGroup}/v1beta1`,
    kind: 'ReferenceGrant',
    metadata: { name },
    spec: {
      from: [{ group: gatewayGroup, kind: 'HTTPRoute', namespace: from }],
      to: [{ group: '', kind: 'Service' }],
    },
  };
}

export function tlsSecret(name: string, { certificate, key }: KeyPair): Secret & Manifest {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name },
    type: 'kubernetes.io/tls',
    data: { 'tls.crt': base64(certificate), 'tls.key': base64(key) },
  };
}
