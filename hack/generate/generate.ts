/**
 * Makes everything that is generated and committed. `make generate` runs it; with `--check` it writes nothing and fails
 * where something committed is not what would be made.
 */
import { join } from 'node:path';
import { generateEnvoyMessages } from './envoy/generate.ts';
import { differences, type GeneratedFiles, writeFiles } from './files.ts';
import { generateGatewaySupport } from './gateway/support/page.ts';
import { generateGatewayTypes } from './gateway/types.ts';
import { generateDefinitions } from './kinds/definitions.ts';
import { generateReference } from './kinds/reference.ts';
import { generateRoles } from './rbac.ts';
import { generateSchemas } from './schemas.ts';

const root = join(import.meta.dirname, '../..');

const generated: GeneratedFiles[] = [
  generateDefinitions(),
  generateReference(),
  generateRoles(),
  generateSchemas(),
  await generateGatewayTypes(),
  generateGatewaySupport(),
  generateEnvoyMessages(),
];

if (process.argv.includes('--check')) {
  const changed = differences(root, generated);
  if (changed.length > 0) {
    process.stderr.write(`Not as \`make generate\` makes it; run it and commit:\n  ${changed.join('\n  ')}\n`);
    process.exitCode = 1;
  }
} else {
  for (const path of writeFiles(root, generated)) process.stdout.write(`${path}\n`);
}
