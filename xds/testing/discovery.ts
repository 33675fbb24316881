/** A discovery server on loopback for tests, and a certificate authority for both sides of it. */
import { pino, type Logger } from 'pino';
import type { ResourceType } from '../../api/resource.ts';
import { DiscoveryServer, type DiscoveryServerOptions, type ResourceStore } from '../index.ts';

/** What a test sees of the pushes of a server. */
export interface PushLog {
  type: ResourceType;
  resources: number;
  removed: number;
  bytes: number;
}

export interface TestDiscovery extends AsyncDisposable {
  readonly server: DiscoveryServer;
  readonly port: number;
  readonly address: string;
  readonly pushes: PushLog[];
}

export const silent: Logger = pino({ level: 'silent' });

/** Starts a server that serves `store` to everybody, unless `options` say otherwise. */
export async function startDiscovery(
  store: ResourceStore,
  options: Partial<DiscoveryServerOptions> & { port?: number } = {},
): Promise<TestDiscovery> {
  const pushes: PushLog[] = [];
  const server = new DiscoveryServer({
    authenticate: () => ({ ok: 'any' }),
    stores: () => store,
    logger: silent,
    metrics: {
      pushed: (type, push) => pushes.push({ type, ...push }),
      answered: () => undefined,
      connectedProxies: () => undefined,
    },
    ...options,
  });
  const port = await server.listen(`127.0.0.1:${options.port ?? 0}`);
  return {
    server,
    port,
    address: `127.0.0.1:${port}`,
    pushes,
    [Symbol.asyncDispose]: () => server.close({ graceMs: 0 }),
  };
}
