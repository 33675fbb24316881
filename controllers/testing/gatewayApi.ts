/** Gateway API's definitions, from its Go module, for tests. */
import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { readVersions } from '../../hack/tools/versions.ts';

/**
 * The folder of the CustomResourceDefinitions of a channel.
 * @param version default: the one that Sluice is made for
 */
export async function gatewayApiDefinitions(
  channel: 'standard' | 'experimental',
  version = `v${readVersions().get('GATEWAY_API_VERSION')}`,
): Promise<string> {
  const module = `sigs.k8s.io/gateway-api@${version}`;
  const { stdout } = await promisify(execFile)('go', ['mod', 'download', '-json', module], { cwd: tmpdir() });
  return join(z.object({ Dir: z.string() }).parse(JSON.parse(stdout)).Dir, 'config/crd', channel);
}
