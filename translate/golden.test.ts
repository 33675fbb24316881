/**
 * Golden files: `NAME.in.yaml` holds objects, `NAME.out.yaml` what they become. `GOLDEN=write vitest run translate/golden`
 * writes the outputs anew: read them before they are committed.
 */
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { newTranslator, sourceChanges, TranslationState } from './testing/golden.ts';
import { fillCertificates, makeGoldenCertificates, type GoldenCertificates } from './testing/certificates.ts';

const directory = import.meta.dirname;
const cases = globSync('**/*.in.yaml', { cwd: directory }).toSorted();
const now = Date.parse('2026-06-01T00:00:00Z');
let certificates: GoldenCertificates;

beforeAll(async () => {
  certificates = await makeGoldenCertificates(now);
});

describe('golden files', () => {
  test('there are some', () => {
    expect(cases.length).toBeGreaterThan(10);
  });

  test.each(cases)('%s', (name) => {
    const changes = sourceChanges(fillCertificates(readFileSync(join(directory, name), 'utf8'), certificates), now);
    const state = new TranslationState();
    const translator = newTranslator();
    translator.apply(changes);
    state.take(translator);
    expect(state.faults).toEqual([]);
    const text = certificates.redact(stringify(state.readable(), { lineWidth: 0, aliasDuplicateObjects: false }));
    const outputFile = join(directory, name.replace('.in.yaml', '.out.yaml'));
    if (process.env['GOLDEN'] === 'write') writeFileSync(outputFile, text);
    expect(text).toBe(readFileSync(outputFile, 'utf8'));

    // The order in which objects arrive makes no difference.
    const reversed = new TranslationState();
    const other = newTranslator();
    for (const change of changes.toReversed()) {
      other.apply([change]);
      reversed.take(other);
    }
    expect(reversed.readable()).toEqual(state.readable());
  });
});
