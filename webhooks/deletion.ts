/** Says what the deletion of an object in use will break. Objects of other namespaces are counted, not named. */
import type { Gateway, ReferenceGrant } from '../api/gateway/index.ts';
import { gatewayGroup } from '../api/gateway/index.ts';
import { keyOf } from '../api/object.ts';
import { classReference, gatewayReference, referenceKey } from '../controllers/gateway/parameters.ts';
import { listenerSetGateway, type RouteKind } from '../translate/index.ts';
import { backendReferences } from './dryRun.ts';
import { attachedRoutes } from './routes.ts';
import type { Surroundings } from './surroundings.ts';

interface User {
  kind: string;
  namespace: string;
  key: string;
}

/** One sentence, or none where nothing uses it. */
export function warnOfDeletion(
  kind: string,
  namespace: string,
  name: string,
  object: unknown,
  all: Surroundings,
): string[] {
  const users = usersOf(kind, namespace, name, object, all);
  if (users.length === 0) return [];
  return [
    `${kind} ${namespace === '' ? name : keyOf(namespace, name)} is used by ${list(users, namespace)}: ${consequence(kind)}`,
  ];
}

function consequence(kind: string): string {
  switch (kind) {
    case 'GatewayConfiguration':
      return 'they keep the configuration that they have, and a change of theirs has to wait for a new one';
    case 'ReferenceGrant':
      return 'unless another ReferenceGrant lets them, they may not refer to this namespace any more';
    case 'GatewayClass':
      return 'they are served as they are until they are deleted, and not kept current';
    default:
      return 'they are not served any more';
  }
}

function usersOf(kind: string, namespace: string, name: string, object: unknown, all: Surroundings): User[] {
  const key = keyOf(namespace, name);
  const gatewayUser = ({ metadata }: Gateway): User => user('Gateway', metadata);
  switch (kind) {
    case 'GatewayClass':
      return [...all.gateways.list()].filter(({ spec }) => spec.gatewayClassName === name).map(gatewayUser);
    case 'Gateway':
      return [
        ...[...all.listenerSets.list()]
          .filter((set) => listenerSetGateway(set) === key)
          .map(({ metadata }) => user('ListenerSet', metadata)),
        ...attachedRoutes({ kind, namespace, name }, all),
      ];
    case 'ListenerSet':
      return attachedRoutes({ kind, namespace, name }, all);
    case 'GatewayConfiguration':
      return [
        ...[...all.gatewayClasses.list()]
          .filter((gatewayClass) => referenceKey(classReference(gatewayClass)) === key)
          .map(({ metadata }) => user('GatewayClass', metadata)),
        ...[...all.gateways.list()]
          .filter((gateway) => referenceKey(gatewayReference(gateway)) === key)
          .map(gatewayUser),
      ];
    case 'DataPlane':
      return [...all.controlPlanes.list()]
        .filter(({ metadata, spec }) => metadata.namespace === namespace && spec.dataPlaneRef.name === name)
        .map(({ metadata }) => user('ControlPlane', metadata));
    case 'ControlPlane':
      return [...all.gatewayConfigurations.list()]
        .filter(({ metadata, spec }) => metadata.namespace === namespace && spec?.controlPlaneRef?.name === name)
        .map(({ metadata }) => user('GatewayConfiguration', metadata));
    case 'ReferenceGrant':
      return routesBy(object as ReferenceGrant, namespace, all);
    default:
      return [];
  }
}

/** The routes that refer to something that a grant lets them refer to. */
function routesBy({ spec }: ReferenceGrant, namespace: string, { routes }: Surroundings): User[] {
  return (Object.keys(routes) as RouteKind[]).flatMap((kind) => {
    const from = spec.from.filter((entry) => entry.group === gatewayGroup && entry.kind === kind);
    if (from.length === 0) return [];
    return [...routes[kind].list()]
      .filter(
        (route) =>
          from.some((entry) => entry.namespace === route.metadata.namespace) &&
          backendReferences(route).some(
            (reference) =>
              reference.namespace === namespace &&
              spec.to.some(
                (to) =>
                  to.group === (reference.group ?? '') &&
                  to.kind === (reference.kind ?? 'Service') &&
                  (to.name === undefined || to.name === reference.name),
              ),
          ),
      )
      .map(({ metadata }) => user(kind, metadata));
  });
}

function user(kind: string, { namespace = '', name }: { namespace?: string; name: string }): User {
  return { kind, namespace, key: namespace === '' ? name : keyOf(namespace, name) };
}

const mostNamed = 3;

function list(users: readonly User[], namespace: string): string {
  const own = users.filter((one) => one.namespace === namespace || one.namespace === '');
  const named = own.slice(0, mostNamed).map(({ kind, key }) => `${kind} ${key}`);
  const others = users.length - named.length;
  if (others > 0) named.push(`${others}${named.length === 0 ? '' : ' more'} ${others === 1 ? 'object' : 'objects'}`);
  return named.length === 1 ? named[0]! : `${named.slice(0, -1).join(', ')} and ${named.at(-1)}`;
}
