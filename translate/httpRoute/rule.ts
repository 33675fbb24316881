/**
 * Rules of HTTPRoutes and GRPCRoutes to Envoy's routes: what they match differs, what they do with a request does not.
 * Source: Gateway API, HTTPRouteRule and GRPCRouteRule; Envoy docs, config.route.v3.Route.
 */
import type { Any } from '@bufbuild/protobuf/wkt';
import {
  RouteAction_ClusterNotFoundResponseCode as ClusterNotFoundResponseCode,
  RouteSchema,
  type HeaderMatcherSchema,
  type RouteActionSchema,
  type RouteMatchSchema,
  type WeightedCluster_ClusterWeightSchema,
} from '../../api/envoy/envoy/config/route/v3/route_components_pb.ts';
import type { HTTPRouteRule } from '../../api/gateway/index.ts';
import {
  isUnresolved,
  type BackendReference,
  type ResolvedBackend,
  type UnresolvedReference,
} from '../backend/index.ts';
import { duration, encode, type Init } from '../encoding/index.ts';
import { httpFilter } from '../envoy/httpFilter.ts';
import {
  filterConfigs,
  headerFields,
  joinFilters,
  translateFilters,
  type References,
  type RouteFilters,
} from './filters.ts';
import { IncompatibleFilters, UnusableFilter } from './headers.ts';
import { UnusableMatch, type Specificity, type TranslatedMatch } from './match.ts';
import { fractionalPercent } from './mirror.ts';
import { translateRedirect, translateRewrite, type ListenerContext } from './rewrite.ts';
import {
  planBackendSession,
  planSession,
  sessionCookieFilters,
  sessionFilter,
  sessionMatch,
  sessionOf,
  sessionPath,
  type Session,
} from './sessionPersistence.ts';
import { translateRetry, translateTimeouts } from './timeouts.ts';

/** One Envoy route, with what places it among others. */
export interface RankedRoute {
  specificity: Specificity;
  /** Position of the rule and of the match within it; routes of one match stand in their order. */
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
  /** Set where the reason is that its filters exclude each other. */
  isIncompatible?: boolean;
}

/** What rules of both kinds say. */
export type CommonRule = Omit<HTTPRouteRule, 'matches'>;

/** In what rules of the two kinds differ. */
export interface RuleDialect {
  /** @throws UnusableMatch */
  matches: () => TranslatedMatch[];
  /** What a request gets whose backend is invalid: proxies make of 503 the status UNAVAILABLE of gRPC. */
  invalidBackendStatus: 500 | 503;
  /** Configuration of HTTP filters that every route of the kind has, by their name. */
  filterConfigs?: Record<string, Any>;
}

/** What a rule does that cannot do what it says, beside others that can; see `withoutOthers`. */
const answers500 = 'answers 500 in place of what it says';

/** The fault of a rule of a route that has no other: nothing of the route is served, so nothing answers. */
export function withoutOthers(fault: string): string {
  return fault.replace(answers500, 'cannot be served');
}

/** A cluster that never exists: requests sent to it get the status of backends that are invalid. */
const invalidBackend = 'invalid-backend';

/** The specification's limit; the sum has to fit into 32 bits. */
const maxWeight = 1_000_000;

type Route = Init<typeof RouteSchema>;
type RouteAction = Init<typeof RouteActionSchema>;

/** One of the backends among which requests are divided. */
interface Destination {
  weight: number;
  /** Undefined where the backend is invalid. */
  cluster: string | undefined;
  /** Its own filters only. */
  filters: RouteFilters;
  session: Session | undefined;
}

/** What a rule does with a request, whatever it matches and wherever it is served. */
interface Plan {
  filters: RouteFilters;
  /** Empty where there is nothing to send requests to. */
  destinations: Destination[];
  /** What all requests have in common that are sent to a backend. */
  action: RouteAction;
}

/**
 * @param route what the routes are called in access logs
 * @param resolve where a backend reference leads; `grpc` asks for a backend that is spoken to in gRPC whatever the route
 */
