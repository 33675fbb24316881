/** What the tests of this folder share. */
import { pino } from 'pino';
import { type KubernetesObject, objectKey } from '../../api/object.ts';
import { type KubeApiServerConnection } from '../../test/fixtures/index.ts';
import type { Cache, Change } from '../cache.ts';
import { Client, type ClientOptions } from '../client.ts';
import { ClusterAccess } from '../clusterAccess.ts';
import { defineResource, type Resource } from '../resource.ts';

export interface ConfigMap extends KubernetesObject {
  data?: Record<string, string>;
}

export const configMaps = defineResource<ConfigMap>({
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  namespaced: true,
});

export const namespaces = defineResource<KubernetesObject>({
  group: '',
  version: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  namespaced: false,
});

/** A ConfigMap. */
export function configMap(namespace: string, name: string, data: Record<string, string> = {}): ConfigMap {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name }, data };
}

/** Logs only what fails a person's expectations; `LOG_LEVEL` shows more. */
export const logger = pino({ level: process.env['LOG_LEVEL'] ?? 'silent' });

/** The administrator of an API server, or another user by certificate. */
export function accessTo(
  server: KubeApiServerConnection,
  user: { certificate: string; key: string } = { certificate: server.clientCert, key: server.clientKey },
): ClusterAccess {
  return new ClusterAccess(
    { name: 'test', server: server.url, caData: base64(server.ca), skipTLSVerify: false },
    { name: 'test', certData: base64(user.certificate), keyData: base64(user.key) },
  );
}

/** A client that is closed with its scope. */
export function clientOf(access: ClusterAccess, options: Partial<ClientOptions> = {}): Client & AsyncDisposable {
  const client = new Client({ access, fieldOwner: 'tests', logger, ...options });
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.close() });
}

/** What the listener of a cache was told, and what it makes of it. */
export class Witness<T extends KubernetesObject> {
  readonly changes: Change<T>[] = [];
  /** The objects as they follow from the changes alone. */
  readonly state = new Map<string, T>();
  /** Changes that did not fit what was told before. */
  readonly contradictions: string[] = [];

  constructor(cache: Cache<T>) {
    cache.onChange((change) => {
      this.changes.push(change);
      const { key, before, after } = change;
      if (this.state.get(key) !== before) this.contradictions.push(`${key}: another before than was told`);
      if (cache.get(key) !== after) this.contradictions.push(`${key}: the store has another object`);
      if (after === undefined) this.state.delete(key);
      else this.state.set(key, after);
    });
  }

  /** The changes of one object in short: `added`, `changed`, `deleted`. */
  of(object: { metadata: { namespace?: string; name: string } }): string[] {
    return this.changes
      .filter(({ key }) => key === objectKey(object))
      .map(({ before, after }) => (before === undefined ? 'added' : after === undefined ? 'deleted' : 'changed'));
  }
}

/** Waits until nothing is left to run of what is due now. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

export type { Resource };

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
