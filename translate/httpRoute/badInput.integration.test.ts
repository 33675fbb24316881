/**
 * What an author may write and no proxy can do: each ends in a condition on its rule, and the real Envoy takes all the rest.
 * Beside it what looks odd and can be done.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { envoyBinary } from '../../test/fixtures/index.ts';
import type { HTTPRoute } from '../../api/gateway/index.ts';
import type { SourceChange } from '../index.ts';
import { newTranslator, sourceChanges, TranslationState } from '../testing/golden.ts';
import { staticConfiguration } from '../testing/staticConfiguration.ts';

const scratch = mkdtempSync(join(tmpdir(), 'sluice-bad-input-'));
afterAll(() => rmSync(scratch, { recursive: true }));

type Rule = Record<string, unknown>;
const backendRefs = [{ name: 'app', port: 80 }];
const match = (one: unknown): Rule => ({ matches: [one], backendRefs });
const path = (type: string, value: string): Rule => match({ path: { type, value } });
const header = (name: string, value: string, type = 'Exact'): Rule => match({ headers: [{ name, value, type }] });
const filter = (type: string, field: string, value: unknown): Rule => ({
  filters: [{ type, [field]: value }],
  backendRefs,
});
const set = (name: string, value: string): Rule =>
  filter('RequestHeaderModifier', 'requestHeaderModifier', { set: [{ name, value }] });
const setResponse = (name: string, value: string): Rule =>
  filter('ResponseHeaderModifier', 'responseHeaderModifier', { set: [{ name, value }] });
const removed = (name: string): Rule => filter('RequestHeaderModifier', 'requestHeaderModifier', { remove: [name] });
const onPrefix = { matches: [{ path: { type: 'PathPrefix', value: '/p' } }] };
const rewrite = (value: unknown): Rule => ({ ...filter('URLRewrite', 'urlRewrite', value), ...onPrefix });
const redirect = (value: unknown): Rule => ({
  filters: [{ type: 'RequestRedirect', requestRedirect: value }],
  ...onPrefix,
});
const full = (replaceFullPath: string): unknown => ({ path: { type: 'ReplaceFullPath', replaceFullPath } });
const prefix = (replacePrefixMatch: string): unknown => ({ path: { type: 'ReplacePrefixMatch', replacePrefixMatch } });
const auth = (value: Rule): Rule =>
  filter('ExternalAuth', 'externalAuth', { protocol: 'HTTP', backendRef: backendRefs[0], ...value });

/** By what is wrong; the second is what the condition has to say of it. */
const bad: Record<string, [Rule, string]> = {
  'a path with a query': [path('PathPrefix', '/a?b'), 'is not a path'],
  'a path with a fragment': [path('PathPrefix', '/a#b'), 'is not a path'],
  'a path without a slash': [path('Exact', 'a'), 'is not a path'],
  'an empty path': [path('PathPrefix', ''), 'is not a path'],
  'a path of an unknown type': [path('Glob', '/*'), 'Glob'],
  'an empty expression': [path('RegularExpression', ''), 'it is empty'],
  'an expression that is not closed': [path('RegularExpression', '/('), 'missing closing'],
  'look-ahead': [path('RegularExpression', '/(?=a)'), 'RE2 refuses'],
  'a character above a byte': [path('RegularExpression', '/\\x{100}'), 'there is no \\x{100'],
  'a category that Envoy does not know': [path('RegularExpression', '/\\p{Cn}'), 'there is no \\p{Cn}'],
  'an expression that is too large': [header('x', '\\pL{1000}'.repeat(12), 'RegularExpression'), 'instructions'],
  'an expression that takes long to compile': [
    header('x', `(${'a'.repeat(4000)}){1000}`, 'RegularExpression'),
    'instructions',
  ],
  'a pseudo header': [header(':path', '/'), 'is not the name of a header'],
  'a header without a name': [header('', 'a'), 'is not the name of a header'],
  'a header match of an unknown type': [header('x', 'a', 'Glob'), 'Glob'],
  'a query parameter without a name': [match({ queryParams: [{ name: '', value: 'a' }] }), 'names no parameter'],
  'the method CONNECT': [match({ method: 'CONNECT' }), 'CONNECT'],
  'Host, set': [set('Host', 'x'), 'URLRewrite'],
  'a pseudo header, set': [set(':authority', 'x'), 'is not the name of a header'],
  'a line break in a value': [set('x', 'a\nb'), 'control character'],
  'framing, set': [set('Transfer-Encoding', 'chunked'), 'cannot be modified'],
  'Host of a response': [setResponse('host', 'x'), 'no Host header'],
  'the status of a response': [setResponse(':status', '200'), 'is not the name of a header'],
  'Host, removed': [removed('host'), 'URLRewrite'],
  'a header of no name, removed': [removed(''), 'is not the name of a header'],
  'a header that is set and removed': [
    filter('RequestHeaderModifier', 'requestHeaderModifier', { set: [{ name: 'x-a', value: '1' }], remove: ['X-A'] }),
    'both set and removed',
  ],
  'a rewrite to a path without a slash': [rewrite(full('x')), 'cannot take the place of a path'],
  'a rewrite to a query': [rewrite(full('/x?y')), 'cannot take the place of a path'],
  'a rewrite to a line break': [rewrite(prefix('/x\ny')), 'cannot take the place of a path'],
  'a rewrite of a prefix that is none': [
    { ...filter('URLRewrite', 'urlRewrite', prefix('/x')), matches: [{ path: { type: 'Exact', value: '/p' } }] },
    'needs a match of type PathPrefix',
  ],
  'a rewrite to what is no host': [rewrite({ hostname: 'a b' }), 'is not a hostname'],
  'a rewrite of an unknown type': [rewrite({ path: { type: 'ReplaceRegex' } }), 'ReplaceRegex'],
  'a redirect to a line break': [redirect(full('/x\ny')), 'cannot take the place of a path'],
  'a redirect to what is no host': [redirect({ hostname: 'a\nb' }), 'is not a hostname'],
  'a redirect to an unknown scheme': [redirect({ scheme: 'ftp' }), 'ftp'],
  'a redirect with an unknown status': [redirect({ statusCode: 305 }), '305'],
  'redirect and rewrite': [
    {
      filters: [
        { type: 'URLRewrite', urlRewrite: {} },
        { type: 'RequestRedirect', requestRedirect: {} },
      ],
    },
    'exclude each other',
  ],
  'a redirect of a backend whose rule rewrites': [
    {
      filters: [{ type: 'URLRewrite', urlRewrite: {} }],
      backendRefs: [{ ...backendRefs[0], filters: [{ type: 'RequestRedirect', requestRedirect: {} }] }],
    },
    'exclude each other',
  ],
  'a filter of an unknown type': [{ filters: [{ type: 'Coffee' }], backendRefs }, 'Coffee'],
  'no duration': [{ timeouts: { request: '5' }, backendRefs }, 'is not a duration'],
  'a back-off that is too long': [{ retry: { backoff: '99999h' }, backendRefs }, 'is too long'],
  'a back-off of nothing': [{ retry: { backoff: '0s' }, backendRefs }, 'at least 1ms'],
  'retries below zero': [{ retry: { attempts: -1 }, backendRefs }, 'is not a number of retries'],
  'an origin that is none': [filter('CORS', 'cors', { allowOrigins: ['null'] }), 'is not an origin'],
  'an allowed header that is none': [filter('CORS', 'cors', { allowHeaders: ['a b'] }), 'is not the name of a header'],
  'a path of authorization with a query': [auth({ http: { path: '/a?b' } }), 'cannot go before'],
  'a header of authorization that is none': [
    auth({ http: { allowedHeaders: ['a b'] } }),
    'is not the name of a header',
  ],
  'authorization by an unknown protocol': [auth({ protocol: 'SMTP' }), 'SMTP'],
  'a cookie with a bad name': [{ sessionPersistence: { sessionName: 'a=b' }, backendRefs }, 'is not a name'],
  'a session in the Host header': [
    { sessionPersistence: { type: 'Header', sessionName: 'host' }, backendRefs },
    'host',
  ],
  'a permanent session without an end': [
    { sessionPersistence: { cookieConfig: { lifetimeType: 'Permanent' } }, backendRefs },
    'absoluteTimeout',
  ],
};

