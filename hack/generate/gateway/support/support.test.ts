import { expect, test } from 'vitest';
import type { JSONSchemaProps } from '../../../../api/validation/schema.ts';
import { fieldsIn, passedTests, readSuiteTests } from './evidence.ts';
import { fieldsOf, pathsIn } from './fields.ts';
import { findings } from './page.ts';

const schema: JSONSchemaProps = {
  type: 'object',
  properties: {
    metadata: { type: 'object' },
    spec: {
      type: 'object',
      properties: {
        hostname: { type: 'string' },
        rules: { type: 'array', items: { type: 'object', properties: { name: { type: 'string' } } } },
        options: { type: 'object', additionalProperties: { type: 'string' } },
      },
    },
  },
};

test('fields are those of spec and status, items of lists included', () => {
  expect(fieldsOf(schema)).toEqual([
    { path: 'spec.hostname', hasParts: false },
    { path: 'spec.rules', hasParts: true },
    { path: 'spec.rules[].name', hasParts: false },
    { path: 'spec.options', hasParts: false },
  ]);
});

test('what an object sets is told by the same paths', () => {
  expect([...pathsIn({ rules: [{ name: 'a' }, { name: 'b' }], options: { x: 'y' } }, 'spec')]).toEqual([
    'spec.rules',
    'spec.rules[].name',
    'spec.options',
    'spec.options.x',
  ]);
  expect(fieldsIn('kind: A\nspec: {b: 1}\n---\nkind: A\nspec: {c: 2}\n').get('A')).toEqual(
    new Set(['spec.b', 'spec.c']),
  );
});

test('a field without a statement, and a statement without a field or a test, are found', () => {
  const fields = fieldsOf(schema);
  const golden = { kind: 'golden' as const, name: 'x.in.yaml', fields: new Map([['A', new Set(['spec.hostname'])]]) };
  const statements = {
    'spec.hostname': { support: 'yes' as const, how: '' },
    'spec.rules[].name': { support: 'yes' as const, how: '' },
    'spec.gone': { support: 'no' as const, how: '' },
  };
  expect(findings('A', fields, { text: '', statements }, [golden], () => true)).toEqual([
    'A spec.options: say in statements.ts whether it is supported',
    'A spec.rules[].name: is said to be supported, but no golden file sets it and no test is named',
    'A spec.gone: there is no such field',
  ]);
});

test('a named test has to be there', () => {
  const fields = [{ path: 'spec.a', hasParts: false }];
  const about = { text: '', statements: { 'spec.a': { support: 'yes' as const, how: '', tests: ['b'] } } };
  expect(findings('A', fields, about, [], () => true)).toEqual([]);
  expect(findings('A', fields, about, [], () => false)).toEqual(['A spec.a: there is no test b']);
});

const source = `
var One = suite.ConformanceTest{
	ShortName:   "One",
	Features: []features.FeatureName{
		features.SupportGateway,
		features.SupportListenerSet,
	},
	Manifests: []string{"tests/one.yaml"},
}
var Two = confsuite.ConformanceTest{
	ShortName:   "Two",
	Features: []features.FeatureName{features.SupportGateway},
	Manifests: []string{
		"tests/two.yaml",
	},
}`;

test('tests are read out of the source of the suite', () => {
  expect(readSuiteTests(source)).toEqual([
    { name: 'One', features: ['Gateway', 'ListenerSet'], manifests: ['tests/one.yaml'] },
    { name: 'Two', features: ['Gateway'], manifests: ['tests/two.yaml'] },
  ]);
});

test('what has failed, or rests on a feature that is not supported, has not passed', () => {
  const tests = readSuiteTests(source);
  const names = (report: Parameters<typeof passedTests>[0]): string[] =>
    passedTests(report, tests, ['Gateway']).map(({ name }) => name);
  const extended = { supportedFeatures: ['ListenerSet'] };
  expect(names({ profiles: [{ name: 'GATEWAY-HTTP', extended }] })).toEqual(['One', 'Two']);
  expect(names({ profiles: [{ name: 'GATEWAY-HTTP', extended: {} }] })).toEqual(['Two']);
  expect(names({ profiles: [{ name: 'GATEWAY-HTTP', core: { failedTests: ['Two'] }, extended }] })).toEqual(['One']);
});
