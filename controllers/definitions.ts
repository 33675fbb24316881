/** Which kinds the API server serves: read from the metadata of their CustomResourceDefinitions. */
import type { CacheView, Resource } from '../runtime/index.ts';
import { resourceName } from '../runtime/index.ts';
import { type Bundle, readBundle } from './gatewayClass/bundle.ts';
import type { CustomResourceDefinition } from './kubernetes.ts';
import { resources } from './resources.ts';

/** The definition whose version stands for that of Gateway API. */
export const gatewayDefinition = 'gateways.gateway.networking.k8s.io';

const byDefinition = new Map<string, Resource>(
  Object.values<Resource>(resources).map((resource) => [resourceName(resource), resource]),
);

/** Whether a definition, by its name, is of a kind that the operator reads. */
export function isDefinitionRead(name: string): boolean {
  return byDefinition.has(name);
}

/** The kinds of definitions that are installed, each with its version and channel. */
export function installedKinds(definitions: CacheView<CustomResourceDefinition>): Map<string, Bundle> {
  const installed = new Map<string, Bundle>();
  for (const [name, { kind }] of byDefinition) {
    const bundle = readBundle(definitions.get(name));
    if (bundle !== undefined) installed.set(kind, bundle);
  }
  return installed;
}
