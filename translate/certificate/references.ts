/**
 * References to certificates of authorities.
 * Source: Gateway API, BackendTLSPolicyValidation and FrontendTLSValidation, caCertificateRefs.
 */
import type { ReferenceGrant } from '../../api/gateway/index.ts';
import { keyOf } from '../../api/object.ts';
import { isGranted, notGranted, type Referrer } from '../backend/grant.ts';
import type { Collection, Index, Reader } from '../incremental/index.ts';
import type { CertificateAuthoritySource } from './authority.ts';
import type { CertificateSource } from './certificate.ts';

export interface AuthorityCollections {
  configMaps: Collection<CertificateAuthoritySource>;
  secrets: Collection<CertificateSource>;
  grantsByNamespace: Index<ReferenceGrant>;
}

export interface AuthorityReference {
  group?: string | undefined;
  kind: string;
  namespace?: string | undefined;
  name: string;
}

/** Why a reference leads to no authority. */
export interface AuthorityFault {
  reason: 'Unresolved' | 'Kind' | 'NotPermitted';
  message: string;
}

export interface ResolvedAuthorities {
  /** Those that can be used, each `KIND/NAMESPACE/NAME`. */
  authorities: string[];
  faults: AuthorityFault[];
}

/** Resolves the references of `from`. */
export function resolveAuthorities(
  reader: Reader,
  collections: AuthorityCollections,
  references: readonly AuthorityReference[],
  from: Referrer,
): ResolvedAuthorities {
  const result: ResolvedAuthorities = { authorities: [], faults: [] };
  for (const { group = '', kind, name, namespace = from.namespace } of references) {
    const key = keyOf(namespace, name);
    if (group !== '' || (kind !== 'ConfigMap' && kind !== 'Secret')) {
      const described = group === '' ? kind : `${kind} of group ${group}`;
      const message = `caCertificateRef "${name}" is a ${described}: use a ConfigMap with the certificates in ca.crt`;
      result.faults.push({ reason: 'Kind', message });
      continue;
    }
    if (
      namespace !== from.namespace &&
      !isGranted(reader, collections.grantsByNamespace, from, { group, kind, namespace, name })
    ) {
      result.faults.push({ reason: 'NotPermitted', message: notGranted(kind, key, from) });
      continue;
    }
    const id = `${kind}/${key}`;
    const source = authoritySource(reader, collections, id);
    if (source.authority === undefined) {
      result.faults.push({ reason: 'Unresolved', message: `${kind} ${key} ${source.fault}` });
    } else if (!result.authorities.includes(id)) {
      result.authorities.push(id);
    }
  }
  return result;
}

/** @param id `KIND/NAMESPACE/NAME` */
function authoritySource(
  reader: Reader,
  { configMaps, secrets }: Pick<AuthorityCollections, 'configMaps' | 'secrets'>,
  id: string,
): CertificateAuthoritySource {
  const missing = { authority: undefined, fault: 'does not exist: create it or correct the reference' };
  const slash = id.indexOf('/');
  const key = id.slice(slash + 1);
  if (id.slice(0, slash) === 'ConfigMap') return reader.get(configMaps, key) ?? missing;
  const secret = reader.get(secrets, key);
  if (secret === undefined) return missing;
  return secret.authority ?? { authority: undefined, fault: 'lacks ca.crt: put the PEM certificates there' };
}

/** The certificates of several authorities as one; undefined where none of them is there. */
export function authorityBundle(
  reader: Reader,
  collections: Pick<AuthorityCollections, 'configMaps' | 'secrets'>,
  ids: readonly string[],
): Uint8Array | undefined {
  const bundles = ids.flatMap((id) => authoritySource(reader, collections, id).authority?.bundle ?? []);
  return bundles.length === 0 ? undefined : Buffer.concat(bundles);
}
