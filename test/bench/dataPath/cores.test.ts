import { expect, it } from 'vitest';
import { allowedCores, cpuTime, onCore } from './cores.ts';

it('reads ranges of cores', () => {
  expect(allowedCores('Name:\tnode\nCpus_allowed_list:\t0-2,7\n')).toEqual([0, 1, 2, 7]);
});

it('pins a command, or leaves it as it is', () => {
  expect(onCore(1, 'envoy', ['-c'])).toEqual({ command: 'taskset', args: ['-c', '1', 'envoy', '-c'] });
  expect(onCore(undefined, 'envoy', ['-c'])).toEqual({ command: 'envoy', args: ['-c'] });
});

it('sees what a process uses', () => {
  const before = cpuTime(process.pid);
  for (let looks = 0; looks < 10_000 && cpuTime(process.pid) === before; looks++);
  expect(cpuTime(process.pid)).toBeGreaterThan(before);
});
