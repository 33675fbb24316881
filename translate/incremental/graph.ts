/**
 * An incremental dataflow graph: keyed collections, each derived from others by a pure transform with tracked reads.
 * A change recomputes only the entries that read what changed, in topological order, and stops where a recomputed
 * entry equals the one before. The idea is that of Istio's krt.
 *
 * Changes of sources wait until the pass under way ends, so that a pass that is done in slices never mixes two states.
 */

/** Something with a place in topological order. */
export interface Leveled {
  /** Greater than that of everything it is made from. */
  readonly level: number;
}

/** Something with entries by key that can be read inside a transform. */
interface Readable extends Leveled {
  /** Computations that read an entry, by its key. */
  readonly readers: Map<string, Set<Computation>>;
}

/** One application of a transform to one input key. */
interface Computation {
  readonly of: AnyDerived;
  readonly key: string;
  /** The reader sets this computation is in, with what to tidy when they become empty. */
  dependencies: { set: Set<Computation>; owner: Map<string, Set<Computation>>; key: string }[];
}

/** Reads other collections inside a transform; every read is tracked, also that of an absent key. */
export interface Reader {
  /** The entry of `collection` at `key`. */
  get<T>(collection: Collection<T>, key: string): T | undefined;
  /** The entries that `index` files under `key`, in the order of their keys: a view, to be read at once. */
  group<T>(index: Index<T>, key: string): readonly Member<T>[];
  /** How many entries `index` files under `key`; cheaper than reading them. */
  count<T>(index: Index<T>, key: string): number;
}

/** An entry of a collection together with its key. */
export interface Member<T> {
  readonly key: string;
  readonly value: T;
}

type AnyDerived = DerivedCollection<unknown, unknown>;

/** Keyed entries that can be read, indexed and derived from. */
export abstract class Collection<T> implements Readable {
  abstract readonly level: number;
  readonly name: string;
  readonly readers = new Map<string, Set<Computation>>();
  protected readonly graph: Graph;
  protected readonly entries = new Map<string, T>();
  private readonly indexes: Index<T>[] = [];
  private readonly consumers: AnyDerived[] = [];
  private readonly trackers: Set<string>[] = [];

  constructor(graph: Graph, name: string) {
    this.graph = graph;
    this.name = name;
  }

  get size(): number {
    return this.entries.size;
  }

  /** An entry, outside of any transform. */
  get(key: string): T | undefined {
    return this.entries.get(key);
  }

  /** All entries, outside of any transform, in no particular order. */
  list(): IterableIterator<[string, T]> {
    return this.entries.entries();
  }

  /** Files every entry under the keys that `keysOf` names. */
  index(name: string, keysOf: (value: T, key: string) => Iterable<string>): Index<T> {
    const index = new Index(this.graph, this, name, keysOf);
    this.indexes.push(index);
    for (const [key, value] of this.entries) index.update(key, undefined, value);
    return index;
  }

  /** A set to which the key of every entry that changes from now on is added; its owner empties it. */
  track(): Set<string> {
    const changed = new Set<string>(this.entries.keys());
    this.trackers.push(changed);
    return changed;
  }

  /** @internal */
  addConsumer(consumer: AnyDerived): void {
    this.consumers.push(consumer);
    for (const key of this.entries.keys()) consumer.mark(key);
  }

  /** @internal Replaces an entry and marks everything that depends on it. */
  protected put(key: string, value: T | undefined): void {
    const before = this.entries.get(key);
    if (value === undefined) {
      if (!this.entries.delete(key)) return;
    } else {
      this.entries.set(key, value);
    }
    for (const consumer of this.consumers) consumer.mark(key);
    for (const index of this.indexes) index.update(key, before, value);
    for (const tracker of this.trackers) tracker.add(key);
    markReaders(this, key);
  }
}

/** A collection that is fed from outside. */
export class SourceCollection<T> extends Collection<T> {
  readonly level = 0;

  /** Sets or, with undefined, removes an entry: seen from the next pass on. */
  set(key: string, value: T | undefined): void {
    this.graph.enqueue(() => {
      if (this.entries.get(key) !== value) this.put(key, value);
    });
  }
}

/** What a transform makes of one input entry: undefined for nothing. */
export type Transform<I, O> = (reader: Reader, value: I, key: string) => O | undefined;

/** How a derived collection is made, beyond its transform. */
export interface DeriveOptions<I, O> {
  /** Whether a recomputed entry is the same as before, so that nothing downstream runs. Default: identity. */
  equals?: (before: O, after: O) => boolean;
  /** What stands in for an entry whose transform threw. Default: the entry before, or nothing. */
  fallback?: (error: unknown, value: I, key: string) => O | undefined;
}

