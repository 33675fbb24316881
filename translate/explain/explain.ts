/**
 * Why a request meets what it meets: the way it takes through what the translation made, with the objects that each step came
 * from, or the first step that there is none of, with what came nearest.
 */
import type { ObjectKey } from '../../api/object.ts';
import { parseClusterName } from '../backend/index.ts';
import { listenerId, portKey, type ListenerPlan, type PortPlan } from '../gateway/index.ts';
import { covers, mostSpecific } from '../httpRoute/hostname.ts';
import { isHttpKind, parseRouteId } from '../sources.ts';
import { effectOf, type Effect, type HeaderChange } from './action.ts';
import { describeFilters, describeRoute, routeReference, ruleOf, type RouteReference } from './describe.ts';
import type { Connection } from './filterChain.ts';
import type { Origin } from './inspection.ts';
import { nearestHostnames, nearestRoutes, type NearMiss } from './nearest.ts';
import { requiresClientCertificate, type Passage, type Transport } from './proxy.ts';
import { withoutPort, type HttpRequest } from './request.ts';
import { statusKey, type Snapshot } from './snapshot.ts';

/** What is asked about. */
export interface Question {
  transport: Transport;
  port: number;
  connection: Connection;
  /** Undefined for a connection that says nothing of HTTP. */
  request: HttpRequest | undefined;
}

export interface ListenerReference {
  gateway: ObjectKey;
  /** The object that it is written in: the Gateway or a ListenerSet. */
  owner: { kind: 'Gateway' | 'ListenerSet'; key: ObjectKey };
  name: string;
  port: number;
  protocol: string;
  /** `*` for any. */
  hostname: string;
}

/** Where a share of the requests goes. */
export interface ExplainedBackend {
  /** `Service default/web`. */
  backend: string;
  port: number | undefined;
  /** In percent. */
  share: number;
  /** Whether the proxy speaks TLS to it. */
  tls: boolean;
  /** Undefined where it is not known where it is. */
  endpoints: string[] | undefined;
  /** What is answered in its place, and why; undefined where it is asked. */
  failure: string | undefined;
  /** What it gets to see of the request; undefined where it is no HTTP. */
  sees: SeenRequest | undefined;
  /** What is done to the headers of its answers. */
  responseHeaders: HeaderChange[];
}

/** A request as it leaves the proxy. */
export interface SeenRequest {
  method: string;
  /** The Host header; undefined where the name of the endpoint is put in. */
  authority: string | undefined;
  path: string;
  headers: HeaderChange[];
}

/** What happens to a request at a route. */
export type ExplainedAction =
  | {
      kind: 'forward';
      backends: ExplainedBackend[];
      mirrors: { backend: string; share: number; endpoints: string[] | undefined }[];
    }
  | Extract<Effect, { kind: 'redirect' | 'answer' }>;

export interface Explanation {
  /** Whether a route takes it. */
  met: boolean;
  /** What happens, in one sentence without its full stop. */
  summary: string;
  /** The status of the answer, where the proxy gives it itself. */
  status: number | undefined;
  listener: ListenerReference | undefined;
  /** The hostname whose routes were asked; `*` for any. */
  hostname: string | undefined;
  route: RouteReference | undefined;
  filters: string[];
  action: ExplainedAction | undefined;
  /** What else is to be known; one sentence each, without full stop. */
  notes: string[];
  /** The routes that came nearest, where none takes it. */
  nearest: NearMiss[];
}

const nothing = {
  met: false,
  status: undefined,
  listener: undefined,
  hostname: undefined,
  route: undefined,
  filters: [],
  action: undefined,
  notes: [],
  nearest: [],
} satisfies Omit<Explanation, 'summary'>;

export function explain(snapshot: Snapshot, question: Question): Explanation {
  const { transport, port, connection, request } = question;
  const passage = snapshot.model.follow(transport, port, connection, request);
  const explanation = explainPassage(snapshot, question, passage);
  const chain = 'chain' in passage ? passage.chain : undefined;
  if (chain === undefined || !requiresClientCertificate(chain)) return explanation;
  const note = 'The listener asks for a client certificate: a client that shows no valid one gets no connection';
  return { ...explanation, notes: [note, ...explanation.notes] };
}

