/**
 * Gateways by the proxies that serve them: what shares proxies is translated together, and nothing else, as the operator does
 * it.
 */
import type { ConfigMap } from '../../api/core.ts';
import type { ControlPlane } from '../../api/controlPlane.ts';
import type { DataPlane } from '../../api/dataPlane.ts';
import type { Gateway } from '../../api/gateway/index.ts';
import type { GatewayConfiguration } from '../../api/gatewayConfiguration.ts';
import { type KubernetesObject, objectKey, type ObjectKey } from '../../api/object.ts';
import { CertificateFeed } from '../../controlplane/index.ts';
import { proxyPorts } from '../../controllers/dataPlane/podTemplate.ts';
import { computeTopology, emptyTopology, watchedNamespaces } from '../../controllers/topology.ts';
import { takeSnapshot, type Snapshot, type SourceChange } from '../../translate/index.ts';
import { type Gathered, translatedKinds } from './gathered.ts';

export interface Fleet {
  gateways: Gateway[];
  snapshot: Snapshot;
  /** What is wrong with how its Gateways come to their proxies; one sentence each. */
  notes: string[];
}

/** The fleets of all Gateways that are served by Sluice. */
export function fleetsOf(gathered: Gathered): Fleet[] {
  const gateways = gathered.of<Gateway>('Gateway');
  const byKey = <T extends KubernetesObject>(kind: string): Map<ObjectKey, T> =>
    new Map(gathered.of<T>(kind).map((object) => [objectKey(object), object]));
  const configurations = byKey<GatewayConfiguration>('GatewayConfiguration');
  const controlPlanes = byKey<ControlPlane>('ControlPlane');
  const dataPlanes = byKey<DataPlane>('DataPlane');
  const { attachments } = computeTopology(
    {
      gateways: () => gateways,
      gatewayClass: (name) => {
        const found = gathered.gatewayClass(name);
        return 'served' in found ? found.served : undefined;
      },
      configuration: (key) => configurations.get(key),
      controlPlanes: () => controlPlanes.values(),
      dataPlane: (key) => dataPlanes.get(key),
    },
    emptyTopology,
  );
  const groups = new Map<string, { members: Gateway[]; controlPlane: ControlPlane | undefined; notes: string[] }>();
  for (const gateway of gateways) {
    const key = objectKey(gateway);
    const attachment = attachments.get(key);
    if (attachment === undefined) continue;
    const shared = attachment.own ? undefined : attachment.controlPlane;
    const id = shared ?? `Gateway ${key}`;
    const notes = attachment.problem === undefined ? [] : [`Gateway ${key}: ${attachment.problem}`];
    const group = groups.get(id);
    if (group === undefined) {
      groups.set(id, { members: [gateway], controlPlane: controlPlanes.get(attachment.controlPlane ?? ''), notes });
    } else {
      group.members.push(gateway);
      group.notes.push(...notes);
    }
  }
  const certificates = certificateChanges(gathered);
  return [...groups.values()].map(({ members, controlPlane, notes }) => {
    const scope = controlPlane === undefined ? undefined : watchedNamespaces(controlPlane);
    const isSeen = ({ key }: SourceChange): boolean => scope === undefined || scope.has(key.split('/')[0]!);
    const changes: SourceChange[] = [];
    for (const kind of translatedKinds) {
      const objects = kind === 'Gateway' ? members : gathered.of(kind);
      for (const object of objects) changes.push({ kind, key: objectKey(object), object } as SourceChange);
    }
    const seen = [...changes.filter((change) => change.kind === 'Namespace' || isSeen(change)), ...certificates];
    const snapshot = takeSnapshot(seen, {
      reservedPorts: Object.values(proxyPorts),
      isUnaddressed: ({ kind, namespace, name }) =>
        kind === 'Service' && gathered.unaddressed.has(`${namespace}/${name}`),
    });
    return { gateways: members, snapshot, notes };
  });
}

function certificateChanges({ secrets, assumed, of }: Gathered): SourceChange[] {
  const changes: SourceChange[] = [];
  const feed = new CertificateFeed((change) => changes.push(change));
  for (const [key, secret] of secrets) feed.set(key, secret);
  for (const configMap of of<ConfigMap>('ConfigMap')) feed.setConfigMap(objectKey(configMap), configMap);
  feed.close();
  // No proxy gets to see it: it only must be there.
  const certificate = { chain: new Uint8Array(), privateKey: new Uint8Array(), notAfter: Infinity };
  for (const key of assumed) changes.push({ kind: 'Secret', key, object: { certificate, fault: undefined } });
  return changes;
}
