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

let moduleDirectory: string | undefined;

/** The directory of the Go module, downloaded on first use; its checksum is verified by Go. */
export function gatewayAPIDirectory(): string {
  if (moduleDirectory === undefined) {
    const answer = execFileSync('go', ['mod', 'download', '-json', `sigs.k8s.io/gateway-api@${gatewayAPIVersion}`], {
      encoding: 'utf8',
    });
    const module: { Dir: string } = JSON.parse(answer);
    moduleDirectory = module.Dir;
  }
  return moduleDirectory;
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