export function translateRule(
  route: string,
  rule: CommonRule,
  index: number,
  resolve: (reference: BackendReference, use?: 'grpc') => ResolvedBackend,
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
  const name = rule.name === undefined ? route : `${route}/${rule.name}`;
  const ranked = (match: TranslatedMatch, position: number, { clusters, ...message }: MatchRoute): RankedRoute => ({
    specificity: match.specificity,
    rule: index,
    match: position,
    bytes: encode(RouteSchema, { name, ...message }),
    clusters,
  });
  try {
    const identity = `${route} ${rule.name ?? JSON.stringify(matches.map(({ match }) => match))}`;
    const plan = planRule(rule, identity, { resolve, unresolved });
    const routes = (listener: ListenerContext): RankedRoute[] =>
      matches.flatMap((match, position) =>
        matchRoutes(plan, match, listener, dialect).map((made) => ranked(match, position, made)),
      );
    // Path modifiers are tried here, so that what is wrong with them is known before the rule meets a listener.
    const clusters = [...new Set(routes({ scheme: 'http', port: 80 }).flatMap((made) => made.clusters))];
    return { routes, dependsOnListener: dependsOnListener(plan), clusters, unresolved, fault: undefined };
  } catch (error) {
    if (!(error instanceof UnusableFilter)) throw error;
    const fault = `${where} ${answers500}, because ${error.message}`;
    const routes = matches.map((match, position) =>
      ranked(match, position, { match: match.match, action: answer(500), clusters: [] }),
    );
    const isIncompatible = error instanceof IncompatibleFilters;
    return { routes: () => routes, dependsOnListener: false, clusters: [], unresolved, fault, isIncompatible };
  }
}

/** @throws UnusableFilter */
function planRule(rule: CommonRule, identity: string, references: References): Plan {
  const filters = translateFilters(rule.filters ?? [], references);
  const session = rule.sessionPersistence === undefined ? undefined : planSession(rule.sessionPersistence, identity);
  const timeouts = translateTimeouts(rule.timeouts);
  const retryPolicy = translateRetry(rule.retry, timeouts);
  const destinations = (rule.backendRefs ?? []).map((reference): Destination => {
    const backend = references.resolve(reference);
    const own = translateFilters(reference.filters ?? [], references);
    const weight = Math.min(reference.weight ?? 1, maxWeight);
    if (isUnresolved(backend)) {
      references.unresolved.push(backend);
      return { weight, cluster: undefined, filters: own, session: undefined };
    }
    const { cluster, sessionPersistence } = backend;
    // What the rule says goes before what a policy says of the backend.
    const ownSession =
      sessionPersistence === undefined ? undefined : planBackendSession(sessionPersistence, identity, cluster);
    return { weight, cluster, filters: own, session: session ?? ownSession };
  });
  return {
    filters,
    destinations: divided(destinations),
    action: { timeout: duration(timeouts.request), ...(retryPolicy === undefined ? {} : { retryPolicy }) },
  };
}

/** Those among which requests are divided; one without weight still keeps the sessions that it has. */
function divided(destinations: Destination[]): Destination[] {
  if (!destinations.some(({ weight }) => weight > 0)) return [];
  const kept = destinations.filter(({ weight, session }) => weight > 0 || session !== undefined);
  if (kept.length < 2) return kept;
  // The session tells which backend it is of, so that a request that belongs to it is not divided again. Source: GEP-1619.
  return kept.map((destination) => {
    const { cluster, session } = destination;
    return cluster === undefined || session === undefined
      ? destination
      : { ...destination, session: sessionOf(session, cluster) };
  });
}

function dependsOnListener({ filters, destinations }: Plan): boolean {
  return (
    filters.redirect !== undefined ||
    destinations.some((one) => one.filters.redirect !== undefined || one.session?.kind === 'Cookie')
  );
}

/** A route of one match, with the clusters that it leads to. */
type MatchRoute = Omit<Route, 'match'> & { match: Init<typeof RouteMatchSchema>; clusters: readonly string[] };

function matchRoutes(
  { filters, destinations, action }: Plan,
  match: TranslatedMatch,
  listener: ListenerContext,
  dialect: RuleDialect,
): MatchRoute[] {
  const { invalidBackendStatus } = dialect;
  /** A route with all that `all` says, to `destination` or, if it is undefined, to nowhere. */
  const whole = (
    all: RouteFilters,
    destination: Destination | undefined,
    specifier: RouteAction['clusterSpecifier'],
    more: Partial<RouteAction> = {},
  ): MatchRoute => {
    const made = actionOf(all, specifier, { ...action, ...more }, match, listener, invalidBackendStatus);
    return {
      match: match.match,
      action: made,
      ...headerFields(all),
      typedPerFilterConfig: {
        ...dialect.filterConfigs,
        ...filterConfigs(withSession(all, destination?.session)),
        ...sessionConfig(destination?.session, match, listener),
      },
      clusters: [...clustersOf(made), ...all.clusters],
    };
  };
  const to = (destination: Destination): MatchRoute => {
    const { cluster } = destination;
    return whole(
      joinFilters(filters, destination.filters),
      destination,
      cluster === undefined ? undefined : { case: 'cluster', value: cluster },
    );
  };

  const valid = destinations.filter(({ cluster }) => cluster !== undefined);
  if (filters.redirect !== undefined || filters.closed || valid.length === 0)
    return [whole(filters, undefined, undefined)];
  if (destinations.length === 1) return [to(destinations[0]!)];
  if (destinations.every(fitsCluster)) {
    const specifier = {
      case: 'weightedClusters',
      value: { clusters: destinations.filter(({ weight }) => weight > 0).map(clusterWeight) },
    } as const;
    const mixed = valid.length < destinations.length;
    const made = whole(
      filters,
      undefined,
      specifier,
      mixed ? { clusterNotFoundResponseCode: clusterNotFound[invalidBackendStatus] } : {},
    );
    return [{ ...made, clusters: [...made.clusters, ...destinations.flatMap((one) => one.filters.clusters)] }];
  }
  // What a backend has of its own does not fit into a division of clusters: it gets a route of its own, which takes a part
  // of what those before it left. Envoy draws one number for a request, so that the shares add up.
  const sessions = valid
    .filter(({ session }) => session !== undefined)
    .map((destination) => narrowed(to(destination), sessionMatch(destination.session!)));
  const weighted = destinations.filter(({ weight }) => weight > 0);
  const total = weighted.reduce((sum, { weight }) => sum + weight, 0);
  let sum = 0;
  const shares = weighted.map((destination, position) => {
    sum += destination.weight;
    const share =
      position === weighted.length - 1 ? {} : { runtimeFraction: { defaultValue: fractionalPercent(sum, total) } };
    return narrowed(to(destination), share);
  });
  return [...sessions, ...shares];
}

