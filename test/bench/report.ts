/** The results as Markdown: what goes to the terminal and to docs/benchmarks.md. */
import type { ClusterMeasurement } from './cluster.ts';
import type { LocalMeasurement } from './local.ts';
import type { Answers } from './prober.ts';
import type { EditTimes } from './measure.ts';
import { dataPathTables } from './dataPath/report.ts';
import type { DataPathMeasurement } from './dataPath/dataPath.ts';
import { summary, type Summary } from './statistics.ts';
import { count, milliseconds, table, type Cell } from './table.ts';

/** What ran, by number of routes. A part that did not run is absent. */
export interface Results {
  edits: number;
  floor: ReadonlyMap<number, LocalMeasurement>;
  inProcess: ReadonlyMap<number, LocalMeasurement>;
  cluster: ClusterMeasurement | undefined;
  dataPath: DataPathMeasurement | undefined;
}

export interface Machine {
  cores: number;
  /** In bytes. */
  memory: number;
  /** Name and version of what took part. */
  versions: readonly (readonly [name: string, version: string])[];
}

/** The aims: multiples of the floor, milliseconds and bytes. */
const aims = { p50: 2, p99: 4, programmed: 1_000, gateway: 5_000, memory: 350 * 2 ** 20, memoryAt: 5_000 };

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}

function pair({ p50, p99 }: Summary): string {
  return `${milliseconds(p50)} / ${milliseconds(p99)}`;
}

function multiple({ p50, p99 }: Summary, floor: Summary): string {
  return `${(p50 / floor.p50).toFixed(1)}× / ${(p99 / floor.p99).toFixed(1)}×`;
}

function unexpected(probed: Answers, steady: Answers | undefined): string {
  const found = [...probed.except(200, 404), ...(steady?.except(200) ?? [])];
  if (found.length === 0) return '0';
  return found.map(([status, times]) => `${times} × ${status === 0 ? 'no answer' : status}`).join(', ');
}

/** What the aims are compared with: a floor of additions and of switches alike. */
function floorOf(measurement: LocalMeasurement, of: 'added' | 'switched'): Summary {
  return summary(measurement[of].served);
}

function servedRow(
  routes: number,
  what: string,
  times: EditTimes,
  floor: LocalMeasurement | undefined,
  of: 'added' | 'switched',
): Cell[] {
  const served = summary(times.served);
  const floorTimes = floor === undefined ? undefined : floorOf(floor, of);
  return [
    count(routes),
    what,
    floorTimes === undefined ? '–' : pair(floorTimes),
    pair(served),
    floorTimes === undefined ? '–' : multiple(served, floorTimes),
    times.programmed.length === 0 ? '–' : pair(summary(times.programmed)),
  ];
}

const servedHead = ['routes', 'edit', 'floor: served', 'served', 'of the floor', 'Programmed'];

function servedTable(
  measurements: Iterable<readonly [number, { added: EditTimes; switched: EditTimes }]>,
  floor: Results['floor'],
): string {
  const rows: Cell[][] = [];
  for (const [routes, { added, switched }] of measurements) {
    rows.push(servedRow(routes, 'a route is added', added, floor.get(routes), 'added'));
    rows.push(servedRow(routes, 'its backend is switched', switched, floor.get(routes), 'switched'));
  }
  return table(servedHead, rows);
}

/** All tables of a run, with headings. */
export function tables(results: Results): string {
  const { floor, inProcess, cluster, dataPath } = results;
  const parts: string[] = [];
  if (cluster !== undefined) {
    parts.push(
      '## On a cluster',
      'Milliseconds, p50 / p99.',
      servedTable(
        cluster.sizes.map(({ routes, measured }) => [routes, measured] as const),
        floor,
      ),
      table(
        ['routes', 'answers', 'other than 200, 404', 'operator: memory', 'CPU per edit', 'loaded', 'CPU for it'],
        cluster.sizes.map(({ routes, measured, memory, cpuPerEdit, load }) => [
          count(routes),
          count(measured.probed.total + (measured.steady?.total ?? 0)),
          unexpected(measured.probed, measured.steady),
          mebibytes(memory),
          `${(cpuPerEdit * 1000).toFixed(0)} ms`,
          `${count(load.routes)} in ${(load.milliseconds / 1000).toFixed(1)} s`,
          `${load.cpu.toFixed(1)} s`,
        ]),
      ),
      `Gateway, apply → Programmed, with its Pods: ${cluster.gateways.map((time) => `${(time / 1000).toFixed(1)} s`).join(', ')}.`,
      `The operator without routes: ${mebibytes(cluster.idleMemory)}.`,
      '## Aims',
      aimsTable(cluster, floor),
    );
  }
  if (inProcess.size > 0) {
    parts.push(
      '## Without Kubernetes',
      'Translation, xDS server and Envoy on loopback; objects come from memory. Milliseconds, p50 / p99.',
      servedTable(inProcess, floor),
      table(
        ['routes', 'answers', 'other than 200, 404', 'memory', 'CPU per edit'],
        [...inProcess].map(([routes, { probed, steady, loaded, end }]) => [
          count(routes),
          count(probed.total + (steady?.total ?? 0)),
          unexpected(probed, steady),
          mebibytes(end.memory),
          `${(((end.cpu - loaded.cpu) * 1000) / (2 * results.edits + 1)).toFixed(1)} ms`,
        ]),
      ),
    );
  }
  if (floor.size > 0 && inProcess.size === 0 && cluster === undefined) {
    parts.push(
      '## The floor',
      'Milliseconds, p50 / p99.',
      table(
        ['routes', 'a route is added', 'its backend is switched'],
        [...floor].map(([routes, { added, switched }]) => [
          count(routes),
          pair(summary(added.served)),
          pair(summary(switched.served)),
        ]),
      ),
    );
  }
  if (dataPath !== undefined) parts.push(dataPathSection(dataPath));
  return parts.join('\n\n');
}

