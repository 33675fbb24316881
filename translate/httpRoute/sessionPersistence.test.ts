import { describe, expect, test } from 'vitest';
import { planSession, sessionOf, sessionPath } from './sessionPersistence.ts';

describe('the path of a session', () => {
  test.each([
    [{ case: 'path', value: '/a/b' }, '/a/b'],
    [{ case: 'prefix', value: '/' }, '/'],
    [{ case: 'pathSeparatedPrefix', value: '/a' }, '/a'],
    [{ case: 'safeRegex', value: { regex: '/p1/p2/.*/p3' } }, '/p1/p2'],
    [{ case: 'safeRegex', value: { regex: '^/p1/p2?' } }, '/p1'],
    [{ case: 'safeRegex', value: { regex: '/a/b|/c' } }, '/'],
    [{ case: 'safeRegex', value: { regex: '(?i)/a/b' } }, '/'],
    [{ case: 'safeRegex', value: { regex: '.*' } }, '/'],
  ] as const)('of %j is %s', (pathSpecifier, expected) => {
    expect(sessionPath({ pathSpecifier })).toBe(expected);
  });
});

describe('the name of a session', () => {
  test('stays the same as long as its owner does, and differs between owners', () => {
    const name = (identity: string): string => planSession({}, identity).name;
    expect(name('default/app first')).toBe(name('default/app first'));
    expect(name('default/app first')).not.toBe(name('default/app second'));
  });

  test('tells backends apart', () => {
    const session = planSession({ sessionName: 'stay' }, '');
    const names = ['service/a', 'service/b'].map((backend) => sessionOf(session, backend).name);
    expect(new Set(names).size).toBe(2);
    for (const name of names) expect(name).toMatch(/^stay-[0-9a-f]{8}$/);
  });
});

test('a timeout is counted in whole seconds, and never as none', () => {
  expect(planSession({ absoluteTimeout: '1ms' }, '')).toMatchObject({ lifetime: 1, isPermanent: false });
  expect(planSession({ absoluteTimeout: '1500ms' }, '')).toMatchObject({ lifetime: 2 });
});
