import { expect, test } from 'vitest';

import { type EnvoyLogEntry, EnvoyLogReader, foldedLevel } from './envoyLog.ts';

function read(...chunks: string[]): EnvoyLogEntry[] {
  const entries: EnvoyLogEntry[] = [];
  const reader = new EnvoyLogReader((entry) => entries.push(entry));
  for (const chunk of chunks) reader.write(chunk);
  reader.end();
  return entries;
}

test('entries, across chunks and lines', () => {
  expect(read('info\tmain\tstar', 'ting\nwarning\tconfig\tone\ntwo\n', 'error\tupstream\tlast')).toEqual([
    { level: 'info', component: 'main', message: 'starting' },
    { level: 'warn', component: 'config', message: 'one\ntwo' },
    { level: 'error', component: 'upstream', message: 'last' },
  ]);
});

test('what Envoy writes before its log begins is kept', () => {
  expect(read('error while loading shared libraries: libx.so\n')).toEqual([
    { level: 'warn', component: 'main', message: 'error while loading shared libraries: libx.so' },
  ]);
});

test.each([
  ['info', 'all clusters initialized. initializing init manager', 'debug'],
  ['warn', 'gRPC config for type.googleapis.com/envoy.config.listener.v3.Listener rejected: Error adding', 'debug'],
  ['warn', 'DeltaAggregatedResources gRPC config stream to xds closed: 14, connection refused', 'debug'],
  ['warn', 'Something that nobody foresaw', 'warn'],
  ['error', 'cannot bind', 'error'],
] as const)('%s %s', (level, message, folded) => {
  expect(foldedLevel({ level, component: 'config', message })).toBe(folded);
});
