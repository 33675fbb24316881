/**
 * Validation without a cluster against a real kube-apiserver: the same verdict on every object, and the same object after
 * defaults. Objects: Gateway API's own good and bad examples, rich objects of every kind, and thousands of changes to them.
 */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { gatewayAPIDirectory, multiclusterDirectory } from '../../hack/generate/gateway/definitions.ts';
import { sharedKubeApiServer } from '../../test/fixtures/sharedKubeApiServer.ts';
import type { KubernetesObject } from '../object.ts';
import { findKind, type KnownKind, knownKinds, parseApiVersion, validateObject } from './index.ts';
import { type Mutation, mutations } from './mutations.fixture.ts';
import { badObjects, goodObjects } from './objects.fixture.ts';

const server = sharedKubeApiServer();
const agent = new Agent({
  connect: { ca: server.ca, cert: server.clientCert, key: server.clientKey },
  connections: 4,
});
const crds = join(gatewayAPIDirectory(), 'config/crd/experimental');
let namespace: string;

beforeAll(async () => {
  await server.applyCrds(crds);
  await server.applyCrds(join(multiclusterDirectory(), 'config/crd'));
  await server.applyCrds(join(import.meta.dirname, '../../config/crd'));
  namespace = await server.createNamespace();
});
afterAll(() => agent.close());

interface Verdict {
  accepted: boolean;
  /** What was stored, or why nothing was. */
  answer: Record<string, unknown>;
}

/** What the API server says of an object, without storing it. */
async function serverVerdict(object: KubernetesObject, kind: KnownKind): Promise<Verdict> {
  const { group, version } = parseApiVersion(object.apiVersion);
  const base = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  const where = kind.namespaced ? `${base}/namespaces/${namespace}` : base;
  const answer = await request(`${server.url}${where}/${kind.plural}?dryRun=All&fieldValidation=Strict`, {
    method: 'POST',
    dispatcher: agent,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(object),
  });
  const body = (await answer.body.json()) as Record<string, unknown>;
  if (![201, 400, 422].includes(answer.statusCode)) throw new Error(`${answer.statusCode}: ${JSON.stringify(body)}`);
  return { accepted: answer.statusCode === 201, answer: body };
}

function inNamespace(object: unknown, kind: KnownKind): KubernetesObject {
  const copy = structuredClone(object) as KubernetesObject;
  if (kind.namespaced) copy.metadata.namespace = namespace;
  return copy;
}

/** What the API server takes in core kinds and Sluice does not, because nothing could be made of it. */
const stricter = [
  /^(Service|EndpointSlice|Secret|ConfigMap|Namespace): .*null/,
  /^EndpointSlice: ports\.0\.port = (0|-1|70000|808000)$/,
  /^ServiceImport: (spec = (null|absent)|spec\.sessionAffinity = |spec\.ports\.[01]\.(port|protocol) = )/,
];

interface Difference {
  name: string;
  server: string;
  offline: string;
}

async function compare({ name, object: original }: Mutation): Promise<Difference | undefined> {
  const { apiVersion, kind: kindName } = original as KubernetesObject;
  const found = findKind(apiVersion, kindName);
  if ('unknown' in found) return { name, server: '', offline: found.unknown.message };
  const object = inNamespace(original, found.known);
  const offline = validateObject(object);
  const { accepted, answer } = await serverVerdict(object, found.known);
  const errors = offline.errors?.map(({ path, message }) => `${path}: ${message}`).join('; ');
  const serverSays = accepted ? 'accepted' : String(answer['message']);
  if (found.known.core) {
    // The schemas of core kinds are light: what they refuse is refused, but not the other way round.
    return accepted && errors !== undefined && !stricter.some((known) => known.test(name))
      ? { name, server: serverSays, offline: errors }
      : undefined;
  }
  if (accepted !== (errors === undefined)) return { name, server: serverSays, offline: errors ?? 'accepted' };
  const [stored, made] = [JSON.stringify(sorted(answer['spec'])), JSON.stringify(sorted(offline.object?.spec))];
  return accepted && stored !== made ? { name, server: stored, offline: made } : undefined;
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([left], [right]) => (left < right ? -1 : 1))
      .map(([key, item]) => [key, sorted(item)]),
  );
}

async function differences(cases: Iterable<Mutation>): Promise<Difference[]> {
  const queue = cases[Symbol.iterator]();
  const found: Difference[] = [];
  const worker = async (): Promise<void> => {
    for (let next = queue.next(); !next.done; next = queue.next()) {
      const difference = await compare(next.value);
      if (difference !== undefined) found.push(difference);
    }
  };
  await Promise.all(Array.from({ length: 4 }, worker));
  return found;
}

function* documents(folder: string): Generator<Mutation> {
  const directory = join(gatewayAPIDirectory(), folder);
  for (const file of globSync('**/*.yaml', { cwd: directory }).toSorted()) {
    for (const [index, document] of parseAllDocuments(readFileSync(join(directory, file), 'utf8')).entries()) {
      const object = document.toJS() as KubernetesObject | null;
      if (object !== null) yield { name: `${file} [${index}]`, object };
    }
  }
}

test("Gateway API's examples have the same verdict, and good ones are accepted", async () => {
  expect(await differences(documents('examples'))).toEqual([]);
  const refused = [...documents('examples')].filter(({ object }) => validateObject(object).errors !== undefined);
  expect(refused).toEqual([]);
});

test("Gateway API's bad examples have the same verdict, and are refused", async () => {
  const cases = [...documents('hack/invalid-examples')];
  expect(cases.length).toBeGreaterThan(30);
  expect(await differences(cases)).toEqual([]);
  const accepted = cases.filter(({ object }) => validateObject(object).errors === undefined);
  expect(accepted.map(({ name }) => name)).toEqual([]);
});

test('bad objects have the same verdict, and are refused', async () => {
  const cases = badObjects.map((object) => ({ name: `${object.kind} ${object.metadata.name}`, object }));
  expect(await differences(cases)).toEqual([]);
  expect(cases.filter(({ object }) => validateObject(object).errors === undefined)).toEqual([]);
});

test('there is a good object of every kind', () => {
  const have = new Set(goodObjects.map(({ kind }) => kind));
  expect(knownKinds.map(({ kind }) => kind).filter((kind) => !have.has(kind))).toEqual([]);
  const refused = goodObjects.map((object) => ({ ...validateObject(object), kind: object.kind }));
  expect(refused.filter(({ errors }) => errors !== undefined)).toEqual([]);
});

test.each(goodObjects.map((object) => ({ name: `${object.kind} ${object.metadata.name}`, object })))(
  'changes to $name have the same verdict',
  async ({ name, object }) => {
    const cases = [...mutations(object)];
    expect(cases.length).toBeGreaterThan(0);
    expect(await differences([{ name, object }, ...cases])).toEqual([]);
  },
);
