/**
 * The data path: a proxy that Sluice configures against the same binary configured by hand, in one run. Both run at the
 * same time, one of them is asked in turn in short rounds, and what counts is the ratio within a pair of rounds: whatever
 * the machine does for longer than a pair meets both.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { envoyBinary, type KeyPair } from '../../fixtures/index.ts';
import type { BackendPorts } from '../workload.ts';
import { allowedCores, cpuTime } from './cores.ts';
import { LoadGenerator, type Job, type LoadResult } from './loadGenerator.ts';
import { serverName, targetsOf, type Scenario } from './routes.ts';
import { startBare, startGateway, type Setup, type Side } from './proxies.ts';

/** A measurement of both sides, one value for each pair of rounds. */
export interface Pairs {
  bare: number[];
  gateway: number[];
}

export interface RequestMeasurement {
  scenario: Scenario;
  protocol: 'HTTP' | 'HTTPS';
  /** Requests per second with every connection busy. */
  throughput: Pairs;
  /** Share of the time in which the proxy's worker was busy meanwhile: near 1 where the proxy is the bottleneck. */
  busy: Pairs;
  /** CPU time of the proxy for a request, in microseconds. */
  cpu: Pairs;
  /** How many requests were sent a second, to both sides alike, where latencies were measured. */
  rate: number;
  /** Milliseconds. */
  p50: Pairs;
  p99: Pairs;
}

export type TLSVersion = '1.2' | '1.3';

export interface ConnectionMeasurement {
  version: TLSVersion;
  /** New connections per second, each with a full handshake and one request. */
  handshakes: Pairs;
  busy: Pairs;
}

export interface ResumptionMeasurement {
  version: TLSVersion;
  proxies: number;
  /** Connections of clients that had been there before. */
  reconnects: number;
  /** Share of them that resumed the session. */
  bare: number;
  gateway: number;
}

export interface DataPathMeasurement {
  requests: RequestMeasurement[];
  connections: ConnectionMeasurement[];
  resumption: ResumptionMeasurement[];
}

export interface DataPathOptions {
  scenarios: readonly Scenario[];
  /** Pairs of rounds. */
  rounds: number;
  /** Length of a round in seconds. */
  seconds: number;
  signal: AbortSignal;
  log: (line: string) => void;
}

const connections = 32;
/** Of the bare proxy's throughput: where it is busy, and nobody waits long. */
const latencyLoad = 0.5;
const warmup = 0.15;
const versions: readonly TLSVersion[] = ['1.2', '1.3'];
const clients = 100;
const reconnects = 10;
/** Clients that connect anew all the time. */
const handshakers = 8;

type Measured = LoadResult & { busy: number; cpuPerRequest: number };

class Bench {
  readonly #load: LoadGenerator;
  readonly #options: DataPathOptions;
  readonly #sides: { bare: Side; gateway: Side };

  constructor(load: LoadGenerator, sides: { bare: Side; gateway: Side }, options: DataPathOptions) {
    this.#load = load;
    this.#sides = sides;
    this.#options = options;
  }

