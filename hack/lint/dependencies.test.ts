import { expect, test } from 'vitest';
import { importsOf, violations } from './dependencies.ts';

test('finds every form of import, and none in comments', () => {
  const source = `
    import { a } from './a.ts';
    import type { b } from "../b.ts";
    import './c.ts';
    export * from './d.ts';
    export {
      e,
    } from './e.ts';
    const f = await import('./f.ts');
    import { g } from 'package';
    // import { h } from './h.ts';
    /* import { i } from './i.ts'; */
  `;
  expect(importsOf(source)).toEqual(['./a.ts', '../b.ts', './c.ts', './d.ts', './e.ts', './f.ts']);
});

test.each([
  ['runtime/cache.ts', '../api/object.ts'],
  ['runtime/deep/cache.ts', '../queue.ts'],
  ['xds/store.ts', '../api/envoy/index.ts'],
  ['controllers/gateway/index.ts', '../../controlplane/index.ts'],
  ['xds/server.integration.test.ts', '../test/fixtures/index.ts'],
  ['cli/run.ts', '../standalone/index.ts'],
  ['test/bench/run.ts', '../../xds/index.ts'],
])('%s may import %s', (path, specifier) => {
  expect(violations(path, `import { a } from '${specifier}';`)).toEqual([]);
});

test.each([
  ['api/names.ts', '../runtime/index.ts'],
  ['runtime/cache.ts', '../translate/index.ts'],
  ['xds/store.ts', '../api/gateway/index.ts'],
  ['xds/store.ts', '../runtime/index.ts'],
  ['translate/index.ts', '../xds/index.ts'],
  ['controlplane/index.ts', '../controllers/index.ts'],
  ['standalone/index.ts', '../cli/sluice.ts'],
  ['hack/tool.ts', '../cli/sluice.ts'],
  ['runtime/cache.ts', '../test/fixtures/index.ts'],
  ['runtime/cache.ts', '../runtimes/index.ts'],
])('%s may not import %s', (path, specifier) => {
  expect(violations(path, `import { a } from '${specifier}';`)).toHaveLength(1);
});

test('a new folder needs a rule', () => {
  expect(violations('limiter/index.ts', '')).toEqual([
    'limiter/index.ts: there is no rule for the folder limiter; add one to hack/lint/dependencies.ts',
  ]);
});