/** The clusters that an action names: no others, so that what is the same to a proxy is the same to who sends it. */
function clustersOf(action: NonNullable<Route['action']>): string[] {
  if (action.case !== 'route') return [];
  const { clusterSpecifier, requestMirrorPolicies = [] } = action.value;
  const mirrors = requestMirrorPolicies.flatMap(({ cluster }) => cluster ?? []);
  if (clusterSpecifier?.case === 'cluster') return [clusterSpecifier.value, ...mirrors];
  const weighted = clusterSpecifier?.case === 'weightedClusters' ? (clusterSpecifier.value.clusters ?? []) : [];
  return [...weighted.flatMap(({ name }) => (name === undefined || name === invalidBackend ? [] : name)), ...mirrors];
}

/** The route for fewer requests. */
function narrowed(route: MatchRoute, by: Init<typeof RouteMatchSchema>): MatchRoute {
  const headers = [...(route.match.headers ?? []), ...(by.headers ?? [])] as Init<typeof HeaderMatcherSchema>[];
  return { ...route, match: { ...route.match, ...by, headers } };
}

/** Whether all that a destination has of its own can be said of a cluster in a division of clusters. */
function fitsCluster({ filters, session }: Destination): boolean {
  const { redirect, rewrite, mirrors, closed } = filters;
  return redirect === undefined && rewrite === undefined && mirrors.length === 0 && !closed && session === undefined;
}

function clusterWeight({ cluster, weight, filters }: Destination): Init<typeof WeightedCluster_ClusterWeightSchema> {
  return {
    name: cluster ?? invalidBackend,
    weight,
    ...headerFields(filters),
    typedPerFilterConfig: filterConfigs(filters),
  };
}

const clusterNotFound = {
  500: ClusterNotFoundResponseCode.INTERNAL_SERVER_ERROR,
  503: ClusterNotFoundResponseCode.SERVICE_UNAVAILABLE,
} as const;

function answer(status: 500 | 503): NonNullable<Route['action']> {
  return { case: 'directResponse', value: { status } };
}

/** @throws UnusableFilter */
function actionOf(
  { redirect, rewrite, mirrors, closed }: RouteFilters,
  clusterSpecifier: RouteAction['clusterSpecifier'],
  common: RouteAction,
  match: TranslatedMatch,
  listener: ListenerContext,
  invalidBackendStatus: 500 | 503,
): NonNullable<Route['action']> {
  if (closed) return answer(500);
  if (redirect !== undefined) return { case: 'redirect', value: translateRedirect(redirect, listener, match.prefix) };
  const rewritten = rewrite === undefined ? {} : translateRewrite(rewrite, match.prefix);
  if (clusterSpecifier === undefined) return answer(invalidBackendStatus);
  return { case: 'route', value: { clusterSpecifier, ...common, requestMirrorPolicies: mirrors, ...rewritten } };
}

function withSession(filters: RouteFilters, session: Session | undefined): RouteFilters {
  if (session === undefined) return filters;
  return { ...filters, inline: [...filters.inline, ...sessionCookieFilters(session)] };
}

function sessionConfig(
  session: Session | undefined,
  { match }: TranslatedMatch,
  listener: ListenerContext,
): Record<string, Any> {
  if (session === undefined) return {};
  const path = session.ofBackend === true ? undefined : sessionPath(match);
  return { [httpFilter.statefulSession]: sessionFilter(session, path, listener.scheme === 'https') };
}
