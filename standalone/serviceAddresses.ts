/**
 * Where Services are, without a cluster: EndpointSlices of the files, flags, annotations. What is not an EndpointSlice becomes
 * one, so that the translation sees the same kinds as in a cluster. Pure: names are resolved elsewhere.
 */
import { isIP } from 'node:net';

import { type EndpointSlice, type Service, serviceNameLabel, type ServicePort } from '../api/core.ts';
import { keyOf, type ObjectKey, objectKey } from '../api/object.ts';
import { SluiceError } from './sluiceError.ts';

/** On a Service: `host:port`, or several with commas between them; without a port, the Service's target port. */
export const addressAnnotation = 'sluice.dev/address';

export interface Target {
  /** A name or an address, without brackets. */
  host: string;
  port: number | undefined;
}

/** `--service`. */
export interface ServiceMapping {
  namespace: string;
  name: string;
  /** Undefined: every port of the Service. */
  port: number | undefined;
  targets: Target[];
}

function parsePort(text: string): number | undefined {
  const port = Number(text);
  return /^\d+$/.test(text) && port >= 1 && port <= 65_535 ? port : undefined;
}

/** Reads `host:port[,host:port…]`. @returns undefined where it is none */
export function parseTargets(text: string): Target[] | undefined {
  const targets: Target[] = [];
  for (const part of text.split(',').map((each) => each.trim())) {
    const match = /^(?:\[([^\]]+)\]|([^:[\]/\s]+))(?::(\d+))?$/.exec(part);
    const host = match?.[1] ?? match?.[2] ?? (isIP(part) === 6 ? part : undefined);
    const port = match?.[3] === undefined ? undefined : parsePort(match[3]);
    if (host === undefined || (match?.[3] !== undefined && port === undefined)) return undefined;
    targets.push({ host, port });
  }
  return targets;
}

/**
 * Reads `[NAMESPACE/]NAME[:PORT]=HOST:PORT[,HOST:PORT…]`.
 *
 * @throws SluiceError InvalidArgument
 */
export function parseServiceMapping(text: string): ServiceMapping {
  const match = /^(?:([a-z0-9-]+)\/)?([a-z0-9-]+)(?::(\d+))?=(.+)$/.exec(text);
  const port = match?.[3] === undefined ? undefined : parsePort(match[3]);
  const targets = match === null ? undefined : parseTargets(match[4]!);
  if (match === null || targets === undefined || (match[3] !== undefined && port === undefined)) {
    throw new SluiceError(
      'InvalidArgument',
      `--service ${text} cannot be read; write [NAMESPACE/]NAME[:PORT]=HOST:PORT, for example --service default/web:80=localhost:3000.`,
    );
  }
  return { namespace: match[1] ?? 'default', name: match[2]!, port, targets };
}

export interface ServiceSources {
  services: readonly Service[];
  slices: readonly EndpointSlice[];
  mappings: readonly ServiceMapping[];
  /** Ports of Services that routes name (`tcp/80`, `udp/53`), for Services that only a flag knows. */
  referencedPorts: ReadonlyMap<ObjectKey, ReadonlySet<string>>;
  /** Of a Service that has no address otherwise. */
  fallback: (service: Service) => Target | undefined;
}

export interface ServicePlan {
  /** Services that stand in no file, made up from flags. */
  madeUp: Service[];
  /** Slices of the files that a flag overrides. */
  overridden: Set<EndpointSlice>;
  /** Which port of a Service leads where. */
  bindings: { service: Service; port: ServicePort; targets: { host: string; port: number }[] }[];
  /** Services without any address: what to do, in one sentence. */
  unaddressed: Map<ObjectKey, string>;
  /** Annotations that cannot be read; one sentence each. */
  faults: Map<ObjectKey, string>;
}

