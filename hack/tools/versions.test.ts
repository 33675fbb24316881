import { expect, test } from 'vitest';
import { readVersions } from './versions.ts';

test('reads every pin', () => {
  expect(readVersions().get('ENVOY_VERSION')).toMatch(/^\d+\.\d+\.\d+$/);
});

test('refuses what a shell would read differently', () => {
  expect(() => readVersions('ENVOY_VERSION = 1')).toThrow('expected NAME=value, found: ENVOY_VERSION = 1');
  expect(() => readVersions('ENVOY_VERSION=$(date)')).toThrow('expected NAME=value');
});
