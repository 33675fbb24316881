/** Objects by key, with indexes. */
import type { ObjectKey } from '../api/object.ts';

/** The values under which an object is found in an index. */
export type IndexFunction<T> = (object: T) => Iterable<string>;

interface Index<T> {
  valuesOf: IndexFunction<T>;
  keys: Map<string, Set<ObjectKey>>;
  /** The values that a key is under, so that a function need not answer alike twice. */
  values: Map<ObjectKey, ReadonlySet<string>>;
}

/** A map whose indexes are always up to date. */
export class IndexedStore<T> {
  readonly #objects = new Map<ObjectKey, T>();
  readonly #indexes = new Map<string, Index<T>>();
  readonly #onIndexError: (key: ObjectKey, error: unknown) => void;

  /** @param onIndexError told where an index function throws; that object is then not in that index */
  constructor(onIndexError: (key: ObjectKey, error: unknown) => void) {
    this.#onIndexError = onIndexError;
  }

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
    if (object === undefined) this.#objects.delete(key);
    else this.#objects.set(key, object);
    for (const index of this.#indexes.values()) this.#reindex(index, key, object);
  }

  /** @throws Error where there is an index of that name */
  addIndex(name: string, valuesOf: IndexFunction<T>): void {
    if (this.#indexes.has(name)) throw new Error(`There is an index "${name}" already.`);
    const index: Index<T> = { valuesOf, keys: new Map(), values: new Map() };
    this.#indexes.set(name, index);
    for (const [key, object] of this.#objects) this.#reindex(index, key, object);
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

  #reindex(index: Index<T>, key: ObjectKey, object: T | undefined): void {
    const before = index.values.get(key) ?? none;
    let after = none;
    try {
      if (object !== undefined) after = new Set(index.valuesOf(object));
    } catch (error) {
      this.#onIndexError(key, error);
    }
    for (const value of before) {
      if (after.has(value)) continue;
      const keys = index.keys.get(value)!;
      keys.delete(key);
      if (keys.size === 0) index.keys.delete(value);
    }
    for (const value of after) {
      const keys = index.keys.get(value);
      if (keys === undefined) index.keys.set(value, new Set([key]));
      else keys.add(key);
    }
    if (after.size === 0) index.values.delete(key);
    else index.values.set(key, after);
  }
}

const none: ReadonlySet<string> = new Set();
