/** What is served and what is wrong, in a few lines for the terminal. Pure. */
import type { Gateway, GatewayStatus, HTTPRoute, HTTPRouteStatus, ListenerSet } from '../api/gateway/index.ts';
import { type KubernetesObject, objectKey } from '../api/object.ts';
import { formatProblem, type Problem } from './problem.ts';
import { isRouteKind, type AnyRoute, wantsDefaultGateways } from '../translate/index.ts';
import { hasStatus } from './kinds.ts';
import type { Transport } from './portBook.ts';

export interface SummaryInput {
  objects: readonly { object: KubernetesObject; status: object | undefined }[];
  problems: readonly Problem[];
  /** Where a listener port is bound. */
  boundPort: (port: number, transport: Transport) => number;
  /** The address that callers use. */
  address: string;
}

interface LooseCondition {
  type: string;
  status: string;
  reason?: string | undefined;
  message?: string | undefined;
}

export interface Verdict {
  /** `pending` while proxies have not answered. */
  state: 'good' | 'pending' | 'bad';
  /** The reason and message of the condition that decides. */
  text: string;
}

/** More rows than that of one kind are counted only. */
const shownRows = 20;

/** Sums up conditions: the first that is not as it should be decides. */
export function verdictOf(conditions: readonly LooseCondition[] | undefined): Verdict {
  if (conditions === undefined || conditions.length === 0) return { state: 'pending', text: 'Pending' };
  const order = ['Accepted', 'ResolvedRefs', 'Ready', 'Programmed', 'sluice.dev/Programmed'];
  for (const type of order) {
    const found = conditions.find((each) => each.type === type);
    if (found === undefined || found.status === 'True') continue;
    if (found.reason === 'Pending') return { state: 'pending', text: `Pending: ${found.message ?? ''}` };
    return { state: 'bad', text: `${found.reason ?? 'Invalid'}: ${found.message ?? ''}` };
  }
  const speaksOfProxies = conditions.some(({ type }) => type === 'Programmed' || type === 'sluice.dev/Programmed');
  const partly = conditions.find(({ type, status }) => type === 'PartiallyInvalid' && status === 'True');
  if (partly !== undefined)
    return { state: 'bad', text: `${partly.reason ?? 'PartiallyInvalid'}: ${partly.message ?? ''}` };
  return { state: 'good', text: speaksOfProxies ? 'Programmed' : 'Accepted' };
}

/** The verdict on a whole object, of whatever kind. */
export function objectVerdict(object: KubernetesObject, status: object | undefined): Verdict | undefined {
  const { conditions, parents, ancestors } = (status ?? {}) as {
    conditions?: LooseCondition[];
    parents?: { conditions?: LooseCondition[] }[];
    ancestors?: { conditions?: LooseCondition[] }[];
  };
  const isRoute = isRouteKind(object.kind);
  if (isRoute && status !== undefined && (parents ?? []).length === 0) {
    const text = wantsDefaultGateways(object as AnyRoute)
      ? 'NoParent: no Gateway with defaultScope: All lets the route attach; see their allowedRoutes and hostnames'
      : 'NoParent: the route has no parentRefs; name the Gateway that is to serve it';
    return { state: 'bad', text };
  }
  const each = parents ?? ancestors;
  if (each !== undefined) {
    const verdicts = each.map((entry) => verdictOf(entry.conditions));
    return (
      verdicts.find(({ state }) => state === 'bad') ?? verdicts.find(({ state }) => state === 'pending') ?? verdicts[0]
    );
  }
  if (conditions !== undefined) return verdictOf(conditions);
  return hasStatus(object.kind) ? { state: 'pending', text: 'Pending' } : undefined;
}

/** Whether an object is of a kind that has listeners. */
function hasListeners(object: KubernetesObject): object is Gateway | ListenerSet {
  return object.kind === 'Gateway' || object.kind === 'ListenerSet';
}

function isProgrammed(listener: { conditions?: readonly LooseCondition[] } | undefined): boolean {
  return listener?.conditions?.some(({ type, status }) => type === 'Programmed' && status === 'True') === true;
}

function host(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}

/** Ports that need not be said. */
const standardPorts: Readonly<Record<string, number>> = { http: 80, https: 443 };

/** `http://127.0.0.1:10080`, `udp://127.0.0.1:53`. */
export function listenerUrl(protocol: string, address: string, port: number): string {
  const scheme = protocol.toLowerCase();
  return `${scheme}://${host(address)}${port === standardPorts[scheme] ? '' : `:${port}`}`;
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column]!)))
      .join('  ')
      .trimEnd(),
  );
}

function rowsOf(header: string[], rows: string[][]): string[] {
  if (rows.length === 0) return [];
  const shown = rows.slice(0, shownRows);
  const rest = rows.length - shown.length;
  return [...table([header, ...shown]), ...(rest > 0 ? [`… and ${rest} more`] : []), ''];
}