/** A collection that is computed from another, entry by entry. */
export class DerivedCollection<I, O> extends Collection<O> {
  readonly level: number;
  private readonly input: Collection<I> | Index<I>;
  private readonly transform: Transform<never, O>;
  private readonly options: DeriveOptions<never, O>;
  private readonly dirty = new Set<string>();
  private readonly computations = new Map<string, Computation>();

  /** @internal Made by `Graph.derive` and `Graph.deriveGroups`. */
  constructor(
    graph: Graph,
    name: string,
    input: Collection<I> | Index<I>,
    reads: readonly Leveled[],
    transform: Transform<never, O>,
    options: DeriveOptions<never, O>,
  ) {
    super(graph, name);
    this.input = input;
    this.transform = transform;
    this.options = options;
    this.level = 1 + Math.max(input.level, ...reads.map((read) => read.level));
  }

  /** @internal */
  mark(key: string): void {
    this.dirty.add(key);
    this.graph.markDirty(this as unknown as AnyDerived);
  }

  get hasWork(): boolean {
    return this.dirty.size > 0;
  }

  /** @internal Recomputes one marked entry. */
  runOne(): void {
    for (const key of this.dirty) {
      this.dirty.delete(key);
      this.recompute(key);
      return;
    }
  }

  private recompute(key: string): void {
    const before = this.computations.get(key);
    const value = this.input instanceof Index ? this.input.members(key) : this.input.get(key);
    const gone = value === undefined || (this.input instanceof Index && (value as readonly unknown[]).length === 0);
    if (before !== undefined) release(before);
    if (gone) {
      this.computations.delete(key);
      this.graph.faults.delete(`${this.name}/${key}`);
      this.put(key, undefined);
      return;
    }
    const computation: Computation = before ?? { of: this as unknown as AnyDerived, key, dependencies: [] };
    this.computations.set(key, computation);
    let result: O | undefined;
    try {
      result = this.transform(trackingReader(computation), value as never, key);
      this.graph.faults.delete(`${this.name}/${key}`);
    } catch (error) {
      // One object's fault stays that object's: its last good entry, or what the fallback makes of it, goes on.
      this.graph.faults.set(`${this.name}/${key}`, error);
      result = this.options.fallback ? this.options.fallback(error, value as never, key) : this.entries.get(key);
    }
    const last = this.entries.get(key);
    if (last === result) return;
    if (last !== undefined && result !== undefined && this.options.equals?.(last, result)) return;
    this.put(key, result);
  }
}

/** Entries of a collection filed under other keys. */
export class Index<T> implements Readable {
  readonly level: number;
  readonly name: string;
  readonly readers = new Map<string, Set<Computation>>();
  private readonly keysOf: (value: T, key: string) => Iterable<string>;
  /** Sorted by key, and edited in place: a group can be large, and most edits touch one member. */
  private readonly groups = new Map<string, Member<T>[]>();
  private readonly consumers: AnyDerived[] = [];
  private readonly presenceConsumers: AnyDerived[] = [];

  /** @internal Made by `Collection.index`. */
  constructor(_graph: Graph, source: Collection<T>, name: string, keysOf: (value: T, key: string) => Iterable<string>) {
    this.name = name;
    this.keysOf = keysOf;
    this.level = source.level;
  }

  /** The entries filed under `group`, in the order of their keys: a view that changes with the next pass. */
  members(group: string): readonly Member<T>[] {
    return this.groups.get(group) ?? [];
  }

  count(group: string): number {
    return this.groups.get(group)?.length ?? 0;
  }

  /** @internal @param presence whether only the coming and going of whole groups matters to it */
  addConsumer(consumer: AnyDerived, presence: boolean): void {
    (presence ? this.presenceConsumers : this.consumers).push(consumer);
    for (const group of this.groups.keys()) consumer.mark(group);
  }

  /** @internal */
  update(key: string, before: T | undefined, after: T | undefined): void {
    const old = before === undefined ? empty : new Set(this.keysOf(before, key));
    const current = after === undefined ? empty : new Set(this.keysOf(after, key));
    for (const group of old) {
      if (!current.has(group)) this.remove(group, key);
    }
    for (const group of current) this.put(group, { key, value: after! }, old.has(group));
  }

  private put(group: string, member: Member<T>, isThere: boolean): void {
    const members = this.groups.get(group);
    if (members === undefined) {
      this.groups.set(group, [member]);
      for (const consumer of this.presenceConsumers) consumer.mark(group);
    } else {
      members.splice(position(members, member.key), isThere ? 1 : 0, member);
    }
    this.touch(group);
  }

  private remove(group: string, key: string): void {
    const members = this.groups.get(group)!;
    if (members.length === 1) {
      this.groups.delete(group);
      for (const consumer of this.presenceConsumers) consumer.mark(group);
    } else {
      members.splice(position(members, key), 1);
    }
    this.touch(group);
  }

  private touch(group: string): void {
    for (const consumer of this.consumers) consumer.mark(group);
    markReaders(this, group);
  }
}

