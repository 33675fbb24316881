import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { once } from 'node:events';
import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { freePort, waitFor } from '../test/fixtures/index.ts';
import { findEnvoy } from './envoyBinary.ts';
import { LocalEnvoy, type LocalEnvoyOptions } from './localEnvoy.ts';
import { WorkDirectory } from './workDirectory.ts';

let temporary: string;
const envoys: LocalEnvoy[] = [];

beforeEach(() => {
  temporary = mkdtempSync(path.join(tmpdir(), 'local-envoy-'));
});
afterEach(async () => {
  const hurry = AbortSignal.abort();
  await Promise.all(envoys.splice(0).map((envoy) => envoy.stop(hurry)));
  rmSync(temporary, { recursive: true, force: true });
});

function proxyTo(port: number, upstreamPort: number): Record<string, unknown> {
  const address = (value: number) => ({ socket_address: { address: '127.0.0.1', port_value: value } });
  const route = { match: { prefix: '/' }, route: { cluster: 'upstream', timeout: '0s' } };
  const manager = {
    '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    stat_prefix: 'test',
    route_config: { virtual_hosts: [{ name: 'all', domains: ['*'], routes: [route] }] },
    http_filters: [
      {
        name: 'router',
        typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
      },
    ],
  };
  return {
    static_resources: {
      listeners: [
        {
          name: 'test',
          address: address(port),
          filter_chains: [{ filters: [{ name: 'http', typed_config: manager }] }],
        },
      ],
      clusters: [
        {
          name: 'upstream',
          load_assignment: {
            cluster_name: 'upstream',
            endpoints: [{ lb_endpoints: [{ endpoint: { address: address(upstreamPort) } }] }],
          },
        },
      ],
    },
  };
}

async function start(options: Partial<LocalEnvoyOptions> = {}): Promise<{ envoy: LocalEnvoy; work: WorkDirectory }> {
  const { path: binary } = await findEnvoy();
  const work = WorkDirectory.create(() => undefined, temporary);
  const logger = pino({ level: 'silent' });
  const envoy = new LocalEnvoy({
    binary,
    bootstrap: {},
    workDirectory: work,
    logger,
    concurrency: 1,
    drainTimeout: 30_000,
    backoff: { first: 10, last: 10 },
    ...options,
  });
  envoys.push(envoy);
  envoy.start();
  await waitFor('Envoy to answer', () => envoy.admin('/ready'));
  return { envoy, work };
}

function isAlive(pid: number): boolean {
  try {
    // A process that nobody waited for yet is dead as well.
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

function envoyProcesses(directory: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(directory) && isAlive(pid);
      } catch {
        return false;
      }
    });
}

describe.each([
  ['guarded by the kernel', {}],
  ['guarded by a shell', { setpriv: undefined }],
])('%s', (_, options) => {
  test('an Envoy that dies is started again; one that is stopped leaves nothing', async () => {
    const exits: string[] = [];
    const { envoy, work } = await start({ ...options, onExit: (description) => exits.push(description) });
    expect(statSync(work.path).mode & 0o777).toBe(0o700);
    // The shell and its watcher have Envoy's command line among their arguments, Envoy has it as its own.
    const pid = envoyProcesses(work.path).find(
      (each) => !/^(\/bin\/)?sh\0/.test(readFileSync(`/proc/${each}/cmdline`, 'utf8')),
    )!;
    process.kill(pid, 'SIGKILL');
    await waitFor('a second start', () => envoy.starts === 2);
    await waitFor('the second Envoy to answer', () => envoy.admin('/ready'));
    expect(exits).toHaveLength(1);

    await envoy.stop();
    expect(envoyProcesses(work.path)).toEqual([]);
  });

  test('requests that are open are answered before the end', async () => {
    let answer: (() => void) | undefined;
    const upstream = createServer((_request, response) => {
      response.write('first ');
      answer = () => response.end('last');
    });
    upstream.listen(0, '127.0.0.1');
    await once(upstream, 'listening');
    const port = await freePort();
    const { envoy } = await start({ ...options, bootstrap: proxyTo(port, (upstream.address() as AddressInfo).port) });
    const body = new Promise<string>((resolve, reject) => {
      get({ port, host: '127.0.0.1', agent: false }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (text += chunk));
        response.on('end', () => resolve(text));
        response.on('error', reject);
      }).on('error', reject);
    });
    await waitFor('the request to arrive', () => answer !== undefined);
    let stopped = false;
    const stop = envoy.stop().then(() => (stopped = true));
    await waitFor('draining to begin', async () => /draining|DRAINING/.test(await envoy.admin('/server_info')));
    expect(stopped).toBe(false);
    answer?.();
    expect(await body).toBe('first last');
    await stop;
    upstream.close();
  });

  test('a run that is killed leaves no Envoy', async () => {
    const { path: binary } = await findEnvoy();
    const script = path.join(import.meta.dirname, 'localEnvoy.ts');
    const program = `
      import { pino } from 'pino';
      import { LocalEnvoy } from ${JSON.stringify(script)};
      import { WorkDirectory } from ${JSON.stringify(path.join(import.meta.dirname, 'workDirectory.ts'))};
      const workDirectory = WorkDirectory.create(() => undefined, ${JSON.stringify(temporary)});
      const envoy = new LocalEnvoy({
        binary: ${JSON.stringify(binary)}, bootstrap: {}, workDirectory, logger: pino({ level: 'silent' }),
        concurrency: 1, drainTimeout: 1000, ...${'setpriv' in options ? '{ setpriv: undefined }' : '{}'},
      });
      envoy.start();
      const timer = setInterval(async () => {
        try { await envoy.admin('/ready'); } catch { return; }
        clearInterval(timer);
        console.log(workDirectory.path);
      }, 10);
      setInterval(() => undefined, 1000);
    `;
    const parent = spawn(process.execPath, ['--input-type=module-typescript', '-e', program], {
      cwd: path.join(import.meta.dirname, '..'),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const directory = line.toString().trim();
    expect(envoyProcesses(directory).length).toBeGreaterThan(0);
    parent.kill('SIGKILL');
    await waitFor('Envoy to be gone', () => envoyProcesses(directory).length === 0);
    // The next run clears away what is left of it.
    WorkDirectory.create(() => undefined, temporary);
    expect(readdirSync(temporary)).toHaveLength(1);
  });
});
