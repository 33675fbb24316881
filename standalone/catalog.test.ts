import { describe, expect, test } from 'vitest';

import { Catalog, type CatalogUpdate } from './catalog.ts';
import { formatProblem } from './problem.ts';

const route = (name: string, more = ''): string => `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: ${name}
spec:
  parentRefs:
  - name: web${more}
`;
const timeout = `
  rules:
  - timeouts: {request: 1s}`;

/** Files of which each change is one update of the catalog. */
class Files {
  readonly catalog: Catalog;
  readonly #texts = new Map<string, string>();
  now = new Date('2026-01-01T00:00:00Z');

  constructor() {
    this.catalog = new Catalog(() => this.now);
  }

  set(changes: Record<string, string | undefined>): CatalogUpdate {
    for (const [file, text] of Object.entries(changes)) {
      if (text === undefined) this.#texts.delete(file);
      else this.#texts.set(file, text);
    }
    const contents = Object.entries(changes).map(([file, text]) =>
      text === undefined ? { file } : { file, bytes: new TextEncoder().encode(text) },
    );
    return this.catalog.update(contents, [...this.#texts.keys()]);
  }

  names(): string[] {
    return [...this.catalog.objects()].map(
      ({ object }) => `${object.kind} ${object.metadata.namespace ?? ''}/${object.metadata.name}`,
    );
  }
}

const sentences = ({ problems }: CatalogUpdate): string[] => problems.map(formatProblem);
const summary = ({ changes }: CatalogUpdate): string[] =>
  changes.map(({ name, before, after }) => `${before === undefined ? '+' : after === undefined ? '-' : '~'}${name}`);

describe('metadata as the API server gives it', () => {
  test('namespace, uid, generation, creationTimestamp; the status of a file is dropped', () => {
    const files = new Files();
    files.set({ 'a.yaml': `${route('a')}status:\n  parents: []\n` });
    const [{ object } = expect.fail()] = files.catalog.objects();
    expect(object).toMatchObject({
      apiVersion: 'gateway.networking.k8s.io/v1',
      metadata: {
        name: 'a',
        namespace: 'default',
        generation: 1,
        creationTimestamp: '2026-01-01T00:00:00Z',
        uid: expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
      },
    });
    expect(object).not.toHaveProperty('status');
  });

  test('the generation counts changes of the spec, and of nothing else', () => {
    const files = new Files();
    files.set({ 'a.yaml': route('a') });
    const [{ object: first } = expect.fail()] = files.catalog.objects();
    files.now = new Date('2026-02-01T00:00:00Z');

    expect(files.set({ 'a.yaml': `# a comment\n${route('a')}` }).changes).toEqual([]);
    const [labelled] = files.set({ 'a.yaml': route('a').replace('name: a', 'name: a\n  labels: {x: y}') }).changes;
    expect(labelled?.after?.metadata).toMatchObject({ generation: 1, labels: { x: 'y' } });
    expect(labelled?.after?.metadata.resourceVersion).not.toBe(first.metadata.resourceVersion);
    const [edited] = files.set({ 'a.yaml': route('a', timeout) }).changes;
    expect(edited?.after?.metadata).toMatchObject({
      generation: 2,
      uid: first.metadata.uid,
      creationTimestamp: '2026-01-01T00:00:00Z',
    });
  });

  test('an object that moves to another file is the same one', () => {
    const files = new Files();
    files.set({ 'a.yaml': route('a') });
    expect(files.set({ 'a.yaml': undefined, 'b.yaml': route('a') }).changes).toEqual([]);
    expect(files.catalog.placeOf('gateway.networking.k8s.io/HTTPRoute/default/a')).toMatchObject({
      file: 'b.yaml',
      line: 2,
    });
  });

  test('kinds without desired state have no generation, and stringData is folded', () => {
    const files = new Files();
    files.set({ 's.yaml': 'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: hello}\n' });
    const [{ object } = expect.fail()] = files.catalog.objects();
    expect(object).toMatchObject({ type: 'Opaque', data: { a: 'aGVsbG8=' } });
    expect(object).not.toHaveProperty('stringData');
    expect(object.metadata).not.toHaveProperty('generation');
  });

  test('an older served version becomes the present one', () => {
    const files = new Files();
    files.set({ 'a.yaml': route('a').replace('/v1', '/v1beta1') });
    expect([...files.catalog.objects()].map(({ object }) => object.apiVersion)).toEqual([
      'gateway.networking.k8s.io/v1',
    ]);
  });
});

describe('what worked before keeps working', () => {
  test('a file that becomes broken keeps its objects, and is used again when it is mended', () => {
    const files = new Files();
    files.set({ 'a.yaml': `${route('a')}---${route('b')}`, 'c.yaml': route('c') });
    const broken = files.set({ 'a.yaml': `${route('a')}  x: [` });
    expect(broken.changes).toEqual([]);
    expect(sentences(broken)).toEqual([
      expect.stringMatching(/^a\.yaml:\d+:\d+: is not YAML: .*\. What was loaded before stays in use\.$/),
    ]);
    const mended = files.set({ 'a.yaml': route('a', timeout) });
    expect(summary(mended)).toEqual(['~a', '-b']);
    expect(mended.problems).toEqual([]);
  });

  test('an object that becomes wrong keeps its last good version, the others of its file change', () => {
    const files = new Files();
    files.set({ 'a.yaml': `${route('a')}---${route('b')}` });
    const wrong = files.set({ 'a.yaml': `${route('a', '\n  rulez: []')}---${route('b', timeout)}` });
    expect(summary(wrong)).toEqual(['~b']);
    expect(sentences(wrong)).toEqual([
      'a.yaml:9:3: HTTPRoute default/a: spec.rulez: unknown field: did you mean rules? What was loaded before stays in use.',
    ]);
    expect(summary(files.set({ 'a.yaml': `${route('a', timeout)}---${route('b', timeout)}` }))).toEqual(['~a']);
  });

  test('a file that cannot be read keeps its objects; one that is gone does not', () => {
    const files = new Files();
    files.set({ 'a.yaml': route('a') });
    const unreadable = files.catalog.update([{ file: 'a.yaml', unreadable: 'cannot be read.' }], ['a.yaml']);
    expect(sentences(unreadable)).toEqual(['a.yaml: cannot be read. What was loaded before stays in use.']);
    expect(files.names()).toEqual(['HTTPRoute default/a']);
    expect(summary(files.set({ 'a.yaml': undefined }))).toEqual(['-a']);
  });
});

describe('one sentence for each mistake, the rest is served', () => {
  test.each([
    [
      'an unknown kind',
      'apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRuote\nmetadata: {name: x}',
      /^a\.yaml:2:1: "x": .*HTTPRoute\?$/,
    ],
    [
      'a version of the past',
      'apiVersion: gateway.networking.k8s.io/v1alpha2\nkind: HTTPRoute\nmetadata: {name: x}',
      /^a\.yaml:1:1: "x": .*gateway\.networking\.k8s\.io\/v1\.$/,
    ],
    [
      'no kind',
      'apiVersion: v1\nmetadata: {name: x}',
      /^a\.yaml:1:1: the object has no kind; every object states apiVersion and kind\.$/,
    ],
    [
      'a misspelt apiVersion',
      'apiversion: v1\nkind: Service\nmetadata: {name: x}',
      /^a\.yaml:1:1: the object has no apiVersion; did "apiversion" mean it\?$/,
    ],
    [
      'no name',
      'apiVersion: v1\nkind: Service\nmetadata: {}\nspec: {ports: [{port: 1}]}',
      /^a\.yaml:3:1: Service without metadata\.name; give it a name\.$/,
    ],
    [
      'a wrong type',
      'apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec:\n  ports:\n  - port: "80"',
      /^a\.yaml:6:5: Service default\/x: spec\.ports\[0\]\.port: must be a whole number/,
    ],
    [
      'an unknown field',
      'apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec:\n  prots: []\n  ports: [{port: 1}]',
      /^a\.yaml:5:3: Service default\/x: spec\.prots: unknown field: did you mean ports\?/,
    ],
    [
      'a bad name',
      'apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: A_b}\nspec: {}',
      /^a\.yaml:3:12: HTTPRoute default\/A_b: metadata\.name: /,
    ],
    [
      'a label that is no string',
      'apiVersion: v1\nkind: Namespace\nmetadata:\n  name: x\n  labels: {a: 1}',
      /^a\.yaml:5:12: Namespace x: metadata\.labels\.a: must be a string, .*quotes/,
    ],
    ['no object', '- 1', /^a\.yaml:1:1: a Kubernetes object is a map/],
  ])('%s', (_, text, sentence) => {
    const files = new Files();
    const update = files.set({ 'a.yaml': `${text}\n---${route('good')}` });
    expect(sentences(update)).toEqual([expect.stringMatching(sentence)]);
    expect(files.names()).toEqual(['HTTPRoute default/good']);
  });

  test('many mistakes in one object are counted', () => {
    const fields = Array.from({ length: 9 }, (_, index) => `  wrong${index}: 1\n`).join('');
    const found = sentences(new Files().set({ 'a.yaml': `${route('a')}${fields}` }));
    expect(found).toHaveLength(5);
    expect(found.at(-1)).toMatch(/\(4 more in this object\.\)$/);
  });

  test('what only a cluster runs is left out, and no mistake', () => {
    const update = new Files().set({
      'a.yaml': 'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x, namespace: y}\nspec: {}',
    });
    expect(update).toEqual({ changes: [], problems: [], leftOut: ['Deployment y/x'] });
  });
});

describe('two objects of one name', () => {
  test('one sentence names both places, the first stays', () => {
    const files = new Files();
    const update = files.set({ 'a.yaml': route('a'), 'b.yaml': `${route('b')}---${route('a', timeout)}` });
    expect(sentences(update)).toEqual([
      'b.yaml:10:1: HTTPRoute default/a is stated a second time; the one at a.yaml:2:1 is used: remove or rename one of the two.',
    ]);
    expect(files.names()).toEqual(['HTTPRoute default/a', 'HTTPRoute default/b']);
    expect([...files.catalog.objects()][0]?.object.spec).not.toHaveProperty('rules.0.timeouts');
  });

  test('the one in use stays, even where the new one comes earlier in order', () => {
    const files = new Files();
    files.set({ 'b.yaml': route('a') });
    const update = files.catalog.update(
      [{ file: 'a.yaml', bytes: new TextEncoder().encode(route('a', timeout)) }],
      ['a.yaml', 'b.yaml'],
    );
    expect(update.changes).toEqual([]);
    expect(sentences(update)).toEqual([expect.stringMatching(/^a\.yaml:2:1: .* the one at b\.yaml:2:1 is used/)]);
  });

  test('when the first goes, the second takes its place', () => {
    const files = new Files();
    files.set({ 'a.yaml': route('a'), 'b.yaml': route('a', timeout) });
    const update = files.set({ 'a.yaml': undefined });
    expect(summary(update)).toEqual(['~a']);
    expect(update.problems).toEqual([]);
  });

  test('one name in two namespaces, or of two kinds, is no conflict', () => {
    const other = route('a').replace('name: a', 'name: a\n  namespace: other');
    const grpc = route('a').replace('HTTPRoute', 'GRPCRoute');
    expect(sentences(new Files().set({ 'a.yaml': [route('a'), other, grpc].join('---') }))).toEqual([]);
  });
});

test('an object whose kind is misspelt in an edit stays in use until the file is understood', () => {
  const files = new Files();
  files.set({ 'a.yaml': `${route('a')}---${route('b')}` });
  const misspelt = files.set({ 'a.yaml': `${route('a').replace('HTTPRoute', 'HTTPRuote')}---${route('b')}` });
  expect(summary(misspelt)).toEqual([]);
  expect(sentences(misspelt)).toHaveLength(1);
  expect(sentences(misspelt)[0]).toMatch(/HTTPRuote.*What was loaded before stays in use\.$/);
  expect(files.names()).toEqual(['HTTPRoute default/a', 'HTTPRoute default/b']);
  expect(summary(files.set({ 'a.yaml': route('b') }))).toEqual(['-a']);
});
