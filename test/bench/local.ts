/** Measurements on loopback: one Envoy, and one server that configures it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { bootstrapFiles } from '../../controlplane/index.ts';
import { envoyBinary, freePort, startServerProcess } from '../fixtures/index.ts';
import { measure, type Measurement, type System } from './measure.ts';
import { untilServed } from './prober.ts';
import { ServerProcess, type Usage } from './serverProcess.ts';
import { backends, loadRoute, type BackendPorts } from './workload.ts';

export type LocalServer = 'floorServer' | 'controlPlaneServer';

export interface LocalMeasurement extends Measurement {
  /** Of the server, when all routes were served first. */
  loaded: Usage & { milliseconds: number };
  /** Of the server, at the end. */
  end: Usage;
}

export interface LocalOptions {
  server: LocalServer;
  routes: number;
  edits: number;
  steady: boolean;
  signal: AbortSignal;
  /** Where a CPU profile of the edits goes. */
  profile?: string | undefined;
}

/** Starts everything on free ports, measures, and ends everything. */
export async function measureLocally(options: LocalOptions): Promise<LocalMeasurement> {
  const stack = new AsyncDisposableStack();
  try {
    const directory = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
    stack.defer(() => rmSync(directory, { recursive: true, force: true }));
    const backendPorts = {} as BackendPorts;
    for (const backend of backends) {
      const upstream = await startBackend(backend);
      stack.defer(() => closeBackend(upstream));
      backendPorts[backend] = (upstream.address() as AddressInfo).port;
    }
    const listenerPort = await freePort();
    const readinessPort = await freePort();
    const socketPath = join(directory, 'xds.sock');
    const server = new ServerProcess(new URL(`${options.server}.ts`, import.meta.url));
    stack.defer(() => server.stop());
    const start = performance.now();
    await server.call('start', { socketPath, routes: options.routes, backendPorts, listenerPort, readinessPort });

    const bootstrap = bootstrapFiles({
      nodeId: 'bench',
      cluster: 'bench',
      discovery: { socketPath },
      admin: { address: '127.0.0.1', port: await freePort() },
    });
    const bootstrapPath = join(directory, 'bootstrap.json');
    writeFileSync(bootstrapPath, bootstrap['bootstrap.json']!);
    const envoy = startServerProcess({
      command: await envoyBinary(),
      // As many workers as Envoy takes by itself in a Pod without a CPU limit.
      args: [
        '--config-path',
        bootstrapPath,
        '--disable-hot-restart',
        '--log-level',
        'error',
        '--concurrency',
        String(availableParallelism()),
      ],
      directory,
      outputFile: join(directory, 'envoy.log'),
    });
    stack.defer(() => envoy.stop('SIGKILL'));

    const system: System = {
      gateway: { address: '127.0.0.1', port: listenerPort },
      prepare: async (edit) => void (await server.call('prepare', edit)),
      apply: async (edit) => void (await server.call('apply', edit)),
    };
    await untilServed(system.gateway, loadRoute(options.routes - 1));
    const loaded = { ...(await server.call('usage', null)), milliseconds: performance.now() - start };
    if (options.profile !== undefined) await server.call('profile', null);
    const measured = await measure(system, { ...options, round: 'local' });
    if (options.profile !== undefined) await server.call('profile', options.profile);
    return { ...measured, loaded, end: await server.call('usage', null) };
  } finally {
    await stack.disposeAsync();
  }
}

async function startBackend(name: string): Promise<Server> {
  const server = createServer((_, response) => response.end(name));
  server.keepAliveTimeout = 0; // Envoy decides how long it keeps its connections
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return server;
}

async function closeBackend(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => {
    server.close(resolve);
  });
}
