import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Quarantine } from './quarantine.ts';

describe('Quarantine', () => {
  test('a route that changed alone is out at once', () => {
    const quarantine = new Quarantine();
    expect(quarantine.refused(['a'], 'words')).toEqual([{ route: 'a', message: 'words' }]);
    expect(quarantine.busy).toBe(false);
  });

  test('finds exactly the bad routes among any, and lets the others in', () => {
    const sets = fc.uniqueArray(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(sets, fc.array(fc.boolean(), { minLength: 61, maxLength: 61 }), (numbers, isBad) => {
        const routes = numbers.map(String);
        const bad = new Set(routes.filter((route) => isBad[Number(route)]));
        fc.pre(bad.size > 0);
        const quarantine = new Quarantine();
        const out = new Set<string>();
        // What the proxies took last, and what they are asked to take now.
        let taken = new Set<string>();
        let answers = 0;
        let offered = new Set(routes);
        do {
          expect(++answers).toBeLessThan(200);
          const isRefused = [...offered].some((route) => bad.has(route));
          const changed = [...offered].filter((route) => !taken.has(route));
          const changes = isRefused ? quarantine.refused(changed, 'words') : quarantine.accepted();
          if (!isRefused) taken = offered;
          for (const { route, message } of changes) {
            if (message === undefined) out.delete(route);
            else out.add(route);
          }
          offered = new Set(routes.filter((route) => !out.has(route)));
        } while (quarantine.busy || [...offered].some((route) => bad.has(route)));
        expect(out).toEqual(bad);
      }),
    );
  });
});
