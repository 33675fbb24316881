/**
 * Names of clusters. They are made of what they mean, so that no edit elsewhere renames one:
 *
 *     KIND/NAMESPACE/NAME[/PORT][/USE][@NAMESPACE/SECRET]
 *
 * `USE` is left out for HTTP, and the client certificate where the Gateway has none.
 */
import { keyOf, type ObjectKey } from '../../api/object.ts';

/** The kinds of objects that traffic is sent to. */
export type BackendKind = 'Service' | 'ServiceImport' | 'XBackend';

/**
 * What a backend is used for: `http` requests, `grpc`, the `tls` routes whose TLS ends at the proxy, streams that are passed on
 * as they come (`tcp`), or `udp` datagrams. A cluster stands for one use, because protocol and TLS are the cluster's.
 */
export type BackendUse = 'http' | 'grpc' | 'tls' | 'tcp' | 'udp';

/** What a cluster stands for. */
export interface BackendAddress {
  kind: BackendKind;
  namespace: string;
  name: string;
  /** Undefined for an XBackend, which has but one. */
  port: number | undefined;
  use: BackendUse;
  /** The Secret with the certificate that the proxy shows to the backend, where the Gateway has one. */
  clientCertificate: ObjectKey | undefined;
}

const prefixes: Record<BackendKind, string> = { Service: 'service', ServiceImport: 'import', XBackend: 'backend' };
const kinds = new Map(Object.entries(prefixes).map(([kind, prefix]) => [prefix, kind as BackendKind]));

/** The name of the cluster of an address. */
export function clusterNameOf({ kind, namespace, name, port, use, clientCertificate }: BackendAddress): string {
  const parts = [prefixes[kind], namespace, name];
  if (port !== undefined) parts.push(String(port));
  if (use !== 'http') parts.push(use);
  return `${parts.join('/')}${clientCertificate === undefined ? '' : `@${clientCertificate}`}`;
}

/** The name of the cluster of a Service port for HTTP. */
export function clusterName(namespace: string, name: string, port: number): string {
  return clusterNameOf({ kind: 'Service', namespace, name, port, use: 'http', clientCertificate: undefined });
}

/** What a cluster's name means; undefined if it is none of ours. */
export function parseClusterName(cluster: string): BackendAddress | undefined {
  const [path = '', clientCertificate] = cluster.split('@');
  const [prefix = '', namespace, name, ...rest] = path.split('/');
  const kind = kinds.get(prefix);
  if (kind === undefined || namespace === undefined || name === undefined) return undefined;
  const port = kind === 'XBackend' ? undefined : Number(rest.shift());
  const use = (rest.shift() ?? 'http') as BackendUse;
  return { kind, namespace, name, port, use, clientCertificate };
}

/** The key of the object that a cluster stands for. */
export function addressKey({ namespace, name }: Pick<BackendAddress, 'namespace' | 'name'>): ObjectKey {
  return keyOf(namespace, name);
}
