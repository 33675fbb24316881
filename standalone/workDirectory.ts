/**
 * The private directory of one run: the xDS socket, Envoy's bootstrap and its admin socket. Nobody else may read it, because
 * whoever reaches the sockets sees private keys.
 *
 * A run that was killed leaves its directory, and on systems without a parent-death signal perhaps its Envoy: the next run
 * clears both away.
 */
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { messageOf, SluiceError, systemCode } from './sluiceError.ts';

const prefix = 'sluice-run-';

/** A path of a unix socket has to fit into `sockaddr_un`: 104 bytes on the stricter systems. */
const socketPathLimit = 100;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === 'EPERM';
  }
}

/** Tells a process from a later one with the same id, where the system says so. */
function startOf(pid: number): string {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    // Killed, but its parent has not taken note.
    if (fields[0] === 'Z') return 'ended';
    return fields[19] ?? '';
  } catch {
    return '';
  }
}

function readNumbers(file: string): { pid: number; start: string } | undefined {
  try {
    const [pid, start] = readFileSync(file, 'utf8').split(' ');
    return { pid: Number(pid), start: start ?? '' };
  } catch {
    return undefined;
  }
}

function isSame(recorded: { pid: number; start: string } | undefined): recorded is { pid: number; start: string } {
  return (
    recorded !== undefined && recorded.pid > 0 && isAlive(recorded.pid) && startOf(recorded.pid) === recorded.start
  );
}

export class WorkDirectory {
  readonly path: string;

  private constructor(directory: string) {
    this.path = directory;
  }

  /**
   * Makes a directory that only this user can enter, and clears away those of runs that are no more.
   *
   * @param onCleared one sentence for each Envoy that had been left running
   * @throws SluiceError NotWritable
   */
  static create(onCleared: (message: string) => void, temporary: string = tmpdir()): WorkDirectory {
    const base = path.join(temporary, `${prefix}XXXXXX`, 'admin.sock').length > socketPathLimit ? '/tmp' : temporary;
    clearStale(base, onCleared);
    try {
      const directory = mkdtempSync(path.join(base, prefix));
      chmodSync(directory, 0o700);
      writeFileSync(path.join(directory, 'owner'), `${process.pid} ${startOf(process.pid)}`);
      return new WorkDirectory(directory);
    } catch (error) {
      throw new SluiceError(
        'NotWritable',
        `No private directory can be made in ${base} (${messageOf(error)}); set TMPDIR to one that can be written to.`,
      );
    }
  }

  file(name: string): string {
    return path.join(this.path, name);
  }

  /** Notes the Envoy of this run, so that a later run finds it if this one is killed. */
  recordEnvoy(pid: number): void {
    writeFileSync(this.file('envoy'), `${pid} ${startOf(pid)}`);
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

function clearStale(base: string, onCleared: (message: string) => void): void {
  let names: string[];
  try {
    names = readdirSync(base).filter((name) => name.startsWith(prefix));
  } catch {
    // No such directory: making our own in it says so.
    return;
  }
  for (const name of names) {
    const directory = path.join(base, name);
    try {
      // Only what is ours: the directory for temporary files belongs to everyone.
      if (statSync(directory).uid !== process.getuid?.()) continue;
      const owner = readNumbers(path.join(directory, 'owner'));
      // Without an owner it may be one that another run is just making.
      if (owner === undefined || isSame(owner)) continue;
      const envoy = readNumbers(path.join(directory, 'envoy'));
      if (isSame(envoy)) {
        process.kill(envoy.pid, 'SIGKILL');
        onCleared(`Ended an Envoy (process ${envoy.pid}) that an earlier run had left behind.`);
      }
      rmSync(directory, { recursive: true, force: true });
    } catch (error) {
      if (existsSync(directory)) onCleared(`${directory} of an earlier run cannot be removed: ${messageOf(error)}.`);
    }
  }
}
