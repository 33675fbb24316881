import { Registry } from 'prom-client';
import { afterEach, expect, test, vi } from 'vitest';
import type { KubernetesObject, ObjectKey } from '../api/object.ts';
import { ApiError } from './apiError.ts';
import type { CacheView, Change, ChangeListener } from './cache.ts';
import { type Controller, controller, type ControllerOptions, generationChanged, TerminalError } from './controller.ts';
import { IndexedStore } from './indexedStore.ts';
import { defineResource, type Resource } from './resource.ts';
import { logger, turn } from './testing/fixtures.ts';

interface Shelf extends KubernetesObject<{ color?: string }> {}
interface Book extends KubernetesObject<{ shelves: string[] }> {}

const shelves = defineResource<Shelf>({
  group: 'library.example',
  version: 'v1',
  kind: 'Shelf',
  plural: 'shelves',
  namespaced: true,
});
const books = defineResource<Book>({
  group: 'library.example',
  version: 'v1',
  kind: 'Book',
  plural: 'books',
  namespaced: true,
});

/** A cache that is filled by hand instead of by a watch. */
class HandFilledCache<T extends KubernetesObject> implements CacheView<T> {
  readonly resource: Resource<T>;
  readonly name = 'by hand';
  readonly #store = new IndexedStore<T>(() => undefined);
  readonly #listeners = new Set<ChangeListener<T>>();

  constructor(resource: Resource<T>) {
    this.resource = resource;
  }

