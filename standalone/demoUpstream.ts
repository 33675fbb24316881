/**
 * A small upstream for trying a gateway out: it answers every request with what it got, in the JSON of Gateway API's echo image,
 * and says for which Service it stands.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { objectKey, type ObjectKey } from '../api/object.ts';
import type { Service } from '../api/core.ts';

export class DemoUpstream {
  readonly #servers = new Map<ObjectKey, { server: Server; port: number }>();

  /** States the Services that it stands for. Resolves when each of them is answered. */
  async serve(services: Iterable<Service>): Promise<void> {
    const keys = new Set([...services].map(objectKey));
    for (const [key, { server }] of this.#servers) {
      if (keys.has(key)) continue;
      this.#servers.delete(key);
      server.close();
      server.closeIdleConnections();
    }
    for (const key of keys) {
      if (!this.#servers.has(key)) this.#servers.set(key, await listen(key));
    }
  }

  /** Where it answers for a Service. */
  address(key: ObjectKey): { host: string; port: number } | undefined {
    const port = this.#servers.get(key)?.port;
    return port === undefined ? undefined : { host: '127.0.0.1', port };
  }

  async close(): Promise<void> {
    const closing = [...this.#servers.values()].map(
      ({ server }) =>
        new Promise<void>((resolve) => {
          server.close(() => resolve());
          server.closeAllConnections();
        }),
    );
    this.#servers.clear();
    await Promise.all(closing);
  }
}

async function listen(key: ObjectKey): Promise<{ server: Server; port: number }> {
  const [namespace, service] = key.split('/');
  const server = createServer((request, response) => {
    request.resume();
    request.once('end', () => {
      const headers: Record<string, string[]> = {};
      for (const [name, value] of Object.entries(request.headers)) {
        if (value !== undefined && name !== 'host') headers[name] = Array.isArray(value) ? value : [value];
      }
      const { method, url, httpVersion } = request;
      const body = {
        path: url,
        host: request.headers.host,
        method,
        proto: `HTTP/${httpVersion}`,
        headers,
        namespace,
        service,
        pod: 'demo',
      };
      response.writeHead(200, { 'content-type': 'application/json', 'x-content-type-options': 'nosniff' });
      response.end(`${JSON.stringify(body, null, 1)}\n`);
    });
  });
  // Longer than Envoy keeps an idle connection, so that it never sends a request into one that is just closing.
  server.keepAliveTimeout = 3_700_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return { server, port: (server.address() as AddressInfo).port };
}
