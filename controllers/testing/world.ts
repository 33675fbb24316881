/**
 * An API server and an operator for tests, and the parts of a cluster that are not there: who runs Pods, gives addresses and
 * collects garbage is played.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino, type Logger } from 'pino';
import { parseAllDocuments } from 'yaml';
import { controllerName } from '../../api/names.ts';
import type { KubernetesObject } from '../../api/object.ts';
import {
  Client,
  type ClusterAccess,
  defineResource,
  loadClusterAccess,
  parseKubeconfig,
  type Resource,
} from '../../runtime/index.ts';
import {
  type EnvoyProcess,
  type KubeApiServer,
  startEnvoy,
  startKubeApiServer,
  waitFor,
} from '../../test/fixtures/index.ts';
import { dataPlaneNames } from '../dataPlane/names.ts';
import { proxyFiles } from '../dataPlane/podTemplate.ts';
import { Operator, type OperatorOptions } from '../operator.ts';
import { resources } from '../resources.ts';
import { gatewayApiDefinitions } from './gatewayApi.ts';

export const operatorNamespace = 'sluice-system';
/** Who the operator is, as its Pod's token would say. */
const account = `system:serviceaccount:${operatorNamespace}:sluice-operator`;

const rbac = { group: 'rbac.authorization.k8s.io', version: 'v1' };
const byKind = new Map<string, Resource>(
  [
    ...Object.values<Resource>(resources),
    defineResource({ ...rbac, kind: 'ClusterRole', plural: 'clusterroles', namespaced: false }),
    defineResource({ ...rbac, kind: 'ClusterRoleBinding', plural: 'clusterrolebindings', namespaced: false }),
    defineResource({ ...rbac, kind: 'Role', plural: 'roles', namespaced: true }),
    defineResource({ ...rbac, kind: 'RoleBinding', plural: 'rolebindings', namespaced: true }),
  ].map((resource) => [resource.kind, resource]),
);

/** Logs of the operator under test: to standard output with SLUICE_TEST_LOG set to a level. */
export function testLogger(): Logger {
  return pino({ level: process.env['SLUICE_TEST_LOG'] ?? 'silent' });
}

export interface WorldOptions {
  /** Which definitions of Gateway API are installed. */
  gatewayApi: 'none' | 'standard' | 'experimental';
  /** Of another version than the one that Sluice is made for. */
  gatewayApiVersion?: string;
  /** Whether the operator has its permissions. */
  permissions?: boolean;
}

export class World {
  readonly apiServer: KubeApiServer;
  readonly client: Client;
  readonly #access: ClusterAccess;
  readonly #operators = new Set<Operator>();
  readonly #ends: (() => Promise<void> | void)[] = [];

  private constructor(apiServer: KubeApiServer, client: Client, access: ClusterAccess) {
    this.apiServer = apiServer;
    this.client = client;
    this.#access = access;
  }