function explainPassage(snapshot: Snapshot, question: Question, passage: Passage): Explanation {
  const { port, connection } = question;
  switch (passage.end) {
    case 'no listener':
      return noListener(snapshot, question);
    case 'no chain':
      return noChain(snapshot, question);
    case 'wrong transport': {
      const listener = httpListener(snapshot, question, passage);
      const advice = passage.expects === 'TLS' ? 'use https://' : 'use http://';
      const summary = `${described(listener, port)} expects ${passage.expects}: ${advice}`;
      return { ...nothing, summary, listener };
    }
    case 'not HTTP': {
      const listener = listenerOf(snapshot, question, chainHostname(passage));
      const summary = `${described(listener, port)} takes HTTP requests: ask with ${connection.isTls ? 'https' : 'http'}://`;
      return { ...nothing, summary, listener };
    }
    case 'answered': {
      const listener = httpListener(snapshot, question, passage);
      const summary =
        passage.status === 307
          ? `307: the path has an escaped slash, so the proxy redirects to ${passage.path} before it looks for a route`
          : '400: the path cannot be normalized, so the proxy refuses the request before it looks for a route';
      return { ...nothing, summary, status: passage.status, listener };
    }
    case 'no virtual host':
    case 'no route':
      return notFound(snapshot, question, passage);
    case 'stream':
      return streamed(snapshot, question, passage);
    default:
      return routed(snapshot, question, passage);
  }
}

function planOf({ inspection }: Snapshot, { transport, port }: Question): PortPlan | undefined {
  return inspection.ports.get(`${transport}/${port}`);
}

/** All listeners of the Gateways, also those that are not served. */
function allListeners({ inspection }: Snapshot): ListenerPlan[] {
  return [...inspection.gateways.values()].flatMap(({ listeners }) => listeners);
}

function gatewaysOf({ inspection }: Snapshot): string {
  const keys = [...inspection.gateways.keys()].toSorted();
  return keys.length === 1 ? `Gateway ${keys[0]}` : `the merged Gateways ${keys.join(', ')}`;
}

/** Why a listener is not served; undefined where it is. */
export function unservedBecause({ inspection }: Snapshot, listener: ListenerPlan): string | undefined {
  const conflict = inspection.ports.get(portKey(listener))?.conflicts[listenerId(listener)];
  return listener.refused?.message ?? conflict?.message ?? listener.unservable;
}

/** A listener as it is told to others. */
export function reference({ gateway, owner, name, port, protocol, hostname }: ListenerPlan): ListenerReference {
  return {
    gateway,
    owner: { kind: owner.kind, key: owner.key },
    name,
    port,
    protocol: protocol ?? 'unknown',
    hostname: starred(hostname),
  };
}

function starred(hostname: string): string {
  return hostname === '' ? '*' : hostname;
}

function listName(hostnames: readonly string[]): string {
  const all = [...new Set(hostnames)];
  const some = all.slice(0, 5).join(', ');
  return all.length > 5 ? `${some} and ${all.length - 5} more` : some;
}

/** The served listener of the port whose hostname is the most specific one that covers a hostname. */
function listenerOf(snapshot: Snapshot, question: Question, hostname: string): ListenerReference | undefined {
  const listeners = planOf(snapshot, question)?.listeners ?? [];
  const specific = mostSpecific(
    listeners.map((listener) => listener.hostname),
    hostname,
  );
  const found = listeners.find((listener) => listener.hostname === specific) ?? listeners[0];
  return found === undefined ? undefined : reference(found);
}

function described(listener: ListenerReference | undefined, port: number): string {
  return listener === undefined ? `port ${port}` : `listener "${listener.name}" on port ${port}`;
}

function chainHostname(passage: Passage): string {
  return ('chain' in passage ? passage.chain?.filterChainMatch?.serverNames[0] : undefined) ?? '';
}

/** On a port with TLS the server name chose the listener, else the Host header. */
function httpListener(
  snapshot: Snapshot,
  question: Question,
  passage: Passage,
  virtualHost?: string,
): ListenerReference | undefined {
  const hostname =
    planOf(snapshot, question)?.mode === 'http'
      ? (virtualHost ?? withoutPort(question.request?.authority ?? ''))
      : chainHostname(passage);
  return listenerOf(snapshot, question, hostname === '*' ? '' : hostname);
}

