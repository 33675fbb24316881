/**
 * Reads what the conformance suite's test binary prints with `-test.v`: which test failed, and what it said.
 *
 * Tests of the suite are the children of TestConformance; lines of tests that run in parallel are mixed, and the last
 * `=== RUN`, `=== NAME` or `=== CONT` before a line says whose it is. Source: Go's testing package, chatty output.
 */

export interface SuiteLog {
  passed: string[];
  failed: string[];
  /** Of features that are not gateways' (mesh), or that were not asked for. */
  skipped: string[];
  /** What was said by each test, its own tests included; by no test: ''. */
  lines: ReadonlyMap<string, readonly string[]>;
}

const turn = /^=== (RUN|NAME|CONT|PAUSE)\s+(\S*)/;
const verdict = /^ {4}--- (PASS|FAIL|SKIP): TestConformance\/(\S+) /;

export function readLog(text: string): SuiteLog {
  const verdicts: Record<string, string[]> = { PASS: [], FAIL: [], SKIP: [] };
  const lines = new Map<string, string[]>();
  let current = '';
  for (const line of text.split('\n')) {
    const [, how, name] = turn.exec(line) ?? [];
    if (how !== undefined) {
      if (how !== 'PAUSE') current = name!.split('/')[1] ?? '';
      continue;
    }
    const [, kind, test] = verdict.exec(line) ?? [];
    if (kind !== undefined) verdicts[kind]!.push(test!);
    const said = lines.get(current);
    if (said === undefined) lines.set(current, [line]);
    else said.push(line);
  }
  return { passed: verdicts['PASS']!, failed: verdicts['FAIL']!, skipped: verdicts['SKIP']!, lines };
}

/** What is polled is said again and again: of lines that differ in numbers only, the last one stays. */
export function withoutRepetitions(lines: readonly string[]): string[] {
  const last = new Map<string, string>();
  for (const line of lines) {
    const shape = line.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '').replace(/[0-9]+/g, '');
    last.delete(shape);
    last.set(shape, line);
  }
  return [...last.values()];
}
