/** Envoy's listeners, and what they get over SDS. */
import type { EncodedResource } from '../../api/resource.ts';
import { authorityBundle } from '../certificate/index.ts';
import { sameResource } from '../encoding/index.ts';
import {
  authoritiesSecret,
  clientAuthoritiesName,
  listener,
  parseAuthoritiesName,
  secret,
  secretName,
  udpListener,
  type Binding,
} from '../envoy/index.ts';
import type { Graph, Reader } from '../incremental/index.ts';
import type { StreamCollections } from '../streamRoute/index.ts';
import type { BackendStage } from './backends.ts';
import type { GatewayStage } from './gateways.ts';
import type { Sources } from './sources.ts';

export type ListenerStage = ReturnType<typeof deriveListeners>;

export function deriveListeners(
  graph: Graph,
  sources: Sources,
  { trusted }: BackendStage,
  { ports }: GatewayStage,
  streamResources: StreamCollections,
  binding: Binding,
) {
  const listeners = graph.derive(
    'listeners',
    ports,
    [streamResources.chainsByPort],
    (reader, plan, key) =>
      plan.mode === 'udp'
        ? udpListener(plan, binding)
        : listener(
            plan,
            binding,
            reader.group(streamResources.chainsByPort, key).map(({ value }) => value),
          ),
    { equals: sameResource },
  );
  const portsBySecret = ports.index('by Secret', (plan) => new Set(plan.listeners.flatMap(({ secrets }) => secrets)));
  const secrets = graph.deriveKeys(
    'secrets',
    portsBySecret,
    [sources.Secret],
    (reader, key) => {
      const certificate = reader.get(sources.Secret, key)?.certificate;
      return certificate === undefined ? undefined : secret(secretName(key), certificate);
    },
    { equals: sameResource },
  );
  const clientAuthorities = graph.deriveKeys(
    'clientAuthorities',
    ports.index('by authorities of clients', (plan) =>
      plan.listeners.flatMap(({ clientValidation }) =>
        clientValidation === undefined ? [] : clientAuthoritiesName(clientValidation.authorities),
      ),
    ),
    [sources.ConfigMap, sources.Secret],
    (reader, name) => trustedBy(reader, trusted, name),
    { equals: sameResource },
  );
  return { listeners, secrets, clientAuthorities };
}

/** The certificates of the authorities that a resource of this name stands for. */
export function trustedBy(reader: Reader, trusted: BackendStage['trusted'], name: string): EncodedResource | undefined {
  const bundle = authorityBundle(reader, trusted, parseAuthoritiesName(name));
  return bundle === undefined ? undefined : authoritiesSecret(name, bundle);
}