const fine: Record<string, Rule> = {
  'all characters of a path': path('PathPrefix', "/a%41-._~!$&'()*+,;=:@/"),
  'a long path': path('Exact', `/${'a'.repeat(1023)}`),
  'an expression of 4 kB': header('x', 'a'.repeat(4096), 'RegularExpression'),
  'an expression with many alternatives': header('x', '(abc|bcd|cdef){1000}', 'RegularExpression'),
  'bytes above ASCII in an expression': path('RegularExpression', '/ä+'),
  'an empty value': header('x', ''),
  'a formatter in a value': set('x', '%REQ(:path)% 100%'),
  'a long value': set('x', '%'.repeat(4096)),
  'backslashes in a rewrite': {
    ...rewrite(prefix('/\\1\\9')),
    matches: [{ path: { type: 'PathPrefix', value: '/' } }],
  },
  'a rewrite to the root': rewrite(prefix('')),
  'a redirect with a query': redirect(full('/x?y=%z')),
  'the longest timeouts': { timeouts: { request: '99999h99999h99999h99999h', backendRequest: '99999h' }, backendRefs },
  'more retries than can be': { retry: { attempts: 5_000_000_000, codes: [400, 599] }, backendRefs },
  'the greatest weights': {
    backendRefs: Array.from({ length: 16 }, () => ({ name: 'app', port: 80, weight: 1_000_000 })),
  },
  'sixteen mirrors': {
    filters: Array.from({ length: 16 }, () => ({
      type: 'RequestMirror',
      requestMirror: { backendRef: backendRefs[0] },
    })),
    backendRefs,
  },
  'a share of nothing': filter('RequestMirror', 'requestMirror', {
    backendRef: backendRefs[0],
    fraction: { numerator: 0, denominator: 1 },
  }),
  'a thousand matches': {
    matches: Array.from({ length: 1000 }, (_, i) => ({ path: { type: 'Exact', value: `/${i}` } })),
    backendRefs,
  },
  'a session that ends after a long time': { sessionPersistence: { absoluteTimeout: '99999h' }, backendRefs },
  'the largest body': auth({ http: {}, forwardBody: { maxSize: 65_535 } }),
  'the age of a preflight': filter('CORS', 'cors', { allowOrigins: ['*'], maxAge: 2_147_483_647 }),
};

