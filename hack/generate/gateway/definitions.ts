/** Reads the CustomResourceDefinitions of Gateway API out of its Go module. */
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { readVersions } from '../../tools/versions.ts';
import type { CustomResourceDefinition } from '../customResourceDefinition.ts';

/** The version of Gateway API whose kinds Sluice reads. */
export const gatewayAPIVersion = `v${readVersions().get('GATEWAY_API_VERSION')}`;

/** The two release channels of Gateway API. Source: gateway-api docs, "Versioning", release channels. */
export type Channel = 'standard' | 'experimental';

const directories = new Map<string, string>();

/** The directory of a Go module, downloaded on first use; its checksum is verified by Go. */
function moduleDirectory(module: string): string {
  let directory = directories.get(module);
  if (directory === undefined) {
    const answer = execFileSync('go', ['mod', 'download', '-json', module], { encoding: 'utf8' });
    directory = (JSON.parse(answer) as { Dir: string }).Dir;
    directories.set(module, directory);
  }
  return directory;
}

/** The directory of the Go module of Gateway API. */
export function gatewayAPIDirectory(): string {
  return moduleDirectory(`sigs.k8s.io/gateway-api@${gatewayAPIVersion}`);
}

/** The directory of the Go module of the Multi-Cluster Services API. */
export function multiclusterDirectory(): string {
  return moduleDirectory(`sigs.k8s.io/mcs-api@v${readVersions().get('MCS_API_VERSION')}`);
}

/** Every definition of one channel, in the order of its file names. */
export function gatewayAPIDefinitions(channel: Channel): CustomResourceDefinition[] {
  const directory = join(gatewayAPIDirectory(), 'config/crd', channel);
  return readdirSync(directory)
    .toSorted()
    .filter((name) => name.endsWith('.yaml'))
    .flatMap((name) => parseAllDocuments(readFileSync(join(directory, name), 'utf8')))
    .map((document): { kind: string } => document.toJS())
    .filter(isDefinition);
}

function isDefinition(object: { kind: string }): object is CustomResourceDefinition {
  return object.kind === 'CustomResourceDefinition';
}