/** Holds collections, and runs passes over what is marked. */
export class Graph {
  /** Transforms that threw, by `collection/key`, until they succeed. */
  readonly faults = new Map<string, unknown>();
  private readonly levels: Set<AnyDerived>[] = [];
  private pending: (() => void)[] = [];
  private passing = false;

  source<T>(name: string): SourceCollection<T> {
    return new SourceCollection<T>(this, name);
  }

  /**
   * A collection with the keys of `input`. `reads` lists what the transform reads besides its input, which places the
   * collection after them; a read of what comes later throws.
   */
  derive<I, O>(
    name: string,
    input: Collection<I>,
    reads: readonly Leveled[],
    transform: Transform<I, O>,
    options: DeriveOptions<I, O> = {},
  ): DerivedCollection<I, O> {
    const derived = new DerivedCollection<I, O>(this, name, input, reads, transform, options);
    input.addConsumer(derived as unknown as AnyDerived);
    return derived;
  }

  /** A collection with an entry for each group of an index. */
  deriveGroups<I, O>(
    name: string,
    input: Index<I>,
    reads: readonly Leveled[],
    transform: Transform<readonly Member<I>[], O>,
    options: DeriveOptions<readonly Member<I>[], O> = {},
  ): DerivedCollection<I, O> {
    const derived = new DerivedCollection<I, O>(this, name, input, reads, transform, options);
    input.addConsumer(derived as unknown as AnyDerived, false);
    return derived;
  }

  /** A collection with an entry for each group of an index, whatever its members are: it runs when a group comes or goes. */
  deriveKeys<I, O>(
    name: string,
    input: Index<I>,
    reads: readonly Leveled[],
    transform: (reader: Reader, key: string) => O | undefined,
    options: DeriveOptions<readonly Member<I>[], O> = {},
  ): DerivedCollection<I, O> {
    const ofKey: Transform<readonly Member<I>[], O> = (reader, _, key) => transform(reader, key);
    const derived = new DerivedCollection<I, O>(this, name, input, reads, ofKey, options);
    input.addConsumer(derived as unknown as AnyDerived, true);
    return derived;
  }

  /** Whether a pass is under way or due. */
  get hasWork(): boolean {
    return this.passing || this.pending.length > 0 || this.levels.some((level) => level.size > 0);
  }

  /**
   * Works until the pass is done or time is up.
   * @returns true once the pass is done: what the collections hold is then consistent.
   */
  step(outOfTime: () => boolean): boolean {
    if (!this.passing) {
      this.passing = true;
      const changes = this.pending;
      this.pending = [];
      for (const change of changes) change();
    }
    for (let level = 0; level < this.levels.length; level++) {
      const marked = this.levels[level];
      if (marked === undefined) continue;
      for (const derived of marked) {
        while (derived.hasWork) {
          derived.runOne();
          if (outOfTime()) {
            if (!derived.hasWork) marked.delete(derived);
            if (this.levels.some((set) => set?.size > 0)) return false;
          }
        }
        marked.delete(derived);
      }
    }
    this.passing = false;
    return true;
  }

  /** @internal */
  enqueue(change: () => void): void {
    this.pending.push(change);
  }

  /** @internal */
  markDirty(derived: AnyDerived): void {
    (this.levels[derived.level] ??= new Set()).add(derived);
    for (let level = 0; level < derived.level; level++) this.levels[level] ??= new Set();
  }
}

const empty: ReadonlySet<string> = new Set();

function markReaders(readable: Readable, key: string): void {
  const readers = readable.readers.get(key);
  if (readers === undefined) return;
  for (const reader of readers) reader.of.mark(reader.key);
}

function release(computation: Computation): void {
  for (const { set, owner, key } of computation.dependencies) {
    set.delete(computation);
    if (set.size === 0) owner.delete(key);
  }
  computation.dependencies = [];
}

function trackingReader(computation: Computation): Reader {
  const depend = (readable: Readable & { name: string }, key: string): void => {
    if (readable.level >= computation.of.level) {
      throw new Error(`${computation.of.name} reads ${readable.name}, which is not among the reads it declares`);
    }
    let set = readable.readers.get(key);
    if (set === undefined) readable.readers.set(key, (set = new Set()));
    if (set.has(computation)) return;
    set.add(computation);
    computation.dependencies.push({ set, owner: readable.readers, key });
  };
  return {
    get(collection, key) {
      depend(collection, key);
      return collection.get(key);
    },
    group(index, key) {
      depend(index, key);
      return index.members(key);
    },
    count(index, key) {
      depend(index, key);
      return index.count(key);
    },
  };
}

/** Where a key stands, or would stand, among members that are sorted by key. */
function position(members: readonly { key: string }[], key: string): number {
  let low = 0;
  let high = members.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (members[middle]!.key < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
