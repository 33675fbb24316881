/**
 * A gateway on loopback: a control plane, its xDS server and a real Envoy. For tests of what a translation does to requests.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { ConditionContribution, ObjectKey } from '../../api/object.ts';
import { freePort, startEnvoy, waitFor, type EnvoyProcess } from '../../test/fixtures/index.ts';
import type { SourceChange } from '../../translate/index.ts';
import { sourceChanges } from '../../translate/testing/golden.ts';
import { DiscoveryServer, ResourceStore } from '../../xds/index.ts';
import { bootstrapFiles, ControlPlane, Scheduler, type StatusReport } from '../index.ts';

export class LocalGateway {
  readonly envoy: EnvoyProcess;
  readonly #reports: ReadonlyMap<string, StatusReport>;
  readonly #controlPlane: ControlPlane;
  readonly #ports: ReadonlyMap<number, number>;
  readonly #stop: () => Promise<void>;

  private constructor(parts: {
    envoy: EnvoyProcess;
    reports: ReadonlyMap<string, StatusReport>;
    controlPlane: ControlPlane;
    ports: ReadonlyMap<number, number>;
    stop: () => Promise<void>;
  }) {
    this.envoy = parts.envoy;
    this.#reports = parts.reports;
    this.#controlPlane = parts.controlPlane;
    this.#ports = parts.ports;
    this.#stop = parts.stop;
  }

  /**
   * @param listenerPorts those that listeners name: each is bound as a free port, see `port`
   * @param yaml the objects to begin with
   * @param envoyArguments more arguments for Envoy
   * @param address that listeners bind
   */
  static async start(
    listenerPorts: readonly number[],
    yaml: string,
    envoyArguments: string[] = [],
    address = '127.0.0.1',
  ): Promise<LocalGateway> {
    const directory = mkdtempSync(join(tmpdir(), 'sluice-local-gateway-'));
    const logger = pino({ level: 'silent' });
    const ports = new Map<number, number>();
    for (const port of listenerPorts) ports.set(port, await freePort());
    const readiness = { address: '127.0.0.1', port: await freePort() };
    const reports = new Map<string, StatusReport>();
    const store = new ResourceStore();
    const socketPath = join(directory, 'xds.sock');
    const server = new DiscoveryServer({ authenticate: () => ({ ok: 'local' }), stores: () => store, logger });
    await server.listen(`unix:${socketPath}`);
    const controlPlane = new ControlPlane({
      name: 'local',
      translator: { binding: { address, port: (port) => ports.get(port) ?? port }, readiness },
      store,
      scheduler: new Scheduler(),
      logger,
      onStatus: (changes) => {
        for (const { kind, key, report } of changes) {
          if (report === undefined) reports.delete(`${kind} ${key}`);
          else reports.set(`${kind} ${key}`, report);
        }
      },
    });
    controlPlane.apply(sourceChanges(yaml, Date.now()));
    controlPlane.synced();
    const files = bootstrapFiles({
      nodeId: 'local',
      cluster: 'local',
      discovery: { socketPath },
      admin: { address: '127.0.0.1', port: 0 },
    });
    const envoy = await startEnvoy({
      bootstrap: JSON.parse(files['bootstrap.json']!) as Record<string, unknown>,
      arguments: envoyArguments,
    });
    const stop = async (): Promise<void> => {
      await envoy.stop();
      controlPlane.close();
      await server.close({ graceMs: 0 });
      store.close();
      rmSync(directory, { recursive: true });
    };
    return new LocalGateway({ envoy, reports, controlPlane, ports, stop });
  }

  /** Where a listener's port is bound on loopback. */
  port(listenerPort: number): number {
    const port = this.#ports.get(listenerPort);
    if (port === undefined) throw new Error(`no listener port ${listenerPort} was named at the start`);
    return port;
  }

  apply(changes: Iterable<SourceChange>): void {
    this.#controlPlane.apply(changes);
  }

  /** Applies the objects of a YAML text. */
  applyYaml(yaml: string): void {
    this.apply(sourceChanges(yaml, Date.now()));
  }

  /** A condition of a route towards its first parent, or of a Gateway. */
  condition(kind: StatusReport['kind'], key: ObjectKey, type: string): ConditionContribution | undefined {
    const report = this.#reports.get(`${kind} ${key}`);
    if (report === undefined) return undefined;
    const conditions =
      'parents' in report ? report.parents[0]?.conditions : 'conditions' in report ? report.conditions : [];
    return conditions?.find((condition) => condition.type === type);
  }

  /** Waits until proxies serve routes as they are now. */
  async programmed(
    kind: 'HTTPRoute' | 'GRPCRoute' | 'TLSRoute' | 'TCPRoute' | 'UDPRoute',
    keys: readonly ObjectKey[],
  ): Promise<void> {
    await waitFor(`${kind} ${keys.join(', ')} to be programmed`, () =>
      keys.every((key) => this.condition(kind, key, 'sluice.dev/Programmed')?.status === 'True'),
    );
  }

  stop(): Promise<void> {
    return this.#stop();
  }
}
