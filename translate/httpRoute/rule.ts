/**
 * Rules of HTTPRoutes and GRPCRoutes to Envoy's routes: what they match differs, what they do with a request does not.
 * Source: Gateway API, HTTPRouteRule and GRPCRouteRule; Envoy docs, config.route.v3.Route.
 */
import {
  RouteAction_ClusterNotFoundResponseCode as ClusterNotFoundResponseCode,
  RouteSchema,
  type RetryPolicySchema,
  type RouteActionSchema,
  type WeightedCluster_ClusterWeightSchema,
} from '../../api/envoy/envoy/config/route/v3/route_components_pb.ts';
import { FractionalPercent_DenominatorType as Denominator } from '../../api/envoy/envoy/type/v3/percent_pb.ts';
import type {
  HTTPBackendRef,
  HTTPRequestMirrorFilter,
  HTTPRouteFilter,
  HTTPRouteRetry,
  HTTPRouteRule,
  HTTPRouteTimeouts,
} from '../../api/gateway/index.ts';
import {
  isUnresolved,
  type BackendReference,
  type ResolvedBackend,
  type UnresolvedReference,
} from '../backend/index.ts';
import { duration, encode, parseDuration, type Init } from '../encoding/index.ts';
import { translateHeaders, UnusableFilter, type HeaderOperations } from './headers.ts';
import { UnusableMatch, type Specificity, type TranslatedMatch } from './match.ts';
import { translateRedirect, translateRewrite, type ListenerContext } from './rewrite.ts';

/** One Envoy route, with what places it among others. */
export interface RankedRoute {
  specificity: Specificity;
  /** Position of the rule and of the match within it. */
  rule: number;
  match: number;
  /** Encoded `envoy.config.route.v3.Route`. */
  bytes: Uint8Array;
  clusters: readonly string[];
}

/** What a rule came to, before it is placed on a listener. */
export interface TranslatedRule {
  /** The routes of the rule for a listener. */
  routes: (listener: ListenerContext) => RankedRoute[];
  /** Whether `routes` differs between listeners. */
  dependsOnListener: boolean;
  clusters: readonly string[];
  /** References that lead nowhere. */
  unresolved: readonly UnresolvedReference[];
  /** Why the rule is not served as it is written. */
  fault: string | undefined;
}

/** What rules of both kinds say. */
export type CommonRule = Omit<HTTPRouteRule, 'matches'>;

/** In what rules of the two kinds differ. */
export interface RuleDialect {
  /** @throws UnusableMatch */
  matches: () => TranslatedMatch[];
  /** What a request gets whose backend is invalid: proxies make of 503 the status UNAVAILABLE of gRPC. */
  invalidBackendStatus: 500 | 503;
}

/** A cluster that never exists: requests sent to it get the status of backends that are invalid. */
const invalidBackend = 'invalid-backend';

type Route = Init<typeof RouteSchema>;
type RouteAction = Init<typeof RouteActionSchema>;

/** How one rule acts on a request; only the path modifiers need the match. */
interface Action {
  of: (match: TranslatedMatch, listener: ListenerContext) => Route['action'];
  headers: Pick<
    Route,
    'requestHeadersToAdd' | 'requestHeadersToRemove' | 'responseHeadersToAdd' | 'responseHeadersToRemove'
  >;
  clusters: string[];
  dependsOnListener: boolean;
}

function answer(status: 500 | 503): Route['action'] {
  return { case: 'directResponse', value: { status } };
}

/**
 * @param route what the routes are called in access logs
 * @param resolve where a backend reference leads
 */
export function translateRule(
  route: string,
  rule: CommonRule,
  index: number,
  resolve: (reference: BackendReference) => ResolvedBackend,
  dialect: RuleDialect,
): TranslatedRule {
  const unresolved: UnresolvedReference[] = [];
  const where = rule.name === undefined ? `rule ${index}` : `rule "${rule.name}"`;
  let matches: TranslatedMatch[];
  try {
    matches = dialect.matches();
  } catch (error) {
    if (!(error instanceof UnusableMatch)) throw error;
    const fault = `${where} is left out, because ${error.message}`;
    return { routes: () => [], dependsOnListener: false, clusters: [], unresolved, fault };
  }
  let action: Action;
  let fault: string | undefined;
  try {
    action = translateAction(rule, resolve, unresolved, dialect);
    // Path modifiers are tried here, so that what is wrong with them is known before the rule meets a listener.
    for (const match of matches) action.of(match, { scheme: 'http', port: 80 });
  } catch (error) {
    if (!(error instanceof UnusableFilter)) throw error;
    fault = `${where} answers 500 in place of what it says, because ${error.message}`;
    action = { of: () => answer(500), headers: {}, clusters: [], dependsOnListener: false };
  }
  const name = rule.name === undefined ? route : `${route}/${rule.name}`;
  const routes = (listener: ListenerContext): RankedRoute[] =>
    matches.map((match, position) => ({
      specificity: match.specificity,
      rule: index,
      match: position,
      bytes: encode(RouteSchema, { name, match: match.match, action: action.of(match, listener)!, ...action.headers }),
      clusters: action.clusters,
    }));
  return { routes, dependsOnListener: action.dependsOnListener, clusters: action.clusters, unresolved, fault };
}

