import { expect, test } from 'vitest';
import { knownKinds } from '../../api/validation/index.ts';
import { clusterPermissions } from './rbac.ts';

function allows(group: string, resource: string, verb: string): boolean {
  return clusterPermissions.some(
    (permission) =>
      permission.group === group && permission.resources.includes(resource) && permission.verbs.includes(verb),
  );
}

test('every kind that is watched may be read', () => {
  // Nothing is made of a mesh.
  const watched = knownKinds.filter(({ kind }) => kind !== 'XMesh');
  const missing = watched.flatMap(({ group, plural }) =>
    ['get', 'list', 'watch'].filter((verb) => !allows(group, plural, verb)).map((verb) => `${verb} ${plural}.${group}`),
  );
  expect(missing).toEqual([]);
});

test('nothing is allowed by a wildcard, twice, or without a reason', () => {
  for (const { because, group, resources, verbs } of clusterPermissions) {
    expect([...resources, ...verbs, group]).not.toContain('*');
    expect(because).not.toBe('');
    expect(new Set(resources).size).toBe(resources.length);
  }
});