function noListener(snapshot: Snapshot, question: Question): Explanation {
  const { transport, port } = question;
  const listeners = allListeners(snapshot);
  const here = listeners.filter((listener) => portKey(listener) === `${transport}/${port}`);
  const [first] = here;
  if (first !== undefined) {
    const why = here.flatMap((listener) => unservedBecause(snapshot, listener) ?? []);
    const summary = `no connection: no listener on port ${port} of ${gatewaysOf(snapshot)} is served: ${[...new Set(why)].slice(0, 3).join('; ')}`;
    return { ...nothing, summary, listener: reference(first) };
  }
  const ports = new Map<number, Set<string>>();
  for (const listener of listeners) {
    const protocol = listener.protocol ?? 'unknown';
    if ((protocol === 'UDP') !== (transport === 'udp')) continue;
    const known = ports.get(listener.port);
    if (known === undefined) ports.set(listener.port, new Set([protocol]));
    else known.add(protocol);
  }
  const has = [...ports]
    .toSorted(([a], [b]) => a - b)
    .map(([number, protocols]) => `${number} (${[...protocols].join(', ')})`);
  const kind = transport === 'udp' ? 'UDP port' : 'port';
  const summary = `no connection: no listener of ${gatewaysOf(snapshot)} is on ${kind} ${port}: the listeners are on ${has.length === 0 ? 'none' : has.join(', ')}`;
  return { ...nothing, summary, notes: elsewhere(snapshot, question) };
}

/** The ports on which the same request would meet a route. */
function elsewhere(snapshot: Snapshot, question: Question): string[] {
  const { request } = question;
  if (request === undefined) return [];
  return snapshot.model.listeners().flatMap(({ transport, port, listener }) => {
    if (transport !== question.transport || port === question.port) return [];
    const isTls = listener.filterChains.some(({ transportSocket }) => transportSocket !== undefined);
    const serverName = withoutPort(request.authority);
    const asked = { ...request, scheme: isTls ? ('https' as const) : ('http' as const) };
    const passage = snapshot.model.follow(transport, port, { isTls, serverName }, asked);
    if (passage.end !== 'route') return [];
    const origin = originOf(snapshot, passage);
    const route = origin === undefined ? 'a route' : describeRoute(routeReference(origin, undefined));
    return `On ${isTls ? 'https' : 'http'} port ${port}, ${route} would take it`;
  });
}

function noChain(snapshot: Snapshot, question: Question): Explanation {
  const { port, connection } = question;
  const listeners = planOf(snapshot, question)?.listeners ?? [];
  const names = listName(listeners.map(({ hostname }) => starred(hostname)));
  const { serverName } = connection;
  const summary = !connection.isTls
    ? `the listeners on port ${port} expect TLS: use https:// or tls://`
    : serverName === undefined
      ? `no connection: the client sends no server name, and no listener on port ${port} of ${gatewaysOf(snapshot)} takes any: they are for ${names}`
      : `no connection: no HTTPS or TLS listener on port ${port} of ${gatewaysOf(snapshot)} covers the server name ${serverName}: they are for ${names}`;
  const { request } = question;
  const nearest =
    request === undefined
      ? []
      : nearestRoutes(snapshot.model, snapshot.inspection, tablesOf(snapshot, question), undefined, request);
  return { ...nothing, summary, nearest, notes: unservedListeners(snapshot, question, serverName ?? '') };
}

function tablesOf(snapshot: Snapshot, question: Question): string[] {
  return (planOf(snapshot, question)?.tables ?? []).map(({ name }) => name);
}

/** Listeners of the port that would cover a host, but are not served. */
function unservedListeners(snapshot: Snapshot, { transport, port }: Question, host: string): string[] {
  return allListeners(snapshot).flatMap((listener) => {
    if (portKey(listener) !== `${transport}/${port}` || !covers(listener.hostname, host)) return [];
    const why = unservedBecause(snapshot, listener);
    return why === undefined
      ? []
      : `Listener "${listener.name}" of ${listener.owner.kind} ${listener.owner.key} is not served: ${why}`;
  });
}

