/** Objects of whatever source, as commands that answer questions about them take them. */
import type { Secret } from '../../api/core.ts';
import type { GatewayClass } from '../../api/gateway/index.ts';
import type { KubernetesObject, ObjectKey } from '../../api/object.ts';
import type { SourceKind } from '../../translate/index.ts';

/** The kinds that a translation takes as they are. */
export const translatedKinds = [
  'Namespace',
  'ReferenceGrant',
  'Service',
  'ServiceImport',
  'XBackend',
  'EndpointSlice',
  'BackendTLSPolicy',
  'XBackendTrafficPolicy',
  'Gateway',
  'ListenerSet',
  'HTTPRoute',
  'GRPCRoute',
  'TLSRoute',
  'TCPRoute',
  'UDPRoute',
] as const satisfies Exclude<SourceKind, 'Secret' | 'ConfigMap' | 'Quarantine'>[];

export interface Gathered {
  /** Where they came from, to stand after "in": `the files shop.yaml`, `the cluster https://…`. */
  source: string;
  /** Whether they carry the status that a cluster stores. */
  hasStatus: boolean;
  /** Objects of a kind. */
  of: <T extends KubernetesObject>(kind: string) => T[];
  /** The class of a name, if its Gateways are served by Sluice; else why not, in one sentence without its full stop. */
  gatewayClass: (name: string) => { served: GatewayClass } | { foreign: string };
  /** Secrets that could not be read, and are taken to be good. */
  assumed: ReadonlySet<ObjectKey>;
  secrets: ReadonlyMap<ObjectKey, Secret>;
  /** Services of which nothing here says where they are. */
  unaddressed: ReadonlySet<ObjectKey>;
  /** The namespace that is meant where none is named. */
  namespace: string;
  /** What the user is to know; one sentence each. */
  warnings: string[];
}
