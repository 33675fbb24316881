/** Objects of files, read once as `sluice run` reads them. */
import { isIP } from 'node:net';
import { type EndpointSlice, type Namespace, namespaceNameLabel, type Secret, type Service } from '../../api/core.ts';
import { type GatewayClass, gatewayGroup } from '../../api/gateway/index.ts';
import { controllerName, gatewayClassName } from '../../api/names.ts';
import { type KubernetesObject, objectKey, type ObjectKey } from '../../api/object.ts';
import { GatewayClasses } from '../../standalone/judgement.ts';
import { formatProblem } from '../../standalone/problem.ts';
import { planServices, slicesOf } from '../../standalone/serviceAddresses.ts';
import { readCatalog } from './catalog.ts';
import type { Gathered } from './gathered.ts';

export interface FileOptions {
  paths: readonly string[];
  /** Names of classes to be taken as ours. */
  gatewayClasses: readonly string[];
  namespace: string | undefined;
}

/** @throws SluiceError FileNotFound for an argument that cannot be read */
export async function gatherFromFiles({ paths, gatewayClasses, namespace }: FileOptions): Promise<Gathered> {
  const { catalog, problems } = await readCatalog(paths);
  const byKind = Map.groupBy(
    [...catalog.objects()].map(({ object }) => object),
    ({ kind }) => kind,
  );
  const read = <T extends KubernetesObject>(kind: string): T[] => (byKind.get(kind) ?? []) as T[];

  const services = read<Service>('Service');
  const slices = read<EndpointSlice>('EndpointSlice');
  const plan = planServices({ services, slices, mappings: [], referencedPorts: new Map(), fallback: () => undefined });
  const names = new Set([
    'default',
    ...[...catalog.objects()].flatMap(({ object }) => object.metadata.namespace ?? []),
  ]);
  const stated = new Set(read<Namespace>('Namespace').map(({ metadata }) => metadata.name));
  const implied = [...names]
    .filter((name) => !stated.has(name))
    .map((name): Namespace => {
      const labels = { [namespaceNameLabel]: name };
      return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
    });
  byKind.set('EndpointSlice', [...slices, ...slicesOf(plan, () => [])]);
  byKind.set('Namespace', [...read<Namespace>('Namespace'), ...implied]);

  const classes = new GatewayClasses([gatewayClassName], gatewayClasses);
  classes.set(read<GatewayClass>('GatewayClass'));
  return {
    source: paths.join(', '),
    hasStatus: false,
    of: read,
    gatewayClass: (name) => {
      const verdict = classes.verdict(name);
      if (!verdict.ours) return { foreign: verdict.message.replace('serve it here with', 'include it with') };
      const found = read<GatewayClass>('GatewayClass').find(({ metadata }) => metadata.name === name);
      return { served: { ...(found ?? impliedClass(name)), spec: { ...found?.spec, controllerName } } };
    },
    assumed: new Set(),
    secrets: new Map(read<Secret>('Secret').map((secret) => [objectKey(secret), secret])),
    unaddressed: unaddressed(plan.unaddressed.keys(), plan.bindings),
    namespace: namespace ?? 'default',
    warnings: problems.map(formatProblem),
  };
}

function impliedClass(name: string): GatewayClass {
  return { apiVersion: `${gatewayGroup}/v1`, kind: 'GatewayClass', metadata: { name }, spec: { controllerName } };
}

/** Names are not looked up: the answer must not depend on the name server of the moment. */
function unaddressed(
  without: Iterable<ObjectKey>,
  bindings: readonly { service: Service; targets: readonly { host: string }[] }[],
): Set<ObjectKey> {
  const named = bindings.filter(({ targets }) => targets.some(({ host }) => isIP(host) === 0));
  return new Set([...without, ...named.map(({ service }) => objectKey(service))]);
}
