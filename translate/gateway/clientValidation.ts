/**
 * What the clients of a listener have to show.
 * Source: Gateway API, FrontendTLSConfig and FrontendTLSValidation.
 */
import { gatewayGroup, type Gateway } from '../../api/gateway/index.ts';
import type { ConditionContribution } from '../../api/object.ts';
import { sentence } from '../backend/sentence.ts';
import { resolveAuthorities, type AuthorityCollections, type AuthorityFault } from '../certificate/index.ts';
import type { Reader } from '../incremental/index.ts';

type Frontend = NonNullable<NonNullable<Gateway['spec']['tls']>['frontend']>;
type FrontendValidation = NonNullable<Frontend['default']['validation']>;

export interface ClientValidation {
  /** Whether a client without a valid certificate is let in all the same. */
  insecure: boolean;
  /** By whom a certificate must be signed, each `KIND/NAMESPACE/NAME`. */
  authorities: string[];
}

export interface ClientValidationPlan {
  validation: ClientValidation | undefined;
  /** Why the listener is not accepted: without any authority it would let in whom its author wants kept out. */
  refused: { reason: 'NoValidCACertificate'; message: string } | undefined;
  /** Why the condition ResolvedRefs of the listener is False. */
  fault: { reason: string; message: string } | undefined;
}

const reasons: Record<AuthorityFault['reason'], string> = {
  Unresolved: 'InvalidCACertificateRef',
  Kind: 'InvalidCACertificateKind',
  NotPermitted: 'RefNotPermitted',
};

/** Undefined where clients are not asked for certificates on a port. */
export function planClientValidation(
  reader: Reader,
  collections: AuthorityCollections,
  gateway: Gateway,
  port: number,
): ClientValidationPlan | undefined {
  const wanted = validationOf(gateway, port);
  if (wanted === undefined) return undefined;
  const from = { group: gatewayGroup, kind: 'Gateway', namespace: gateway.metadata.namespace ?? '' };
  const { authorities, faults } = resolveAuthorities(reader, collections, wanted.caCertificateRefs, from);
  const [first] = faults;
  const message = sentence(faults.map((fault) => fault.message));
  return {
    validation:
      authorities.length === 0 ? undefined : { insecure: wanted.mode === 'AllowInsecureFallback', authorities },
    refused: authorities.length === 0 ? { reason: 'NoValidCACertificate', message } : undefined,
    fault: first === undefined ? undefined : { reason: reasons[first.reason], message },
  };
}

/** What a port says of client certificates goes before what all ports say. */
function validationOf(gateway: Gateway, port: number): FrontendValidation | undefined {
  const frontend = gateway.spec.tls?.frontend;
  const own = frontend?.perPort?.find((candidate) => candidate.port === port);
  return own === undefined ? frontend?.default.validation : own.tls.validation;
}

/** The condition that warns of a Gateway that lets in clients without valid certificates. */
export function insecureValidation(gateway: Gateway): ConditionContribution | undefined {
  const frontend = gateway.spec.tls?.frontend;
  const isInsecure = (validation: FrontendValidation | undefined): boolean =>
    validation?.mode === 'AllowInsecureFallback';
  const ports = (frontend?.perPort ?? []).filter(({ tls }) => isInsecure(tls.validation)).map(({ port }) => port);
  if (!isInsecure(frontend?.default.validation) && ports.length === 0) return undefined;
  const where = isInsecure(frontend?.default.validation) ? 'spec.tls.frontend.default' : `port ${ports.join(', ')}`;
  const message = `Clients without a valid certificate are let in: mode is AllowInsecureFallback for ${where}`;
  return { type: 'InsecureFrontendValidationMode', status: 'True', reason: 'ConfigurationChanged', message };
}
