import { pino } from 'pino';
import { expect, test } from 'vitest';

import type { Problem } from './problem.ts';
import { ProblemLog } from './problemLog.ts';

test('each problem is said once, and once that it is gone', () => {
  const said: string[] = [];
  const log = new ProblemLog(
    pino({}, { write: (line: string) => said.push((JSON.parse(line) as { msg: string }).msg) }),
  );
  const problem = (file: string, line: number, message: string): Problem => ({
    reason: 'Invalid',
    file,
    position: { line, column: 1 },
    message,
  });
  log.set([problem('a.yaml', 1, 'one.'), problem('b.yaml', 1, 'two.')]);
  // An edit above moves the line, and says nothing new.
  log.set([problem('a.yaml', 9, 'one.'), problem('a.yaml', 2, 'three.')]);
  log.set([]);
  log.set([problem('a.yaml', 1, 'one.')]);
  expect(said).toEqual([
    'a.yaml:1:1: one.',
    'b.yaml:1:1: two.',
    'a.yaml:2:1: three.',
    'b.yaml is in order again.',
    'a.yaml is in order again.',
    'a.yaml:1:1: one.',
  ]);
});
