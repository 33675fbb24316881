/**
 * The protocol that a backend speaks.
 * Source: Kubernetes docs, "Application protocol"; KEP-3726; Gateway API, GEP-1911 and BackendRef.
 */
import type { BackendUse } from './clusterName.ts';

/** How proxies speak to a backend. `stream` is not looked into. */
export type BackendProtocol = 'http1' | 'http2' | 'stream';

/** What an application protocol asks of a proxy. */
export interface ApplicationProtocol {
  protocol: 'http1' | 'http2';
  /** Whether the backend takes nothing but TLS. */
  tls: boolean;
}

/** By name in lower case: what the standard names, those of IANA and some that are common are taken for. */
const known: Readonly<Record<string, ApplicationProtocol>> = {
  http: { protocol: 'http1', tls: false },
  http1: { protocol: 'http1', tls: false },
  'http/1.1': { protocol: 'http1', tls: false },
  ws: { protocol: 'http1', tls: false },
  'kubernetes.io/ws': { protocol: 'http1', tls: false },
  h2c: { protocol: 'http2', tls: false },
  http2: { protocol: 'http2', tls: false },
  'kubernetes.io/h2c': { protocol: 'http2', tls: false },
  grpc: { protocol: 'http2', tls: false },
  'grpc-web': { protocol: 'http1', tls: false },
  https: { protocol: 'http1', tls: true },
  wss: { protocol: 'http1', tls: true },
  'kubernetes.io/wss': { protocol: 'http1', tls: true },
  h2: { protocol: 'http2', tls: true },
  grpcs: { protocol: 'http2', tls: true },
};

/** What `appProtocol` asks for; undefined where it is none that HTTP requests can be sent with. */
export function applicationProtocol(appProtocol: string | undefined): ApplicationProtocol | undefined {
  if (appProtocol === undefined || appProtocol === '') return { protocol: 'http1', tls: false };
  return known[appProtocol.toLowerCase()];
}

/** How proxies speak to a port that is used so. The use goes before what the port says of itself: gRPC is always HTTP/2. */
export function backendProtocol(use: BackendUse, appProtocol: string | undefined): BackendProtocol {
  if (use === 'tls' || use === 'tcp' || use === 'udp') return 'stream';
  if (use === 'grpc') return 'http2';
  return applicationProtocol(appProtocol)?.protocol ?? 'http1';
}
