/** The two sides: the same Envoy binary, configured by Sluice and by hand, both with one worker on the same core. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import type { Gateway } from '../../../api/gateway/index.ts';
import { keyOf } from '../../../api/object.ts';
import { bootstrapFiles, ControlPlane, Scheduler } from '../../../controlplane/index.ts';
import { createSessionTicketSecrets, sessionTicketKeysOf } from '../../../controllers/certificates/index.ts';
import { readCertificate, sessionTicketKeysName, type SourceChange } from '../../../translate/index.ts';
import { DiscoveryServer, ResourceStore } from '../../../xds/index.ts';
import { freePort, startServerProcess, type KeyPair, type ServerProcess } from '../../fixtures/index.ts';
import { backendChanges, gateway, gatewayName, listenerPort, type BackendPorts } from '../workload.ts';
import { bareConfiguration } from './bareEnvoy.ts';
import { onCore } from './cores.ts';
import { httpRoute, routesOf, type Scenario } from './routes.ts';

/** What both sides are made of. */
export interface Setup {
  scenario: Scenario;
  envoy: string;
  /** Where the proxy runs; anywhere where undefined. */
  core: number | undefined;
  directory: string;
  backendPorts: BackendPorts;
  certificate: KeyPair;
}

/** One side, with its proxy running. */
export interface Side extends AsyncDisposable {
  http: string;
  https: string;
  /** The process of the proxy. */
  pid: number;
  /** Starts one more proxy with the same configuration on the same ports: the kernel divides the connections among them. */
  addProxy(): Promise<ServerProcess>;
}

const namespace = 'bench';
const secretName = 'certificate';
const securePort = 443;
const logger = pino({ level: 'error' });

function startEnvoy({ envoy, core, directory }: Setup, name: string, bootstrap: string): ServerProcess {
  const path = join(directory, `${name}.json`);
  writeFileSync(path, bootstrap);
  const args = ['--config-path', path, '--disable-hot-restart', '--log-level', 'error', '--concurrency', '1'];
  return startServerProcess({ ...onCore(core, envoy, args), directory, outputFile: join(directory, `${name}.log`) });
}

/** The side that is configured by hand. */
export async function startBare(setup: Setup): Promise<Side> {
  const [http, https] = [await freePort(), await freePort()];
  const proxies: ServerProcess[] = [];
  const addProxy = async (): Promise<ServerProcess> => {
    const admin = await freePort();
    const configuration = bareConfiguration(routesOf(setup.scenario), { ...setup, http, https, admin });
    const proxy = startEnvoy(setup, `bare-${proxies.length}`, JSON.stringify(configuration));
    proxies.push(proxy);
    return proxy;
  };
  return side({ http, https, first: await addProxy(), addProxy, close: () => stopAll(proxies) });
}

/** The side that Sluice configures from objects, as in a cluster but for where the objects come from. */
export async function startGateway(setup: Setup): Promise<Side> {
  const [http, https, readiness] = [await freePort(), await freePort(), await freePort()];
  const store = new ResourceStore();
  const controlPlane = new ControlPlane({
    name: namespace,
    translator: {
      binding: { address: '127.0.0.1', port: (port) => (port === securePort ? https : http) },
      readiness: { address: '127.0.0.1', port: readiness },
    },
    store,
    scheduler: new Scheduler(),
    onStatus: () => undefined,
    logger,
  });
  const server = new DiscoveryServer({ authenticate: () => ({ ok: namespace }), stores: () => store, logger });
  const socketPath = join(setup.directory, 'xds.sock');
  await server.listen(`unix:${socketPath}`);
  controlPlane.apply(objects(setup));
  controlPlane.synced();

  const proxies: ServerProcess[] = [];
  const addProxy = async (): Promise<ServerProcess> => {
    const files = bootstrapFiles({
      nodeId: `bench-${proxies.length}`,
      cluster: namespace,
      discovery: { socketPath },
      admin: { address: '127.0.0.1', port: await freePort() },
      metrics: { address: '127.0.0.1', port: await freePort() },
    });
    const proxy = startEnvoy(setup, `gateway-${proxies.length}`, files['bootstrap.json']!);
    proxies.push(proxy);
    return proxy;
  };
  const close = async (): Promise<void> => {
    await stopAll(proxies);
    controlPlane.close();
    await server.close({ graceMs: 0 });
    store.close();
  };
  return side({ http, https, first: await addProxy(), addProxy, close });
}

function side(of: {
  http: number;
  https: number;
  first: ServerProcess;
  addProxy: Side['addProxy'];
  close: () => Promise<void>;
}): Side {
  return {
    http: `127.0.0.1:${of.http}`,
    https: `127.0.0.1:${of.https}`,
    pid: of.first.pid,
    addProxy: of.addProxy,
    [Symbol.asyncDispose]: of.close,
  };
}

async function stopAll(proxies: readonly ServerProcess[]): Promise<void> {
  await Promise.all(proxies.map((proxy) => proxy.stop('SIGKILL')));
}

function objects({ scenario, backendPorts, certificate }: Setup): SourceChange[] {
  const data = {
    'tls.crt': Buffer.from(certificate.certificate).toString('base64'),
    'tls.key': Buffer.from(certificate.key).toString('base64'),
  };
  const secret = {
    apiVersion: 'v1' as const,
    kind: 'Secret' as const,
    metadata: { namespace, name: secretName },
    data,
  };
  const plain = gateway(namespace);
  const object: Gateway = {
    ...plain,
    metadata: { ...plain.metadata, generation: 1, creationTimestamp: '2025-01-01T00:00:00Z' },
    spec: {
      ...plain.spec,
      listeners: [
        { name: 'http', protocol: 'HTTP', port: listenerPort },
        { name: 'https', protocol: 'HTTPS', port: securePort, tls: { certificateRefs: [{ name: secretName }] } },
      ],
    },
  };
  const keys = sessionTicketKeysOf(createSessionTicketSecrets(new Date()), namespace);
  return [
    { kind: 'SessionTicketKeys', key: sessionTicketKeysName, object: { keys } },
    { kind: 'Gateway', key: keyOf(namespace, gatewayName), object },
    { kind: 'Secret', key: keyOf(namespace, secretName), object: readCertificate(secret, undefined, Date.now()) },
    ...backendChanges(namespace, backendPorts),
    ...routesOf(scenario).map((route): SourceChange => ({
      kind: 'HTTPRoute',
      key: keyOf(namespace, route.name),
      object: httpRoute(namespace, route),
    })),
  ];
}
