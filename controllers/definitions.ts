/** Which kinds the API server serves, and what is off without the others. */
import { gatewayGroup } from '../api/gateway/index.ts';
import { multiclusterGroup } from '../api/multicluster.ts';
import type { KubernetesObject } from '../api/object.ts';
import { type Cache, type Resource, resourceName } from '../runtime/index.ts';
import type { Caches } from './caches.ts';
import { type Bundle, readBundle } from './gatewayClass/bundle.ts';
import { type Feature, features, missingFor } from './gatewayClass/features.ts';
import { resources } from './resources.ts';

/** The definition whose version stands for that of Gateway API. */
export const gatewayDefinition = 'gateways.gateway.networking.k8s.io';

/** The kinds of others, whose definitions may be missing, of an older version, or of another channel. */
const foreign = [
  'gatewayClasses',
  'gateways',
  'listenerSets',
  'httpRoutes',
  'grpcRoutes',
  'tlsRoutes',
  'tcpRoutes',
  'udpRoutes',
  'referenceGrants',
  'backendTLSPolicies',
  'serviceImports',
  'xBackends',
  'xBackendTrafficPolicies',
] as const satisfies readonly (keyof typeof resources & keyof Caches)[];

const byDefinition = new Map(foreign.map((name) => [resourceName(resources[name] as Resource), name]));

/** The cache of the kind of a definition, by the definition's name; undefined for one that is not read. */
export function cacheOfDefinition(caches: Caches, definition: string): Cache<KubernetesObject> | undefined {
  const name = byDefinition.get(definition);
  return name === undefined ? undefined : (caches[name] as unknown as Cache<KubernetesObject>);
}

/** Calls the listener whenever a kind of others is served, or no longer. */
export function onServed(caches: Caches, listener: () => void): void {
  for (const name of foreign) caches[name].onServed(listener);
}

/** The kinds that are served, each with the version and channel of its definition. */
export function installedKinds(caches: Caches): Map<string, Bundle> {
  const installed = new Map<string, Bundle>();
  for (const [definition, name] of byDefinition) {
    const bundle = readBundle(caches.definitions.get(definition));
    if (bundle !== undefined && caches[name].served === true) installed.set(resources[name].kind, bundle);
  }
  return installed;
}

/** What is off, for the log. */
export interface Missing {
  kinds: string[];
  /** Names of features with the reason of each. */
  features: string[];
  /** What to install, as sentences. */
  install: string[];
}

/** The kinds and features that are off with these definitions; undefined where none is. */
export function missingWith(
  installed: ReadonlyMap<string, Bundle>,
  all: readonly Feature[] = features,
): Missing | undefined {
  const absent = foreign.map((name): Resource => resources[name]).filter(({ kind }) => !installed.has(kind));
  const off = all.flatMap((feature) => {
    const because = missingFor(feature, installed);
    return because === undefined ? [] : [{ feature, because }];
  });
  if (absent.length === 0 && off.length === 0) return undefined;
  const has = (group: string): boolean => absent.some((resource) => resource.group === group);
  const install: string[] = [];
  const ofStandard = off.some(({ feature }) => feature.channel === undefined);
  if (has(gatewayGroup) || ofStandard) {
    install.push(
      'Install the definitions of Gateway API v1.6: https://gateway-api.sigs.k8s.io/guides/getting-started/.',
    );
  }
  const ofExperimental = off.some(({ feature }) => feature.channel === 'experimental');
  if (ofExperimental || absent.some(({ group }) => group !== gatewayGroup && group !== multiclusterGroup))
    install.push('Those of the experimental channel are in experimental-install.yaml of the same release.');
  if (has(multiclusterGroup))
    install.push(
      'Who uses ServiceImports installs the Multi-Cluster Services API: https://github.com/kubernetes-sigs/mcs-api.',
    );
  return {
    kinds: absent.map(({ kind }) => kind),
    features: off.map(({ feature, because }) => `${feature.name}: ${because}`),
    install,
  };
}