const gateway = `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge, namespace: default}
spec: {gatewayClassName: sluice, listeners: [{name: http, port: 80, protocol: HTTP}]}
---
apiVersion: v1
kind: Service
metadata: {name: app, namespace: default}
spec: {ports: [{port: 80}]}
`;

function route(name: string, rules: readonly Rule[]): SourceChange {
  const object = {
    metadata: { namespace: 'default', name, generation: 1 },
    spec: { parentRefs: [{ name: 'edge' }], hostnames: [`${name}.example.com`], rules },
  } as unknown as HTTPRoute;
  return { kind: 'HTTPRoute', key: `default/${name}`, object };
}

const state = new TranslationState();
const good: Rule = { matches: [{ path: { type: 'PathPrefix', value: '/good' } }], backendRefs };

beforeAll(() => {
  const translator = newTranslator();
  translator.apply(sourceChanges(gateway, 0));
  translator.apply(Object.values(bad).map(([rule], i) => route(`bad-${i}`, [good, rule])));
  translator.apply(Object.values(bad).map(([rule], i) => route(`worse-${i}`, [rule])));
  translator.apply(Object.values(fine).map((rule, i) => route(`fine-${i}`, [rule])));
  state.take(translator);
});

function conditions(name: string): Record<string, string> {
  const status = state.statuses.get(`HTTPRoute default/${name}`);
  const all = status?.kind === 'HTTPRoute' ? (status.parents[0]?.conditions ?? []) : [];
  return Object.fromEntries(all.map((one) => [one.type, `${one.status} ${one.reason} ${one.message}`]));
}

describe('input', () => {
  test('never makes the translation fail', () => {
    expect(state.faults).toEqual([]);
  });

  test.each(Object.keys(bad).map((name, i) => [name, i] as const))('bad: %s', (name, i) => {
    const [, words] = bad[name]!;
    const partly = conditions(`bad-${i}`);
    expect(partly['Accepted']).toMatch(/^True/);
    expect(partly['PartiallyInvalid']).toMatch(/^True UnsupportedValue Dropped Rule: rule 1/);
    expect(partly['PartiallyInvalid']).toContain(words);
    const wholly = conditions(`worse-${i}`);
    const reason = words === 'exclude each other' ? 'IncompatibleFilters' : 'UnsupportedValue';
    expect(wholly['Accepted']).toMatch(new RegExp(`^False ${reason} rule 0`));
    expect(wholly['Accepted']).toContain(words);
  });

  test.each(Object.keys(fine).map((name, i) => [name, i] as const))('fine: %s', (_, i) => {
    expect(
      Object.values(conditions(`fine-${i}`)).filter((text) => !/^True (Accepted|ResolvedRefs)/.test(text)),
    ).toEqual([]);
  });

  test('the real Envoy takes what they all become', async () => {
    const file = join(scratch, 'configuration.json');
    writeFileSync(file, JSON.stringify(staticConfiguration(state)));
    const run = promisify(execFile);
    const { stdout } = await run(await envoyBinary(), ['--mode', 'validate', '--config-path', file]);
    expect(stdout).toContain('OK');
  });
});
