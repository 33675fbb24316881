import { expect, test } from 'vitest';
import type { Bundle } from './bundle.ts';
import { type Feature, type FeatureKind, features, missingFor, supportedFeatures } from './features.ts';

const standard: Bundle = { version: 'v1.6.3', channel: 'standard' };
const experimental: Bundle = { version: 'v1.6.3', channel: 'experimental' };
const installed = (kinds: Partial<Record<FeatureKind, Bundle>>): Map<string, Bundle> => new Map(Object.entries(kinds));
const retry: Feature = { name: 'HTTPRouteRetry', needs: ['HTTPRoute'], channel: 'experimental' };
const cors: Feature = { name: 'HTTPRouteCORS', needs: ['HTTPRoute'], since: 5 };

test('features are in the order that the specification asks for, each once', () => {
  const names = features.map(({ name }) => name);
  expect(names).toEqual([...new Set(names)].toSorted((one, other) => (one < other ? -1 : 1)));
});

test('a feature is on where all definitions that it needs are served', () => {
  expect(supportedFeatures(installed({}))).toEqual([]);
  expect(supportedFeatures(installed({ HTTPRoute: standard }))).toContain('HTTPRouteMethodMatching');
  expect(supportedFeatures(installed({ HTTPRoute: standard }))).not.toContain('Gateway');
  expect(missingFor({ name: 'X', needs: ['TLSRoute', 'Gateway'] }, installed({ TLSRoute: standard }))).toBe(
    'Gateway is not served',
  );
});

test('a feature of the experimental channel is on with that channel only', () => {
  expect(missingFor(retry, installed({ HTTPRoute: standard }))).toBe('HTTPRoute is of the standard channel');
  expect(missingFor(retry, installed({ HTTPRoute: experimental }))).toBeUndefined();
});

test('a feature that came to the standard channel is off with an older one', () => {
  const at = (version: string, channel = 'standard') =>
    missingFor(cors, installed({ HTTPRoute: { version, channel } }));
  expect(at('v1.4.1')).toBe('HTTPRoute is of the standard channel of v1.4.1, older than v1.5');
  expect(at('v1.5.0')).toBeUndefined();
  expect(at('v1.10.0')).toBeUndefined();
  expect(at('v1.4.1', 'experimental')).toBeUndefined();
  expect(at('main')).toBeUndefined();
});
