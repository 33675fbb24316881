/**
 * What a `kind` and an `apiVersion` in a file mean here: which kinds are read, which of them make no difference without a
 * cluster, which versions are of the past, and which never existed.
 * Source: the definitions of Gateway API v1.6.3; Kubernetes API reference v1.36 and its deprecation guide.
 */
import { experimentalGatewayGroup, gatewayGroup } from '../api/gateway/index.ts';
import { apiVersion as sluiceApiVersion, group as sluiceGroup } from '../api/names.ts';

export interface KindEntry {
  group: string;
  kind: string;
  /** In which versions files may state it; the first is the one that it is kept in. */
  versions: readonly [string, ...string[]];
  namespaced: boolean;
  /** The API server counts changes of the desired state of this kind in `metadata.generation`. */
  generation: boolean;
  /** The kind has a status that says whether it is in effect. */
  status: boolean;
}

const gatewayKind = (kind: string, options: Partial<KindEntry> = {}): KindEntry => ({
  group: gatewayGroup,
  kind,
  versions: ['v1'],
  namespaced: true,
  generation: true,
  status: true,
  ...options,
});
const coreKind = (kind: string, options: Partial<KindEntry> = {}): KindEntry => ({
  group: '',
  kind,
  versions: ['v1'],
  namespaced: true,
  generation: false,
  status: false,
  ...options,
});

/** The kinds that are read. */
export const knownKinds: readonly KindEntry[] = [
  gatewayKind('GatewayClass', { versions: ['v1', 'v1beta1'], namespaced: false }),
  gatewayKind('Gateway', { versions: ['v1', 'v1beta1'] }),
  gatewayKind('HTTPRoute', { versions: ['v1', 'v1beta1'] }),
  gatewayKind('ReferenceGrant', { versions: ['v1', 'v1beta1'], status: false }),
  ...['GRPCRoute', 'TLSRoute', 'TCPRoute', 'UDPRoute', 'ListenerSet', 'BackendTLSPolicy'].map((kind) =>
    gatewayKind(kind),
  ),
  ...['XBackend', 'XBackendTrafficPolicy'].map((kind) =>
    gatewayKind(kind, { group: experimentalGatewayGroup, versions: ['v1alpha1'] }),
  ),
  gatewayKind('XMesh', { group: experimentalGatewayGroup, versions: ['v1alpha1'], namespaced: false }),
  ...['GatewayConfiguration', 'DataPlane', 'ControlPlane'].map((kind) =>
    gatewayKind(kind, { group: sluiceGroup, versions: [sluiceApiVersion.slice(sluiceGroup.length + 1)] as [string] }),
  ),
  ...['Service', 'Secret', 'ConfigMap'].map((kind) => coreKind(kind)),
  coreKind('Namespace', { namespaced: false }),
  coreKind('EndpointSlice', { group: 'discovery.k8s.io', generation: true }),
];

/** Built-in kinds that only a cluster makes something of. They may stand in the same files and are left out. */
const clusterKinds: Readonly<Record<string, readonly string[]>> = {
  '': [
    'Endpoints',
    'Event',
    'LimitRange',
    'PersistentVolume',
    'PersistentVolumeClaim',
    'Pod',
    'PodTemplate',
    'ReplicationController',
    'ResourceQuota',
    'ServiceAccount',
  ],
  'admissionregistration.k8s.io': [
    'MutatingAdmissionPolicy',
    'MutatingAdmissionPolicyBinding',
    'MutatingWebhookConfiguration',
    'ValidatingAdmissionPolicy',
    'ValidatingAdmissionPolicyBinding',
    'ValidatingWebhookConfiguration',
  ],
  'apiextensions.k8s.io': ['CustomResourceDefinition'],
  'apiregistration.k8s.io': ['APIService'],
  apps: ['ControllerRevision', 'DaemonSet', 'Deployment', 'ReplicaSet', 'StatefulSet'],
  autoscaling: ['HorizontalPodAutoscaler'],
  batch: ['CronJob', 'Job'],
  'cert-manager.io': ['Certificate', 'CertificateRequest', 'ClusterIssuer', 'Issuer'],
  'certificates.k8s.io': ['CertificateSigningRequest'],
  'coordination.k8s.io': ['Lease'],
  'networking.k8s.io': ['IPAddress', 'Ingress', 'IngressClass', 'NetworkPolicy', 'ServiceCIDR'],
  'kustomize.config.k8s.io': ['Kustomization'],
  policy: ['PodDisruptionBudget'],
  'rbac.authorization.k8s.io': ['ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding'],
  'scheduling.k8s.io': ['PriorityClass'],
  'storage.k8s.io': ['StorageClass'],
};

/** Kinds and groups of the past, and what took their place. */
const replacedKinds: Readonly<Record<string, string>> = {
  [`${gatewayGroup}/ReferencePolicy`]: `kind: ReferenceGrant with apiVersion: ${gatewayGroup}/v1`,
  [`${experimentalGatewayGroup}/XListenerSet`]: `kind: ListenerSet with apiVersion: ${gatewayGroup}/v1`,
  'networking.x-k8s.io/GatewayClass': `apiVersion: ${gatewayGroup}/v1`,
  'networking.x-k8s.io/Gateway': `apiVersion: ${gatewayGroup}/v1`,
  'networking.x-k8s.io/HTTPRoute': `apiVersion: ${gatewayGroup}/v1`,
  'networking.x-k8s.io/TCPRoute': `apiVersion: ${gatewayGroup}/v1`,
  'networking.x-k8s.io/TLSRoute': `apiVersion: ${gatewayGroup}/v1`,
  'networking.x-k8s.io/UDPRoute': `apiVersion: ${gatewayGroup}/v1`,
};

