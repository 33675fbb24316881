import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { findingsIn } from './findings.ts';
import { render } from './render.ts';

const directory = mkdtempSync(join(tmpdir(), 'sluice-validate-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const file = join(directory, 'routes.yaml');
const text = `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: edge, namespace: default }
spec:
  gatewayClassName: sluice
  listeners:
    - { name: http, port: 80, protocol: HTTP }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: app, namespace: default }
spec:
  parentRefs: [{ name: edge }]
  rules:
    - matches: [{ path: { type: RegularExpression, value: "/(" } }]
    - backendRefs:
        - name: gone
          port: 80
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: typo, namespace: default }
spec:
  parentRef: [{ name: edge }]
`;
writeFileSync(file, text);

describe('sluice validate', () => {
  test('tells what is wrong, with file and line', async () => {
    const { findings, objects } = await findingsIn({ paths: [file], gatewayClasses: ['sluice'] });
    const lines = render(findings, objects, 'text').replaceAll(directory, 'DIR').trimEnd().split('\n');
    expect(lines).toEqual([
      expect.stringMatching(/^DIR\/routes.yaml:15:\d+: error: HTTPRoute default\/app: rule 0 .* RE2 refuses/),
      expect.stringMatching(
        /^DIR\/routes.yaml:17:\d+: warning: HTTPRoute default\/app: Service default\/gone does not exist/,
      ),
      expect.stringMatching(/^DIR\/routes.yaml:24:\d+: error: .*parentRef/),
      '2 objects: 2 errors, 1 warning',
    ]);
  });

  test('the same as JSON and as SARIF', async () => {
    const { findings, objects } = await findingsIn({ paths: [file], gatewayClasses: ['sluice'] });
    expect(JSON.parse(render(findings, objects, 'json'))).toMatchObject({
      objects: 2,
      findings: [
        { severity: 'error', reason: 'Denied' },
        { severity: 'warning', reason: 'Unresolved' },
        { reason: 'Invalid' },
      ],
    });
    const report = JSON.parse(render(findings, objects, 'sarif')) as { runs: { results: object[] }[] };
    expect(report).toMatchObject({ version: '2.1.0', runs: [{ tool: { driver: { name: 'sluice validate' } } }] });
    expect(report.runs[0]!.results[1]).toMatchObject({
      ruleId: 'Unresolved',
      level: 'warning',
      locations: [{ physicalLocation: { artifactLocation: { uri: file }, region: { startLine: 17 } } }],
    });
  });

  test('a file that is not there is one sentence', async () => {
    await expect(findingsIn({ paths: [join(directory, 'none')], gatewayClasses: [] })).rejects.toThrow(
      /does not exist/,
    );
  });
});
