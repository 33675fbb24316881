/** Objects of a cluster, read once with the rights of the one who asks. */
import { pino } from 'pino';
import type { ConfigMap, Secret } from '../../api/core.ts';
import type { GatewayClass } from '../../api/gateway/index.ts';
import { controllerName, fieldOwner } from '../../api/names.ts';
import { keyOf, type KubernetesObject, type ObjectKey } from '../../api/object.ts';
import { otherVersions, resources } from '../../controllers/resources.ts';
import {
  ApiError,
  Client,
  type ClusterAccess,
  isNotFound,
  KubeconfigError,
  loadClusterAccess,
  type Resource,
} from '../../runtime/index.ts';
import { SluiceError } from '../../standalone/sluiceError.ts';
import { type Gathered, translatedKinds } from './gathered.ts';

export interface ClusterOptions {
  kubeconfig: string | undefined;
  context: string | undefined;
  namespace: string | undefined;
}

/** Kinds that say which Gateways are served by which proxies. */
const topologyKinds = ['GatewayClass', 'GatewayConfiguration', 'ControlPlane', 'DataPlane'] as const;

type ResourceName = keyof typeof resources;

/** @throws SluiceError where the cluster cannot be read */
export async function gatherFromCluster(options: ClusterOptions): Promise<Gathered> {
  let access: ClusterAccess;
  try {
    access = loadClusterAccess({ kubeconfig: options.kubeconfig, context: options.context });
  } catch (error) {
    if (!(error instanceof KubeconfigError)) throw error;
    const hint = 'or name files with -f';
    throw new SluiceError('FileNotFound', `${error.message.replace(/[.]$/, '')}, ${hint}.`, { cause: error });
  }
  const client = new Client({ access, fieldOwner, logger: pino({ level: 'silent' }) });
  try {
    return await gather(client, options.namespace ?? access.namespace ?? 'default');
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const advice =
      error.status === 0
        ? 'see that it runs and that --kubeconfig and --context mean it'
        : 'ask for the right to read it';
    const sentence = error.message.replace(/[.]$/, '');
    throw new SluiceError('ClusterUnreachable', `${client.server} cannot be read: ${sentence}; ${advice}.`, {
      cause: error,
    });
  } finally {
    await client.close();
  }
}

async function gather(client: Client, namespace: string): Promise<Gathered> {
  const warnings: string[] = [];
  const byKind = new Map<string, KubernetesObject[]>();
  const names = new Map(
    Object.entries(resources).map(([name, resource]) => [resource.kind, name as ResourceName] as const),
  );
  const narrowed: string[] = [];
  await Promise.all(
    [...translatedKinds, ...topologyKinds].map(async (kind) => {
      const { items, isNarrow } = await listKind(client, names.get(kind)!, namespace);
      byKind.set(kind, items);
      if (isNarrow) narrowed.push(kind);
    }),
  );
  if (narrowed.length > 0) {
    warnings.push(
      `Only namespace ${namespace} could be read of ${narrowed.toSorted().join(', ')}: what lies elsewhere is not known here.`,
    );
  }
  const of = <T extends KubernetesObject>(kind: string): T[] => (byKind.get(kind) ?? []) as T[];

  const referenced = certificateReferences([...byKind.values()].flat());
  const secrets = new Map<ObjectKey, Secret>();
  const assumed = new Set<ObjectKey>();
  await Promise.all(
    [...referenced.secrets].map(async (key) => {
      const found = await readable(() => client.find(resources.secrets, key));
      if (found === 'forbidden') assumed.add(key);
      else if (found !== undefined) secrets.set(key, found);
    }),
  );
  if (assumed.size > 0) {
    warnings.push(`Secret ${[...assumed].toSorted().join(', ')} may not be read, and is taken for a good certificate.`);
  }
  const configMaps: ConfigMap[] = [];
  await Promise.all(
    [...referenced.configMaps].map(async (key) => {
      const found = await readable(() => client.find(resources.configMaps, key));
      if (found === 'forbidden') warnings.push(`ConfigMap ${key} may not be read.`);
      else if (found !== undefined) configMaps.push(found);
    }),
  );
  byKind.set('ConfigMap', configMaps);

  const classes = new Map(of<GatewayClass>('GatewayClass').map((each) => [each.metadata.name, each]));
  return {
    source: client.server,
    hasStatus: true,
    of,
    gatewayClass: (name) => {
      const found = classes.get(name);
      if (found === undefined) return { foreign: `There is no GatewayClass ${name}: create it or correct the name` };
      return found.spec.controllerName === controllerName
        ? { served: found }
        : { foreign: `GatewayClass ${name} belongs to the controller ${found.spec.controllerName}` };
    },
    assumed,
    secrets,
    unaddressed: new Set(),
    namespace,
    warnings,
  };
}

async function listKind(
  client: Client,
  name: ResourceName,
  namespace: string,
): Promise<{ items: KubernetesObject[]; isNarrow: boolean }> {
  const newest = resources[name] as Resource;
  const versions = [newest, ...(otherVersions[name] ?? []).map((version) => ({ ...newest, version }))];
  for (const resource of versions) {
    try {
      const listed = await readable(() => client.list(resource));
      if (listed !== 'forbidden') return { items: listed.items, isNarrow: false };
      if (!newest.namespaced) return { items: [], isNarrow: false };
      const own = await readable(() => client.list(resource, { namespace }));
      return { items: own === 'forbidden' ? [] : own.items, isNarrow: true };
    } catch (error) {
      // A kind or version that the cluster does not serve has no objects.
      if (!isNotFound(error)) throw error;
    }
  }
  return { items: [], isNarrow: false };
}

async function readable<T>(read: () => Promise<T>): Promise<T | 'forbidden'> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof ApiError && error.reason === 'Forbidden') return 'forbidden';
    throw error;
  }
}

/** The Secrets and ConfigMaps with certificates that objects name: no others are read. */
export function certificateReferences(objects: readonly KubernetesObject[]): {
  secrets: Set<ObjectKey>;
  configMaps: Set<ObjectKey>;
} {
  const found = { secrets: new Set<ObjectKey>(), configMaps: new Set<ObjectKey>() };
  for (const object of objects) visit(object.spec, '', object.metadata.namespace ?? '', found);
  return found;
}

function visit(
  value: unknown,
  field: string,
  namespace: string,
  found: ReturnType<typeof certificateReferences>,
): void {
  if (Array.isArray(value)) {
    for (const item of value) visit(item, field, namespace, found);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  if (/certificateRefs?$/i.test(field)) {
    const { kind = 'Secret', name, namespace: stated = namespace } = value as Record<string, unknown>;
    if (typeof name !== 'string' || typeof stated !== 'string') return;
    if (kind === 'Secret') found.secrets.add(keyOf(stated, name));
    if (kind === 'ConfigMap') found.configMaps.add(keyOf(stated, name));
    return;
  }
  for (const [name, child] of Object.entries(value)) visit(child, name, namespace, found);
}
