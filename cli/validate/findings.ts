/** What is wrong in files, and where: by the rules of the definitions, and by the judges that admission has in a cluster. */
import { type ConfigMap, type Namespace, namespaceNameLabel, type Secret } from '../../api/core.ts';
import { type GatewayClass, gatewayGroup } from '../../api/gateway/index.ts';
import { controllerName } from '../../api/names.ts';
import { type KubernetesObject, objectKey } from '../../api/object.ts';
import type { CatalogObject } from '../../standalone/catalog.ts';
import type { Position, ProblemReason } from '../../standalone/problem.ts';
import { type Objects, type Surroundings, validate } from '../../webhooks/index.ts';
import { readCatalog } from '../objects/catalog.ts';
import { fieldOf } from './fieldOf.ts';

export interface Finding {
  /** error: it can never be right as it stands. warning: it leads nowhere yet, or breaks something. */
  severity: 'error' | 'warning';
  reason: ProblemReason | 'Denied' | 'Unresolved';
  file: string;
  /** Absent where the whole file is meant. */
  position?: Position;
  /** The object that it is about, as `Kind namespace/name`. */
  object?: string;
  /** One sentence. */
  message: string;
}

export interface ValidateOptions {
  paths: readonly string[];
  /** GatewayClasses of ours beside those that are in the files. */
  gatewayClasses: readonly string[];
}

/** @throws SluiceError FileNotFound for an argument that cannot be read */
export async function findingsIn({
  paths,
  gatewayClasses,
}: ValidateOptions): Promise<{ findings: Finding[]; objects: number }> {
  const { catalog, problems, order } = await readCatalog(paths);
  const findings: Finding[] = problems.map(({ reason, file, position, message }) => ({
    severity: 'error',
    reason,
    file,
    ...(position === undefined ? {} : { position }),
    message,
  }));
  const objects = [...catalog.objects()];
  const surroundings = surroundingsOf(
    objects.map(({ object }) => object),
    gatewayClasses,
  );
  for (const each of objects) findings.push(...judge(each, surroundings));
  const places = new Map(order.map((file, index) => [file, index]));
  findings.sort(
    (a, b) =>
      (places.get(a.file) ?? 0) - (places.get(b.file) ?? 0) ||
      (a.position?.line ?? 0) - (b.position?.line ?? 0) ||
      (a.position?.column ?? 0) - (b.position?.column ?? 0),
  );
  return { findings, objects: objects.length };
}

function judge({ identity, place, object, locate }: CatalogObject, surroundings: Surroundings): Finding[] {
  const { group, version, kind } = identity.entry;
  const { denial, warnings } = validate(
    {
      uid: '',
      kind: { group, version, kind },
      operation: 'CREATE',
      namespace: identity.namespace,
      name: identity.name,
      object,
      oldObject: undefined,
    },
    surroundings,
  );
  const finding = (severity: Finding['severity'], reason: Finding['reason'], message: string): Finding => ({
    severity,
    reason,
    file: place.file,
    position: locate(fieldOf(object, message)),
    object: `${kind} ${objectKey(object)}`,
    message,
  });
  return [
    ...(denial === undefined ? [] : [finding('error', 'Denied', denial)]),
    ...warnings.map((message) => finding('warning', 'Unresolved', message)),
  ];
}

function surroundingsOf(all: readonly KubernetesObject[], gatewayClasses: readonly string[]): Surroundings {
  const of = <T extends KubernetesObject>(kind: string, implied: readonly T[] = []): Objects<T> => {
    const objects = new Map<string, T>();
    for (const object of implied) objects.set(objectKey(object), object);
    for (const object of all) if (object.kind === kind) objects.set(objectKey(object), object as T);
    return { get: (key) => objects.get(key), list: () => objects.values() };
  };
  const namespaces = new Set(all.flatMap(({ metadata }) => metadata.namespace ?? []));
  return {
    gatewayClasses: of<GatewayClass>(
      'GatewayClass',
      gatewayClasses.map((name) => ({
        apiVersion: `${gatewayGroup}/v1`,
        kind: 'GatewayClass',
        metadata: { name },
        spec: { controllerName },
      })),
    ),
    gateways: of('Gateway'),
    listenerSets: of('ListenerSet'),
    routes: {
      HTTPRoute: of('HTTPRoute'),
      GRPCRoute: of('GRPCRoute'),
      TLSRoute: of('TLSRoute'),
      TCPRoute: of('TCPRoute'),
      UDPRoute: of('UDPRoute'),
    },
    referenceGrants: of('ReferenceGrant'),
    backends: { Service: of('Service'), ServiceImport: of('ServiceImport'), XBackend: of('XBackend') },
    namespaces: of<Namespace>(
      'Namespace',
      [...namespaces].map((name) => ({
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name, labels: { [namespaceNameLabel]: name } },
      })),
    ),
    secrets: of<Secret>('Secret'),
    configMaps: of<ConfigMap>('ConfigMap'),
    gatewayConfigurations: of('GatewayConfiguration'),
    dataPlanes: of('DataPlane'),
    controlPlanes: of('ControlPlane'),
  };
}
