import { describe, expect, test } from 'vitest';

import { parseFile, pathSegments } from './documents.ts';
import { formatProblem } from './problem.ts';

const parse = (text: string, file = 'a.yaml') => parseFile(file, new TextEncoder().encode(text));
const problemsOf = (text: string) => parse(text).problems.map(formatProblem);

describe('syntax errors name line and column', () => {
  test.each([
    ['a: 1\nb:\n\t- c\n', 'a.yaml:3:1: is not YAML: a tab stands where YAML wants spaces for indentation.'],
    ['a: 1\na: 2\n', 'a.yaml:2:1: is not YAML: the key stands twice in one map; remove one of the two.'],
    ['kind: a: b\n', /^a\.yaml:1:7: is not YAML: a second ": " stands on the line/],
    ['a: [1, 2\nb: 3\n', /^a\.yaml:2:1: is not YAML: /],
    ['a: "x\n', /^a\.yaml:2:1: is not YAML: Missing closing "quote\.$/],
    ['kind: x\n---\nb: *nowhere\n', /^a\.yaml:3:1: is not YAML: Unresolved alias .*nowhere\.$/],
  ])('%j', (text, expected) => {
    const [problem, ...more] = problemsOf(text);
    expect(more).toEqual([]);
    if (typeof expected === 'string') expect(problem).toBe(expected);
    else expect(problem).toMatch(expected);
    expect(parse(text)).toMatchObject({ objects: [], broken: true });
  });

  test('a bomb of aliases ends in a sentence instead of in memory', () => {
    const levels = Array.from({ length: 12 }, (_, level) => {
      const previous = Array.from({ length: 9 }, () => `*l${level - 1}`).join(', ');
      return `l${level}: &l${level} [${level === 0 ? 'x' : previous}]`;
    });
    expect(problemsOf(levels.join('\n'))).toEqual([expect.stringMatching(/^a\.yaml:1:1: is not YAML: .*alias/)]);
  });

  test('what is not UTF-8 is no YAML', () => {
    expect(parseFile('a.yaml', new Uint8Array([0xff, 0xfe, 0x00])).problems.map(formatProblem)).toEqual([
      'a.yaml: is not UTF-8 text; only YAML and JSON files are read.',
    ]);
  });
});

describe('documents', () => {
  test('several in a file, empty ones left out', () => {
    const { objects, problems } = parse('# only a comment\n---\nkind: A\n---\n---\nkind: B\n...\n');
    expect(problems).toEqual([]);
    expect(objects.map(({ value, position }) => [value['kind'], position.line])).toEqual([
      ['A', 3],
      ['B', 6],
    ]);
  });

  test('a document that is no map is one problem, the others are used', () => {
    expect(problemsOf('kind: A\n---\n- 1\n---\nhello\n')).toEqual([
      'a.yaml:3:1: a Kubernetes object is a map with apiVersion and kind, but a list stands here.',
      'a.yaml:5:1: a Kubernetes object is a map with apiVersion and kind, but a string stands here.',
    ]);
    expect(parse('kind: A\n---\nhello\n').objects).toHaveLength(1);
  });

  test('an empty file has neither objects nor problems', () => {
    expect(parse('')).toEqual({ objects: [], problems: [], broken: false });
  });

  test('lists count as what is in them, with their places', () => {
    const { objects } = parse('apiVersion: v1\nkind: List\nitems:\n- kind: A\n  spec:\n    x: 1\n- kind: B\n');
    expect(objects.map(({ value, position }) => [value['kind'], position])).toEqual([
      ['A', { line: 4, column: 3 }],
      ['B', { line: 7, column: 3 }],
    ]);
    expect(objects[0]?.locate('spec.x')).toEqual({ line: 6, column: 5 });
  });

  test('JSON, indented with tabs', () => {
    const { objects } = parse('{\n\t"kind": "A",\n\t"spec": {\n\t\t"port": 80\n\t}\n}\n', 'a.json');
    expect(objects[0]?.value).toEqual({ kind: 'A', spec: { port: 80 } });
    expect(objects[0]?.locate('spec.port')).toEqual({ line: 4, column: 3 });
  });
});

describe('places of fields', () => {
  const text = [
    'kind: HTTPRoute',
    'metadata:',
    '  annotations: {"sluice.dev/address": here}',
    'spec:',
    '  rules:',
    '  - matches:',
    '    - path:',
    '        value: /',
    '  - &second',
    '    name: b',
    '  - *second',
  ].join('\n');

  test.each([
    ['spec.rules[0].matches[0].path.value', 8, 9],
    ['spec.rules[1].name', 10, 5],
    ['spec.rules[2].name', 10, 5],
    ['metadata.annotations["sluice.dev/address"]', 3, 17],
    // Missing fields: the nearest around them.
    ['spec.rules[0].backendRefs', 6, 5],
    ['status', 1, 1],
    ['', 1, 1],
  ])('%s', (path, line, column) => {
    expect(parse(text).objects[0]?.locate(path)).toEqual({ line, column });
  });

  test('paths in all their spellings', () => {
    expect(pathSegments('a.b[0]["c.d/e"][\'f\'].g[h.i/j]')).toEqual(['a', 'b', '0', 'c.d/e', 'f', 'g', 'h.i/j']);
    expect(pathSegments('.a["say \\"x\\""]')).toEqual(['a', 'say "x"']);
  });
});
