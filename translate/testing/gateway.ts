/** The real Envoy on loopback with what objects are translated to, to ask it what it does. For tests only. */
import { stringify } from 'yaml';
import { freePort, startEnvoy, type EnvoyProcess } from '../../test/fixtures/index.ts';
import { Translator, type SourceChange } from '../index.ts';
import { sourceChanges, TranslationState } from './golden.ts';
import { staticConfiguration } from './staticConfiguration.ts';

export interface RunningGateway {
  /** The port on loopback where a listener's port is served. */
  ports: Record<number, number>;
  envoy: EnvoyProcess;
  state: TranslationState;
}

/**
 * @param text objects in YAML
 * @param listenerPorts the ports of their listeners
 * @param changes what no YAML can say
 * @param backends for each Service port, as `NAME:PORT` in namespace `default`, the ports on loopback behind it
 */
export async function startGateway(
  text: string,
  listenerPorts: readonly number[],
  backends: Record<string, readonly number[]>,
  now = Date.now(),
  changes: readonly SourceChange[] = [],
): Promise<RunningGateway> {
  const ports: Record<number, number> = {};
  for (const port of listenerPorts) ports[port] = await freePort();
  const translator = new Translator({
    binding: { address: '127.0.0.1', port: (port) => ports[port] ?? port },
    readiness: { address: '127.0.0.1', port: await freePort() },
  });
  translator.apply([...sourceChanges(text, now), ...sourceChanges(backendObjects(backends), now), ...changes]);
  const state = new TranslationState();
  state.take(translator);
  if (state.faults.length > 0) throw new Error('the translation failed', { cause: state.faults });
  const envoy = await startEnvoy({ bootstrap: staticConfiguration(state) });
  await envoy.ready();
  return { ports, envoy, state };
}

function backendObjects(backends: Record<string, readonly number[]>): string {
  const services = new Map<string, { port: number; name: string; appProtocol?: string }[]>();
  const slices: unknown[] = [];
  for (const [identity, targets] of Object.entries(backends)) {
    const [name = '', port, appProtocol] = identity.split(':');
    const own = services.get(name) ?? [];
    services.set(name, [
      ...own,
      { port: Number(port), name: `p${port}`, ...(appProtocol === undefined ? {} : { appProtocol }) },
    ]);
    for (const target of targets) {
      slices.push({
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: {
          namespace: 'default',
          name: `${name}-${port}-${target}`,
          labels: { 'kubernetes.io/service-name': name },
        },
        addressType: 'IPv4',
        ports: [{ name: `p${port}`, port: target }],
        endpoints: [{ addresses: ['127.0.0.1'] }],
      });
    }
  }
  const objects = [...services].map(([name, servicePorts]) => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace: 'default', name },
    spec: { ports: servicePorts },
  }));
  return [...objects, ...slices].map((object) => stringify(object)).join('---\n');
}