  /** An API server with our definitions, the GatewayClass `sluice` and the operator's permissions. */
  static async create(options: WorldOptions): Promise<World> {
    const apiServer = await startKubeApiServer();
    const logger = testLogger();
    const client = new Client({
      access: loadClusterAccess({ kubeconfig: apiServer.kubeconfigPath }),
      fieldOwner: 'tests',
      logger,
    });
    const { certificate, key } = await apiServer.issueClient({ name: account, groups: ['system:serviceaccounts'] });
    const base64 = (text: string): string => Buffer.from(text).toString('base64');
    const access = parseKubeconfig(
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Config',
        clusters: [
          { name: 'test', cluster: { server: apiServer.url, 'certificate-authority-data': base64(apiServer.ca) } },
        ],
        users: [
          {
            name: 'operator',
            user: { 'client-certificate-data': base64(certificate), 'client-key-data': base64(key) },
          },
        ],
        contexts: [{ name: 'test', context: { cluster: 'test', user: 'operator' } }],
        'current-context': 'test',
      }),
    );
    const world = new World(apiServer, client, access);
    const root = join(import.meta.dirname, '../..');
    await apiServer.applyCrds(join(root, 'config/crd'));
    await world.namespace(operatorNamespace);
    if (options.permissions !== false) await world.grantPermissions();
    if (options.gatewayApi !== 'none') await world.installGatewayApi(options.gatewayApi, options.gatewayApiVersion);
    return world;
  }

  /** Applies the roles and bindings of config/. */
  async grantPermissions(): Promise<void> {
    const config = join(import.meta.dirname, '../../config');
    for (const file of ['rbac/role.yaml', 'rbac-extras/bindings.yaml']) {
      for (const document of parseAllDocuments(readFileSync(join(config, file), 'utf8'))) {
        const object: KubernetesObject = document.toJS();
        await this.apply(object);
      }
    }
    // What the ServiceAccount is bound to, for the user whose certificate the operator has here.
    const subjects = [{ kind: 'User', name: account, apiGroup: rbac.group }];
    const roleRef = { apiGroup: rbac.group, name: 'sluice-operator' };
    const of = (kind: string, role: string, namespace?: string): KubernetesObject => {
      const object = { apiVersion: `${rbac.group}/v1`, kind, subjects, roleRef: { ...roleRef, kind: role } };
      return {
        ...object,
        metadata: { name: 'sluice-operator-user', ...(namespace === undefined ? {} : { namespace }) },
      };
    };
    await this.apply(of('ClusterRoleBinding', 'ClusterRole'), of('RoleBinding', 'Role', operatorNamespace));
  }

  /** Installs the definitions of Gateway API and the GatewayClass. */
  async installGatewayApi(channel: 'standard' | 'experimental', version?: string): Promise<void> {
    await this.apiServer.applyCrds(await gatewayApiDefinitions(channel, version));
    const gatewayClass: KubernetesObject = {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'GatewayClass',
      metadata: { name: 'sluice' },
      spec: { controllerName },
    };
    await this.apply(gatewayClass);
  }

  /** Server-side apply, as a user does it. */
  async apply(...objects: readonly KubernetesObject[]): Promise<void> {
    for (const object of objects) await this.client.apply(this.#resource(object), object);
  }

  async remove(...objects: readonly KubernetesObject[]): Promise<void> {
    for (const object of objects) await this.client.delete(this.#resource(object), object.metadata);
  }

  #resource({ kind }: KubernetesObject): Resource {
    const resource = byKind.get(kind);
    if (resource === undefined) throw new Error(`Tests know no kind ${kind}.`);
    return resource;
  }

  async namespace(name: string): Promise<string> {
    await this.client.apply(resources.namespaces, { metadata: { name } });
    return name;
  }

  /** Starts an operator; the world stops it at its end. */
  async operator(options: Partial<OperatorOptions> = {}): Promise<Operator> {
    const operator = new Operator({
      access: this.#access,
      logger: testLogger(),
      namespace: operatorNamespace,
      operatorImage: 'sluice:test',
      envoyImage: 'envoy:test',
      discovery: { service: 'sluice', port: 0 },
      healthPort: 0,
      metricsPort: 0,
      leaderElection: false,
      ...options,
    });
    this.#operators.add(operator);
    await operator.start();
    return operator;
  }

  async stop(operator: Operator): Promise<void> {
    this.#operators.delete(operator);
    await operator.stop();
  }

  /** What an operator's readiness says: `ok`, or each check with its reason. */
  async readiness(operator: Operator): Promise<string> {
    const response = await fetch(`http://127.0.0.1:${operator.manager.healthPort}/readyz`);
    return await response.text();
  }

  async untilReady(operator: Operator): Promise<void> {
    await waitFor('the operator to be ready', async () => (await this.readiness(operator)).trim() === 'ok');
  }

  /** The value of one of the operator's counters; 0 while it has not counted. */
  async metric(operator: Operator, line: string): Promise<number> {
    const text = await (await fetch(`http://127.0.0.1:${operator.manager.metricsPort}/metrics`)).text();
    const found = text.split('\n').find((each) => each.startsWith(`${line} `));
    return found === undefined ? 0 : Number(found.slice(line.length));
  }

  /** Until an object is there and as it should be. */
  async until<T extends KubernetesObject>(
    what: string,
    resource: Resource<T>,
    key: string,
    holds: (object: T) => boolean = () => true,
  ): Promise<T> {
    let last: T | undefined;
    try {
      return await waitFor(what, async () => {
        last = await this.client.find(resource, key);
        return last !== undefined && holds(last) && last;
      });
    } catch (error) {
      throw new Error(`${what}: never. The object: ${JSON.stringify(last)}`, { cause: error });
    }
  }

  /** Until a condition has a status, and a reason where one is given. */
  async untilCondition<T extends KubernetesObject<unknown, { conditions?: Conditions } | undefined>>(
    resource: Resource<T>,
    key: string,
    type: string,
    expected: string,
  ): Promise<string> {
    let message = '';
    await this.until(`${type} of ${key} to be ${expected}`, resource, key, ({ metadata, status }) => {
      const condition = status?.conditions?.find((each) => each.type === type);
      message = condition?.message ?? '';
      const current = metadata.generation === undefined || condition?.observedGeneration === metadata.generation;
      return current && `${condition?.status} ${condition?.reason}`.startsWith(expected);
    });
    return message;
  }

  /** Plays the Deployment controller and the kubelet: so many Pods are there and ready. */
  async runPods(dataPlane: string, ready: number): Promise<void> {
    const deployment = await this.until('the Deployment to exist', resources.deployments, dataPlane);
    const replicas = deployment.spec?.replicas ?? 1;
    await this.client.updateStatus(resources.deployments, {
      ...deployment,
      status: {
        observedGeneration: deployment.metadata.generation ?? 0,
        replicas,
        updatedReplicas: replicas,
        readyReplicas: ready,
      },
    });
  }

  /** Plays a load balancer: gives the Service of a DataPlane an address. */
  async giveAddress(dataPlane: string, ip: string): Promise<void> {
    const service = await this.until('the Service to exist', resources.services, dataPlane);
    await this.client.updateStatus(resources.services, { ...service, status: { loadBalancer: { ingress: [{ ip }] } } });
  }

  /** Plays a Pod of a DataPlane: a real Envoy with the files that its Pod would mount. */
  async startProxy(operator: Operator, dataPlane: string): Promise<EnvoyProcess> {
    const [namespace, name] = dataPlane.split('/');
    const names = dataPlaneNames(name ?? '');
    const directory = mkdtempSync(join(tmpdir(), 'sluice-proxy-'));
    this.#ends.push(() => rmSync(directory, { recursive: true, force: true }));
    const secret = await this.until('the certificate to exist', resources.secrets, `${namespace}/${names.certificate}`);
    for (const [file, value] of Object.entries(secret.data ?? {}))
      writeFileSync(join(directory, file), Buffer.from(value, 'base64'));
    const configMap = await this.until(
      'the bootstrap to exist',
      resources.configMaps,
      `${namespace}/${names.bootstrap}`,
    );
    for (const [file, text] of Object.entries(configMap.data ?? {})) {
      const here = text
        .replaceAll(proxyFiles.certificates, directory)
        .replaceAll(proxyFiles.bootstrapDirectory, directory);
      writeFileSync(join(directory, file), here);
    }
    const bootstrap: ProxyBootstrap = JSON.parse(readFileSync(join(directory, 'bootstrap.json'), 'utf8'));
    // There are no Services and no Pods of their own here.
    const { admin: _, ...rest } = bootstrap;
    rest.static_resources.listeners = [];
    for (const cluster of rest.static_resources.clusters) {
      if (cluster.name !== 'xds') continue;
      cluster.type = 'STATIC';
      cluster.load_assignment.endpoints = [
        {
          lb_endpoints: [
            { endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: operator.discoveryPort } } } },
          ],
        },
      ];
    }
    const envoy = await startEnvoy({ bootstrap: { ...rest } });
    this.#ends.push(() => envoy.stop());
    return envoy;
  }

  async close(): Promise<void> {
    for (const operator of this.#operators) await operator.stop();
    for (const end of this.#ends.toReversed()) await end();
    await this.client.close();
    await this.apiServer.stop();
  }
}

type Conditions = readonly {
  type: string;
  status: string;
  reason?: string;
  message?: string;
  observedGeneration?: number;
}[];

interface ProxyBootstrap extends Record<string, unknown> {
  static_resources: {
    listeners: unknown[];
    clusters: { name: string; type: string; load_assignment: { endpoints: unknown[] } }[];
  };
}
