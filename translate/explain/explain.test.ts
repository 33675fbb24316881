import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { sourceChanges } from '../testing/golden.ts';
import { explain, type Explanation } from './explain.ts';
import type { HttpRequest } from './request.ts';
import { takeSnapshot, type Snapshot } from './snapshot.ts';

const text = readFileSync(join(import.meta.dirname, 'testing/shop.yaml'), 'utf8');
const snapshot = takeSnapshot(sourceChanges(text, Date.now()));

interface Asked {
  url: string;
  method?: string;
  headers?: Record<string, string>;
}

function ask({ url, method = 'GET', headers = {} }: Asked, of: Snapshot = snapshot): Explanation {
  const [, scheme = '', host = '', port, path = '/'] = /^(\w+):\/\/([^/:]*)(?::(\d+))?(.*)$/.exec(url)!;
  const isTls = scheme === 'https' || scheme === 'tls';
  const authority = headers['host'] ?? (port === undefined ? host : `${host}:${port}`);
  const request: HttpRequest | undefined = scheme.startsWith('http')
    ? {
        scheme: isTls ? 'https' : 'http',
        method,
        authority,
        path: path === '' ? '/' : path,
        headers: new Map(Object.entries(headers).map(([name, value]) => [name, [value]])),
      }
    : undefined;
  return explain(of, {
    transport: scheme === 'udp' ? 'udp' : 'tcp',
    port: Number(port ?? (isTls ? 443 : 80)),
    connection: { isTls, serverName: isTls ? host : undefined },
    request,
  });
}

function summaryOf(asked: Asked): string {
  return ask(asked).summary;
}

describe('a request that meets a route', () => {
  test('is told with listener, hostname, rule, match, filters and backend', () => {
    expect(ask({ url: 'http://shop.example.com/cart/7?x=1', headers: { 'x-beta': 'yes' } })).toEqual({
      met: true,
      summary: 'HTTPRoute default/shop, rule 1 ("cart"), match 1 forwards it to Service default/cart port 80',
      status: undefined,
      listener: {
        gateway: 'default/edge',
        owner: { kind: 'Gateway', key: 'default/edge' },
        name: 'http',
        port: 80,
        protocol: 'HTTP',
        hostname: '*.example.com',
      },
      hostname: 'shop.example.com',
      route: {
        kind: 'HTTPRoute',
        namespace: 'default',
        name: 'shop',
        rule: 1,
        ruleName: 'cart',
        match: 1,
        matches: 'PathPrefix /cart, header x-beta="yes"',
      },
      filters: ['RequestHeaderModifier: set x-cart: new; remove x-beta', 'URLRewrite', 'timeout 2s'],
      action: {
        kind: 'forward',
        backends: [
          {
            backend: 'Service default/cart',
            port: 80,
            share: 100,
            tls: false,
            endpoints: ['192.0.2.1:3000', '192.0.2.2:3000'],
            failure: undefined,
            sees: {
              method: 'GET',
              authority: 'cart.internal',
              path: '/v2?x=1',
              headers: [
                { action: 'remove', name: 'x-beta', value: undefined },
                { action: 'set', name: 'x-cart', value: 'new' },
              ],
            },
            responseHeaders: [],
          },
        ],
        mirrors: [],
      },
      notes: [],
      nearest: [],
    });
  });

  test('by a redirect, with where it leads', () => {
    const { summary, status } = ask({ url: 'http://shop.example.com/old/b?x=1' });
    expect(summary).toBe(
      '301: HTTPRoute default/shop, rule 2, match 0 redirects to https://shop.example.com/new/b?x=1',
    );
    expect(status).toBe(301);
  });

  test.each([
    [
      '/broken',
      '500: HTTPRoute default/shop, rule 3, match 0 answers itself, because Service default/missing does not exist: create it or correct the reference',
    ],
    ['/nothing', '500: HTTPRoute default/shop, rule 4, match 0 answers itself, because it names no backend'],
    ['/idle', '503: Service default/idle has no ready endpoint (HTTPRoute default/shop, rule 5, match 0)'],
  ])('that cannot be served: %s', (path, summary) => {
    expect(ask({ url: `http://shop.example.com${path}` })).toMatchObject({ met: true, summary });
  });

  test('with shares that go nowhere', () => {
    const { action, summary } = ask({ url: 'http://shop.example.com/half' });
    expect(summary).toBe(
      'HTTPRoute default/shop, rule 6, match 0 forwards it to Service default/cart port 80, but 25 % of the requests fail',
    );
    expect(action).toMatchObject({
      backends: [
        { backend: 'Service default/cart', share: 75, failure: undefined },
        {
          backend: 'an invalid backend',
          share: 25,
          failure: '500: Service default/missing does not exist: create it or correct the reference',
        },
      ],
    });
  });
});

