/** What a route came from is what stands there: positions in virtual hosts and positions in objects belong together. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RouteMatchSchema } from '../../api/envoy/envoy/config/route/v3/route_components_pb.ts';
import type { HTTPRoute } from '../../api/gateway/index.ts';
import { translateMatch } from '../httpRoute/match.ts';
import { sourceChanges } from '../testing/golden.ts';
import { namesOf } from './describe.ts';
import { takeSnapshot } from './snapshot.ts';
import { world } from './testing/world.ts';

const directory = join(import.meta.dirname, '..');

/** @returns how many routes were looked at */
function check(text: string): number {
  const { inspection, model } = takeSnapshot(sourceChanges(text, 0));
  let count = 0;
  for (const { tables } of inspection.ports.values()) {
    for (const { name } of tables) {
      for (const { domains, routes } of model.table(name)!.virtualHosts) {
        const [domain = ''] = domains;
        const origins = inspection.routesOf(name, domain === '*' ? '' : domain);
        if (origins.length === 0) {
          // What no object asked for is an answer of our own.
          for (const { action } of routes)
            expect(action).toMatchObject({ case: 'directResponse', value: { status: 421 } });
          continue;
        }
        expect(origins).toHaveLength(routes.length);
        for (const [position, { route: id, rule, match }] of origins.entries()) {
          count++;
          const { kind, namespace, name: own } = namesOf(id);
          const object = inspection.route(id)!;
          const ruleName = object.spec.rules?.[rule]?.name;
          const written = routes[position]!;
          expect(written.name).toContain(`${namespace}/${own}${ruleName === undefined ? '' : `/${ruleName}`}`);
          if (kind !== 'HTTPRoute') continue;
          const asked = translateMatch((object as HTTPRoute).spec.rules![rule]!.matches?.[match] ?? {});
          const expected = create(RouteMatchSchema, asked.match);
          expect(written.match!.pathSpecifier).toEqual(expected.pathSpecifier);
          expect(written.match!.queryParameters).toEqual(expected.queryParameters);
          // A route for a session asks for its cookie or header, too.
          expect(written.match!.headers.slice(0, expected.headers.length)).toEqual(expected.headers);
        }
      }
    }
  }
  return count;
}

describe('every route of a table is the match of the rule that it is said to come from', () => {
  const seen = { golden: 0 };
  test.each(globSync('**/*.in.yaml', { cwd: directory }).toSorted())('%s', (name) => {
    seen.golden += check(readFileSync(join(directory, name), 'utf8'));
  });

  test('in golden files there are routes', () => {
    expect(seen.golden).toBeGreaterThan(50);
  });

  test('in random worlds', () => {
    fc.assert(
      fc.property(world, (text) => {
        check(text);
      }),
      { numRuns: 50 },
    );
  });
});
