/** What changes with what: certificates must change without anything else being touched. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import type { SourceChange } from '../index.ts';
import { fillCertificates, makeGoldenCertificates } from '../testing/certificates.ts';
import { newTranslator, sourceChanges, TranslationState } from '../testing/golden.ts';

const now = Date.now();
const certificates = await makeGoldenCertificates(now);

function changesOf(text: string): SourceChange[] {
  return sourceChanges(fillCertificates(text, certificates), now);
}

function start(file: string) {
  const text = readFileSync(join(import.meta.dirname, file), 'utf8');
  const translator = newTranslator();
  translator.apply(changesOf(text));
  const state = new TranslationState();
  state.take(translator);
  const apply = (...changes: SourceChange[]): string[] => {
    translator.apply(changes);
    while (!translator.step(() => false));
    const { resources, statuses } = translator.takeOutput();
    return [
      ...resources.map(({ type, name, resource }) => `${resource === undefined ? '-' : ''}${type} ${name}`),
      ...statuses.map(({ kind, key }) => `${kind} ${key}`),
    ];
  };
  return { apply };
}

const configMap = (name: string, authority: string): SourceChange[] =>
  changesOf(
    stringify({ kind: 'ConfigMap', metadata: { namespace: 'default', name }, binaryData: { 'ca.crt': authority } }),
  );

describe('a change of', () => {
  test('the authorities of backends touches their SDS secrets and nothing else', () => {
    const { apply } = start('policies.in.yaml');
    expect(apply(...configMap('ca', '${other.ca}')).toSorted()).toEqual([
      'secret backend-ca/ConfigMap/default/ca',
      'secret backend-ca/ConfigMap/default/ca+Secret/default/other',
    ]);
  });

  test('an authority that was missing opens the way, and one that goes closes it', () => {
    const { apply } = start('policies.in.yaml');
    const opened = apply(...configMap('absent', '${ca.ca}'));
    expect(opened).toContain('cluster service/default/missing/443');
    expect(opened).toContain('endpoint service/default/missing/443');
    expect(opened).toContain('secret backend-ca/ConfigMap/default/absent');
    expect(opened).toContain('BackendTLSPolicy default/missing');
    const closed = apply({ kind: 'ConfigMap', key: 'default/absent', object: undefined });
    expect(closed).toContain('cluster service/default/missing/443');
    expect(closed).toContain('-endpoint service/default/missing/443');
    expect(closed).toContain('-secret backend-ca/ConfigMap/default/absent');
  });

  test('the certificate that a Gateway shows touches its SDS secret and nothing else', () => {
    const { apply } = start('clientCertificate.in.yaml');
    const data = { 'tls.crt': '${second.crt}', 'tls.key': '${second.key}' };
    const changed = apply(
      ...changesOf(stringify({ kind: 'Secret', metadata: { namespace: 'default', name: 'valid' }, data })),
    );
    expect(changed).toEqual(['secret client-certificate/default/valid']);
  });

  test('the authorities of clients touches their SDS secrets, and the Gateway that waits for them', () => {
    const { apply } = start('../gateway/clientValidation.in.yaml');
    expect(apply(...configMap('ca', '${other.ca}')).toSorted()).toEqual([
      'Gateway default/edge',
      'secret client-ca/ConfigMap/default/ca',
      'secret client-ca/ConfigMap/default/ca+ConfigMap/certificates/other',
    ]);
  });
});

const files = ['policies.in.yaml', 'precedence.in.yaml', 'clientCertificate.in.yaml', '../backend/kinds.in.yaml'];

test('whatever comes and goes in whatever order, the result is that from scratch', () => {
  const pool = files.map((file) => changesOf(readFileSync(join(import.meta.dirname, file), 'utf8')));
  fc.assert(
    fc.property(
      fc
        .constantFrom(...pool)
        .chain((changes) =>
          fc.array(fc.array(fc.tuple(fc.constantFrom(...changes), fc.boolean()), { maxLength: 12 }), { maxLength: 5 }),
        ),
      (batches) => {
        const translator = newTranslator();
        const incremental = new TranslationState();
        const last = new Map<string, SourceChange>();
        for (const batch of batches) {
          const changes = batch.map(([change, isThere]) => (isThere ? change : { ...change, object: undefined }));
          for (const change of changes) last.set(`${change.kind} ${change.key}`, change);
          translator.apply(changes);
          incremental.take(translator);
        }
        expect(incremental.faults).toEqual([]);
        const other = newTranslator();
        const scratch = new TranslationState();
        other.apply([...last.values()].toReversed());
        scratch.take(other);
        expect(incremental.readable()).toEqual(scratch.readable());
      },
    ),
    { numRuns: 200 },
  );
});
