/** The data path as Markdown. */
import { percentile } from '../statistics.ts';
import { count, milliseconds, table, type Cell } from '../table.ts';
import type { DataPathMeasurement, Pairs, RequestMeasurement } from './dataPath.ts';

/** The aims: shares of what the proxy does that is configured by hand. */
export const aims = { throughput: 0.95, p99: 1.1, resumption: 0.85 };

/** Of an even number of values the mean of the two in the middle: no ratio is rounded in anybody's favour. */
export function median(values: readonly number[]): number {
  const upper = percentile(values, 0.5 + 1 / (2 * values.length));
  return values.length % 2 === 0 ? (percentile(values, 0.5) + upper) / 2 : percentile(values, 0.5);
}

/** Where the proxy had less of its core than this, something else held it up: the figures say little. */
const leastBusy = 0.85;

/** The median of the ratios within the pairs: what lasts longer than a pair is in both and cancels. */
export function ratio({ bare, gateway }: Pairs): number {
  return median(bare.map((value, index) => gateway[index]! / value));
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function times(value: number): string {
  return `${value.toFixed(2)}×`;
}

function both({ bare, gateway }: Pairs, format: (value: number) => string): string {
  return `${format(median(bare))} / ${format(median(gateway))}`;
}

function rounded(value: number): string {
  return count(Math.round(value));
}

function name({ scenario: { routes, shape }, protocol }: Pick<RequestMeasurement, 'scenario' | 'protocol'>): string {
  const routesText = routes === 1 ? '1 route' : `${count(routes)} routes`;
  const shapeText = routes === 1 ? '' : shape === 'hosts' ? ', a host name each' : ', one host name';
  return `${routesText}${shapeText}, ${protocol}`;
}

/** What is said of the data path, with its heading. */
export function dataPathTables({ requests, connections, resumption }: DataPathMeasurement): string {
  const parts = [
    '## The data path',
    `An Envoy that Sluice configures against the same binary with a configuration written by hand: the same routes, Envoy's defaults,
everything static. Only this part is made anew by

    make bench ONLY=data-path`,
    `- Both proxies run at the same time with one worker each, on the same core; the load generator and the backends run on another.
  They are asked in turn, in short rounds that alternate in order. Each ratio is the median of the ratios within the pairs of rounds.
- *Requests per second* are with 32 connections that are always busy, HTTP/1.1; over TLS it is TLS 1.3. *Busy* is the share of its core that the
  proxy used meanwhile: the proxy is what there is to wait for where it is near 100 %.
- Latencies are at half of the load that the proxy configured by hand takes, the same number of requests a second for both, each timed from
  the moment at which it was due.
- With a host name each, a route is found by its host. With one host name each route has a path prefix of its own, and Envoy tries them one
  by one, in whatever way it is configured.`,
  ];
  if (requests.length > 0) {
    parts.push(
      'By hand / by Sluice, medians.',
      table(
        ['', 'requests per second', 'ratio', 'p50, ms', 'p99, ms', 'p99, ratio', 'CPU per request, µs', 'busy'],
        requests.map((each): Cell[] => [
          name(each),
          both(each.throughput, rounded),
          percent(ratio(each.throughput)),
          both(each.p50, milliseconds2),
          both(each.p99, milliseconds2),
          times(ratio(each.p99)),
          both(each.cpu, (value) => value.toFixed(1)),
          both(each.busy, (value) => `${(value * 100).toFixed(0)} %`),
        ]),
      ),
    );
  }
  const disturbed = [...requests, ...connections].filter(
    ({ busy }) => median([...busy.bare, ...busy.gateway]) < leastBusy,
  ).length;
  if (disturbed > 0) {
    parts.push(
      `**In ${disturbed} of ${requests.length + connections.length} measurements something else took the machine's time: the proxy was busy for less than
${leastBusy * 100} % of it. These figures say little; measure again on a machine that does nothing else.**`,
    );
  }
  const slow = ofOneHost(requests);
  if (slow !== undefined) parts.push(slow);
  if (connections.length > 0) {
    parts.push(
      '### TLS connections',
      'New connections with a full handshake (RSA, 2,048 bits; X25519) and one request each.',
      table(
        ['', 'connections per second', 'ratio', 'busy'],
        connections.map((each): Cell[] => [
          `TLS ${each.version}`,
          both(each.handshakes, rounded),
          percent(ratio(each.handshakes)),
          both(each.busy, (value) => `${(value * 100).toFixed(0)} %`),
        ]),
      ),
    );
  }
  if (resumption.length > 0) {
    parts.push(
      `Clients that connect again with the ticket of their last connection. Two proxies share a port as two replicas share a Service: which
of them takes a connection is left to chance.`,
      table(
        ['', 'connected again', 'resumed, by hand', 'resumed, by Sluice'],
        resumption.map((each): Cell[] => [
          `TLS ${each.version}, ${each.proxies === 1 ? 'one proxy' : `${each.proxies} proxies`}`,
          count(each.reconnects),
          percent(each.bare),
          percent(each.gateway),
        ]),
      ),
    );
  }
  parts.push('### Aims of the data path', aimsTable({ requests, connections, resumption }));
  return parts.join('\n\n');
}

/** How much more a request costs where all routes share a host name. */
function ofOneHost(requests: readonly RequestMeasurement[]): string | undefined {
  const plain = requests.filter(({ protocol }) => protocol === 'HTTP');
  const shared = plain.find(({ scenario }) => scenario.shape === 'paths' && scenario.routes > 1);
  const apart = plain.find(({ scenario }) => scenario.shape === 'hosts' && scenario.routes === shared?.scenario.routes);
  if (shared === undefined || apart === undefined) return undefined;
  const cost = median(shared.cpu.gateway) / median(apart.cpu.gateway);
  return `With ${count(shared.scenario.routes)} routes on one host name a request takes ${cost.toFixed(1)} times the CPU time of one with as many routes that have a
host name each: who has thousands of routes gives them host names of their own.`;
}

function milliseconds2(value: number): string {
  return value < 10 ? value.toFixed(2) : milliseconds(value);
}

function aimsTable({ requests, connections, resumption }: DataPathMeasurement): string {
  const rows: Cell[][] = [];
  const add = (what: string, aim: string, measured: string, isMet: boolean): void =>
    void rows.push([what, aim, measured, isMet ? 'yes' : 'no']);
  const throughput = `≥ ${aims.throughput * 100} %`;
  for (const each of requests) {
    const share = ratio(each.throughput);
    add(`${name(each)}: throughput`, throughput, percent(share), share >= aims.throughput);
    const latency = ratio(each.p99);
    add(`${name(each)}: p99`, `≤ ${aims.p99}×`, times(latency), latency <= aims.p99);
  }
  for (const { version, handshakes } of connections) {
    const share = ratio(handshakes);
    add(`new connections, TLS ${version}`, throughput, percent(share), share >= aims.throughput);
  }
  if (resumption.length > 0) {
    const least = Math.min(...resumption.map(({ gateway }) => gateway));
    add('clients that resume', `≥ ${aims.resumption * 100} %`, `at least ${percent(least)}`, least >= aims.resumption);
  }
  return table(['', 'aim', 'measured', 'met'], rows);
}
