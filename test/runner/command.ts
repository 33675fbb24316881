/**
 * Commands of the suite runner: their output goes to a file, and is shown when they fail.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';

/**
 * Runs a command to its end; it is killed when the runner dies.
 * @param log a file that all it writes is appended to
 * @returns whether it exited with 0
 */
export async function run(command: string[], log: string, environment: Record<string, string> = {}): Promise<boolean> {
  const file = openSync(log, 'a');
  const line = process.platform === 'linux' ? ['setpriv', '--pdeathsig', 'TERM', ...command] : command;
  const child = spawn(line[0]!, line.slice(1), {
    stdio: ['ignore', file, file],
    env: { ...process.env, ...environment },
  });
  closeSync(file);
  return await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code === 0));
  });
}
