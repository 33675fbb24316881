/** What the golden files hold is what the real Envoy takes: each output as a static configuration, in `--mode validate`. */
import { execFile } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { envoyBinary } from '../test/fixtures/index.ts';
import { newTranslator, sourceChanges, TranslationState } from './testing/golden.ts';
import { staticConfiguration } from './testing/staticConfiguration.ts';
import { fillCertificates, makeGoldenCertificates, type GoldenCertificates } from './testing/certificates.ts';

const directory = import.meta.dirname;
const cases = globSync('**/*.in.yaml', { cwd: directory }).toSorted();
const run = promisify(execFile);
const scratch = mkdtempSync(join(tmpdir(), 'sluice-golden-'));
afterAll(() => rmSync(scratch, { recursive: true }));

describe('the real Envoy takes', () => {
  let certificates: GoldenCertificates;
  let envoy: string;
  const now = Date.now();
  beforeAll(async () => {
    certificates = await makeGoldenCertificates(now);
    envoy = await envoyBinary();
  });

  test.each(cases)('%s', async (name) => {
    const translator = newTranslator();
    translator.apply(sourceChanges(fillCertificates(readFileSync(join(directory, name), 'utf8'), certificates), now));
    const state = new TranslationState();
    state.take(translator);
    const file = join(scratch, name.replaceAll('/', '-').replace('.yaml', '.json'));
    writeFileSync(file, JSON.stringify(staticConfiguration(state)));
    const { stdout } = await run(envoy, ['--mode', 'validate', '--config-path', file]);
    expect(stdout).toContain('OK');
  });
});