function notFound(
  snapshot: Snapshot,
  question: Question,
  passage: Extract<Passage, { end: 'no route' | 'no virtual host' }>,
): Explanation {
  const { model, inspection } = snapshot;
  const { request, table } = passage;
  const host = withoutPort(request.authority);
  const virtualHost = passage.end === 'no route' ? passage.virtualHost : undefined;
  const hostname = virtualHost?.domains[0];
  const listener = httpListener(snapshot, question, passage, hostname);
  const tables = [table, ...tablesOf(snapshot, question).filter((name) => name !== table)];
  const nearest = nearestRoutes(model, inspection, tables, virtualHost, request);
  const notes = [...unservedListeners(snapshot, question, host), ...unservedRoutes(snapshot, host)];
  const base = { ...nothing, status: 404, listener, hostname, nearest, notes };
  const hostText = host === '' ? 'an empty Host' : host;
  if (virtualHost === undefined) {
    const listeners = planOf(snapshot, question)?.listeners ?? [];
    const names = listName(listeners.map((each) => starred(each.hostname)));
    // Where TLS chose the listener, the Host header must be its, too.
    const where =
      question.connection.isTls && listener !== undefined
        ? `listener "${listener.name}", which the server name chose, does not cover the Host ${hostText}: it is for ${listener.hostname}`
        : `no listener on port ${question.port} of ${gatewaysOf(snapshot)} has a hostname that covers ${hostText}: they have ${names}`;
    return { ...base, summary: `404: ${where}` };
  }
  if (virtualHost.routes.length === 0) {
    const names = nearestHostnames(model, tables, host);
    if (names.length === 0) {
      const where = `a listener on port ${question.port} of ${gatewaysOf(snapshot)}`;
      return { ...base, summary: `404: no route is attached to ${where}` };
    }
    const tail = `; nearest: ${names.join(', ')}`;
    return {
      ...base,
      summary: `404: no route of ${gatewaysOf(snapshot)} has a hostname that covers ${hostText}${tail}`,
    };
  }
  const what = `${request.method} ${request.path}`;
  const whose = hostname === '*' ? 'any hostname' : hostname;
  return { ...base, summary: `404: no rule of the routes for ${whose} matches ${what}` };
}

/** Routes for a host that are not served, or not as they are written. */
function unservedRoutes(snapshot: Snapshot, host: string): string[] {
  const { inspection, statuses } = snapshot;
  const result: string[] = [];
  for (const contribution of statuses.values()) {
    if (!('parents' in contribution) || !isHttpKind(contribution.kind)) continue;
    const id = `${contribution.kind}/${contribution.key}`;
    const route = inspection.route(id);
    const hostnames = route !== undefined && 'hostnames' in route.spec ? (route.spec.hostnames ?? []) : [];
    if (hostnames.length > 0 && !hostnames.some((hostname) => covers(hostname.toLowerCase(), host))) continue;
    const who = `${contribution.kind} ${contribution.key}`;
    for (const { unprogrammable } of contribution.parents) {
      if (unprogrammable !== undefined) result.push(`${who} is not served: ${unprogrammable.message}`);
    }
    for (const { fault } of inspection.findings(id)) {
      if (fault?.includes('left out') === true) result.push(`${who}: ${fault}`);
    }
  }
  return [...new Set(result)].slice(0, 5);
}

function originOf(snapshot: Snapshot, passage: Extract<Passage, { end: 'route' }>): Origin | undefined {
  const domain = passage.virtualHost.domains[0] ?? '*';
  return snapshot.inspection.routesOf(passage.table, domain === '*' ? '' : domain)[passage.shares[0]!.position];
}

