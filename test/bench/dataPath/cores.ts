/** Cores and what is used of them: proxies run on one core, the load generator with its backends on another. */
import { readdirSync, readFileSync } from 'node:fs';

/** The cores that this process may run on, from e.g. `0-1,4`. */
export function allowedCores(status = readFileSync('/proc/self/status', 'utf8')): number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? '';
  return list.split(',').flatMap((range) => {
    const [first, last = first] = range.split('-').map(Number);
    return Array.from({ length: last! - first! + 1 }, (_, index) => first! + index);
  });
}

/** The command that runs another on one core: whole cores for proxy and load, so that neither takes time from the other. */
export function onCore(core: number | undefined, command: string, args: string[]): { command: string; args: string[] } {
  return core === undefined ? { command, args } : { command: 'taskset', args: ['-c', String(core), command, ...args] };
}

/** Of all threads of a process, in seconds. */
export function cpuTime(pid: number): number {
  let nanoseconds = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`))
    nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
  return nanoseconds / 1e9;
}
