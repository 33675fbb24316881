/** The kinds of objects that a translation is made from. */
import type { EndpointSlice, Namespace, Service } from '../api/core.ts';
import type { Gateway, HTTPRoute, ReferenceGrant } from '../api/gateway/index.ts';
import type { ObjectKey } from '../api/object.ts';
import type { CertificateSource } from './certificate/index.ts';

export interface SourceKinds {
  /** The Gateways of this translation, and no others. */
  Gateway: Gateway;
  HTTPRoute: HTTPRoute;
  ReferenceGrant: ReferenceGrant;
  Service: Service;
  EndpointSlice: EndpointSlice;
  /** A Secret as far as it can serve as a certificate; who feeds it keeps the last good one. */
  Secret: CertificateSource;
  Namespace: Namespace;
  /** Routes that are left out, because proxies refused what they became; by the key of the route. */
  Quarantine: Quarantine;
}

export interface Quarantine {
  /** The generation that is left out: an edit gets a new chance. */
  generation: number | undefined;
  /** Envoy's own words. */
  message: string;
}

export type SourceKind = keyof SourceKinds;

/** One object that was added, changed or, where `object` is undefined, removed. */
export type SourceChange = {
  [Kind in SourceKind]: { kind: Kind; key: ObjectKey; object: SourceKinds[Kind] | undefined };
}[SourceKind];
