/** For whatever objects and whatever question there is an answer, and it is a sentence. */
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { changeArbitrary, objectMaterial, propertyRuns, type Material } from '../testing/arbitraryObjects.ts';
import { sourceChanges } from '../testing/golden.ts';
import { explain, type Explanation, type Question } from './explain.ts';
import { attachedRoute, reachedBackends } from './overview.ts';
import type { HttpRequest } from './request.ts';
import { takeSnapshot, type Snapshot } from './snapshot.ts';
import { request, world } from './testing/world.ts';

const http: fc.Arbitrary<HttpRequest> = request.map(({ host, method, path, headers }) => ({
  scheme: 'http',
  method,
  authority: host,
  path,
  headers: new Map(headers.map(([name, value]) => [name.toLowerCase(), [value]])),
}));
const question: fc.Arbitrary<Question> = fc
  .record({
    transport: fc.constantFrom('tcp', 'tcp', 'tcp', 'udp'),
    port: fc.constantFrom(80, 80, 81, 443, 53, 9999),
    isTls: fc.boolean(),
    serverName: fc.constantFrom(undefined, 'a.example.com', 'b.a.example.com', 'example.org', ''),
    request: fc.option(http, { nil: undefined }),
  })
  .map(({ isTls, serverName, ...rest }) => ({ ...rest, connection: { isTls, serverName } }));

function checkAnswer(snapshot: Snapshot, asked: Question): Explanation {
  const answer = explain(snapshot, asked);
  const sentences = [answer.summary, ...answer.notes, ...answer.nearest.flatMap(({ differences }) => differences)];
  for (const sentence of sentences) expect(sentence).not.toMatch(/undefined|\[object|null|^$/);
  expect(answer.met).toBe(answer.action !== undefined);
  expect(answer.met).toBe(answer.route !== undefined);
  if (answer.met) expect(answer.nearest).toEqual([]);
  if (answer.action?.kind === 'forward') {
    const sum = answer.action.backends.reduce((total, { share }) => total + share, 0);
    expect(Math.abs(sum - 100)).toBeLessThan(0.1);
  }
  expect(explain(snapshot, asked)).toEqual(answer);
  return answer;
}

describe('every question has an answer', () => {
  let material: Material;
  beforeAll(async () => {
    material = await objectMaterial(0);
  });

  test('in random worlds, of which some are met', () => {
    let met = 0;
    fc.assert(
      fc.property(world, fc.array(question, { minLength: 5, maxLength: 15 }), (text, questions) => {
        const snapshot = takeSnapshot(sourceChanges(text, 0));
        for (const asked of questions) if (checkAnswer(snapshot, asked).met) met++;
      }),
      propertyRuns(40),
    );
    expect(met).toBeGreaterThan(0);
  });

  test('whatever the schemas admit', () => {
    fc.assert(
      fc.property(
        fc.array(changeArbitrary(material, 0), { maxLength: 30, size: 'max' }),
        fc.array(question, { minLength: 5, maxLength: 10 }),
        (changes, questions) => {
          const snapshot = takeSnapshot([...material.world, ...changes.filter((change) => change !== undefined)]);
          for (const asked of questions) checkAnswer(snapshot, asked);
          for (const id of snapshot.inspection.parents.keys()) {
            for (const { hostnames, listeners } of attachedRoute(snapshot, id)) {
              if (hostnames.length > 0) expect(listeners.length).toBeGreaterThan(0);
            }
            for (const { ready } of reachedBackends(snapshot, id)) expect(ready).toBeGreaterThanOrEqual(0);
          }
        },
      ),
      propertyRuns(60),
    );
  });
});
