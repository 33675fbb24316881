/** Measurements on a cluster: the operator in its Pod, proxies in theirs, and an API server between. Runs in the cluster's network. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import type { Gateway, HTTPRoute } from '../../api/gateway/index.ts';
import { keyOf } from '../../api/object.ts';
import { resources } from '../../controllers/resources.ts';
import { Cache, Client, isNotFound, loadClusterAccess } from '../../runtime/index.ts';
import { backendDeployment, backendService, deployments } from './clusterObjects.ts';
import { isGatewayProgrammed, isRouteProgrammed, until } from './conditions.ts';
import { editedRoutes, measure, type Measurement, type System } from './measure.ts';
import { OperatorUsage } from './operatorUsage.ts';
import { untilServed, type GatewayAddress } from './prober.ts';
import { backends, gateway, gatewayName, httpRoute, listenerPort, loadRoute } from './workload.ts';

export interface ClusterOptions {
  /** Ascending: each adds to what the one before has loaded. */
  sizes: readonly number[];
  edits: number;
  /** Gateways that are applied, one after the other. */
  gateways: number;
  signal: AbortSignal;
  /** Called before each size, when nothing else of the benchmark runs. */
  before: (routes: number) => Promise<void>;
  log: (line: string) => void;
}

export interface ClusterSize {
  routes: number;
  measured: Measurement;
  /** Of the operator: the most memory while routes were loaded and edited, in bytes. */
  memory: number;
  /** Of the operator, in seconds of CPU time, for each edit. */
  cpuPerEdit: number;
  /** How many routes were added to get to this size, how long until all were programmed, and the operator's CPU seconds for it. */
  load: { routes: number; milliseconds: number; cpu: number };
}

export interface ClusterMeasurement {
  kubernetes: string;
  /** Milliseconds from apply to Programmed. */
  gateways: number[];
  /** The operator's memory before any of this, in bytes. */
  idleMemory: number;
  sizes: ClusterSize[];
}

/** Requests to the API server at a time while routes are loaded. */
const loaders = 8;
const loadTimeout = 300_000;
const settle = 2_000;

