/**
 * Keys that wait for their turn, each at most once, taken in turn from each group, so that a group of thousands does not keep
 * a group of one waiting.
 */
export class FairQueue {
  readonly #groups = new Map<string, Set<string>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Adds a key; one that waits already keeps its place. */
  add(group: string, key: string): void {
    let keys = this.#groups.get(group);
    if (keys === undefined) {
      keys = new Set();
      this.#groups.set(group, keys);
    }
    if (keys.has(key)) return;
    keys.add(key);
    this.#size += 1;
  }

  /** Takes the next key; undefined where none waits. */
  take(): string | undefined {
    for (const [group, keys] of this.#groups) {
      // To the end of the line, if it still has keys.
      this.#groups.delete(group);
      for (const key of keys) {
        keys.delete(key);
        this.#size -= 1;
        if (keys.size > 0) this.#groups.set(group, keys);
        return key;
      }
    }
    return undefined;
  }
}
