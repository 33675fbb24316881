/** Findings for people, for programs, and as SARIF 2.1.0 for code review tools. */
import { formatPlace } from '../../standalone/problem.ts';
import { versionText } from '../version.ts';
import type { Finding } from './findings.ts';

export const formats = ['text', 'json', 'sarif'] as const;
export type Format = (typeof formats)[number];

export function render(findings: readonly Finding[], objects: number, format: Format): string {
  if (format === 'json') return `${JSON.stringify({ objects, findings }, null, 2)}\n`;
  if (format === 'sarif') return `${JSON.stringify(sarif(findings), null, 2)}\n`;
  const lines = findings.map(({ file, position, severity, object, message }) => {
    const about = object === undefined ? '' : `${object}: `;
    return `${formatPlace(file, position)}: ${severity}: ${about}${message}`;
  });
  const count = (severity: Finding['severity']): number => findings.filter((each) => each.severity === severity).length;
  const summary = `${plural(objects, 'object')}: ${plural(count('error'), 'error')}, ${plural(count('warning'), 'warning')}`;
  return `${[...lines, summary].join('\n')}\n`;
}

function plural(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/** Source: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0". */
function sarif(findings: readonly Finding[]): object {
  const rules = [...new Set(findings.map(({ reason }) => reason))].toSorted();
  return {
    version: '2.1.0',
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    runs: [
      {
        tool: { driver: { name: 'sluice validate', version: versionText(), rules: rules.map((id) => ({ id })) } },
        results: findings.map(({ severity, reason, file, position, object, message }) => ({
          ruleId: reason,
          level: severity,
          message: { text: object === undefined ? message : `${object}: ${message}` },
          locations: [
            {
              physicalLocation: {
                artifactLocation: { uri: file },
                ...(position === undefined
                  ? {}
                  : { region: { startLine: position.line, startColumn: position.column } }),
              },
            },
          ],
        })),
      },
    ],
  };
}
