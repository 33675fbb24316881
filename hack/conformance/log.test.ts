import { expect, test } from 'vitest';
import { readLog, withoutRepetitions } from './log.ts';

const text = `=== RUN   TestConformance
    suite.go:389: Ensuring GatewayClass has been accepted
=== RUN   TestConformance/Alpha
=== PAUSE TestConformance/Alpha
=== RUN   TestConformance/Beta
    conformance.go:56: Skipping Beta
=== RUN   TestConformance/Gamma
=== RUN   TestConformance/Gamma/0_request_to_'/'
    http.go:1: gamma said
=== CONT  TestConformance/Alpha
    helpers.go:1: alpha said
=== NAME  TestConformance/Gamma
    http.go:2: gamma said again
--- FAIL: TestConformance (1.00s)
    --- FAIL: TestConformance/Gamma (0.50s)
        --- FAIL: TestConformance/Gamma/0_request_to_'/' (0.50s)
    --- SKIP: TestConformance/Beta (0.00s)
    --- PASS: TestConformance/Alpha (0.10s)
`;

test('the tests of the suite are counted, not their own tests', () => {
  expect(readLog(text)).toMatchObject({ passed: ['Alpha'], failed: ['Gamma'], skipped: ['Beta'] });
});

test('a line belongs to the test that ran when it was printed', () => {
  const { lines } = readLog(text);
  expect(lines.get('Alpha')).toEqual(['    helpers.go:1: alpha said']);
  expect(lines.get('Gamma')?.slice(0, 2)).toEqual(['    http.go:1: gamma said', '    http.go:2: gamma said again']);
  expect(lines.get('')).toEqual(['    suite.go:389: Ensuring GatewayClass has been accepted']);
});

test('a run that was cut off has no verdicts', () => {
  expect(readLog('panic: no kubeconfig')).toMatchObject({ passed: [], failed: [], skipped: [] });
});

test('of what is said again and again the last stays', () => {
  const lines = [
    '1 of 3 at 10:00:01',
    'other',
    '2 of 3 at 10:00:02',
    'uuid=01234567-89ab-cdef-0123-456789abcdef.',
    'uuid=.',
  ];
  expect(withoutRepetitions(lines)).toEqual(['other', '2 of 3 at 10:00:02', 'uuid=.']);
});
