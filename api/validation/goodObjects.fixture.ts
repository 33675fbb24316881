/** Objects that use as many fields as they can, at least one of every kind. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { KubernetesObject } from '../object.ts';

export const goodObjects: KubernetesObject[] = parseAllDocuments(
  readFileSync(join(import.meta.dirname, 'goodObjects.fixture.yaml'), 'utf8'),
).map((document) => document.toJS() as KubernetesObject);
