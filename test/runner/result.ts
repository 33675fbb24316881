/**
 * What a suite has come to, and how it is told.
 */

export interface SuiteResult {
  name: string;
  passed: number;
  failed: number;
  skipped: number;
  seconds: number;
  /** Why it could not run at all. */
  unable?: string;
}

/** The parts of vitest's JSON report that are read. */
export interface VitestReport {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  testResults: { status: string; assertionResults: { status: string }[] }[];
}

/**
 * Counts a vitest run.
 * A file that could not be loaded, or a hook that failed, counts as one failed test; and so does a run that failed
 * without any test to blame (an unhandled error, a set-up that failed, no report).
 */
export function countVitest(
  report: VitestReport | undefined,
  exitedWell: boolean,
): Pick<SuiteResult, 'passed' | 'failed' | 'skipped'> {
  if (report === undefined) return { passed: 0, failed: 1, skipped: 0 };
  const brokenFiles = report.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  ).length;
  const failed = report.numFailedTests + brokenFiles;
  return {
    passed: report.numPassedTests,
    failed: failed === 0 && !exitedWell ? 1 : failed,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

/**
 * Counts a run of Gateway API's conformance suite. What it skipped is of features that are not asked for (mesh), unless
 * the run itself says otherwise: then it did not exit well, and that is a failure although no test is to blame.
 */
export function countSuite(
  log: { passed: readonly string[]; failed: readonly string[] },
  exitedWell: boolean,
): Pick<SuiteResult, 'passed' | 'failed' | 'skipped'> {
  const failed = log.failed.length === 0 && !exitedWell ? 1 : log.failed.length;
  return { passed: log.passed.length, failed, skipped: 0 };
}

/**
 * The summary of a run: one line per suite, and as the very last line `N passed, N failed`.
 * @param strict whether a suite that could not run is a failure (on CI)
 * @returns the text, and whether the run as a whole has passed
 */
export function summarize(results: readonly SuiteResult[], strict: boolean): { text: string; passed: boolean } {
  const lines: string[] = [];
  let passed = 0;
  let failed = 0;
  for (const suite of results) {
    const ranNothing = suite.unable === undefined && suite.passed + suite.failed === 0;
    passed += suite.passed;
    failed += suite.failed + (ranNothing || (suite.unable !== undefined && strict) ? 1 : 0);
    let outcome = `${suite.passed} passed, ${suite.failed} failed`;
    if (suite.skipped > 0) outcome += `, ${suite.skipped} skipped`;
    if (ranNothing) outcome = 'ran no test, which is a failure';
    if (suite.unable !== undefined) outcome = `could not run${strict ? ', which is a failure' : ''}: ${suite.unable}`;
    lines.push(`${suite.name.padEnd(12)} ${outcome}  (${Math.round(suite.seconds)} s)`);
  }
  if (results.length === 0) failed = 1;
  lines.push(`${passed} passed, ${failed} failed`);
  return { text: lines.join('\n'), passed: failed === 0 };
}
