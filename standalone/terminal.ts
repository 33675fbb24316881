/**
 * Where sentences go: the log for people (one line each, on stderr) or for machines (JSON), and the summary (stdout).
 */
import { Writable } from 'node:stream';

import { type Logger, pino } from 'pino';

export type LogFormat = 'text' | 'json';

const labels: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warning',
  50: 'error',
  60: 'fatal',
};
const hidden = new Set(['level', 'time', 'pid', 'hostname', 'msg', 'name', 'component']);

function errorText(value: unknown): string {
  if (typeof value === 'object' && value !== null && 'message' in value) return String(value.message);
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** One line of pino's as people read it: `12:30:00 warning: sentence (key=value)`. */
export function formatLogLine(line: string): string {
  let entry: Record<string, unknown>;
  try {
    entry = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return line;
  }
  const time = new Date(Number(entry['time'])).toTimeString().slice(0, 8);
  const level = labels[Number(entry['level'])] ?? 'info';
  const details = Object.entries(entry)
    .filter(([key]) => !hidden.has(key))
    .map(([key, value]) => (key === 'err' ? errorText(value) : `${key}=${errorText(value)}`));
  const prefix = level === 'info' ? '' : `${level}: `;
  return `${time} ${prefix}${String(entry['msg'])}${details.length === 0 ? '' : ` (${details.join(', ')})`}`;
}

/** The logger of a command. */
export function createLogger(options: { level: string; format: LogFormat; write: (text: string) => void }): Logger {
  const stream = new Writable({
    decodeStrings: false,
    write(chunk: string, _encoding, done) {
      for (const line of chunk.split('\n').filter(Boolean)) {
        options.write(`${options.format === 'json' ? line : formatLogLine(line)}\n`);
      }
      done();
    },
  });
  return pino({ level: options.level, base: null }, stream);
}
