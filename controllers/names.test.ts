import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { derivedName } from './names.ts';

test('a name that fits stays what it is', () => {
  expect(derivedName('web')).toBe('web');
  expect(derivedName('web', '-certificate')).toBe('web-certificate');
});

test('what does not fit becomes a valid label of its own', () => {
  expect(derivedName('my.gateway')).toMatch(/^my-gateway-[0-9a-f]{8}$/);
  expect(derivedName('1st')).toMatch(/^st-[0-9a-f]{8}$/);
  const names = fc.stringMatching(/^[a-z0-9]([-.a-z0-9]{0,250}[a-z0-9])?$/);
  fc.assert(
    fc.property(names, names, fc.constantFrom('', '-bootstrap', '-certificate'), (one, two, suffix) => {
      const derived = derivedName(one, suffix);
      expect(derived).toMatch(/^[a-z]([-a-z0-9]*[a-z0-9])?$/);
      expect(derived.length).toBeLessThanOrEqual(63);
      if (one !== two) expect(derivedName(two, suffix)).not.toBe(derived);
    }),
  );
});