/** The table of Gateways, listeners, routes and whatever is wrong. */
export function renderSummary({ objects, problems, boundPort, address }: SummaryInput): string {
  const gateways: string[][] = [];
  const routes: string[][] = [];
  const others: string[][] = [];
  for (const { object, status } of objects) {
    const verdict = objectVerdict(object, status);
    if (hasListeners(object)) {
      const { listeners: known } = (status ?? {}) as GatewayStatus;
      const owner = object.kind === 'Gateway' ? objectKey(object) : `${object.kind} ${objectKey(object)}`;
      if (known === undefined || known.length === 0) {
        gateways.push([owner, '-', '-', '-', verdict?.text ?? '']);
        continue;
      }
      for (const { name, protocol, port } of object.spec.listeners) {
        const listener = known.find((each) => each.name === name);
        const judged = verdictOf(listener?.conditions);
        // A listener may be at fault and served all the same: with the certificate that was good before.
        const url =
          judged.state === 'bad' && !isProgrammed(listener)
            ? '-'
            : listenerUrl(protocol, address, boundPort(port, protocol === 'UDP' ? 'udp' : 'tcp'));
        gateways.push([owner, name, url, String(listener?.attachedRoutes ?? 0), judged.text]);
      }
      if (verdict?.state === 'bad' && known.every(({ conditions }) => verdictOf(conditions).state === 'good')) {
        gateways.push([owner, '', '', '', verdict.text]);
      }
    } else if (isRouteKind(object.kind)) {
      const hostnames = (object as HTTPRoute).spec.hostnames ?? [];
      const shown = hostnames.length > 2 ? `${hostnames.slice(0, 2).join(', ')}, …` : hostnames.join(', ') || '*';
      routes.push([`${object.kind} ${objectKey(object)}`, shown, verdict?.text ?? '']);
    } else if (verdict !== undefined && verdict.state !== 'good') {
      others.push([`${object.kind} ${objectKey(object)}`, verdict.text]);
    }
  }
  // What is wrong comes first, so that it is never among those that are only counted.
  routes.sort((left, right) => Number(left[2] === 'Programmed') - Number(right[2] === 'Programmed'));
  const lines = [
    ...rowsOf(['GATEWAY', 'LISTENER', 'ADDRESS', 'ROUTES', 'STATUS'], gateways),
    ...rowsOf(['ROUTE', 'HOSTNAMES', 'STATUS'], routes),
    ...rowsOf(['OTHER', 'STATUS'], others),
    ...rowsOf(
      ['WRONG IN FILES'],
      problems.map((problem) => [formatProblem(problem)]),
    ),
  ];
  return lines.length === 0 ? 'Nothing is served: the files hold no Gateway.\n' : lines.join('\n');
}

function quote(text: string): string {
  return /^[A-Za-z0-9_./:=?&%-]+$/.test(text) && !/[?&]/.test(text)
    ? text
    : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** `curl` lines for routes that are programmed, at most `limit`. */
export function curlLines({ objects, boundPort, address }: SummaryInput, limit = 6): string[] {
  const owners = new Map<string, { owner: Gateway | ListenerSet; status: GatewayStatus | undefined }>(
    objects.flatMap(({ object, status }) =>
      hasListeners(object) ? [[`${object.kind} ${objectKey(object)}`, { owner: object, status }]] : [],
    ),
  );
  const lines: string[] = [];
  for (const { object, status } of objects) {
    if (object.kind !== 'HTTPRoute' || objectVerdict(object, status)?.state !== 'good') continue;
    const route = object as HTTPRoute;
    const [parent] = (status as HTTPRouteStatus).parents;
    const { kind = 'Gateway', namespace = object.metadata.namespace, name: owner, ...parentRef } = parent!.parentRef;
    const found = owners.get(`${kind} ${namespace}/${owner}`);
    const listener = found?.owner.spec.listeners.find(
      ({ name, port, protocol }) =>
        (parentRef.sectionName === undefined || parentRef.sectionName === name) &&
        (parentRef.port === undefined || parentRef.port === port) &&
        (protocol === 'HTTP' || protocol === 'HTTPS') &&
        isProgrammed(found.status?.listeners?.find((each) => each.name === name)),
    );
    if (listener === undefined) continue;
    const port = boundPort(listener.port, 'tcp');
    const hostname = (route.spec.hostnames?.[0] ?? listener.hostname)?.replace(/^\*/, 'www');
    for (const rule of route.spec.rules ?? []) {
      const [match] = rule.matches ?? [];
      if (match?.path?.type === 'RegularExpression') continue;
      const query = (match?.queryParams ?? []).map(
        ({ name, value }) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`,
      );
      const target = `${match?.path?.value ?? '/'}${query.length === 0 ? '' : `?${query.join('&')}`}`;
      const parts = ['curl', '-i'];
      if (match?.method !== undefined && match.method !== 'GET') parts.push('-X', match.method);
      for (const { name, value, type } of match?.headers ?? [])
        if (type !== 'RegularExpression') parts.push('-H', quote(`${name}: ${value}`));
      if (listener.protocol === 'HTTPS') {
        const name = hostname ?? 'localhost';
        parts.push('-k', '--resolve', quote(`${name}:${port}:${address}`), quote(`https://${name}:${port}${target}`));
      } else {
        if (hostname !== undefined) parts.push('-H', quote(`Host: ${hostname}`));
        parts.push(quote(`${listenerUrl('HTTP', address, port)}${target}`));
      }
      lines.push(parts.join(' '));
      if (lines.length >= limit) return lines;
    }
  }
  return lines;
}
