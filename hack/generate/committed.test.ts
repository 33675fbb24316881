/** What can be made without Go is checked with every unit test; `generate.ts --check` covers the rest. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { differences } from './files.ts';
import { generateDefinitions } from './kinds/definitions.ts';
import { generateReference } from './kinds/reference.ts';
import { generateRoles } from './rbac.ts';

test('what is committed is what would be generated', () => {
  const root = join(import.meta.dirname, '../..');
  expect(differences(root, [generateDefinitions(), generateReference(), generateRoles()])).toEqual([]);
});
