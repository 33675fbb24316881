/**
 * Backends outside of the cluster.
 * Source: Gateway API, apisx/v1alpha1, BackendSpec.
 */
import { isIP } from 'node:net';
import { experimentalGatewayGroup, type XBackend } from '../../api/gateway/index.ts';
import { objectKey, type ConditionContribution, type ObjectKey } from '../../api/object.ts';
import { planValidation, type BackendTLS, type Blocked } from '../backendTLSPolicy/index.ts';
import { resolveClientCertificate, type AuthorityCollections } from '../certificate/index.ts';
import type { Reader } from '../incremental/index.ts';
import type { BackendProtocol } from './protocol.ts';

export interface BackendPlan {
  key: ObjectKey;
  generation: number | undefined;
  hostname: string;
  port: number;
  /** The name of the port; undefined where it has none. */
  portName: string | undefined;
  /** Undefined where the route decides. */
  protocol: BackendProtocol | undefined;
  /** The protocol in the words of the object. */
  spoken: string;
  tls: BackendTLS | Blocked | undefined;
  /** The Secret whose certificate is shown to it. */
  clientCertificate: ObjectKey | undefined;
  /** The condition Accepted where nothing can be sent there; undefined where something can. */
  refused: ConditionContribution | undefined;
  resolvedRefs: ConditionContribution;
}

const protocols: Record<NonNullable<XBackend['spec']['protocol']>, BackendProtocol> = {
  HTTP: 'http1',
  HTTP11: 'http1',
  HTTP2: 'http2',
  H2C: 'http2',
  MCP: 'http1',
  TCP: 'stream',
};

export function planXBackend(reader: Reader, collections: AuthorityCollections, backend: XBackend): BackendPlan {
  const { externalHostname, port, protocol, tls } = backend.spec;
  const from = { group: experimentalGatewayGroup, kind: 'XBackend', namespace: backend.metadata.namespace ?? '' };
  const hostname = (externalHostname?.hostname ?? '').toLowerCase();
  const resolved: ConditionContribution = {
    type: 'ResolvedRefs',
    status: 'True',
    reason: 'ResolvedRefs',
    message: 'All references are resolved',
  };
  const plan: BackendPlan = {
    key: objectKey(backend),
    generation: backend.metadata.generation,
    hostname,
    port: port.port,
    portName: port.name === undefined || port.name === '' ? undefined : port.name,
    protocol: protocol === undefined ? undefined : protocols[protocol],
    spoken: protocol ?? 'HTTP',
    tls: undefined,
    clientCertificate: undefined,
    refused: refusal(hostname),
    resolvedRefs: resolved,
  };
  if (tls === undefined || tls.mode === 'None') return plan;
  // Without a word on whom to trust, it is whom the system trusts.
  const validation = planValidation(
    reader,
    collections,
    tls.validation ?? { hostname, wellKnownCACertificates: 'System' },
    from,
  );
  plan.tls = validation.tls;
  plan.refused ??= validation.refused;
  plan.resolvedRefs = validation.resolvedRefs;
  if (tls.mode !== 'ClientAndServer' || tls.clientCertificateRef === undefined) return plan;
  const { secret, fault } = resolveClientCertificate(reader, collections, tls.clientCertificateRef, from);
  plan.clientCertificate = secret;
  if (fault !== undefined) {
    plan.resolvedRefs = { type: 'ResolvedRefs', status: 'False', ...fault };
    if (secret === undefined)
      plan.refused ??= { type: 'Accepted', status: 'False', reason: 'Invalid', message: fault.message };
  }
  return plan;
}

/** A name must not lead back into the proxy or the cluster. */
function refusal(hostname: string): ConditionContribution | undefined {
  const isLocal = hostname === 'localhost' || hostname.endsWith('.localhost') || hostname.endsWith('.cluster.local');
  if (hostname !== '' && !isLocal && isIP(hostname) === 0) return undefined;
  const message = `externalHostname "${hostname}" is no hostname outside of the cluster: use one such as api.example.com`;
  return { type: 'Accepted', status: 'False', reason: 'Invalid', message };
}
