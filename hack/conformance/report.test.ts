import { expect, test } from 'vitest';
import { gatewayProfiles, reportName, shortcomings, summary, type ConformanceReport } from './report.ts';

const good = { result: 'success', statistics: { Passed: 2, Failed: 0, Skipped: 0 } };

function reportWith(changed: Partial<NonNullable<ConformanceReport['profiles']>[number]> = {}): ConformanceReport {
  return {
    gatewayAPIChannel: 'experimental',
    mode: 'default',
    implementation: { version: 'v1.2.3' },
    profiles: gatewayProfiles.map((name) => ({
      name,
      core: good,
      extended: { ...good, supportedFeatures: ['A'] },
      ...(name === 'GATEWAY-TLS' ? changed : {}),
    })),
  };
}

test('a report without a fault has no shortcoming', () => {
  expect(shortcomings(reportWith())).toEqual([]);
});

test('failed and skipped tests are named', () => {
  const failed = { result: 'failure', statistics: { Passed: 1, Failed: 1, Skipped: 1 } };
  const core = { ...failed, failedTests: ['X'], skippedTests: ['Y'] };
  expect(shortcomings(reportWith({ core }))).toEqual([
    'GATEWAY-TLS core: 1 failed: X.',
    'GATEWAY-TLS core: 1 skipped: Y.',
  ]);
});

test('features that are not supported are named', () => {
  expect(shortcomings(reportWith({ extended: { ...good, unsupportedFeatures: ['A', 'B'] } }))).toEqual([
    'GATEWAY-TLS: features not supported: A, B.',
  ]);
});

test('what has not run has not passed', () => {
  const report = reportWith({ core: { result: 'success' } });
  report.profiles = report.profiles!.filter(({ name }) => name !== 'GATEWAY-UDP');
  expect(shortcomings(report)).toEqual([
    'GATEWAY-TLS core: no test has run.',
    'GATEWAY-UDP: the report does not have this profile.',
  ]);
  expect(shortcomings({})).toHaveLength(gatewayProfiles.length);
});

test('a result that is not success is told', () => {
  expect(shortcomings(reportWith({ core: { ...good, result: 'partial' } }))).toEqual([
    'GATEWAY-TLS core: the result is partial, not success.',
  ]);
});

test('a report is named as upstream asks', () => {
  expect(reportName(reportWith())).toBe('experimental-v1.2.3-default-report.yaml');
  expect(summary(reportWith())[1]).toBe(
    'GATEWAY-HTTP  core 2 passed, 0 failed, 0 skipped; extended 2 passed, 0 failed, 0 skipped',
  );
});
