/** Surroundings for tests, from objects. */
import { objectKey, type KubernetesObject } from '../../api/object.ts';
import type { Objects, Surroundings } from '../surroundings.ts';
import type { RouteKind } from '../../translate/index.ts';
import { parseAllDocuments } from 'yaml';

export function objectsOf(yaml: string): KubernetesObject[] {
  return parseAllDocuments(yaml).flatMap((document) => (document.toJS() as KubernetesObject | null) ?? []);
}

export function surroundingsOf(yaml: string): Surroundings {
  const all = objectsOf(yaml);
  const of = (kind: string): Objects<never> => {
    const objects = new Map(all.filter((object) => object.kind === kind).map((object) => [objectKey(object), object]));
    return { get: (key) => objects.get(key) as never, list: () => objects.values() as Iterable<never> };
  };
  const routes: Record<RouteKind, Objects<never>> = {
    HTTPRoute: of('HTTPRoute'),
    GRPCRoute: of('GRPCRoute'),
    TLSRoute: of('TLSRoute'),
    TCPRoute: of('TCPRoute'),
    UDPRoute: of('UDPRoute'),
  };
  return {
    gatewayClasses: of('GatewayClass'),
    gateways: of('Gateway'),
    listenerSets: of('ListenerSet'),
    routes,
    referenceGrants: of('ReferenceGrant'),
    backends: { Service: of('Service'), ServiceImport: of('ServiceImport') },
    namespaces: of('Namespace'),
    secrets: of('Secret'),
    configMaps: of('ConfigMap'),
    gatewayConfigurations: of('GatewayConfiguration'),
    dataPlanes: of('DataPlane'),
    controlPlanes: of('ControlPlane'),
  };
}
