import { expect, test } from 'vitest';
import type { CustomResourceDefinition } from '../kubernetes.ts';
import { readBundle } from './bundle.ts';

const definition = (annotations: Record<string, string>): CustomResourceDefinition => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'gateways.gateway.networking.k8s.io', annotations },
});
const ofVersion = (version: string) =>
  readBundle(
    definition({
      'gateway.networking.k8s.io/bundle-version': version,
      'gateway.networking.k8s.io/channel': 'standard',
    }),
  );

test('versions', () => {
  expect(readBundle(undefined)).toBeUndefined();
  expect(ofVersion('v1.6.3')).toEqual({ version: 'v1.6.3', channel: 'standard' });
  expect(ofVersion('v1.4.0')).toEqual({ version: 'v1.4.0', channel: 'standard' });
  expect(ofVersion('v1.3.1')?.unusable).toContain('needs v1.4 or newer');
  expect(ofVersion('v0.8.0')?.unusable).toContain('needs v1.4 or newer');
  expect(ofVersion('v1.7.0')?.unknown).toContain('newer than v1.6');
  expect(readBundle(definition({}))?.unknown).toContain('which is none');
});
