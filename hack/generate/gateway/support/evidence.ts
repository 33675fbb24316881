/**
 * Where a field is tested: the golden files, and the tests of Gateway API's conformance suite that have passed by the
 * committed report, whose objects set it.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import type { ConformanceReport } from '../../../conformance/report.ts';
import { gatewayAPIVersion } from '../definitions.ts';
import { pathsIn } from './fields.ts';

/** One place where objects are tested, and the fields they set. */
export interface Evidence {
  kind: 'golden' | 'suite';
  /** The path of the golden file, or the name of the test. */
  name: string;
  /** Paths of fields by kind of object. */
  fields: Map<string, Set<string>>;
}

/** A test of the suite as its source declares it. */
export interface SuiteTest {
  name: string;
  features: string[];
  manifests: string[];
}

export function goldenEvidence(root: string): Evidence[] {
  return globSync('translate/**/*.in.yaml', { cwd: root })
    .toSorted()
    .map((name) => ({ kind: 'golden', name, fields: fieldsIn(readFileSync(join(root, name), 'utf8')) }));
}

export function fieldsIn(text: string): Map<string, Set<string>> {
  const fields = new Map<string, Set<string>>();
  for (const document of parseAllDocuments(text)) {
    const object = document.toJS() as { kind?: string; spec?: unknown } | null;
    if (object?.kind === undefined) continue;
    const paths = pathsIn(object.spec ?? {}, 'spec');
    fields.set(object.kind, fields.get(object.kind)?.union(paths) ?? paths);
  }
  return fields;
}

let directory: string | undefined;

/** The directory of the suite's Go module, downloaded on first use. */
function suiteDirectory(): string {
  if (directory === undefined) {
    const module = `sigs.k8s.io/gateway-api/conformance@${gatewayAPIVersion}`;
    const answer = execFileSync('go', ['mod', 'download', '-json', module], { encoding: 'utf8' });
    directory = (JSON.parse(answer) as { Dir: string }).Dir;
  }
  return directory;
}

/** The tests of the suite that are about gateways. */
export function suiteTests(): SuiteTest[] {
  const folder = join(suiteDirectory(), 'tests');
  return readdirSync(folder)
    .filter((name) => name.endsWith('.go'))
    .toSorted()
    .flatMap((name) => readSuiteTests(readFileSync(join(folder, name), 'utf8')));
}

/** Reads `ConformanceTest{ShortName: …, Features: …, Manifests: …}` out of Go source. */
export function readSuiteTests(source: string): SuiteTest[] {
  return source
    .split(/ConformanceTest\{/)
    .slice(1)
    .map((text) => ({
      name: /ShortName:\s*"(\w+)"/.exec(text)?.[1] ?? '',
      features: [...listAfter('Features', text).matchAll(/Support(\w+)/g)].map(([, feature]) => feature!),
      manifests: [...listAfter('Manifests', text).matchAll(/"([^"]+)"/g)].map(([, path]) => path!),
    }))
    .filter(({ name }) => name !== '');
}

function listAfter(field: string, text: string): string {
  return new RegExp(`${field}:[^{]*\\{([^}]*)\\}`).exec(text)?.[1] ?? '';
}

/** The tests that have passed by a report: their features are all supported, and they are not told to have failed. */
export function passedTests(
  report: ConformanceReport,
  tests: readonly SuiteTest[],
  core: readonly string[],
): SuiteTest[] {
  const profiles = report.profiles ?? [];
  const supported = new Set([...core, ...profiles.flatMap(({ extended }) => extended?.supportedFeatures ?? [])]);
  const missed = new Set(
    profiles.flatMap(({ core: own, extended }) =>
      [own, extended].flatMap((status) => [...(status?.failedTests ?? []), ...(status?.skippedTests ?? [])]),
    ),
  );
  return tests.filter(({ name, features }) => !missed.has(name) && features.every((each) => supported.has(each)));
}

/** What a profile asks for without naming it as a feature of its own in the report. Source: utils/suite/profiles.go. */
const coreFeatures: Record<string, string[]> = {
  'GATEWAY-HTTP': ['HTTPRoute'],
  'GATEWAY-GRPC': ['GRPCRoute'],
  'GATEWAY-TLS': ['TLSRoute'],
  'GATEWAY-TCP': ['TCPRoute'],
  'GATEWAY-UDP': ['UDPRoute'],
};

export function suiteEvidence(root: string, tests: readonly SuiteTest[]): Evidence[] {
  const file = newestReport(root);
  if (file === undefined) return [];
  const report = parse(readFileSync(file, 'utf8')) as ConformanceReport;
  const core = [
    'Gateway',
    'ReferenceGrant',
    ...(report.profiles ?? []).flatMap(({ name }) => coreFeatures[name] ?? []),
  ];
  const base = fieldsIn(readFileSync(join(suiteDirectory(), 'base/manifests.yaml'), 'utf8'));
  return passedTests(report, tests, core).map(({ name, manifests }) => ({
    kind: 'suite',
    name,
    fields: manifests
      .map((path) => fieldsIn(readFileSync(join(suiteDirectory(), path), 'utf8')))
      .reduce(merge, name === 'HTTPRouteSimpleSameNamespace' ? base : new Map<string, Set<string>>()),
  }));
}

function merge(one: Map<string, Set<string>>, other: Map<string, Set<string>>): Map<string, Set<string>> {
  const all = new Map(one);
  for (const [kind, paths] of other) all.set(kind, all.get(kind)?.union(paths) ?? paths);
  return all;
}

function newestReport(root: string): string | undefined {
  const folder = join(root, 'docs/conformance');
  if (!existsSync(folder)) return undefined;
  const names = globSync('experimental-*-default-report.yaml', { cwd: folder });
  const newest = names.toSorted((a, b) => basename(a).localeCompare(basename(b), 'en', { numeric: true })).at(-1);
  return newest === undefined ? undefined : join(folder, newest);
}
