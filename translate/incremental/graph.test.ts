import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Graph } from './index.ts';

const never = (): boolean => false;

/** Words with a group, a table of factors, and sums over groups: reads by key, by group and by count. */
function build() {
  const graph = new Graph();
  const items = graph.source<{ group: string; amount: number }>('items');
  const factors = graph.source<number>('factors');
  const runs: string[] = [];
  const scaled = graph.derive('scaled', items, [factors], (reader, { group, amount }, key) => {
    runs.push(`scaled ${key}`);
    const factor = reader.get(factors, group) ?? 1;
    if (amount === 13) throw new Error('unlucky');
    return { group, amount: amount * factor };
  });
  const byGroup = scaled.index('by group', ({ group }) => [group]);
  const sums = graph.deriveGroups(
    'sums',
    byGroup,
    [],
    (_, members, key) => {
      runs.push(`sum ${key}`);
      return members.reduce((sum, { value }) => sum + value.amount, 0);
    },
    { equals: Object.is },
  );
  const shares = graph.derive('shares', items, [scaled, sums, byGroup], (reader, { group }, key) => {
    runs.push(`share ${key}`);
    const own = reader.get(scaled, key)?.amount ?? 0;
    return `${own}/${reader.get(sums, group)} of ${reader.count(byGroup, group)}`;
  });
  return { graph, items, factors, scaled, sums, shares, runs };
}

describe('Graph', () => {
  test('recomputes only what read what changed', () => {
    const { graph, items, factors, sums, shares, runs } = build();
    items.set('a', { group: 'x', amount: 1 });
    items.set('b', { group: 'y', amount: 2 });
    graph.step(never);
    expect(shares.get('a')).toBe('1/1 of 1');
    runs.length = 0;
    factors.set('y', 10);
    expect(graph.step(never)).toBe(true);
    expect(runs).toEqual(['scaled b', 'sum y', 'share b']);
    expect(sums.get('y')).toBe(20);
  });

  test('stops where a recomputed entry equals the one before', () => {
    const { graph, items, runs } = build();
    items.set('a', { group: 'x', amount: 1 });
    items.set('b', { group: 'x', amount: -1 });
    items.set('c', { group: 'y', amount: 0 });
    graph.step(never);
    runs.length = 0;
    items.set('a', { group: 'x', amount: 2 });
    items.set('b', { group: 'x', amount: -2 });
    graph.step(never);
    expect(runs.filter((run) => run.startsWith('sum'))).toEqual(['sum x']);
    expect(runs).not.toContain('share c');
  });

  test('a change during a pass waits for the next', () => {
    const { graph, items, sums } = build();
    items.set('a', { group: 'x', amount: 1 });
    items.set('b', { group: 'x', amount: 1 });
    let steps = 0;
    const once = (): boolean => ++steps === 1;
    expect(graph.step(once)).toBe(false);
    items.set('a', { group: 'x', amount: 5 });
    while (!graph.step(never));
    expect(sums.get('x')).toBe(2);
    expect(graph.hasWork).toBe(true);
    graph.step(never);
    expect(sums.get('x')).toBe(6);
  });

  test('a transform that throws keeps its last entry and holds up nothing else', () => {
    const { graph, items, scaled } = build();
    items.set('a', { group: 'x', amount: 1 });
    graph.step(never);
    items.set('a', { group: 'x', amount: 13 });
    items.set('b', { group: 'x', amount: 2 });
    graph.step(never);
    expect(scaled.get('a')).toEqual({ group: 'x', amount: 1 });
    expect(scaled.get('b')).toEqual({ group: 'x', amount: 2 });
    expect([...graph.faults.keys()]).toEqual(['scaled/a']);
    items.set('a', { group: 'x', amount: 3 });
    graph.step(never);
    expect(graph.faults.size).toBe(0);
  });

  test('tells what changed to trackers', () => {
    const { graph, items, sums } = build();
    const changed = sums.track();
    items.set('a', { group: 'x', amount: 1 });
    graph.step(never);
    expect([...changed]).toEqual(['x']);
    changed.clear();
    items.set('a', undefined);
    graph.step(never);
    expect([...changed]).toEqual(['x']);
    expect(sums.get('x')).toBeUndefined();
  });

  test('refuses a read of what comes later', () => {
    const graph = new Graph();
    const source = graph.source<number>('source');
    const late = graph.derive('late', source, [], (_, value) => value);
    graph.derive('early', source, [], (reader, _, key) => reader.get(late, key));
    source.set('a', 1);
    graph.step(never);
    expect(String(graph.faults.get('early/a'))).toContain('not among the reads it declares');
  });

  test('any sequence of changes, in any slices, ends where a computation from scratch ends', () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd');
    const group = fc.constantFrom('x', 'y', 'z');
    const change = fc.oneof(
      fc.record({
        kind: fc.constant('item'),
        key,
        value: fc.option(fc.record({ group, amount: fc.integer({ min: 0, max: 9 }) })),
      }),
      fc.record({ kind: fc.constant('factor'), key: group, value: fc.option(fc.integer({ min: 0, max: 9 })) }),
      fc.record({ kind: fc.constant('work'), slices: fc.integer({ min: 1, max: 4 }) }),
    );
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
        const incremental = build();
        const state = {
          items: new Map<string, { group: string; amount: number }>(),
          factors: new Map<string, number>(),
        };
        for (const one of changes) {
          if ('slices' in one) {
            for (let i = 0; i < one.slices; i++) incremental.graph.step(() => true);
          } else if (one.kind === 'item') {
            const value = (one.value ?? undefined) as { group: string; amount: number } | undefined;
            incremental.items.set(one.key, value);
            if (value === undefined) state.items.delete(one.key);
            else state.items.set(one.key, value);
          } else {
            const value = one.value ?? undefined;
            incremental.factors.set(one.key, value);
            if (value === undefined) state.factors.delete(one.key);
            else state.factors.set(one.key, value);
          }
        }
        while (incremental.graph.hasWork) incremental.graph.step(never);
        const scratch = build();
        for (const [name, value] of state.items) scratch.items.set(name, value);
        for (const [name, value] of state.factors) scratch.factors.set(name, value);
        while (scratch.graph.hasWork) scratch.graph.step(never);
        expect(new Map(incremental.shares.list())).toEqual(new Map(scratch.shares.list()));
        expect(new Map(incremental.sums.list())).toEqual(new Map(scratch.sums.list()));
      }),
    );
  });
});
