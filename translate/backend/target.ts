/** What policies are attached to. Source: Gateway API, LocalPolicyTargetReferenceWithSectionName. */
import { keyOf } from '../../api/object.ts';
import type { Reader } from '../incremental/index.ts';
import type { PolicyTarget } from '../policy/index.ts';
import { backendGroups, type BackendCollections } from './backend.ts';
import type { BackendKind } from './clusterName.ts';

/** What a target lacks, as a sentence; undefined where it is there. */
export function missingTarget(
  reader: Reader,
  { services, serviceImports, backends }: Pick<BackendCollections, 'services' | 'serviceImports' | 'backends'>,
  { key, sectionName }: PolicyTarget,
): string | undefined {
  const [group, kind = '', namespace = '', name = ''] = key.split('/');
  if (backendGroups[kind as BackendKind] !== group) {
    return `${kind} "${name}" is no backend: target a Service, a ServiceImport or an XBackend`;
  }
  const object = keyOf(namespace, name);
  const absent = `${kind} ${object} does not exist: create it or correct the reference`;
  if (kind === 'XBackend') {
    const plan = reader.get(backends, object);
    if (plan === undefined) return absent;
    if (sectionName === undefined || sectionName === plan.portName) return undefined;
    return `${kind} ${object} has no port named "${sectionName}"`;
  }
  const found = kind === 'Service' ? reader.get(services, object) : reader.get(serviceImports, object);
  if (found === undefined) return absent;
  if (sectionName === undefined) return undefined;
  const names = (found.spec?.ports ?? []).map((port) => port.name ?? '');
  if (names.includes(sectionName)) return undefined;
  return `${kind} ${object} has no port named "${sectionName}": it has ${names.map((one) => `"${one}"`).join(', ')}`;
}
