/** The definitions of Gateway API and of the Multi-Cluster Services API, from their Go modules, for tests. */
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
  return join(await moduleDirectory(`sigs.k8s.io/gateway-api@${version}`), 'config/crd', channel);
}

/** The folder of the CustomResourceDefinitions of the Multi-Cluster Services API. */
export async function multiclusterDefinitions(): Promise<string> {
  const version = readVersions().get('MCS_API_VERSION');
  return join(await moduleDirectory(`sigs.k8s.io/mcs-api@v${version}`), 'config/crd');
}

async function moduleDirectory(module: string): Promise<string> {
  const { stdout } = await promisify(execFile)('go', ['mod', 'download', '-json', module], { cwd: tmpdir() });
  return z.object({ Dir: z.string() }).parse(JSON.parse(stdout)).Dir;
}
