import fc from 'fast-check';
import { expect, test } from 'vitest';
import { IndexedStore } from './indexedStore.ts';

test('an index finds what a scan finds, whatever happens in whatever order', () => {
  const step = fc.record({
    key: fc.constantFrom('a', 'b', 'c', 'd'),
    object: fc.option(fc.array(fc.constantFrom('x', 'y', 'z'), { maxLength: 4 }), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(step), fc.nat(20), (steps, addAt) => {
      const store = new IndexedStore<string[]>(() => expect.unreachable());
      if (steps.length <= addAt) store.addIndex('tags', (tags) => tags);
      for (const [i, { key, object }] of steps.entries()) {
        if (i === addAt) store.addIndex('tags', (tags) => tags);
        store.set(key, object);
        if (!store.hasIndex('tags')) continue;
        for (const value of ['x', 'y', 'z']) {
          const scanned = [...store.values()].filter((tags) => tags.includes(value));
          expect(new Set(store.byIndex('tags', value))).toEqual(new Set(scanned));
        }
      }
    }),
  );
});

test('an index function that throws costs its object the index and no more', () => {
  const failed: string[] = [];
  const store = new IndexedStore<{ tag?: string }>((key) => failed.push(key));
  store.addIndex('tag', (object) => [object.tag!.toLowerCase()]);
  store.set('good', { tag: 'X' });
  store.set('bad', {});
  expect(failed).toEqual(['bad']);
  expect(store.get('bad')).toEqual({});
  expect(store.byIndex('tag', 'x')).toEqual([{ tag: 'X' }]);
  store.set('bad', { tag: 'x' });
  expect(store.byIndex('tag', 'x')).toEqual([{ tag: 'X' }, { tag: 'x' }]);
});

test('an index that does not exist, or exists already, is a mistake', () => {
  const store = new IndexedStore<string>(() => undefined);
  expect(() => store.byIndex('tag', 'x')).toThrow('There is no index "tag"');
  store.addIndex('tag', (value) => [value]);
  expect(() => store.addIndex('tag', (value) => [value])).toThrow('There is an index "tag" already');
});
