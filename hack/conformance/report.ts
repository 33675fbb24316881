/**
 * Judges the report of Gateway API's conformance suite: whether it shows all that the five gateway profiles ask for.
 * Source: sigs.k8s.io/gateway-api/conformance, apis/v1 (ConformanceReport) and utils/suite/profiles.go.
 */

/** The profiles that are about gateways, by the suite's names. */
export const gatewayProfiles = ['GATEWAY-HTTP', 'GATEWAY-GRPC', 'GATEWAY-TLS', 'GATEWAY-TCP', 'GATEWAY-UDP'] as const;

interface ResultStatus {
  result?: string;
  statistics?: { Passed?: number; Failed?: number; Skipped?: number };
  failedTests?: string[];
  skippedTests?: string[];
}

/** The parts of a report that are read. */
export interface ConformanceReport {
  gatewayAPIChannel?: string;
  gatewayAPIVersion?: string;
  mode?: string;
  implementation?: { version?: string };
  profiles?: {
    name: string;
    core?: ResultStatus;
    extended?: ResultStatus & { supportedFeatures?: string[]; unsupportedFeatures?: string[] };
  }[];
}

/** How upstream names a report. Source: conformance/reports/README.md. */
export function reportName(report: ConformanceReport): string {
  return `${report.gatewayAPIChannel}-${report.implementation?.version}-${report.mode}-report.yaml`;
}

/** What is wanting, one sentence each; none where every test of every profile has run and passed. */
export function shortcomings(report: ConformanceReport): string[] {
  return gatewayProfiles.flatMap((name) => {
    const profile = report.profiles?.find((each) => each.name === name);
    if (profile === undefined) return [`${name}: the report does not have this profile.`];
    const unsupported = profile.extended?.unsupportedFeatures ?? [];
    return [
      ...shortcomingsOf(`${name} core`, profile.core),
      ...shortcomingsOf(`${name} extended`, profile.extended),
      ...(unsupported.length === 0 ? [] : [`${name}: features not supported: ${unsupported.join(', ')}.`]),
    ];
  });
}

function shortcomingsOf(name: string, status: ResultStatus | undefined): string[] {
  const { Passed = 0, Failed = 0, Skipped = 0 } = status?.statistics ?? {};
  if (Passed + Failed + Skipped === 0) return [`${name}: no test has run.`];
  const sentences: string[] = [];
  if (Failed > 0) sentences.push(`${name}: ${Failed} failed: ${(status?.failedTests ?? []).join(', ')}.`);
  if (Skipped > 0) sentences.push(`${name}: ${Skipped} skipped: ${(status?.skippedTests ?? []).join(', ')}.`);
  if (sentences.length === 0 && status?.result !== 'success') {
    sentences.push(`${name}: the result is ${status?.result ?? 'missing'}, not success.`);
  }
  return sentences;
}

/** One line per profile, for people. */
export function summary(report: ConformanceReport): string[] {
  return (report.profiles ?? [])
    .toSorted((a, b) => a.name.localeCompare(b.name))
    .map(({ name, core, extended }) => `${name.padEnd(13)} core ${counts(core)}; extended ${counts(extended)}`);
}

function counts(status: ResultStatus | undefined): string {
  const { Passed = 0, Failed = 0, Skipped = 0 } = status?.statistics ?? {};
  return `${Passed} passed, ${Failed} failed, ${Skipped} skipped`;
}