test('a preflight request is answered by the filter', () => {
  const headers = { origin: 'https://www.example.com', 'access-control-request-method': 'PUT' };
  const url = 'http://shop.example.com/script';
  expect(ask({ url, method: 'OPTIONS', headers })).toMatchObject({
    met: true,
    filters: ['CORS: origins https://www.example.com'],
    notes: [
      'It is a preflight request: where its origin is allowed, the CORS filter answers it and no backend is asked',
    ],
  });
  expect(ask({ url }).notes).toEqual([]);
});

describe('a request that meets no route', () => {
  test.each([
    [
      'http://shop.example.com:8443/',
      'no connection: no listener of Gateway default/edge is on port 8443: the listeners are on 80 (HTTP), 81 (HTTP), 443 (HTTPS)',
    ],
    [
      'https://shop.example.com/',
      'no connection: no listener on port 443 of Gateway default/edge is served: Secret default/absent does not exist: create it or correct the reference',
    ],
    ['https://shop.example.com:80/', 'listener "http" on port 80 expects plain HTTP: use http://'],
    [
      'http://example.org/',
      '404: no listener on port 80 of Gateway default/edge has a hostname that covers example.org: they have isolated.example.com, *.example.com',
    ],
    [
      'http://shap.example.com/',
      '404: no route of Gateway default/edge has a hostname that covers shap.example.com; nearest: shop.example.com, blog.example.com',
    ],
    ['http://shop.example.com/carts', '404: no rule of the routes for shop.example.com matches GET /carts'],
    [
      'http://shop.example.com/a%2fb',
      '307: the path has an escaped slash, so the proxy redirects to /a/b before it looks for a route',
    ],
  ])('%s: %s', (url, summary) => {
    expect(ask({ url })).toMatchObject({ met: false, summary });
  });

  test('is told what comes nearest', () => {
    const { nearest } = ask({
      url: 'http://shop.example.com/api/items?v=1',
      method: 'PUT',
      headers: { 'x-env': 'two' },
    });
    expect(nearest[0]).toEqual({
      route: {
        kind: 'HTTPRoute',
        namespace: 'default',
        name: 'shop',
        rule: 0,
        ruleName: undefined,
        match: 0,
        matches: 'PathPrefix /api, method POST, header x-env="one", query v="2"',
      },
      hostname: 'shop.example.com',
      differences: [
        'the method must be POST, but is PUT',
        'header x-env must be "one", but is "two"',
        'query parameter v must be "2", but is "1"',
      ],
    });
    const [carts] = ask({ url: 'http://shop.example.com/carts' }).nearest;
    expect(carts).toMatchObject({
      route: { rule: 1, match: 0 },
      differences: ['the path must be /cart or below it, but is /carts'],
    });
    const [absent] = ask({ url: 'http://shop.example.com/api', method: 'POST' }).nearest;
    expect(absent!.differences).toEqual([
      'header x-env must be "one", but is not there',
      'query parameter v must be "2", but is not there',
    ]);
  });

  test('by the nearest hostname first', () => {
    const { nearest } = ask({ url: 'http://shap.example.com/api' });
    expect(nearest.map(({ route, hostname }) => `${route.name} ${hostname}`)).toEqual([
      'shop shop.example.com',
      'blog blog.example.com',
    ]);
    expect(nearest[0]!.differences[0]).toBe('the hostname must be shop.example.com, but is shap.example.com');
  });

  test('although a broader hostname would take it', () => {
    const { summary, nearest } = ask({ url: 'http://a.admin.test:81/any' });
    expect(summary).toBe('404: no rule of the routes for a.admin.test matches GET /any');
    expect(nearest[0]).toMatchObject({
      route: { name: 'wide' },
      hostname: '*.admin.test',
      differences: [
        'requests for a.admin.test are only matched with the routes of a.admin.test, which is more specific than *.admin.test',
      ],
    });
  });

  test('because the route that would take it is not served', () => {
    const { summary, notes } = ask({ url: 'http://isolated.example.com/' });
    expect(summary).toMatch(
      /^404: no route of Gateway default\/edge has a hostname that covers isolated\.example\.com/,
    );
    expect(notes).toEqual([
      'HTTPRoute default/refused is not served: No listener of Gateway default/edge that this route names lets an HTTPRoute of namespace default attach: see their protocol and allowedRoutes',
    ]);
  });

  test('on this port, but on another', () => {
    expect(ask({ url: 'http://shop.example.com:8080/broken' }).notes).toEqual([
      'On http port 80, HTTPRoute default/shop, rule 3 would take it',
    ]);
  });
});

test('the same sentence for the same question', () => {
  expect(summaryOf({ url: 'http://shop.example.com/cart' })).toBe(summaryOf({ url: 'http://shop.example.com/cart' }));
});
