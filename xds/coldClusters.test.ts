import { expect, test } from 'vitest';
import { ColdClusters } from './coldClusters.ts';

test('knows its oldest revision through additions and deletions', () => {
  const cold = new ColdClusters();
  expect(cold.oldestRevision()).toBe(Infinity);
  cold.add('a', 'a', 3);
  cold.add('b', undefined, 2);
  cold.add('a', 'a', 5); // still waits since 3
  expect(cold.oldestRevision()).toBe(2);
  cold.delete('b');
  expect(cold.oldestRevision()).toBe(3);
  cold.delete('a');
  expect([cold.oldestRevision(), cold.size]).toEqual([Infinity, 0]);
});

test('finds the clusters that share endpoints', () => {
  const cold = new ColdClusters();
  cold.add('a', 'shared', 1);
  cold.add('b', 'shared', 1);
  cold.add('c', undefined, 1);
  expect(cold.waitingFor('shared')).toEqual(['a', 'b']);
  cold.delete('a');
  expect(cold.waitingFor('shared')).toEqual(['b']);
  cold.add('b', 'own', 1);
  expect([cold.waitingFor('shared'), cold.waitingFor('own'), cold.endpointsOf('b')]).toEqual([[], ['b'], 'own']);
});
