/**
 * Folds Envoy's log into ours. Envoy is told to write `level<TAB>logger<TAB>message`; a line without that belongs to the
 * message before it.
 */

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';

export interface EnvoyLogEntry {
  level: LogLevel;
  /** Envoy's component, for example `config` or `upstream`. */
  component: string;
  message: string;
}

/** The value of Envoy's `--log-format`. Source: Envoy docs, "Command line options". */
export const envoyLogFormat = '%l\t%n\t%v';

const levels: Readonly<Record<string, LogLevel>> = {
  trace: 'trace',
  debug: 'debug',
  info: 'info',
  warning: 'warn',
  error: 'error',
  critical: 'fatal',
  off: 'info',
};

/** What Envoy says as a warning although nothing is wrong, or we say it better elsewhere. */
const expected: readonly RegExp[] = [
  // Rejections stand in the status of the object that caused them.
  /^(Delta)?\s*gRPC config for type\.googleapis\.com\/\S+ rejected/,
  /^gRPC config: initial fetch timed out/,
  // Its configuration comes from us: both ends begin and end together.
  /^(DeltaAggregatedResources|StreamAggregatedResources) gRPC config stream (to \S+ )?closed/,
  /^caught (ENVOY_)?SIG(TERM|INT)/,
  /^all dependencies initialized/,
  /No configured limit to the number of allowed active downstream connections/i,
  /There is no configured limit to the number of allowed active downstream connections/,
  /^Admin is configured without authentication/i,
  // Clients that go in the middle of something.
  /^\[Tags: .*\] (remote early close|remote reset)/,
];

/** The level that an entry has for the reader of our log. */
export function foldedLevel(entry: EnvoyLogEntry): LogLevel {
  // At its start it lists all that is built into it.
  if (entry.level === 'info') return /^(statically linked| )/.test(entry.message) ? 'trace' : 'debug';
  if (entry.level === 'warn' && expected.some((pattern) => pattern.test(entry.message))) return 'debug';
  return entry.level;
}

/** Cuts Envoy's output into entries; a partial line waits for its rest. */
export class EnvoyLogReader {
  #rest = '';
  #pending: EnvoyLogEntry | undefined;
  readonly #emit: (entry: EnvoyLogEntry) => void;

  constructor(emit: (entry: EnvoyLogEntry) => void) {
    this.#emit = emit;
  }

  write(chunk: string): void {
    const lines = (this.#rest + chunk).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#line(line);
    // An entry is whole when its line is: what follows in a later chunk is a new one, or rare.
    if (this.#rest === '') this.#flush();
  }

  end(): void {
    if (this.#rest !== '') this.#line(this.#rest);
    this.#rest = '';
    this.#flush();
  }

  #line(line: string): void {
    const match = /^([a-z]+)\t([^\t]*)\t(.*)$/.exec(line);
    const level = match === null ? undefined : levels[match[1]!];
    if (match !== null && level !== undefined) {
      this.#flush();
      this.#pending = { level, component: match[2]!, message: match[3]! };
    } else if (this.#pending !== undefined) {
      this.#pending.message += `\n${line}`;
    } else if (line.trim() !== '') {
      this.#pending = { level: 'warn', component: 'main', message: line };
    }
  }

  #flush(): void {
    if (this.#pending === undefined) return;
    const entry = this.#pending;
    this.#pending = undefined;
    this.#emit(entry);
  }
}