  get size(): number {
    return this.#store.size;
  }
  get(key: ObjectKey): T | undefined {
    return this.#store.get(key);
  }
  list(): T[] {
    return [...this.#store.values()];
  }
  keys(): IteratorObject<ObjectKey> {
    return this.#store.keys();
  }
  byIndex(name: string, value: string): T[] {
    return this.#store.byIndex(name, value);
  }
  hasSynced(): boolean {
    return true;
  }
  async whenSynced(): Promise<void> {}
  onChange(listener: ChangeListener<T>): () => void {
    for (const [key, after] of this.#store.entries()) listener({ key, after });
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  set(name: string, object: Partial<T> | undefined): void {
    const key = `default/${name}`;
    const before = this.#store.get(key);
    const after =
      object === undefined
        ? undefined
        : ({
            apiVersion: 'library.example/v1',
            kind: this.resource.kind,
            ...object,
            metadata: { name, namespace: 'default', ...object.metadata },
          } as T);
    this.#store.set(key, after);
    const change: Change<T> = { key, ...(before && { before }), ...(after && { after }) };
    for (const listener of this.#listeners) listener(change);
  }
}

const started: Controller[] = [];

afterEach(async () => {
  vi.useRealTimers();
  await Promise.all(started.splice(0).map((one) => one.stop(0)));
});

function start<Watched extends readonly KubernetesObject[] = []>(
  options: Omit<ControllerOptions<Shelf, Watched>, 'name' | 'logger'>,
): Controller {
  const made = controller<Shelf, Watched>({ name: 'test', logger, ...options });
  started.push(made);
  made.start();
  return made;
}

/** Lets everything that is due run. */
async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await turn();
}

test('each object there is and each change of one is reconciled by its key', async () => {
  const cache = new HandFilledCache(shelves);
  cache.set('a', {});
  cache.set('b', {});
  const keys: string[] = [];
  start({ for: cache, reconcile: async (key) => void keys.push(key) });
  await settle();
  expect(keys.splice(0)).toEqual(['default/a', 'default/b']);
  cache.set('a', { spec: { color: 'red' } });
  cache.set('a', { spec: { color: 'green' } });
  cache.set('b', undefined);
  await settle();
  expect(keys).toEqual(['default/a', 'default/b']);
});

test('an owned object brings its controlling owner of that kind', async () => {
  const cache = new HandFilledCache(shelves);
  const owned = new HandFilledCache(books);
  const keys: string[] = [];
  start({ for: cache, owns: [owned], reconcile: async (key) => void keys.push(key) });
  const owner = { apiVersion: 'library.example/v2', kind: 'Shelf', name: 'mine', uid: '1' };
  owned.set('owned', {
    metadata: {
      name: 'owned',
      ownerReferences: [
        { ...owner, name: 'other' },
        { ...owner, controller: true },
      ],
    },
  });
  await settle();
  expect(keys.splice(0)).toEqual(['default/mine']);
  owned.set('owned', undefined);
  await settle();
  expect(keys.splice(0)).toEqual(['default/mine']);
  owned.set('free', {});
  owned.set('foreign kind', {
    metadata: { name: 'foreign', ownerReferences: [{ ...owner, kind: 'Box', controller: true }] },
  });
  owned.set('foreign group', {
    metadata: { name: 'foreign', ownerReferences: [{ ...owner, apiVersion: 'v1', controller: true }] },
  });
  await settle();
  expect(keys).toEqual([]);
});

test('a watched object brings what it refers to and what it referred to', async () => {
  const cache = new HandFilledCache(shelves);
  const watched = new HandFilledCache(books);
  const keys: string[] = [];
  start({
    for: cache,
    watches: [
      {
        cache: watched,
        map: (book) => book.spec!.shelves.map((name) => `default/${name}`),
        filter: ({ after }) => after?.metadata.name !== 'ignored',
      },
    ],
    reconcile: async (key) => void keys.push(key),
  });
  watched.set('book', { spec: { shelves: ['a', 'b'] } });
  watched.set('ignored', { spec: { shelves: ['x'] } });
  await settle();
  expect(keys.splice(0)).toEqual(['default/a', 'default/b']);
  watched.set('book', { spec: { shelves: ['b', 'c'] } });
  await settle();
  expect(keys).toEqual(['default/a', 'default/b', 'default/c']);
});

test('a failure is isolated, counted by its kind and tried again unless it is terminal', async () => {
  vi.useFakeTimers();
  const registry = new Registry();
  const cache = new HandFilledCache(shelves);
  const attempts = new Map<string, number>();
  start({
    for: cache,
    registry,
    backoff: { initialMs: 10, maximumMs: 10 },
    async reconcile(key) {
      const attempt = (attempts.get(key) ?? 0) + 1;
      attempts.set(key, attempt);
      if (key === 'default/terminal') throw new TerminalError('never');
      if (attempt > 1) return key === 'default/later' && attempt < 3 ? { requeueAfter: 5 } : undefined;
      if (key === 'default/bug') return (undefined as unknown as { reconcile(): undefined }).reconcile();
      if (key === 'default/conflict') throw new ApiError({ status: 409, reason: 'Conflict', message: 'changed' });
      if (key === 'default/fault') throw new Error('no luck');
      return undefined;
    },
  });
  for (const name of ['bug', 'terminal', 'conflict', 'fault', 'fine', 'later']) cache.set(name, {});
  await vi.advanceTimersByTimeAsync(100);
  cache.set('later', { spec: {} });
  await vi.advanceTimersByTimeAsync(100);
  expect(Object.fromEntries(attempts)).toEqual({
    'default/bug': 2,
    'default/terminal': 1,
    'default/conflict': 2,
    'default/fault': 2,
    'default/fine': 1,
    'default/later': 3,
  });
  const text = await registry.metrics();
  expect(text).toContain('controller_runtime_reconcile_total{controller="test",result="error"} 4');
  expect(text).toContain('controller_runtime_reconcile_total{controller="test",result="success"} 6');
  expect(text).toContain('controller_runtime_reconcile_total{controller="test",result="requeue_after"} 1');
  expect(text).toContain('controller_runtime_reconcile_errors_total{controller="test"} 4');
  expect(text).toContain('controller_runtime_terminal_reconcile_errors_total{controller="test"} 1');
  expect(text).toContain('controller_runtime_reconcile_panics_total{controller="test"} 1');
  expect(text).toContain('controller_runtime_reconcile_time_seconds_count{controller="test"} 11');
  expect(text).toContain('controller_runtime_max_concurrent_reconciles{controller="test"} 1');
  expect(text).toContain('controller_runtime_active_workers{controller="test"} 0');
});

test('a stop ends what runs by its signal once the grace period is over; a new start takes up all keys again', async () => {
  const cache = new HandFilledCache(shelves);
  cache.set('a', {});
  cache.set('b', {});
  const seen: string[] = [];
  let hang = true;
  const made = start({
    for: cache,
    async reconcile(key, { signal }) {
      seen.push(key);
      if (hang) await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    },
  });
  await settle();
  expect(seen.splice(0)).toEqual(['default/a']);
  await made.stop(1);
  cache.set('c', {});
  await settle();
  expect(seen).toEqual([]);
  hang = false;
  made.start();
  await settle();
  expect(seen).toEqual(['default/a', 'default/b', 'default/c']);
});

test('generationChanged passes on what its author changed, and not status', () => {
  const object = (metadata: Partial<KubernetesObject['metadata']>): KubernetesObject => ({
    apiVersion: 'v1',
    kind: 'Shelf',
    metadata: { name: 'a', generation: 1, ...metadata },
  });
  const changed = (metadata: Partial<KubernetesObject['metadata']>): boolean =>
    generationChanged({
      key: 'a',
      before: object({ resourceVersion: '1' }),
      after: object({ resourceVersion: '2', ...metadata }),
    });
  expect(changed({})).toBe(false);
  expect(changed({ generation: 2 })).toBe(true);
  // Deleted and made again while nobody watched.
  expect(changed({ uid: 'another' })).toBe(true);
  expect(changed({ labels: { a: 'b' } })).toBe(true);
  expect(changed({ annotations: { a: 'b' } })).toBe(true);
  expect(changed({ finalizers: ['a'] })).toBe(true);
  expect(changed({ deletionTimestamp: 'now' })).toBe(true);
  expect(generationChanged({ key: 'a', after: object({}) })).toBe(true);
  expect(generationChanged({ key: 'a', before: object({}) })).toBe(true);
});
