/**
 * TLS towards backends, as BackendTLSPolicies ask for it.
 * Source: Gateway API, BackendTLSPolicySpec and its conditions.
 */
import { gatewayGroup, type BackendTLSPolicy, type BackendTLSPolicyValidation } from '../../api/gateway/index.ts';
import { objectKey, type ConditionContribution } from '../../api/object.ts';
import type { Referrer } from '../backend/grant.ts';
import { sentence } from '../backend/sentence.ts';
import { resolveAuthorities, type AuthorityCollections } from '../certificate/index.ts';
import type { Reader } from '../incremental/index.ts';
import { policySeniority, targetKey, type PolicyPlan } from '../policy/index.ts';

/** How a proxy speaks TLS to a backend. */
export interface BackendTLS {
  /** Sent as the server name (SNI). */
  serverName: string;
  /** The certificate of the backend must have one of these names. */
  subjectAltNames: { type: 'DNS' | 'URI'; value: string }[];
  /** By whom the certificate must be signed: an authority of the system's, or one of these, each `KIND/NAMESPACE/NAME`. */
  authorities: 'System' | string[];
}

/** Nothing may be sent to the backend: what it asks for cannot be done, and without it nothing is sent. */
export interface Blocked {
  blocked: string;
}

export interface BackendTLSPolicyPlan extends PolicyPlan {
  tls: BackendTLS | Blocked;
  /** The condition Accepted where the policy is wrong in itself; undefined where it is not. */
  refused: ConditionContribution | undefined;
  resolvedRefs: ConditionContribution;
}

export function planBackendTLSPolicy(
  reader: Reader,
  collections: AuthorityCollections,
  policy: BackendTLSPolicy,
): BackendTLSPolicyPlan {
  const namespace = policy.metadata.namespace ?? '';
  const key = objectKey(policy);
  const validation = planValidation(reader, collections, policy.spec.validation, {
    group: gatewayGroup,
    kind: 'BackendTLSPolicy',
    namespace,
  });
  return {
    key,
    generation: policy.metadata.generation,
    seniority: policySeniority(policy.metadata),
    targets: policy.spec.targetRefs.map(({ group, kind, name, sectionName }) => ({
      key: targetKey(group, kind, namespace, name),
      sectionName: sectionName === '' ? undefined : sectionName,
    })),
    ...validation,
    tls:
      'blocked' in validation.tls ? { blocked: `BackendTLSPolicy ${key}: ${validation.tls.blocked}` } : validation.tls,
  };
}

/** What a BackendTLSPolicy and an XBackend have in common. */
export function planValidation(
  reader: Reader,
  collections: AuthorityCollections,
  validation: BackendTLSPolicyValidation,
  from: Referrer,
): Pick<BackendTLSPolicyPlan, 'tls' | 'refused' | 'resolvedRefs'> {
  const { hostname, subjectAltNames = [], wellKnownCACertificates, caCertificateRefs = [] } = validation;
  const base: Omit<BackendTLS, 'authorities'> = {
    serverName: hostname,
    subjectAltNames:
      subjectAltNames.length === 0
        ? [{ type: 'DNS', value: hostname }]
        : subjectAltNames.map(({ type, hostname: name = '', uri = '' }) =>
            type === 'URI' ? { type, value: uri } : { type: 'DNS', value: name },
          ),
  };
  if (caCertificateRefs.length === 0) {
    const resolvedRefs = resolvedCondition();
    if (wellKnownCACertificates === 'System') {
      return { tls: { ...base, authorities: 'System' }, refused: undefined, resolvedRefs };
    }
    const message = `wellKnownCACertificates "${wellKnownCACertificates ?? ''}" is not known: use System, or name a ConfigMap in caCertificateRefs`;
    return { tls: { blocked: message }, refused: refusal('Invalid', message), resolvedRefs };
  }
  const { authorities, faults } = resolveAuthorities(reader, collections, caCertificateRefs, from);
  const message = sentence(faults.map((fault) => fault.message));
  const reason = faults[0]?.reason === 'Kind' ? 'InvalidKind' : 'InvalidCACertificateRef';
  const resolvedRefs: ConditionContribution =
    faults.length === 0 ? resolvedCondition() : { type: 'ResolvedRefs', status: 'False', reason, message };
  return authorities.length === 0
    ? { tls: { blocked: message }, refused: refusal('NoValidCACertificate', message), resolvedRefs }
    : { tls: { ...base, authorities }, refused: undefined, resolvedRefs };
}

function resolvedCondition(): ConditionContribution {
  return { type: 'ResolvedRefs', status: 'True', reason: 'ResolvedRefs', message: 'All references are resolved' };
}

function refusal(reason: string, message: string): ConditionContribution {
  return { type: 'Accepted', status: 'False', reason, message };
}