export async function measureCluster(options: ClusterOptions): Promise<ClusterMeasurement> {
  const namespace = `sluice-bench-${randomBytes(3).toString('hex')}`;
  const { signal, log } = options;
  const logger = pino({ level: 'warn' });
  await using stack = new AsyncDisposableStack();
  const client = new Client({ access: loadClusterAccess(), fieldOwner: 'sluice-bench', logger });
  stack.defer(() => client.close());
  await client.create(resources.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  stack.defer(() => removeNamespace(client, namespace));
  await applyBackends(client, namespace, signal);

  const gateways = new Cache<Gateway>({ client, resource: resources.gateways, namespace, logger });
  const routes = new Cache<HTTPRoute>({ client, resource: resources.httpRoutes, namespace, logger });
  for (const cache of [gateways, routes]) {
    cache.start();
    stack.defer(() => cache.stop());
    await cache.whenSynced(signal);
  }
  const usage = await OperatorUsage.start(client);
  stack.defer(() => usage.stop());
  const idle = await usage.read();

  const gatewayTimes: number[] = [];
  for (let index = options.gateways - 1; index >= 0; index--) {
    // The last one stays, and has the routes.
    const name = index === 0 ? gatewayName : `${gatewayName}-${index}`;
    const start = performance.now();
    await client.apply(resources.gateways, gateway(namespace, name), { signal });
    await until(gateways, keyOf(namespace, name), isGatewayProgrammed, { signal });
    gatewayTimes.push(performance.now() - start);
    log(`Gateway ${name}: Programmed after ${gatewayTimes.at(-1)!.toFixed(0)} ms`);
    if (index > 0) await client.delete(resources.gateways, keyOf(namespace, name), { signal });
    await sleep(settle, undefined, { signal });
  }

  const system: System = {
    gateway: addressOf(gateways.get(keyOf(namespace, gatewayName))),
    async apply(edit) {
      const { metadata } = await client.apply(resources.httpRoutes, httpRoute(namespace, edit), { signal });
      const isCurrent = (route: HTTPRoute): boolean => route.metadata.generation === metadata.generation;
      const key = keyOf(namespace, edit.route);
      await until(routes, key, (route) => isCurrent(route) && isRouteProgrammed(route), { signal });
    },
  };

  const sizes: ClusterSize[] = [];
  let present = 0;
  for (const size of options.sizes) {
    await options.before(size);
    usage.takePeak();
    const atStart = await usage.read();
    const start = performance.now();
    await load(client, namespace, present, size, signal);
    await programmed(routes, size, signal);
    await untilServed(system.gateway, loadRoute(size - 1));
    const milliseconds = performance.now() - start;
    await sleep(settle, undefined, { signal });
    const atEdits = await usage.read();
    const loading = { routes: size - present, milliseconds, cpu: atEdits.cpu - atStart.cpu };
    present = size;
    log(`${size} routes: loaded in ${(milliseconds / 1000).toFixed(1)} s`);

    const round = String(size);
    const measured = await measure(system, { edits: options.edits, routes: size, steady: true, round, signal });
    const atEnd = await usage.read();
    sizes.push({
      routes: size,
      measured,
      memory: usage.takePeak(),
      cpuPerEdit: (atEnd.cpu - atEdits.cpu) / (2 * options.edits + 1),
      load: loading,
    });
    for (const route of editedRoutes({ edits: options.edits, round })) {
      await client.delete(resources.httpRoutes, keyOf(namespace, route), { signal });
    }
    await sleep(settle, undefined, { signal });
  }
  return { kubernetes: await client.serverVersion(), gateways: gatewayTimes, idleMemory: idle.memory, sizes };
}

async function applyBackends(client: Client, namespace: string, signal: AbortSignal): Promise<void> {
  for (const name of backends) {
    await client.apply(resources.services, backendService(namespace, name), { signal });
    await client.apply(deployments, backendDeployment(namespace, name), { signal });
  }
  const limit = AbortSignal.any([signal, AbortSignal.timeout(60_000)]);
  for (const name of backends) {
    for (;;) {
      const { status } = await client.get(deployments, keyOf(namespace, name), { signal: limit });
      if ((status?.readyReplicas ?? 0) > 0) break;
      await sleep(200, undefined, { signal: limit });
    }
  }
}

/** Creates the routes from `begin` to `end`. */
async function load(client: Client, namespace: string, begin: number, end: number, signal: AbortSignal): Promise<void> {
  let next = begin;
  const loader = async (): Promise<void> => {
    while (next < end) {
      const route = loadRoute(next++);
      await client.create(resources.httpRoutes, httpRoute(namespace, route), { signal });
    }
  };
  await Promise.all(Array.from({ length: loaders }, loader));
}

async function programmed(routes: Cache<HTTPRoute>, count: number, signal: AbortSignal): Promise<void> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(loadTimeout)]);
  for (;;) {
    const done = routes.list().filter(isRouteProgrammed).length;
    if (done >= count) return;
    if (limit.aborted) throw new Error(`only ${done} of ${count} routes are programmed`, { cause: limit.reason });
    await sleep(250);
  }
}

function addressOf(object: Gateway | undefined): GatewayAddress {
  const address = object?.status?.addresses?.[0]?.value;
  if (address === undefined) throw new Error('the Gateway is programmed but has no address in its status');
  return { address, port: listenerPort };
}

/** Deletes the namespace with all that is in it, and waits until it is gone. */
async function removeNamespace(client: Client, name: string): Promise<void> {
  await client.delete(resources.namespaces, name);
  const deadline = performance.now() + loadTimeout;
  for (;;) {
    try {
      await client.get(resources.namespaces, name);
    } catch (error) {
      if (isNotFound(error)) return;
      throw error;
    }
    if (performance.now() > deadline) {
      throw new Error(`namespace ${name} is still there; see kubectl get namespace ${name} -o yaml`);
    }
    await sleep(500);
  }
}
