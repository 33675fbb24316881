import fc from 'fast-check';
import { expect, test } from 'vitest';
import { intersection } from '../httpRoute/hostname.ts';
import type { RouteContribution } from '../status/index.ts';
import { newTranslator, TranslationState } from '../testing/golden.ts';
import type { SourceChange } from '../sources.ts';

interface Stated {
  kind: 'HTTPRoute' | 'GRPCRoute';
  name: string;
  day: number;
  hostnames: string[];
}

const stated: fc.Arbitrary<Stated> = fc.record({
  kind: fc.constantFrom('HTTPRoute', 'GRPCRoute'),
  name: fc.constantFrom('a', 'b', 'c', 'd'),
  day: fc.integer({ min: 1, max: 3 }),
  hostnames: fc.array(fc.constantFrom('a.b.c', 'x.b.c', '*.b.c', '*.a.b.c', '*.c', 'b.c', 'c'), { maxLength: 2 }),
});

const gateway = {
  kind: 'Gateway',
  key: 'default/g',
  object: {
    metadata: { namespace: 'default', name: 'g' },
    spec: { listeners: [{ name: 'l', port: 80, protocol: 'HTTP' }] },
  },
} as SourceChange;

function change({ kind, name, day, hostnames }: Stated, isThere: boolean): SourceChange {
  const object = {
    metadata: { namespace: 'default', name, creationTimestamp: `2026-01-0${day}T00:00:00Z` },
    spec: { parentRefs: [{ name: 'g' }], hostnames, rules: [{}] },
  };
  return { kind, key: `default/${name}`, object: isThere ? object : undefined } as SourceChange;
}

/** The specification word for word: in order of age, a route is accepted unless an accepted one of the other kind clashes. */
function expected(routes: readonly Stated[]): string[] {
  const order = routes.toSorted(
    (a, b) => a.day - b.day || (a.name < b.name ? -1 : a.name > b.name ? 1 : a.kind < b.kind ? -1 : 1),
  );
  const accepted: Stated[] = [];
  const names = ({ hostnames }: Stated): string[] => (hostnames.length === 0 ? [''] : hostnames);
  for (const route of order) {
    const clashes = accepted.some(
      (other) =>
        other.kind !== route.kind &&
        names(other).some((one) => names(route).some((two) => intersection(one, two) !== undefined)),
    );
    if (!clashes) accepted.push(route);
  }
  return accepted.map(({ kind, name }) => `${kind} default/${name}`).toSorted();
}

test('of routes of two kinds with common hostnames the older is accepted, whatever came when', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(stated, fc.boolean()), { maxLength: 14 }), (steps) => {
      const translator = newTranslator();
      const state = new TranslationState();
      translator.apply([gateway]);
      const present = new Map<string, Stated>();
      for (const [route, isThere] of steps) {
        translator.apply([change(route, isThere)]);
        state.take(translator);
        if (isThere) present.set(`${route.kind} ${route.name}`, route);
        else present.delete(`${route.kind} ${route.name}`);
        const accepted = [...state.statuses.entries()].filter(([, status]) => {
          const conditions = (status as RouteContribution).parents?.[0]?.conditions;
          return conditions?.some(({ type, status: value }) => type === 'Accepted' && value === 'True');
        });
        expect(accepted.map(([name]) => name).toSorted()).toEqual(expected([...present.values()]));
      }
    }),
    { numRuns: 200 },
  );
});