const clusterNotFound = {
  500: ClusterNotFoundResponseCode.INTERNAL_SERVER_ERROR,
  503: ClusterNotFoundResponseCode.SERVICE_UNAVAILABLE,
} as const;

function translateAction(
  rule: CommonRule,
  resolve: (reference: BackendReference) => ResolvedBackend,
  unresolved: UnresolvedReference[],
  { invalidBackendStatus }: RuleDialect,
): Action {
  if (rule.sessionPersistence !== undefined) throw new UnusableFilter('sessionPersistence is not supported');
  const headers = headerOperations(rule.filters ?? []);
  const redirect = rule.filters?.find((filter) => filter.requestRedirect !== undefined)?.requestRedirect;
  const rewrite = rule.filters?.find((filter) => filter.urlRewrite !== undefined)?.urlRewrite;
  const mirrors = (rule.filters ?? []).flatMap((filter) => filter.requestMirror ?? []);
  const unsupported = rule.filters?.find(
    (filter) =>
      !['RequestHeaderModifier', 'ResponseHeaderModifier', 'RequestMirror', 'RequestRedirect', 'URLRewrite'].includes(
        filter.type,
      ),
  );
  if (unsupported !== undefined) throw new UnusableFilter(`filters of type ${unsupported.type} are not supported`);
  if (redirect !== undefined) {
    return {
      of: (match, listener) => ({ case: 'redirect', value: translateRedirect(redirect, listener, match.prefix) }),
      headers,
      clusters: [],
      dependsOnListener: true,
    };
  }

  const mirrored = mirrors.flatMap((mirror) => {
    const backend = resolve(mirror.backendRef);
    if (!isUnresolved(backend)) return { cluster: backend.cluster, mirror };
    unresolved.push(backend);
    return [];
  });
  const backends = translateBackends(rule.backendRefs ?? [], resolve, unresolved);
  const timeouts = translateTimeouts(rule.timeouts);
  const retryPolicy = translateRetry(rule.retry, timeouts.perTry);
  if (backends === undefined) {
    return { of: () => answer(invalidBackendStatus), headers, clusters: [], dependsOnListener: false };
  }
  const base: RouteAction = {
    clusterSpecifier: backends.specifier,
    // Envoy's default of 15 s would cut long responses; without a timeout of the user's there is none.
    timeout: duration(timeouts.request ?? 0),
    ...(backends.mixed ? { clusterNotFoundResponseCode: clusterNotFound[invalidBackendStatus] } : {}),
    ...(retryPolicy === undefined ? {} : { retryPolicy }),
    requestMirrorPolicies: mirrored.map(({ cluster, mirror }) => ({
      cluster,
      runtimeFraction: { defaultValue: mirrorFraction(mirror) },
      disableShadowHostSuffixAppend: true,
    })),
  };
  return {
    of: (match) => ({
      case: 'route',
      value: rewrite === undefined ? base : { ...base, ...translateRewrite(rewrite, match.prefix) },
    }),
    headers,
    clusters: [...new Set([...backends.clusters, ...mirrored.map(({ cluster }) => cluster)])],
    dependsOnListener: false,
  };
}

function headerOperations(filters: readonly HTTPRouteFilter[]): Action['headers'] {
  const request = collect(filters, 'request');
  const response = collect(filters, 'response');
  return {
    requestHeadersToAdd: request.add,
    requestHeadersToRemove: request.remove,
    responseHeadersToAdd: response.add,
    responseHeadersToRemove: response.remove,
  };
}

