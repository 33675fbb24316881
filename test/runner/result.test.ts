import { expect, test } from 'vitest';
import { countSuite, countVitest, summarize, type SuiteResult } from './result.ts';

const report = { numPassedTests: 3, numFailedTests: 0, numPendingTests: 1, numTodoTests: 0, testResults: [] };
const suite: SuiteResult = { name: 'unit', passed: 3, failed: 0, skipped: 0, seconds: 1 };

test('counts tests', () => {
  expect(countVitest(report, true)).toEqual({ passed: 3, failed: 0, skipped: 1 });
});

test('a file that could not be loaded is a failure', () => {
  const broken = { status: 'failed', assertionResults: [] };
  const withFailedTest = { status: 'failed', assertionResults: [{ status: 'failed' }] };
  const both = { ...report, numFailedTests: 1, testResults: [broken, withFailedTest] };
  expect(countVitest(both, false).failed).toBe(2);
});

test('a run that failed without a test to blame is a failure', () => {
  expect(countVitest(report, false).failed).toBe(1);
  expect(countVitest(undefined, true).failed).toBe(1);
});

test('counts the tests of the conformance suite; a run that is not whole is a failure', () => {
  const log = { passed: ['A', 'B'], failed: [] };
  expect(countSuite(log, true)).toEqual({ passed: 2, failed: 0, skipped: 0 });
  expect(countSuite(log, false)).toEqual({ passed: 2, failed: 1, skipped: 0 });
  expect(countSuite({ ...log, failed: ['C', 'D'] }, false).failed).toBe(2);
});

test('the last line sums up all suites', () => {
  const { text, passed } = summarize([suite, { ...suite, name: 'integration', failed: 2 }], true);
  expect(text.split('\n').at(-1)).toBe('6 passed, 2 failed');
  expect(passed).toBe(false);
  expect(summarize([suite], true)).toMatchObject({ passed: true });
});

test('a suite that ran nothing is a failure', () => {
  const { text, passed } = summarize([suite, { ...suite, passed: 0 }], false);
  expect(text).toContain('ran no test, which is a failure');
  expect(text.split('\n').at(-1)).toBe('3 passed, 1 failed');
  expect(passed).toBe(false);
  expect(summarize([], false).passed).toBe(false);
});

test('a suite that cannot run here says why, and is a failure on CI only', () => {
  const unable = { ...suite, name: 'cluster', passed: 0, unable: 'root is needed' };
  expect(summarize([suite, unable], false)).toMatchObject({ passed: true });
  expect(summarize([suite, unable], false).text).toContain('cluster      could not run: root is needed');
  expect(summarize([suite, unable], true)).toMatchObject({ passed: false });
  expect(summarize([suite, unable], true).text.split('\n').at(-1)).toBe('3 passed, 1 failed');
});