function routed(snapshot: Snapshot, question: Question, passage: Extract<Passage, { end: 'route' }>): Explanation {
  const { inspection } = snapshot;
  const { configuration, virtualHost, request } = passage;
  const hostname = virtualHost.domains[0] ?? '*';
  const listener = httpListener(snapshot, question, passage, hostname);
  const origin = originOf(snapshot, passage);
  const effects = passage.shares.map((share) => ({
    share,
    effect: effectOf(share.route, virtualHost, configuration, request),
  }));
  const { effect } = effects[0]!;
  if (origin === undefined) {
    // A route that no object asked for, such as the answer to a misdirected request.
    const status = effect.kind === 'forward' ? undefined : effect.status;
    const summary =
      status === 421
        ? `421: the Host ${withoutPort(request.authority)} belongs to another listener than the one that the server name chose: connect to it with its own name`
        : `the proxy answers ${status ?? 'by itself'}`;
    return { ...nothing, summary, status, listener };
  }
  const object = inspection.route(origin.route);
  const route = routeReference(origin, object);
  const finding = inspection.findings(origin.route)[origin.rule];
  const faults = [
    ...(finding?.fault === undefined ? [] : [finding.fault]),
    ...(finding?.unresolved ?? []).map(({ message }) => message),
  ];
  const why = [...new Set(faults)].join('; ');
  const base = {
    ...nothing,
    met: true,
    listener,
    hostname,
    route,
    filters: describeFilters(object, origin.rule),
    notes: answeredByFilters(ruleOf(object, origin.rule)?.filters ?? [], request),
  };
  const who = describeRoute(route);
  if (effects.length === 1 && effect.kind === 'redirect') {
    const summary = `${effect.status}: ${who} redirects to ${effect.location}`;
    return { ...base, summary, status: effect.status, action: effect };
  }
  if (effects.length === 1 && effect.kind === 'answer') {
    const rule = ruleOf(object, origin.rule);
    const reason =
      why !== ''
        ? why
        : (rule?.backendRefs ?? []).length === 0
          ? 'it names no backend'
          : 'the weights of all its backends are 0';
    return {
      ...base,
      summary: `${effect.status}: ${who} answers itself, because ${reason}`,
      status: effect.status,
      action: effect,
    };
  }
  const backends = effects.flatMap(({ share, effect: each }) => explainShare(snapshot, share.percent, each, why));
  const mirrors = effects.flatMap(({ share, effect: each }) =>
    (each.kind === 'forward' ? each.mirrors : []).map(({ cluster, percent }) => {
      const { backend, endpoints } = explainBackend(snapshot, cluster, percent, 503, why);
      return { backend, share: (share.percent * percent) / 100, endpoints };
    }),
  );
  const action: ExplainedAction = { kind: 'forward', backends, mirrors };
  return { ...base, ...forwarded(who, backends, true), action };
}

/** Filters that may answer before a backend is asked. */
function answeredByFilters(filters: readonly { type: string }[], request: HttpRequest): string[] {
  const types = new Set(filters.map(({ type }) => type));
  const isPreflight =
    request.method === 'OPTIONS' &&
    request.headers.has('origin') &&
    request.headers.has('access-control-request-method');
  return [
    ...(types.has('CORS') && isPreflight
      ? ['It is a preflight request: where its origin is allowed, the CORS filter answers it and no backend is asked']
      : []),
    ...(types.has('ExternalAuth') ? ['The ExternalAuth filter asks first, and may refuse the request'] : []),
  ];
}

/** What becomes of a part of the requests. */
function explainShare(snapshot: Snapshot, percent: number, effect: Effect, why: string): ExplainedBackend[] {
  if (effect.kind !== 'forward') {
    const what =
      effect.kind === 'redirect' ? `redirect to ${effect.location}` : why === '' ? 'answered by the proxy' : why;
    return [{ ...invalid, share: round(percent), failure: `${effect.status}: ${what}` }];
  }
  return effect.destinations.map((destination) => {
    const share = (percent * destination.percent) / 100;
    const backend = explainBackend(snapshot, destination.cluster, share, effect.clusterNotFound, why);
    const { method, authority, path } = effect;
    const sees = { method, authority, path, headers: destination.requestHeaders };
    return { ...backend, sees, responseHeaders: destination.responseHeaders };
  });
}

function round(percent: number): number {
  return Math.round(percent * 100) / 100;
}

function forwarded(
  who: string,
  backends: readonly ExplainedBackend[],
  isHttp: boolean,
): Pick<Explanation, 'summary' | 'status'> {
  const working = backends.filter(({ failure, share }) => failure === undefined && share > 0);
  if (working.length === 0) {
    const failure = backends.find(({ share }) => share > 0)?.failure ?? 'no backend';
    const status = /^\d{3}/.exec(failure)?.[0];
    return { summary: `${failure} (${who})`, status: status === undefined ? undefined : Number(status) };
  }
  const list = working.map(({ backend, port }) => `${backend}${port === undefined ? '' : ` port ${port}`}`);
  const lost = backends.reduce((sum, { failure, share }) => sum + (failure === undefined ? 0 : share), 0);
  const but = lost === 0 ? '' : `, but ${round(lost)} % of the ${isHttp ? 'requests' : 'connections'} fail`;
  return { summary: `${who} forwards it to ${list.join(' or ')}${but}`, status: undefined };
}