function collect(filters: readonly HTTPRouteFilter[], direction: 'request' | 'response'): HeaderOperations {
  const result: HeaderOperations = { add: [], remove: [] };
  for (const filter of filters) {
    const modifier = direction === 'request' ? filter.requestHeaderModifier : filter.responseHeaderModifier;
    if (modifier === undefined) continue;
    const { add, remove } = translateHeaders(modifier, direction);
    result.add.push(...add);
    result.remove.push(...remove);
  }
  return result;
}

interface Backends {
  specifier: RouteAction['clusterSpecifier'] & {};
  clusters: string[];
  /** Whether some of the traffic goes to backends that are invalid. */
  mixed: boolean;
}

/** Undefined where no request can be sent anywhere: no backend, none that is valid, or no weight. */
function translateBackends(
  references: readonly HTTPBackendRef[],
  resolve: (reference: BackendReference) => ResolvedBackend,
  unresolved: UnresolvedReference[],
): Backends | undefined {
  const weights: Init<typeof WeightedCluster_ClusterWeightSchema>[] = [];
  let invalidWeight = 0;
  for (const reference of references) {
    const weight = reference.weight ?? 1;
    const backend = resolve(reference);
    if (isUnresolved(backend)) {
      unresolved.push(backend);
      invalidWeight += weight;
      continue;
    }
    const unsupported = reference.filters?.find(
      (filter) => filter.type !== 'RequestHeaderModifier' && filter.type !== 'ResponseHeaderModifier',
    );
    if (unsupported !== undefined) {
      throw new UnusableFilter(
        `a filter of type ${unsupported.type} on a backendRef is not supported: put it on the rule`,
      );
    }
    if (weight > 0) weights.push({ name: backend.cluster, weight, ...headerOperations(reference.filters ?? []) });
  }
  if (weights.length === 0) return undefined;
  const clusters = weights.map(({ name }) => name!);
  const plain = references.every(({ filters }) => (filters ?? []).length === 0);
  if (plain && invalidWeight === 0 && weights.length === 1) {
    return { specifier: { case: 'cluster', value: clusters[0]! }, clusters, mixed: false };
  }
  if (invalidWeight > 0) weights.push({ name: invalidBackend, weight: invalidWeight });
  return { specifier: { case: 'weightedClusters', value: { clusters: weights } }, clusters, mixed: invalidWeight > 0 };
}

function mirrorFraction(mirror: HTTPRequestMirrorFilter): { numerator: number; denominator: Denominator } {
  const { fraction, percent } = mirror;
  if (fraction === undefined) return { numerator: percent ?? 100, denominator: Denominator.HUNDRED };
  const million = 1_000_000;
  const numerator = Math.min(million, Math.round((fraction.numerator / (fraction.denominator ?? 100)) * million));
  return { numerator, denominator: Denominator.MILLION };
}

/** In milliseconds; zero switches a timeout off. */
function translateTimeouts(timeouts: HTTPRouteTimeouts | undefined): { request?: number; perTry?: number } {
  const result: { request?: number; perTry?: number } = {};
  if (timeouts?.request !== undefined) result.request = milliseconds(timeouts.request);
  if (timeouts?.backendRequest !== undefined) result.perTry = milliseconds(timeouts.backendRequest);
  return result;
}

function milliseconds(text: string): number {
  const value = parseDuration(text);
  if (value === undefined) throw new UnusableFilter(`"${text}" is not a duration such as 500ms or 1m30s`);
  return value;
}

// Without attempts of the user's, a request that never reached a backend is tried again; it is the clusters' default, too.
const safeRetries = 'connect-failure,refused-stream,reset-before-request';

function translateRetry(
  retry: HTTPRouteRetry | undefined,
  perTry: number | undefined,
): Init<typeof RetryPolicySchema> | undefined {
  if (retry === undefined && (perTry === undefined || perTry === 0)) return undefined;
  const policy: Init<typeof RetryPolicySchema> = { retryOn: safeRetries, numRetries: retry?.attempts ?? 2 };
  if (perTry !== undefined && perTry > 0) policy.perTryTimeout = duration(perTry);
  if ((retry?.codes ?? []).length > 0) {
    policy.retryOn = `${safeRetries},retriable-status-codes`;
    policy.retriableStatusCodes = [...retry!.codes!];
  }
  if (retry?.backoff !== undefined) {
    const base = milliseconds(retry.backoff);
    if (base < 1) throw new UnusableFilter('a retry backoff is at least 1ms');
    policy.retryBackOff = { baseInterval: duration(base) };
  }
  return policy;
}
