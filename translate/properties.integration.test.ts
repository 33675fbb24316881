/** Whatever the API server takes, what it becomes is what the real Envoy takes. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { envoyBinary } from '../test/fixtures/index.ts';
import { changeArbitrary, objectMaterial, propertyRuns } from './testing/arbitraryObjects.ts';
import { newTranslator, TranslationState } from './testing/golden.ts';
import { staticConfiguration } from './testing/staticConfiguration.ts';

const run = promisify(execFile);
const scratch = mkdtempSync(join(tmpdir(), 'sluice-properties-'));
afterAll(() => rmSync(scratch, { recursive: true }));

test('the real Envoy takes what anything becomes that the API server takes', { timeout: 600_000 }, async () => {
  const now = Date.now();
  const material = await objectMaterial(now);
  const envoy = await envoyBinary();
  const file = join(scratch, 'envoy.json');
  const changes = fc.array(changeArbitrary(material, now), { minLength: 10, maxLength: 40, size: 'max' });
  await fc.assert(
    fc.asyncProperty(changes, async (made) => {
      const translator = newTranslator();
      translator.apply([...material.world, ...made.filter((change) => change !== undefined)]);
      const state = new TranslationState();
      state.take(translator);
      writeFileSync(file, JSON.stringify(staticConfiguration(state)));
      // Where Envoy refuses, the error says why.
      const { stdout } = await run(envoy, ['--mode', 'validate', '--config-path', file]);
      expect(stdout).toContain('OK');
    }),
    propertyRuns(30),
  );
});
