import { RE2JS } from 're2js';
import { describe, expect, test } from 'vitest';
import type { GRPCMethodMatch } from '../../api/gateway/index.ts';
import { compareSpecificity, UnusableMatch } from '../httpRoute/match.ts';
import { translateMatch } from './match.ts';

/** Whether a path meets a method match, as Envoy compares them. */
function meets(method: GRPCMethodMatch | undefined, path: string): boolean {
  const { pathSpecifier } = translateMatch(method === undefined ? {} : { method }).match;
  if (pathSpecifier?.case === 'path') return path === pathSpecifier.value;
  if (pathSpecifier?.case === 'prefix') return path.startsWith(pathSpecifier.value);
  if (pathSpecifier?.case === 'safeRegex') return RE2JS.compile(pathSpecifier.value.regex!).matches(path);
  throw new Error(`unexpected ${pathSpecifier?.case}`);
}

describe('method matches', () => {
  test('without one, every method is met', () => {
    expect(meets(undefined, '/foo.Bar/Get')).toBe(true);
  });

  test('of a service, a method or both', () => {
    expect(meets({ type: 'Exact', service: 'foo.Bar', method: 'Get' }, '/foo.Bar/Get')).toBe(true);
    expect(meets({ type: 'Exact', service: 'foo.Bar', method: 'Get' }, '/foo.Bar/GetAll')).toBe(false);
    expect(meets({ type: 'Exact', service: 'foo.Bar' }, '/foo.Bar/Get')).toBe(true);
    expect(meets({ type: 'Exact', service: 'foo.Bar' }, '/foo.Bars/Get')).toBe(false);
    expect(meets({ type: 'Exact', method: 'Get' }, '/foo.Bar/Get')).toBe(true);
    expect(meets({ type: 'Exact', method: 'Get' }, '/foo.Bar/x/Get')).toBe(false);
    expect(meets({ type: 'Exact', method: 'Get' }, '/foo.Bar/GetAll')).toBe(false);
  });

  test('by regular expressions, which have to match the whole of a name', () => {
    expect(meets({ type: 'RegularExpression', service: 'foo|bar' }, '/bar/Get')).toBe(true);
    expect(meets({ type: 'RegularExpression', service: 'foo|bar' }, '/bars/Get')).toBe(false);
    expect(meets({ type: 'RegularExpression', service: '^foo.*$', method: '^Get' }, '/foo.v1/Get')).toBe(true);
    expect(meets({ type: 'RegularExpression', service: '^foo.*$', method: '^Get' }, '/foo.v1/GetAll')).toBe(false);
    expect(meets({ type: 'RegularExpression', method: 'a\\$' }, '/foo/a$')).toBe(true);
  });

  test('that no proxy would take are refused', () => {
    const refuse = (method: GRPCMethodMatch): void => expect(() => translateMatch({ method })).toThrow(UnusableMatch);
    refuse({ type: 'RegularExpression', service: '(' });
    refuse({ type: 'RegularExpression', service: 'a)|(b' });
    refuse({ type: 'RegularExpression', service: '\\Qopen' });
    refuse({ type: 'RegularExpression', service: '', method: '' });
    refuse({ type: 'Exact', service: 'foo/bar' });
  });
});

test('what is more specific goes first', () => {
  const order: (GRPCMethodMatch | undefined)[] = [
    { type: 'Exact', service: 'foo.v1.Long', method: 'A' },
    { type: 'Exact', service: 'foo.v1', method: 'GetAll' },
    { type: 'Exact', service: 'foo.v1', method: 'Get' },
    { type: 'Exact', service: 'foo.v1' },
    { type: 'RegularExpression', service: 'a-very-long-expression.*' },
    { type: 'Exact', method: 'GetAll' },
    { type: 'Exact', method: 'Get' },
    { type: 'RegularExpression', method: 'Get.*All' },
    undefined,
  ];
  const specificities = order.map((method) => translateMatch(method === undefined ? {} : { method }).specificity);
  for (let i = 1; i < order.length; i++) {
    expect(compareSpecificity(specificities[i - 1]!, specificities[i]!)).toBeLessThan(0);
  }
  const header = { name: 'x', value: '1' };
  const one = translateMatch({ headers: [header] }).specificity;
  const same = translateMatch({ headers: [header, { name: 'X', value: '2' }] }).specificity;
  const two = translateMatch({ headers: [header, { name: 'y', value: '2' }] }).specificity;
  expect(compareSpecificity(one, same)).toBe(0);
  expect(compareSpecificity(two, one)).toBeLessThan(0);
});
