/** A translation that was carried to its end, to be asked about. */
import type { ObjectKey } from '../../api/object.ts';
import type { EncodedResource, ResourceType } from '../../api/resource.ts';
import type { BackendAddress } from '../backend/index.ts';
import type { SourceChange } from '../sources.ts';
import type { StatusContribution } from '../status/index.ts';
import { Translator } from '../translator.ts';
import type { Inspection } from './inspection.ts';
import { ProxyModel } from './proxy.ts';

export interface Snapshot {
  inspection: Inspection;
  /** What proxies get. */
  model: ProxyModel;
  /** What is said of each object, by `KIND NAMESPACE/NAME`. */
  statuses: ReadonlyMap<string, StatusContribution>;
  /** Whether it is not known where a backend is: that it has no endpoints then says nothing. */
  isUnaddressed: (backend: BackendAddress) => boolean;
}

/** The key of a status in a snapshot. */
export function statusKey(kind: StatusContribution['kind'], key: ObjectKey): string {
  return `${kind} ${key}`;
}

export interface SnapshotOptions extends Partial<Pick<Snapshot, 'isUnaddressed'>> {
  /** Ports that proxies use themselves: see `TranslatorOptions`. */
  reservedPorts?: readonly number[];
}

/** Translates objects, each listener on its own port. */
export function takeSnapshot(
  changes: Iterable<SourceChange>,
  { isUnaddressed = () => false, reservedPorts = [] }: SnapshotOptions = {},
): Snapshot {
  const translator = new Translator({
    binding: { address: '0.0.0.0', port: (port) => port },
    readiness: { address: '127.0.0.1', port: 0 },
    reservedPorts,
  });
  translator.apply(changes);
  const resources = new Map<string, { type: ResourceType; resource: EncodedResource }>();
  const statuses = new Map<string, StatusContribution>();
  while (translator.hasWork) {
    if (!translator.step(() => false)) continue;
    const output = translator.takeOutput();
    for (const { type, name, resource } of output.resources) {
      if (resource === undefined) resources.delete(`${type} ${name}`);
      else resources.set(`${type} ${name}`, { type, resource });
    }
    for (const { kind, key, contribution } of output.statuses) {
      if (contribution === undefined) statuses.delete(statusKey(kind, key));
      else statuses.set(statusKey(kind, key), contribution);
    }
    const [fault] = output.faults;
    if (fault !== undefined) throw new Error(`The translation of ${fault.where} failed`, { cause: fault.error });
  }
  return { inspection: translator.inspect(), model: new ProxyModel(resources.values()), statuses, isUnaddressed };
}
