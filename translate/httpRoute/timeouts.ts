/**
 * Timeouts and retries.
 * Source: Gateway API, HTTPRouteTimeouts, HTTPRouteRetry, GEP-1731, GEP-1742; Envoy docs, config.route.v3.RetryPolicy.
 */
import type { RetryPolicySchema } from '../../api/envoy/envoy/config/route/v3/route_components_pb.ts';
import { PreviousHostsPredicateSchema } from '../../api/envoy/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb.ts';
import type { HTTPRouteRetry, HTTPRouteTimeouts } from '../../api/gateway/index.ts';
import { duration, pack, parseDuration, type Init } from '../encoding/index.ts';
import { UnusableFilter } from './headers.ts';

export interface Timeouts {
  /** Of the whole transaction, in milliseconds; zero where there is none. */
  request: number;
  /** Of one attempt, in milliseconds; zero where there is none. */
  attempt: number;
}

/** @throws UnusableFilter */
export function translateTimeouts(timeouts: HTTPRouteTimeouts | undefined): Timeouts {
  return {
    // Envoy's default of 15 s would cut long responses; without a timeout of the user's there is none.
    request: timeouts?.request === undefined ? 0 : milliseconds(timeouts.request),
    attempt: timeouts?.backendRequest === undefined ? 0 : milliseconds(timeouts.backendRequest),
  };
}

/** Milliseconds of a duration. @throws UnusableFilter */
export function milliseconds(text: string): number {
  const value = parseDuration(text);
  if (value === undefined) throw new UnusableFilter(`"${text}" is not a duration such as 500ms or 1m30s`);
  return value;
}

/** What never reached a backend is tried again whatever a route says, so that a Pod that goes away costs no caller an error. */
export const safeRetries = {
  retryOn: 'connect-failure,refused-stream,reset-before-request',
  numRetries: 2,
} as const;

/** Tries again on another endpoint, as long as there is one. */
const elsewhere: Init<typeof RetryPolicySchema> = {
  retryHostPredicate: [
    {
      name: 'envoy.retry_host_predicates.previous_hosts',
      configType: { case: 'typedConfig', value: pack(PreviousHostsPredicateSchema, {}) },
    },
  ],
  hostSelectionRetryMaxAttempts: 5n,
};

/** The policy where a route has none of its own. */
export const safeRetryPolicy: Init<typeof RetryPolicySchema> = { ...safeRetries, ...elsewhere };

// With a retry stanza also one that broke off or took too long. Source: HTTPRouteRetry.
const askedRetries = ['connect-failure', 'refused-stream', 'reset'];
const maxUint32 = 0xffffffff;
/** Envoy's waits are at most this many times the first one, which has to fit into 32 bits of milliseconds. */
const maxBackoffFactor = 10;

/** Undefined where `safeRetryPolicy` does. @throws UnusableFilter */
export function translateRetry(
  retry: HTTPRouteRetry | undefined,
  { attempt }: Timeouts,
): Init<typeof RetryPolicySchema> | undefined {
  if (retry === undefined && attempt === 0) return undefined;
  const { attempts } = retry ?? {};
  if (attempts !== undefined && !(Number.isInteger(attempts) && attempts > 0)) {
    throw new UnusableFilter(`${attempts} is not a number of retries: use 1 or more`);
  }
  const policy: Init<typeof RetryPolicySchema> = {
    ...elsewhere,
    numRetries: Math.min(attempts ?? safeRetries.numRetries, maxUint32),
  };
  if (attempt > 0) policy.perTryTimeout = duration(attempt);
  if (retry === undefined) {
    policy.retryOn = safeRetries.retryOn;
    return policy;
  }
  const codes = retry.codes ?? [];
  policy.retryOn = [...askedRetries, ...(codes.length === 0 ? [] : ['retriable-status-codes'])].join(',');
  if (codes.length > 0) policy.retriableStatusCodes = [...codes];
  if (retry.backoff !== undefined) {
    const base = milliseconds(retry.backoff);
    if (base < 1) throw new UnusableFilter('a retry backoff is at least 1ms');
    if (base * maxBackoffFactor > maxUint32) {
      throw new UnusableFilter(`a retry backoff of ${retry.backoff} is too long: use at most 100h`);
    }
    policy.retryBackOff = { baseInterval: duration(base) };
  }
  return policy;
}