/** Decides where each Service is. */
export function planServices(sources: ServiceSources): ServicePlan {
  const plan: ServicePlan = {
    madeUp: [],
    overridden: new Set(),
    bindings: [],
    unaddressed: new Map(),
    faults: new Map(),
  };
  const mappings = Map.groupBy(sources.mappings, ({ namespace, name }) => keyOf(namespace, name));
  const slices = Map.groupBy(sources.slices, ({ metadata }) =>
    keyOf(metadata.namespace ?? '', metadata.labels?.[serviceNameLabel] ?? ''),
  );
  const known = new Set(sources.services.map(objectKey));
  for (const [key, stated] of mappings) {
    if (!known.has(key)) plan.madeUp.push(makeUp(key, stated, sources.referencedPorts.get(key) ?? new Set<string>()));
  }
  for (const service of [...sources.services, ...plan.madeUp]) {
    const key = objectKey(service);
    const flags = mappings.get(key) ?? [];
    const ports = service.spec?.ports ?? [];
    const bind = (port: ServicePort, targets: readonly Target[]): void => {
      const standard = typeof port.targetPort === 'number' ? port.targetPort : port.port;
      plan.bindings.push({
        service,
        port,
        targets: targets.map((target) => ({ host: target.host, port: target.port ?? standard })),
      });
    };
    if (flags.length > 0) {
      for (const slice of slices.get(key) ?? []) plan.overridden.add(slice);
      for (const port of ports) {
        const flag = flags.find((each) => each.port === port.port) ?? flags.find((each) => each.port === undefined);
        if (flag !== undefined) bind(port, flag.targets);
      }
      continue;
    }
    if (slices.has(key)) continue;
    const annotation = service.metadata.annotations?.[addressAnnotation];
    if (annotation !== undefined) {
      const targets = parseTargets(annotation);
      if (targets === undefined) {
        plan.faults.set(
          key,
          `Service ${key}: the annotation ${addressAnnotation} is "${annotation}", but must be HOST:PORT.`,
        );
        plan.unaddressed.set(
          key,
          `Service ${key} has no address: correct its annotation ${addressAnnotation} to HOST:PORT`,
        );
      } else {
        for (const port of ports) bind(port, targets);
      }
      continue;
    }
    const fallback = sources.fallback(service);
    if (fallback !== undefined) {
      for (const port of ports) bind(port, [fallback]);
      continue;
    }
    if (service.spec?.type === 'ExternalName') continue;
    const flag = `--service ${key}=HOST:PORT`;
    plan.unaddressed.set(
      key,
      `Service ${key} has no address here: say where it is with ${flag}, the annotation ${addressAnnotation}: HOST:PORT or an EndpointSlice`,
    );
  }
  return plan;
}

/** A Service that only flags know has the ports that flags and routes name: for UDP where a UDPRoute does. */
function makeUp(key: ObjectKey, mappings: readonly ServiceMapping[], referenced: ReadonlySet<string>): Service {
  const [namespace, name] = key.split('/') as [string, string];
  const named = mappings.flatMap(({ port }) => (port === undefined ? [] : [port]));
  const all = mappings.some(({ port }) => port === undefined);
  const wanted = [...referenced].map((id): { port: number; protocol: 'TCP' | 'UDP' } => {
    const [transport, port] = id.split('/') as [string, string];
    return { port: Number(port), protocol: transport === 'udp' ? 'UDP' : 'TCP' };
  });
  const found = wanted.filter(({ port }) => all || named.includes(port));
  for (const port of named) if (!found.some((each) => each.port === port)) found.push({ port, protocol: 'TCP' });
  const ports = found
    .toSorted((left, right) => left.port - right.port || (left.protocol < right.protocol ? -1 : 1))
    .map(({ port, protocol }): ServicePort => {
      const portName = protocol === 'UDP' ? `udp-${port}` : `port-${port}`;
      return { name: portName, port, protocol, targetPort: port };
    });
  return { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace }, spec: { type: 'ClusterIP', ports } };
}

/**
 * The EndpointSlices of a plan.
 *
 * @param addressesOf the addresses of a host name, empty while there are none; an address stands for itself
 */
export function slicesOf(plan: ServicePlan, addressesOf: (host: string) => readonly string[]): EndpointSlice[] {
  const slices: EndpointSlice[] = [];
  for (const { service, port, targets } of plan.bindings) {
    const groups = new Map<string, { addressType: 'IPv4' | 'IPv6'; port: number; addresses: Set<string> }>();
    for (const target of targets) {
      for (const address of isIP(target.host) === 0 ? addressesOf(target.host) : [target.host]) {
        const addressType = isIP(address) === 6 ? 'IPv6' : 'IPv4';
        const id = `${addressType}-${target.port}`.toLowerCase();
        const group = groups.get(id) ?? { addressType, port: target.port, addresses: new Set() };
        group.addresses.add(address);
        groups.set(id, group);
      }
    }
    for (const [id, group] of groups) {
      const { name, namespace = 'default' } = service.metadata;
      slices.push({
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: {
          name: `${name}-${port.port}-${port.protocol === 'UDP' ? 'udp-' : ''}${id}`,
          namespace,
          labels: { [serviceNameLabel]: name, 'endpointslice.kubernetes.io/managed-by': 'standalone.sluice.dev' },
        },
        addressType: group.addressType,
        endpoints: [...group.addresses]
          .toSorted()
          .map((address) => ({ addresses: [address], conditions: { ready: true } })),
        ports: [{ name: port.name ?? '', port: group.port, protocol: port.protocol ?? 'TCP' }],
      });
    }
  }
  return slices;
}
