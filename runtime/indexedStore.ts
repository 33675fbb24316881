/** Objects by key, with indexes. */
import type { ObjectKey } from '../api/object.ts';

/** The values under which an object is found in an index. */
export type IndexFunction<T> = (object: T) => Iterable<string>;

interface Index<T> {
  valuesOf: IndexFunction<T>;
  keys: Map<string, Set<ObjectKey>>;
}

/** A map whose indexes are always up to date. */
export class IndexedStore<T> {
  readonly #objects = new Map<ObjectKey, T>();
  readonly #indexes = new Map<string, Index<T>>();

  get size(): number {
    return this.#objects.size;
  }

  get(key: ObjectKey): T | undefined {
    return this.#objects.get(key);
  }

  keys(): MapIterator<ObjectKey> {
    return this.#objects.keys();
  }

  values(): MapIterator<T> {
    return this.#objects.values();
  }

  entries(): MapIterator<[ObjectKey, T]> {
    return this.#objects.entries();
  }

  /** Sets an object, or removes it where `object` is undefined. */
  set(key: ObjectKey, object: T | undefined): void {
    const before = this.#objects.get(key);
    if (object === undefined) this.#objects.delete(key);
    else this.#objects.set(key, object);
    for (const index of this.#indexes.values()) reindex(index, key, before, object);
  }

  /** @throws Error where there is an index of that name */
  addIndex(name: string, valuesOf: IndexFunction<T>): void {
    if (this.#indexes.has(name)) throw new Error(`There is an index "${name}" already.`);
    const index: Index<T> = { valuesOf, keys: new Map() };
    this.#indexes.set(name, index);
    for (const [key, object] of this.#objects) reindex(index, key, undefined, object);
  }

  hasIndex(name: string): boolean {
    return this.#indexes.has(name);
  }

  /** @throws Error where there is no such index */
  byIndex(name: string, value: string): T[] {
    const index = this.#indexes.get(name);
    if (index === undefined) throw new Error(`There is no index "${name}": add it before it is used.`);
    const found: T[] = [];
    for (const key of index.keys.get(value) ?? []) found.push(this.#objects.get(key)!);
    return found;
  }
}

function reindex<T>(index: Index<T>, key: ObjectKey, before: T | undefined, after: T | undefined): void {
  const old = new Set(before === undefined ? [] : index.valuesOf(before));
  for (const value of after === undefined ? [] : index.valuesOf(after)) {
    if (old.delete(value)) continue;
    const keys = index.keys.get(value);
    if (keys === undefined) index.keys.set(value, new Set([key]));
    else keys.add(key);
  }
  for (const value of old) {
    const keys = index.keys.get(value)!;
    keys.delete(key);
    if (keys.size === 0) index.keys.delete(value);
  }
}
