/** The kinds that Sluice reads, their versions and schemas, and what to say of any other. */
import { type CoreKind, coreKinds } from './coreKinds.ts';
import { formerGroups, formerKinds, formerVersions } from './formerKinds.ts';
import generatedSchemas from './generated/schemas.json' with { type: 'json' };
import { metadataSchema, type NameStyle } from './metadata.ts';
import { Node } from './node.ts';
import type { JSONSchemaProps } from './schema.ts';
import { suggestion } from './suggestion.ts';

/** One kind of the generated file. */
export interface GeneratedKind {
  group: string;
  kind: string;
  plural: string;
  namespaced: boolean;
  /** The version that objects are converted to: the one that Sluice watches. */
  version: string;
  versions: { name: string; served: boolean; schema: number }[];
}

export interface GeneratedSchemas {
  kinds: GeneratedKind[];
  /** Schemas without descriptions; versions that do not differ share one. */
  schemas: JSONSchemaProps[];
}

const generated: GeneratedSchemas = generatedSchemas as unknown as GeneratedSchemas;

/** A kind that `validateObject` takes. */
export interface KnownKind {
  readonly group: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  /** The version that objects are given in, whatever served version they were written in. */
  readonly version: string;
  /** Every version that is served. */
  readonly versions: readonly string[];
}

class ServedKind implements KnownKind {
  readonly group: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  readonly version: string;
  readonly versions: readonly string[];
  readonly core: boolean;
  readonly #names: NameStyle;
  readonly #schemas: ReadonlyMap<string, JSONSchemaProps>;
  readonly #nodes = new Map<string, Node>();

  constructor(
    from: Omit<KnownKind, 'versions'>,
    options: { core: boolean; names: NameStyle; schemas: ReadonlyMap<string, JSONSchemaProps> },
  ) {
    this.group = from.group;
    this.kind = from.kind;
    this.plural = from.plural;
    this.namespaced = from.namespaced;
    this.version = from.version;
    this.core = options.core;
    this.#names = options.names;
    this.#schemas = options.schemas;
    this.versions = [...options.schemas.keys()];
  }

  /** The prepared schema of a served version, of the whole object. */
  node(version: string): Node {
    let node = this.#nodes.get(version);
    if (node === undefined) {
      const schema = this.#schemas.get(version)!;
      node = new Node({
        ...schema,
        properties: {
          apiVersion: { type: 'string' },
          kind: { type: 'string' },
          ...schema.properties,
          metadata: metadataSchema(this.namespaced, this.#names),
        },
        required: ['metadata', ...(schema.required ?? [])],
      });
      this.#nodes.set(version, node);
    }
    return node;
  }
}

export type { ServedKind };

function fromGenerated(kind: GeneratedKind): ServedKind {
  const served = kind.versions.filter((version) => version.served);
  return new ServedKind(kind, {
    core: false,
    names: 'subdomain',
    schemas: new Map(served.map(({ name, schema }) => [name, generated.schemas[schema]!])),
  });
}

function fromCore(kind: CoreKind): ServedKind {
  return new ServedKind(kind, { core: true, names: kind.names, schemas: new Map([[kind.version, kind.schema]]) });
}

const served: readonly ServedKind[] = [...generated.kinds.map(fromGenerated), ...coreKinds.map(fromCore)];
const byGroupAndKind = new Map(served.map((kind) => [`${kind.group}/${kind.kind}`, kind]));

/** Every kind that can be read, with its served versions. */
export const knownKinds: readonly KnownKind[] = served;

/** `apiVersion` in its parts; the core group is the empty string. */
export function parseApiVersion(apiVersion: string): { group: string; version: string } {
  const slash = apiVersion.indexOf('/');
  return { group: apiVersion.slice(0, Math.max(0, slash)), version: apiVersion.slice(slash + 1) };
}

function spellApiVersion({ group, version }: { group: string; version: string }): string {
  return group === '' ? version : `${group}/${version}`;
}

export type FoundKind =
  | { known: ServedKind; version: string }
  | { unknown: { path: 'apiVersion' | 'kind'; message: string } };

/** The kind of an object, or one sentence that says what to write instead. */
export function findKind(apiVersion: string, kind: string): FoundKind {
  const { group, version } = parseApiVersion(apiVersion);
  const known = byGroupAndKind.get(`${group}/${kind}`);
  if (known?.versions.includes(version)) return { known, version };
  if (known !== undefined) return { unknown: { path: 'apiVersion', message: unservedVersion(known, version) } };
  return { unknown: unknownKind(apiVersion, group, kind) };
}

function unservedVersion(known: ServedKind, version: string): string {
  const declared = generated.kinds.find(({ group, kind }) => group === known.group && kind === known.kind);
  const once =
    declared?.versions.some(({ name }) => name === version) || formerVersions.get(known.kind)?.includes(version);
  const what = `${spellApiVersion({ group: known.group, version })} ${known.kind}`;
  return `${what} ${once ? 'is no longer served' : 'does not exist'}: ${known.version} is served, write apiVersion: ${spellApiVersion(known)}`;
}

function unknownKind(
  apiVersion: string,
  group: string,
  kind: string,
): { path: 'apiVersion' | 'kind'; message: string } {
  const newGroup = formerGroups.get(group);
  const renamed = newGroup === undefined ? undefined : byGroupAndKind.get(`${newGroup}/${kind}`);
  if (renamed !== undefined) {
    return {
      path: 'apiVersion',
      message: `the group ${group} became ${newGroup}: write apiVersion: ${spellApiVersion(renamed)}`,
    };
  }
  const former = formerKinds.find((candidate) => candidate.group === group && candidate.kind === kind);
  if (former !== undefined) return { path: 'kind', message: `${apiVersion} ${kind} is not read: ${former.instead}` };
  const elsewhere = served.find((candidate) => candidate.kind === kind);
  if (elsewhere !== undefined) {
    return {
      path: 'apiVersion',
      message: `there is no ${kind} in ${apiVersion}: write apiVersion: ${spellApiVersion(elsewhere)}`,
    };
  }
  const inGroup = served.filter((candidate) => candidate.group === group).map((candidate) => candidate.kind);
  const near = suggestion(kind, inGroup.length > 0 ? inGroup : served.map((candidate) => candidate.kind));
  const hint = near === undefined ? '' : `: did you mean ${near}?`;
  const message =
    inGroup.length > 0 && group !== ''
      ? `there is no kind ${kind} in ${apiVersion}${hint}`
      : `${apiVersion} ${kind} is not a kind that Sluice reads${hint}`;
  return { path: 'kind', message };
}
