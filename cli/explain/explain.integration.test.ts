/** The command as users run it: what it writes, and what it ends with. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = path.join(import.meta.dirname, '../..');
const quickstart = path.join(root, 'config/samples/quickstart.yaml');
const merged = path.join(root, 'config/samples/merged-gateways.yaml');
const shop = path.join(root, 'translate/explain/testing/shop.yaml');

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'cli-explain-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

interface Ended {
  code: number;
  out: string;
  err: string;
}

function sluice(...args: string[]): Promise<Ended> {
  const env = { ...process.env, HOME: directory, KUBECONFIG: '' };
  return new Promise((resolve) => {
    execFile(process.execPath, [path.join(root, 'cli/sluice.ts'), ...args], { env, cwd: root }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });
}

test('a request that meets a route', async () => {
  const { code, out, err } = await sluice('explain', 'GET', 'http://localhost/echo/x', '-f', quickstart);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(out).toBe(`HTTPRoute default/echo, rule 0, match 0 forwards it to Service default/echo port 8080.

Request   GET http://localhost/echo/x
Gateway   default/quickstart
Listener  http (HTTP, port 80, hostname *)
Hostname  * (any)
Route     HTTPRoute default/echo
Rule      0
Match     0: PathPrefix /echo
Filters   ResponseHeaderModifier: set x-served-by: sluice
Backend   Service default/echo port 8080: endpoints are not known without a cluster
Sees      GET /echo/x, Host: localhost
Answer    set response header x-served-by: sluice
`);
});

test('a request that meets none, with what comes nearest', async () => {
  const { code, out } = await sluice('explain', 'GET', 'http://shop.example.com/api', '-f', shop);
  expect(code).toBe(1);
  expect(out).toMatch(/^404: no rule of the routes for shop\.example\.com matches GET \/api\.\n/);
  expect(out)
    .toContain(`Nearest: HTTPRoute default/shop, rule 0, match 0 for shop.example.com (PathPrefix /api, method POST, header x-env="one", query v="2")
  - the method must be POST, but is GET
  - header x-env must be "one", but is not there
  - query parameter v must be "2", but is not there
`);
});

test('headers count, and JSON is for machines', async () => {
  const args = ['explain', 'http://192.0.2.7/cart', '-H', 'Host: shop.example.com', '-H', 'x-beta: yes'];
  const { code, out } = await sluice(...args, '-f', shop, '-o', 'json');
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({
    request: 'GET http://192.0.2.7/cart',
    met: true,
    answers: [
      {
        gateways: ['default/edge'],
        route: { kind: 'HTTPRoute', namespace: 'default', name: 'shop', rule: 1, ruleName: 'cart', match: 1 },
        action: { kind: 'forward', backends: [{ sees: { authority: 'cart.internal', path: '/v2' } }] },
      },
    ],
  });
});

test('of several Gateways those answer that know most of the request', async () => {
  const samples = ['-f', quickstart, '-f', merged];
  const all = await sluice('explain', 'http://x.test/echo', ...samples);
  expect(all.code).toBe(0);
  expect(all.out).toContain('Gateway   default/quickstart\n');
  expect(all.out).toContain(
    'Not told here, because they know less of it: Gateway default/blog, default/shop; ask with --gateway.',
  );
  // Two Gateways of one ControlPlane share proxies.
  const one = await sluice('explain', '--gateway', 'shop', 'http://x.test/echo', ...samples);
  expect(one.code).toBe(1);
  expect(one.out).toMatch(
    /^404: no listener on port 80 of the merged Gateways default\/blog, default\/shop has a hostname that covers x\.test: they have blog\.example\.com, shop\.example\.com\./,
  );
});

test('what is wrong in files is said, and the rest is asked', async () => {
  const broken = path.join(directory, 'broken.yaml');
  writeFileSync(
    broken,
    'apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: a}\nspec: {rulez: []}\n',
  );
  const { code, err } = await sluice('explain', 'http://localhost/echo', '-f', quickstart, '-f', broken);
  expect(code).toBe(0);
  expect(err).toBe(`sluice: ${broken}:4:8: HTTPRoute default/a: spec.rulez: unknown field: did you mean rules?\n`);
});

test('a Gateway of another controller is not ours to explain', async () => {
  const file = path.join(directory, 'foreign.yaml');
  writeFileSync(
    file,
    'apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: g}\nspec: {gatewayClassName: other, listeners: [{name: l, port: 80, protocol: HTTP}]}\n',
  );
  const { code, out } = await sluice('explain', 'http://a/', '-f', file);
  expect(code).toBe(1);
  expect(out).toBe(
    'Gateway default/g is not served. There is no GatewayClass other: include it with --gateway-class other, or write gatewayClassName: sluice.\n',
  );
  expect((await sluice('explain', 'http://a/', '-f', file, '--gateway-class', 'other')).out).toMatch(
    /^404: no route is attached to a listener on port 80 of Gateway default\/g\./,
  );
});

test.each<[string[], number, RegExp]>([
  [['explain'], 2, /missing required argument/],
  [['explain', 'localhost', '-f', quickstart], 2, /^sluice: localhost is no URL; .*\n$/],
  [
    ['explain', 'http://a', '-f', quickstart, '--gateway', 'nope'],
    2,
    /^sluice: There is no Gateway default\/nope in .*: there is default\/quickstart; correct --gateway or -n\.\n$/,
  ],
  [['explain', 'http://a', '-f', '/nowhere.yaml'], 4, /^sluice: \/nowhere\.yaml does not exist; .*\n$/],
  [
    ['explain', 'http://a', '-f', quickstart, '--context', 'x'],
    2,
    /^sluice: -f and --context exclude each other; .*\n$/,
  ],
  [['explain', 'http://a', '--gateway-class', 'x'], 2, /^sluice: --gateway-class is for files; .*\n$/],
  [
    ['explain', 'http://a', '--kubeconfig', '/nowhere'],
    4,
    /^sluice: The kubeconfig \/nowhere cannot be read: .*, or name files with -f\.\n$/,
  ],
  [['explain', 'http://a', '-o', 'yaml'], 2, /Allowed choices are text, json/],
  [['get', 'pods'], 2, /Allowed choices are gateways/],
  [['get', 'routes', '-A', '-n', 'x'], 2, /^sluice: -A and -n exclude each other; .*\n$/],
])('%s ends with %i', async (args, expected, sentence) => {
  const { code, err } = await sluice(...args);
  expect({ code, err }).toEqual({ code: expected, err: expect.stringMatching(sentence) });
});
