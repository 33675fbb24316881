/**
 * Says what a run of the conformance suite has come to:
 *
 *     node hack/conformance/judge.ts LOG REPORT [--complete]
 *
 * Prints the end of what each failed test said, one line per profile, and as the last line `N passed, N failed`.
 * With --complete it fails unless every test of every gateway profile has run and passed with every feature supported.
 */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { readLog, withoutRepetitions } from './log.ts';
import { shortcomings, summary, type ConformanceReport } from './report.ts';

const [log, reportFile] = process.argv.slice(2);
if (log === undefined || reportFile === undefined) throw new Error('usage: judge.ts LOG REPORT [--complete]');

const { passed, failed, lines } = readLog(readFileSync(log, 'utf8'));
for (const test of failed) {
  process.stdout.write(
    `\nFAIL ${test}\n${withoutRepetitions(lines.get(test) ?? [])
      .slice(-40)
      .join('\n')}\n`,
  );
}
if (passed.length + failed.length === 0) process.stdout.write(`${readFileSync(log, 'utf8').slice(-4000)}\n`);

const report = readReport(reportFile);
process.stdout.write(`\n${summary(report).join('\n')}\n`);
const wanting = process.argv.includes('--complete') ? shortcomings(report) : [];
for (const sentence of wanting) process.stdout.write(`${sentence}\n`);
process.stdout.write(`conformance: ${passed.length} passed, ${failed.length} failed\n`);
if (wanting.length > 0 || failed.length > 0 || passed.length === 0) process.exitCode = 1;

/** A run that was cut off leaves no report, which is a report without profiles. */
function readReport(file: string): ConformanceReport {
  try {
    return parse(readFileSync(file, 'utf8')) as ConformanceReport;
  } catch (error) {
    process.stdout.write(`${file} cannot be read: ${String(error)}\n`);
    return {};
  }
}