const sectionStart = '<!-- The data path -->';
const sectionEnd = '<!-- End of the data path -->';

function dataPathSection(measurement: DataPathMeasurement): string {
  return `${sectionStart}\n\n${dataPathTables(measurement)}\n\n${sectionEnd}`;
}

/** The page with the data path measured anew, and all else as it was. */
export function withDataPath(before: string, measurement: DataPathMeasurement): string {
  const start = before.indexOf(sectionStart);
  const end = before.indexOf(sectionEnd);
  const section = dataPathSection(measurement);
  if (start < 0 || end < start) return `${before.trimEnd()}\n\n${section}\n`;
  return `${before.slice(0, start)}${section}${before.slice(end + sectionEnd.length)}`;
}

function aimsTable(cluster: ClusterMeasurement, floor: Results['floor']): string {
  const rows: Cell[][] = [];
  const add = (what: string, aim: string, measured: string, isMet: boolean): void =>
    void rows.push([what, aim, measured, isMet ? 'yes' : 'no']);
  for (const { routes, measured } of cluster.sizes) {
    const of = floor.get(routes);
    if (of === undefined) continue;
    for (const [edit, name] of [
      ['added', 'a route is added'],
      ['switched', 'its backend is switched'],
    ] as const) {
      const low = floorOf(of, edit);
      const served = summary(measured[edit].served);
      add(
        `${count(routes)} routes, ${name}`,
        `p50 ≤ ${aims.p50}×, p99 ≤ ${aims.p99}×`,
        multiple(served, low),
        served.p50 <= aims.p50 * low.p50 && served.p99 <= aims.p99 * low.p99,
      );
    }
  }
  const programmed = cluster.sizes.flatMap(({ measured }) => [
    ...measured.added.programmed,
    ...measured.switched.programmed,
  ]);
  add(
    'Programmed',
    `≤ ${aims.programmed} ms`,
    `at most ${milliseconds(Math.max(...programmed))} ms`,
    Math.max(...programmed) <= aims.programmed,
  );
  const slowest = Math.max(...cluster.gateways);
  add(
    'Gateway programmed',
    `≤ ${aims.gateway / 1000} s`,
    `at most ${(slowest / 1000).toFixed(1)} s`,
    slowest <= aims.gateway,
  );
  const bad = cluster.sizes
    .map(({ measured }) => unexpected(measured.probed, measured.steady))
    .filter((text) => text !== '0');
  add('answers', 'only 200 and 404', bad.length === 0 ? 'only these' : bad.join('; '), bad.length === 0);
  for (const { routes, memory } of cluster.sizes) {
    if (routes !== aims.memoryAt) continue;
    add(`operator at ${count(routes)} routes`, `< ${mebibytes(aims.memory)}`, mebibytes(memory), memory < aims.memory);
  }
  return table(['', 'aim', 'measured', 'met'], rows);
}

/** The whole of docs/benchmarks.md. */
export function page(results: Results, machine: Machine): string {
  return `# Benchmarks

<!-- Made by \`make bench\`: edit test/bench/report.ts instead. -->

How long it takes until an edit is served, on one machine that runs everything at once: the API server, etcd, the node, the operator, the
proxy, the backends and the clients. Made by

    make bench

on ${machine.cores} cores and ${Math.round(machine.memory / 2 ** 30)} GiB of memory, with ${machine.versions.map(([name, version]) => `${name} ${version}`).join(', ')}.

- One Gateway has that many HTTPRoutes, each with a host name of its own; half of them lead to each of two Services.
- ${results.edits} routes are added one by one, then one route is switched ${results.edits} times to the other Service. The clock starts before the request
  to the API server is sent. *Served* is the first answer that shows the edit, to a client that asks every 2 ms on one connection;
  *Programmed* is the condition \`sluice.dev/Programmed\` for the generation of the edit, as a watch brings it. p99 is by nearest rank.
- A steady client asks for all other routes 50 times a second meanwhile. Every answer counts, of both clients.
- The *floor* is the same Envoy binary with as many workers, the same routes to the byte, and a delta ADS server that has nothing else
  to do: it is given each response encoded and only writes it, without TLS. No steady client runs. Measured in the same run, just before.
- The operator's memory is its greatest resident set while routes were loaded and edited, its CPU time is user and system; both from its own metrics.

${tables(results)}
`;
}