export type KindLookup =
  | { entry: KindEntry }
  /** A built-in kind that is left out, because only a cluster makes something of it. */
  | { clusterOnly: true }
  /** One sentence, without the name of the object. */
  | { reason: 'UnknownKind' | 'UnknownVersion'; field: 'kind' | 'apiVersion'; message: string };

/** Splits `apiVersion`: the core group is empty. */
export function splitApiVersion(apiVersion: string): { group: string; version: string } {
  const slash = apiVersion.indexOf('/');
  return slash === -1
    ? { group: '', version: apiVersion }
    : { group: apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1) };
}

/** `group/version`, or the version alone in the core group. */
export function joinApiVersion(group: string, version: string): string {
  return group === '' ? version : `${group}/${version}`;
}

/** The number of edits between two words (insertions, deletions, replacements, swaps of neighbours). */
function distance(left: string, right: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let row = 1; row <= left.length; row++) {
    const current = [row];
    for (let column = 1; column <= right.length; column++) {
      const cost = left[row - 1] === right[column - 1] ? 0 : 1;
      let best = Math.min(previous[column]! + 1, current[column - 1]! + 1, previous[column - 1]! + cost);
      if (row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1]) {
        best = Math.min(best, beforePrevious[column - 2]! + 1);
      }
      current.push(best);
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[right.length]!;
}

/** The candidate that a misspelt word most likely means; undefined if none is near. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 4)) + 1;
  for (const candidate of candidates) {
    const edits = distance(word.toLowerCase(), candidate.toLowerCase());
    if (edits < bestDistance) {
      best = candidate;
      bestDistance = edits;
    }
  }
  return best;
}

/** Finds what an object claims to be. */
export function lookUpKind(apiVersion: string, kind: string): KindLookup {
  const { group, version } = splitApiVersion(apiVersion);
  const entry = knownKinds.find((candidate) => candidate.group === group && candidate.kind === kind);
  if (entry !== undefined) {
    if (entry.versions.includes(version)) return { entry };
    const wanted = joinApiVersion(group, entry.versions[0]);
    const message = `${kind} has no version "${version}"${isPast(version, entry.versions[0]) ? ' any more' : ''}; write apiVersion: ${wanted}.`;
    return { reason: 'UnknownVersion', field: 'apiVersion', message };
  }
  const replacement = replacedKinds[`${group}/${kind}`];
  if (replacement !== undefined) {
    return {
      reason: 'UnknownKind',
      field: 'apiVersion',
      message: `${apiVersion} ${kind} exists no more; write ${replacement}.`,
    };
  }
  if (clusterKinds[group]?.includes(kind) === true) return { clusterOnly: true };

  // A right kind under a wrong group is the most frequent slip, then a misspelt kind.
  const elsewhere = knownKinds.find((candidate) => candidate.kind === kind);
  if (elsewhere !== undefined) {
    const wanted = joinApiVersion(elsewhere.group, elsewhere.versions[0]);
    const message = `there is no kind ${kind} in ${group === '' ? `"${apiVersion}"` : group}; write apiVersion: ${wanted}.`;
    return { reason: 'UnknownKind', field: 'apiVersion', message };
  }
  const inGroup = [
    ...knownKinds.filter((candidate) => candidate.group === group).map((candidate) => candidate.kind),
    ...(clusterKinds[group] ?? []),
  ];
  const meant = nearest(kind, inGroup);
  if (meant !== undefined) {
    return {
      reason: 'UnknownKind',
      field: 'kind',
      message: `there is no kind ${kind} in ${apiVersion}; did you mean ${meant}?`,
    };
  }
  if (inGroup.length > 0) {
    const kinds = knownKinds.filter((candidate) => candidate.group === group).map((candidate) => candidate.kind);
    const hint = kinds.length === 0 ? 'correct or remove it' : `the kinds read from it are ${kinds.join(', ')}`;
    return { reason: 'UnknownKind', field: 'kind', message: `there is no kind ${kind} in ${apiVersion}; ${hint}.` };
  }
  const message = `Sluice does not know the kind ${kind} of ${apiVersion} and leaves the object out; remove it, or correct apiVersion and kind.`;
  return { reason: 'UnknownKind', field: 'kind', message };
}

/** Whether a Kubernetes version comes before another: `v1alpha2` before `v1beta1` before `v1`. */
function isPast(version: string, current: string): boolean {
  const rank = (name: string): number => {
    const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(name);
    if (match === null) return Number.POSITIVE_INFINITY;
    const [, major, stage, minor] = match;
    const stages = { alpha: 0, beta: 1 } as const;
    return (
      Number(major) * 10_000 + (stage === undefined ? 9_000 : stages[stage as 'alpha' | 'beta'] * 1000 + Number(minor))
    );
  };
  return rank(version) < rank(current);
}