  /** Both sides, one after the other; the order changes with every pair. */
  async #pair(index: number, run: (side: Side) => Promise<Measured>): Promise<Record<'bare' | 'gateway', Measured>> {
    this.#options.signal.throwIfAborted();
    const { bare, gateway } = this.#sides;
    if (index % 2 === 0) return { bare: await run(bare), gateway: await run(gateway) };
    const first = await run(gateway);
    return { gateway: first, bare: await run(bare) };
  }

  async #run(side: Side, job: Job): Promise<Measured> {
    const before = cpuTime(side.pid);
    const start = performance.now();
    const result = await this.#load.run(job);
    const used = cpuTime(side.pid) - before;
    return { ...result, busy: used / ((performance.now() - start) / 1000), cpuPerRequest: (used * 1e6) / result.total };
  }

  async ready(): Promise<void> {
    for (const { http, https } of Object.values(this.#sides)) {
      await this.#load.untilAnswered({ addresses: [http] });
      await this.#load.untilAnswered({ addresses: [https], tls: { serverName, version: '1.3' } });
    }
  }

  async requests(scenario: Scenario, protocol: 'HTTP' | 'HTTPS'): Promise<RequestMeasurement> {
    const { rounds, seconds } = this.#options;
    const common = (side: Side) => ({
      addresses: [protocol === 'HTTP' ? side.http : side.https],
      tls: protocol === 'HTTP' ? undefined : ({ serverName, version: '1.3' } as const),
      connections,
      seconds,
      warmup,
    });
    const measured: RequestMeasurement = {
      scenario,
      protocol,
      throughput: { bare: [], gateway: [] },
      busy: { bare: [], gateway: [] },
      cpu: { bare: [], gateway: [] },
      rate: 0,
      p50: { bare: [], gateway: [] },
      p99: { bare: [], gateway: [] },
    };
    for (let index = 0; index < rounds; index++) {
      const closed = await this.#pair(index, (side) => this.#run(side, { kind: 'closed', ...common(side) }));
      push(measured.throughput, closed, ({ done, seconds: took }) => done / took);
      push(measured.busy, closed, ({ busy }) => busy);
      push(measured.cpu, closed, ({ cpuPerRequest }) => cpuPerRequest);
      if (index === 0) measured.rate = Math.round((latencyLoad * measured.throughput.bare[0]!) / 100) * 100;
      const { rate } = measured;
      const open = await this.#pair(index, (side) => this.#run(side, { kind: 'open', rate, ...common(side) }));
      push(measured.p50, open, ({ p50 }) => p50);
      push(measured.p99, open, ({ p99 }) => p99);
    }
    return measured;
  }

  async connections(version: TLSVersion): Promise<ConnectionMeasurement> {
    const { rounds, seconds } = this.#options;
    const measured: ConnectionMeasurement = {
      version,
      handshakes: { bare: [], gateway: [] },
      busy: { bare: [], gateway: [] },
    };
    for (let index = 0; index < rounds; index++) {
      const job = { kind: 'handshakes', tls: { serverName, version }, connections: handshakers, seconds } as const;
      const pair = await this.#pair(index, (side) => this.#run(side, { ...job, addresses: [side.https] }));
      push(measured.handshakes, pair, ({ done, seconds: took }) => done / took);
      push(measured.busy, pair, ({ busy }) => busy);
    }
    return measured;
  }

  async resumption(version: TLSVersion, proxies: number): Promise<ResumptionMeasurement> {
    const share = async ({ https }: Side): Promise<number> => {
      this.#options.signal.throwIfAborted();
      const { resumed, done } = await this.#load.run({
        kind: 'reconnects',
        addresses: [https],
        tls: { serverName, version },
        connections: clients,
        reconnects,
      });
      return resumed / done;
    };
    const bare = await share(this.#sides.bare);
    return { version, proxies, reconnects: clients * reconnects, bare, gateway: await share(this.#sides.gateway) };
  }
}

function push(pairs: Pairs, measured: Record<'bare' | 'gateway', Measured>, value: (result: Measured) => number): void {
  pairs.bare.push(value(measured.bare));
  pairs.gateway.push(value(measured.gateway));
}

export async function measureDataPath(options: DataPathOptions): Promise<DataPathMeasurement> {
  const result: DataPathMeasurement = { requests: [], connections: [], resumption: [] };
  const stack = new AsyncDisposableStack();
  try {
    const directory = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
    stack.defer(() => rmSync(directory, { recursive: true, force: true }));
    const cores = allowedCores();
    const [proxyCore, loadCore] = cores.length > 1 ? cores : [];
    const load = new LoadGenerator(loadCore);
    stack.defer(() => load.stop());
    const backendPorts = await load.backends();
    const certificate = makeCertificate(directory);
    const envoy = await envoyBinary();
    for (const [index, scenario] of options.scenarios.entries()) {
      const setup = { scenario, envoy, core: proxyCore, directory, backendPorts, certificate };
      await measureScenario(setup, load, options, result, index === 0);
    }
    return result;
  } finally {
    await stack.disposeAsync();
  }
}

async function measureScenario(
  setup: Setup & { backendPorts: BackendPorts },
  load: LoadGenerator,
  options: DataPathOptions,
  result: DataPathMeasurement,
  withConnections: boolean,
): Promise<void> {
  const { scenario } = setup;
  options.log(`data path: ${scenario.routes} routes by ${scenario.shape} ...`);
  await load.targets(targetsOf(scenario));
  await using bare = await startBare(setup);
  await using gateway = await startGateway(setup);
  const bench = new Bench(load, { bare, gateway }, options);
  await bench.ready();
  for (const protocol of ['HTTP', 'HTTPS'] as const) result.requests.push(await bench.requests(scenario, protocol));
  if (!withConnections) return;
  options.log('data path: new connections ...');
  for (const version of versions) result.connections.push(await bench.connections(version));
  for (const version of versions) result.resumption.push(await bench.resumption(version, 1));
  await Promise.all([bare.addProxy(), gateway.addProxy()]);
  await bench.ready();
  for (const version of versions) result.resumption.push(await bench.resumption(version, 2));
}

/** With an RSA key, as most certificates have: signing with it is what a full handshake costs a server. */
function makeCertificate(directory: string): KeyPair {
  const [key, certificate] = [join(directory, 'tls.key'), join(directory, 'tls.crt')];
  const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', `/CN=${serverName}`];
  const names = ['-addext', `subjectAltName=DNS:${serverName}`];
  execFileSync('openssl', [...request, ...names, '-keyout', key, '-out', certificate], { stdio: 'ignore' });
  return { certificate: readFileSync(certificate, 'utf8'), key: readFileSync(key, 'utf8') };
}
