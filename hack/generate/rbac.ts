/**
 * Generates `config/rbac/role.yaml`: what the operator may do. One row says what it is for, so that none stays when its
 * reason is gone.
 */
import { experimentalGatewayGroup, gatewayGroup } from '../../api/gateway/index.ts';
import { kinds } from '../../api/kinds.ts';
import { multiclusterGroup } from '../../api/multicluster.ts';
import { group, systemNamespace } from '../../api/names.ts';
import type { GeneratedFiles } from './files.ts';
import { toYAML } from './yaml.ts';

interface Permission {
  because: string;
  group: string;
  resources: readonly string[];
  verbs: readonly string[];
}

const read = ['get', 'list', 'watch'] as const;
const write = ['create', 'update', 'patch', 'delete'] as const;
const edit = ['update', 'patch'] as const;

const routes = ['httproutes', 'grpcroutes', 'tlsroutes', 'tcproutes', 'udproutes'];
const gatewayKindsWithStatus = ['gatewayclasses', 'gateways', 'listenersets', 'backendtlspolicies', ...routes];
const experimentalKinds = ['xbackends', 'xbackendtrafficpolicies'];
const ourPlurals = kinds.map(({ plural }) => plural);

/** In every namespace. */
export const clusterPermissions: readonly Permission[] = [
  {
    because: 'what is translated',
    group: gatewayGroup,
    resources: [...gatewayKindsWithStatus, 'referencegrants'],
    verbs: read,
  },
  {
    because: 'what users read',
    group: gatewayGroup,
    resources: gatewayKindsWithStatus.map((plural) => `${plural}/status`),
    verbs: edit,
  },
  { because: 'what is translated', group: experimentalGatewayGroup, resources: experimentalKinds, verbs: read },
  {
    because: 'what users read',
    group: experimentalGatewayGroup,
    resources: experimentalKinds.map((plural) => `${plural}/status`),
    verbs: edit,
  },
  { because: 'backends in other clusters', group: multiclusterGroup, resources: ['serviceimports'], verbs: read },
  {
    because: 'finalizers: a GatewayClass outlives its Gateways, a Gateway what it owns',
    group: gatewayGroup,
    resources: ['gatewayclasses', 'gatewayclasses/finalizers', 'gateways', 'gateways/finalizers'],
    verbs: edit,
  },
  {
    because: 'a Gateway makes a DataPlane and a ControlPlane',
    group,
    resources: ourPlurals,
    verbs: [...read, ...write],
  },
  {
    because: 'what users read; owner references that block deletion',
    group,
    resources: ourPlurals.flatMap((plural) => [`${plural}/status`, `${plural}/finalizers`]),
    verbs: edit,
  },
  {
    because: 'backends of routes; the namespaces that a Gateway allows; why the Pods of a DataPlane are not ready',
    group: '',
    resources: ['namespaces', 'pods'],
    verbs: read,
  },
  { because: 'addresses of backends', group: 'discovery.k8s.io', resources: ['endpointslices'], verbs: read },
  {
    because:
      'certificates of listeners and proxies, bootstrap of proxies, the Service and ServiceAccount of a DataPlane',
    group: '',
    resources: ['services', 'secrets', 'configmaps', 'serviceaccounts'],
    verbs: [...read, ...write],
  },
  { because: 'the proxies of a DataPlane', group: 'apps', resources: ['deployments'], verbs: [...read, ...write] },
  {
    because: 'what happened, to users',
    group: 'events.k8s.io',
    resources: ['events'],
    verbs: ['create', 'patch', 'update'],
  },
  {
    because: 'API servers are told which certificate authority the webhook has',
    group: 'admissionregistration.k8s.io',
    resources: ['validatingwebhookconfigurations'],
    verbs: [...read, 'patch'],
  },
  {
    because: 'whether the CRDs are there, and of which version',
    group: 'apiextensions.k8s.io',
    resources: ['customresourcedefinitions'],
    verbs: read,
  },
];

/** In the namespace of the operator. */
export const systemPermissions: readonly Permission[] = [
  {
    because: 'leader election',
    group: 'coordination.k8s.io',
    resources: ['leases'],
    verbs: ['get', 'create', 'update', 'patch'],
  },
];

function policyRules(permissions: readonly Permission[]) {
  return permissions.map((permission) => ({
    apiGroups: [permission.group],
    resources: [...permission.resources].toSorted(),
    verbs: [...permission.verbs],
  }));
}

/** The ClusterRole and the Role of the operator, both named `sluice-operator`. */
export function generateRoles(): GeneratedFiles {
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  const name = 'sluice-operator';
  const text = toYAML(
    { apiVersion, kind: 'ClusterRole', metadata: { name }, rules: policyRules(clusterPermissions) },
    {
      apiVersion,
      kind: 'Role',
      metadata: { name, namespace: systemNamespace },
      rules: policyRules(systemPermissions),
    },
  );
  return { files: new Map([['config/rbac/role.yaml', text]]) };
}
