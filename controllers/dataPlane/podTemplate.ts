/** The Pod of a proxy: Envoy and the shutdown manager, hardened, with nothing in it that changes without a need for new Pods. */
import type { V1Container, V1PodTemplateSpec, V1SecurityContext } from '@kubernetes/client-node';
import type { DataPlane } from '../../api/dataPlane.ts';
import { parseDuration } from '../../translate/encoding/index.ts';
import { dataPlaneNames, ownedLabels, selectorLabels } from './names.ts';
import type { DataPlaneSurroundings } from './render.ts';
import { type JsonObject, strategicMerge } from './strategicMerge.ts';

/** Ports of a proxy's Pod that serve no caller. Source: the architecture page. */
export const proxyPorts = { admin: 19000, metrics: 19001, shutdown: 19002, readiness: 19003 } as const;

/** Where the files of a proxy are in its container. */
export const proxyFiles = {
  bootstrapDirectory: '/etc/sluice/bootstrap',
  bootstrap: '/etc/sluice/bootstrap/bootstrap.json',
  certificates: '/etc/sluice/certificates',
} as const;

/** Nobody, as distroless images call the user that is not root. */
const unprivileged = 65532;

/** Seconds that a Pod may take to end beyond its drain. */
const terminationSlack = 20;

/** How long proxies drain, in seconds. */
export function drainSeconds(dataPlane: DataPlane): number {
  return Math.ceil((parseDuration(dataPlane.spec.envoy.drainTimeout ?? '60s') ?? 60_000) / 1000);
}

/**
 * Worker threads for a CPU limit such as `1500m`: it rounded up; undefined without one.
 * Source: Kubernetes docs, "Resource units in Kubernetes".
 */
export function concurrencyOf(limit: string | number | undefined): number | undefined {
  if (limit === undefined) return undefined;
  const [, amount, unit] = /^([0-9.]+)(m?)$/.exec(String(limit)) ?? [];
  if (amount === undefined) return undefined;
  return Math.max(1, Math.ceil(Number(amount) / (unit === 'm' ? 1000 : 1)));
}

/**
 * The Pod template of a DataPlane, with the user's own merged over it.
 * @param bootstrapHash changes with Envoy's bootstrap, which a running Envoy does not read again
 */
export function podTemplate(
  dataPlane: DataPlane,
  surroundings: DataPlaneSurroundings,
  bootstrapHash: string,
): JsonObject {
  const { metadata, spec } = dataPlane;
  const names = dataPlaneNames(metadata.name);
  const drain = drainSeconds(dataPlane);
  const generated: V1PodTemplateSpec = {
    metadata: {
      labels: { ...surroundings.gateway?.labels, ...ownedLabels(metadata.name, surroundings.gateway?.name) },
      annotations: { ...surroundings.gateway?.annotations, 'sluice.dev/bootstrap': bootstrapHash },
    },
    spec: {
      serviceAccountName: names.serviceAccount,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: drain + terminationSlack,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: unprivileged,
        runAsGroup: unprivileged,
        fsGroup: unprivileged,
        seccompProfile: { type: 'RuntimeDefault' },
        // Listeners bind their own ports, 80 and 443 among them, without a capability. Source: Kubernetes docs, "Using sysctls", safe set.
        sysctls: [{ name: 'net.ipv4.ip_unprivileged_port_start', value: '0' }],
      },
      // Preferences, which do not stand in the way on a small cluster. They are there at every scale: scaling makes no new Pods.
      topologySpreadConstraints: ['kubernetes.io/hostname', 'topology.kubernetes.io/zone'].map((topologyKey) => ({
        topologyKey,
        maxSkew: 1,
        whenUnsatisfiable: 'ScheduleAnyway',
        labelSelector: { matchLabels: selectorLabels(metadata.name) },
        matchLabelKeys: ['pod-template-hash'],
      })),
      containers: [envoyContainer(dataPlane, surroundings, drain), shutdownContainer(surroundings, drain)],
      volumes: [
        { name: 'bootstrap', configMap: { name: names.bootstrap } },
        { name: 'certificates', secret: { secretName: names.certificate, defaultMode: 0o440 } },
        { name: 'temporary', emptyDir: {} },
      ],
    },
  };
  // Through JSON, so that fields that are undefined are left out as they are on the wire.
  const base: JsonObject = JSON.parse(JSON.stringify(generated));
  const own: JsonObject | undefined =
    spec.deployment.podTemplate === undefined ? undefined : JSON.parse(JSON.stringify(spec.deployment.podTemplate));
  const merged = own === undefined ? base : strategicMerge(base, own);
  // The selector of a Deployment must match its Pods, whatever the user's labels are.
  return strategicMerge(merged, { metadata: { labels: selectorLabels(metadata.name) } });
}

const hardened: V1SecurityContext = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
};

function envoyContainer(dataPlane: DataPlane, { settings }: DataPlaneSurroundings, drain: number): V1Container {
  const { metadata, spec } = dataPlane;
  const resources = spec.deployment.resources ?? { requests: { cpu: '100m', memory: '128Mi' } };
  const concurrency = spec.envoy.concurrency ?? concurrencyOf(resources.limits?.['cpu']);
  return {
    name: 'envoy',
    image: spec.deployment.image ?? settings.envoyImage,
    args: [
      '--config-path',
      proxyFiles.bootstrap,
      '--service-cluster',
      `${metadata.namespace}/${metadata.name}`,
      '--service-node',
      '$(POD_NAME)',
      '--log-level',
      spec.envoy.logLevel ?? 'warning',
      '--drain-time-s',
      String(drain),
      // One Envoy per container; the file system is read-only.
      '--disable-hot-restart',
      ...(concurrency === undefined ? [] : ['--concurrency', String(concurrency)]),
    ],
    env: [
      { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      { name: 'POD_NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } },
    ],
    ports: [
      { name: 'metrics', containerPort: proxyPorts.metrics, protocol: 'TCP' },
      { name: 'readiness', containerPort: proxyPorts.readiness, protocol: 'TCP' },
    ],
    // Envoy's SIGTERM waits for this call, and the shutdown manager answers it when the callers have gone.
    lifecycle: { preStop: { httpGet: { path: '/drain', port: proxyPorts.shutdown } } },
    readinessProbe: {
      httpGet: { path: '/ready', port: proxyPorts.readiness },
      periodSeconds: 2,
      timeoutSeconds: 2,
      successThreshold: 1,
      failureThreshold: 3,
    },
    resources: {
      ...(resources.requests === undefined ? {} : { requests: quantities(resources.requests) }),
      ...(resources.limits === undefined ? {} : { limits: quantities(resources.limits) }),
    },
    securityContext: hardened,
    volumeMounts: [
      { name: 'bootstrap', mountPath: proxyFiles.bootstrapDirectory, readOnly: true },
      { name: 'certificates', mountPath: proxyFiles.certificates, readOnly: true },
      { name: 'temporary', mountPath: '/tmp' },
    ],
  };
}

function shutdownContainer({ settings }: DataPlaneSurroundings, drain: number): V1Container {
  return {
    name: 'shutdown-manager',
    image: settings.operatorImage,
    args: ['shutdown-manager', '--drain-timeout', String(drain)],
    ports: [{ name: 'shutdown', containerPort: proxyPorts.shutdown, protocol: 'TCP' }],
    resources: { requests: { cpu: '10m', memory: '48Mi' } },
    securityContext: hardened,
  };
}

function quantities(amounts: Record<string, string | number>): Record<string, string> {
  return Object.fromEntries(Object.entries(amounts).map(([name, amount]) => [name, String(amount)]));
}
