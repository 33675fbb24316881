/** The body of a watch: one JSON document per line. */

const newline = 0x0a;

/**
 * Splits a byte stream into lines, wherever its chunks are cut (also inside a character). Only whole lines come out;
 * what is left when a stream ends was cut and is not an event.
 */
export class LineSplitter {
  #pending: Buffer[] = [];
  readonly #onLine: (line: string) => void;

  /** @param onLine gets each line without its end; empty lines are left out */
  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  /** Takes the next bytes and hands out the lines that they complete, at once. */
  push(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      if (this.#pending.length > 0) {
        this.#pending.push(chunk.subarray(start, end));
        const line = Buffer.concat(this.#pending);
        this.#pending = [];
        this.#onLine(line.toString('utf8'));
      } else if (end > start) {
        this.#onLine(chunk.toString('utf8', start, end));
      }
      start = end + 1;
    }
    if (start < chunk.length) this.#pending.push(chunk.subarray(start));
  }

  /** Whether a line has begun and not ended. */
  get isMidLine(): boolean {
    return this.#pending.length > 0;
  }
}
