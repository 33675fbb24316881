/** Objects for the tests of validation. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { KubernetesObject } from '../object.ts';

function read(name: string): KubernetesObject[] {
  return parseAllDocuments(readFileSync(join(import.meta.dirname, name), 'utf8')).map(
    (document) => document.toJS() as KubernetesObject,
  );
}

const matches = Array.from({ length: 33 }, () => ({ path: { type: 'PathPrefix', value: '/' } }));

/** They use as many fields as they can; at least one of every kind. */
export const goodObjects: readonly KubernetesObject[] = read('goodObjects.fixture.yaml');

/** Each of them breaks a rule. */
export const badObjects: readonly KubernetesObject[] = [
  ...read('badObjects.fixture.yaml'),
  {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name: 'too-many-matches' },
    spec: { rules: Array.from({ length: 4 }, () => ({ matches })) },
  },
  {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'GRPCRoute',
    metadata: { name: 'too-many-matches' },
    spec: { rules: Array.from({ length: 4 }, () => ({ matches: matches.map(() => ({ method: { service: 'a' } })) })) },
  },
];
