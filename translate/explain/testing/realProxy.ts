/**
 * The real Envoy on the output of a translation, made to tell by which route it answers: what `explain` says is compared
 * with that. For tests only.
 */
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { startEnvoy, type EnvoyProcess } from '../../../test/fixtures/index.ts';
import type { TranslationState } from '../../testing/golden.ts';
import { staticConfiguration } from '../../testing/staticConfiguration.ts';

type Json = { [key: string]: Json } & Json[] & string;

/** What a backend saw of a request. */
export interface Seen {
  method: string;
  path: string;
  headers: Record<string, string>;
}

/** What came back. */
export interface Answered {
  status: number;
  location: string | undefined;
  /** `TABLE|DOMAIN|POSITION` of the route. */
  route: string | undefined;
  cluster: string | undefined;
  grpcStatus: string | undefined;
  /** Undefined where no backend was asked. */
  seen: Seen | undefined;
}

/** Where the route of an answer stands. */
export function routeTag(table: string, domain: string, position: number): string {
  return `${table}|${domain}|${position}`;
}

/** Answers every request with what it saw. */
export async function startEcho(): Promise<http.Server> {
  const server = http.createServer((request, response) => {
    const headers = Object.fromEntries(
      Object.entries(request.headersDistinct).map(([name, values]) => [name, (values ?? []).join(',')]),
    );
    response.setHeader('x-echo', 'yes');
    response.end(JSON.stringify({ method: request.method, path: request.url, headers }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/** Starts Envoy with what proxies would get; every endpoint is the echo server. */
export async function startProxy(state: TranslationState, echo: http.Server): Promise<EnvoyProcess> {
  const envoy = await startEnvoy({ bootstrap: bootstrap(state, echo) });
  await envoy.ready();
  return envoy;
}

function bootstrap(state: TranslationState, echo: http.Server): Record<string, unknown> {
  const configuration = staticConfiguration(state) as { static_resources: Record<string, Json[]> };
  const resources = configuration.static_resources;
  const listeners = resources['listeners']!.filter((listener) => String(listener['name']) !== 'readiness');
  for (const listener of listeners) {
    for (const chain of (listener['filter_chains'] ?? []) as Json[]) {
      for (const filter of chain['filters'] as Json[]) {
        const table = filter['typed_config']?.['route_config'];
        if (table !== undefined) tag(table);
      }
    }
  }
  const { port } = echo.address() as AddressInfo;
  const clusters = resources['clusters']!.map((cluster) => ({
    name: cluster['name'],
    type: 'STATIC',
    load_assignment: {
      cluster_name: cluster['name'],
      endpoints: [
        { lb_endpoints: [{ endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: port } } } }] },
      ],
    },
  }));
  return { ...configuration, static_resources: { ...resources, listeners, clusters } };
}

function tag(table: Json): void {
  for (const host of (table['virtual_hosts'] ?? []) as Json[]) {
    const domain = String((host['domains'] as Json[])[0]);
    for (const [position, route] of ((host['routes'] ?? []) as Json[]).entries()) {
      const name = routeTag(String(table['name']), domain, position);
      const before = (route['response_headers_to_add'] ?? []) as unknown[];
      const after = [...before, overwrite('x-route', name), overwrite('x-cluster', '%UPSTREAM_CLUSTER%')];
      Object.assign(route, { response_headers_to_add: after });
    }
  }
}

function overwrite(key: string, value: string): unknown {
  return { header: { key, value }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' };
}

export interface Asked {
  port: number;
  /** Undefined without TLS; empty for TLS without a server name. */
  serverName: string | undefined;
  method: string;
  path: string;
  headers: [name: string, value: string][];
}

/** One request on a connection of its own. Undefined where the proxy takes no such connection. */
export async function ask({ port, serverName, method, path, headers }: Asked): Promise<Answered | undefined> {
  const options: https.RequestOptions = {
    host: '127.0.0.1',
    port,
    method,
    path,
    headers: headers.flat(),
    agent: false,
    rejectUnauthorized: false,
    servername: serverName ?? '',
    setHost: false,
  };
  const request = serverName === undefined ? http.request(options) : https.request(options);
  request.end();
  let response: http.IncomingMessage;
  try {
    [response] = (await once(request, 'response')) as [http.IncomingMessage];
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (code === 'ECONNRESET' || code === 'ECONNREFUSED' || code.startsWith('ERR_SSL') || code === 'EPROTO') {
      return undefined;
    }
    throw error;
  }
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const header = (name: string): string | undefined => {
    const value = response.headers[name];
    return Array.isArray(value) ? value.join(',') : value;
  };
  return {
    status: response.statusCode!,
    location: header('location'),
    route: header('x-route'),
    cluster: header('x-cluster'),
    grpcStatus: header('grpc-status'),
    seen: header('x-echo') === undefined ? undefined : (JSON.parse(Buffer.concat(chunks).toString()) as Seen),
  };
}