function explainBackend(
  { model, isUnaddressed }: Snapshot,
  name: string,
  percent: number,
  clusterNotFound: number,
  why: string,
): ExplainedBackend {
  const address = parseClusterName(name);
  const cluster = model.cluster(name);
  const isUnknown = address !== undefined && isUnaddressed(address);
  const endpoints = isUnknown ? undefined : model.endpoints(name);
  const backend = address === undefined ? 'an invalid backend' : `${address.kind} ${address.namespace}/${address.name}`;
  const failure =
    cluster === undefined
      ? `${clusterNotFound}: ${why === '' ? `${backend} cannot be reached` : why}`
      : endpoints?.length === 0
        ? `503: ${backend} has no ready endpoint`
        : undefined;
  return {
    backend,
    port: address?.port,
    share: round(percent),
    tls: cluster?.transportSocket !== undefined,
    endpoints,
    failure,
    sees: undefined,
    responseHeaders: [],
  };
}

function streamed(snapshot: Snapshot, question: Question, passage: Extract<Passage, { end: 'stream' }>): Explanation {
  const { inspection, model } = snapshot;
  const port = `${question.transport}/${question.port}`;
  const hostname = chainHostname(passage);
  const listener = listenerOf(snapshot, question, hostname);
  const where = described(listener, question.port);
  const served = inspection.streamOf(port, hostname);
  if (served === undefined) {
    const lost = question.transport === 'udp' ? 'nothing answers' : 'the proxy closes it';
    const summary = `no connection: no route is attached to ${where} for ${hostname === '' ? 'it' : hostname}: ${lost}`;
    return { ...nothing, summary, listener, hostname: starred(hostname) };
  }
  const route = routeReference({ route: served.route, rule: 0, match: 0 }, inspection.route(served.route));
  const total = served.backends.reduce((sum, { weight }) => sum + weight, served.rejected);
  const backends = served.backends.map(({ cluster, weight }): ExplainedBackend => {
    const share = total === 0 ? 0 : (100 * weight) / total;
    // Datagrams are spread by one cluster of the port, in which the endpoints of all backends stand.
    const backend = explainBackend(snapshot, cluster, share, 503, '');
    const endpoints =
      question.transport === 'udp' && backend.endpoints !== undefined ? model.endpoints(port) : backend.endpoints;
    const failure = endpoints?.length === 0 ? `no connection: ${backend.backend} has no ready endpoint` : undefined;
    return { ...backend, endpoints, failure };
  });
  if (served.rejected > 0 || backends.length === 0) {
    const why = unresolved(snapshot, served.route);
    const failure = `no connection: ${why === '' ? 'it names no backend' : why}`;
    const share = total === 0 ? 100 : round((100 * served.rejected) / total);
    backends.push({ ...invalid, share, failure });
  }
  const { kind, key } = parseRouteId(served.route);
  const action: ExplainedAction = { kind: 'forward', backends, mirrors: [] };
  const notes =
    question.request === undefined || listener === undefined
      ? []
      : [`Listener "${listener.name}" is for ${listener.protocol}: nothing that HTTP says chooses there`];
  const { summary } = forwarded(`${kind} ${key}`, backends, false);
  return { ...nothing, met: true, summary, listener, hostname: starred(hostname), route, action, notes };
}

const invalid = {
  backend: 'an invalid backend',
  port: undefined,
  tls: false,
  endpoints: [],
  sees: undefined,
  responseHeaders: [],
} satisfies Partial<ExplainedBackend>;

/** Why references of a route lead nowhere. */
function unresolved({ statuses }: Snapshot, route: string): string {
  const { kind, key } = parseRouteId(route);
  const contribution = statuses.get(statusKey(kind, key));
  if (contribution === undefined || !('parents' in contribution)) return '';
  const conditions = contribution.parents.flatMap((parent) => parent.conditions);
  return conditions.find(({ type, status }) => type === 'ResolvedRefs' && status === 'False')?.message ?? '';
}
