import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { gatherFromFiles } from '../objects/files.ts';
import type { Gathered } from '../objects/index.ts';
import { renderGateways, renderRoutes } from './render.ts';
import { gatewayRows, routeRows } from './rows.ts';

const testing = path.join(import.meta.dirname, '../../translate/explain/testing');
const others = `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: foreign, namespace: other}
spec: {gatewayClassName: elsewhere, listeners: [{name: http, port: 80, protocol: HTTP}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: ours, namespace: other}
spec:
  gatewayClassName: sluice
  allowedListeners: {namespaces: {from: Same}}
  listeners:
  - {name: http, port: 80, protocol: HTTP}
  - {name: second, port: 80, protocol: TCP}
---
apiVersion: gateway.networking.k8s.io/v1
kind: ListenerSet
metadata: {name: extra, namespace: other}
spec:
  parentRef: {name: ours}
  listeners: [{name: more, port: 81, protocol: HTTP, hostname: more.example.com}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: lost, namespace: other}
spec:
  parentRefs: [{name: foreign}, {name: nowhere}, {name: extra, kind: ListenerSet}]
  hostnames: [more.example.com]
  rules: [{backendRefs: [{name: missing, port: 80}]}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: orphan, namespace: other}
spec: {rules: [{backendRefs: [{name: missing, port: 80}]}]}
`;

let directory: string;
let gathered: Gathered;
beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'cli-get-'));
  writeFileSync(path.join(directory, 'others.yaml'), others);
  gathered = await gatherFromFiles({
    paths: [path.join(testing, 'shop.yaml'), path.join(testing, 'streams.yaml'), directory],
    gatewayClasses: [],
    namespace: undefined,
  });
});
afterAll(() => rmSync(directory, { recursive: true }));

describe('gateways', () => {
  test('with listeners, conditions, and what is wrong', async () => {
    const alone = await gatherFromFiles({
      paths: [path.join(testing, 'shop.yaml')],
      gatewayClasses: [],
      namespace: undefined,
    });
    expect(renderGateways(gatewayRows(alone, undefined), false)).toBe(
      `GATEWAY   CLASS    ADDRESS   LISTENER   PROTOCOL   PORT   HOSTNAME               ROUTES   ACCEPTED   RESOLVED   PROGRAMMED
edge      sluice   -         http       HTTP       80     *.example.com          2        True       True       -
edge      sluice   -         isolated   HTTP       80     isolated.example.com   0        True       True       -
edge      sluice   -         admin      HTTP       81     *.admin.test           2        True       True       -
edge      sluice   -         https      HTTPS      443    *                      0        True       False      False

Gateway default/edge, listener https: ResolvedRefs=False (InvalidCertificateRef): Secret default/absent does not exist: create it or correct the reference
`,
    );
  });

  test('of other controllers, with conflicts, and with listeners of ListenerSets', () => {
    expect(renderGateways(gatewayRows(gathered, 'other'), true)).toBe(
      `NAMESPACE   GATEWAY   CLASS       ADDRESS   LISTENER                         PROTOCOL   PORT   HOSTNAME           ROUTES   ACCEPTED   RESOLVED   PROGRAMMED
other       foreign   elsewhere   -         -                                -          -      -                  -        -          -          -
other       ours      sluice      -         http                             HTTP       80     *                  0        False      True       False
other       ours      sluice      -         second                           TCP        80     *                  0        False      True       False
other       ours      sluice      -         more (ListenerSet other/extra)   HTTP       81     more.example.com   1        True       True       -

Gateway other/foreign: OtherController: There is no GatewayClass elsewhere: include it with --gateway-class elsewhere, or write gatewayClassName: sluice
Gateway other/ours, listener http: Accepted=False (ProtocolConflict): Port 80 is used for TCP by the listener "second": give one of the two another port
Gateway other/ours, listener second: Accepted=False (ProtocolConflict): Port 80 is used for HTTP by the listener "http": give one of the two another port
`,
    );
  });
});

describe('routes', () => {
  test('with attachment, effective hostnames, backends and their endpoints', () => {
    const rows = routeRows(gathered, 'default').filter(({ name }) => ['shop', 'refused'].includes(name));
    expect(renderRoutes(rows, false)).toBe(
      `ROUTE               GATEWAY   LISTENERS   HOSTNAMES          BACKENDS          READY   ACCEPTED   RESOLVED   PROGRAMMED
HTTPRoute/refused   edge      -           -                  cart:80           2       False      True       False
HTTPRoute/shop      edge      http:80     shop.example.com   cart:80,idle:80   2,?     True       False      -

HTTPRoute default/refused at default/edge: Accepted=False (NotAllowedByListeners): No listener of Gateway default/edge that this route names lets an HTTPRoute of namespace default attach: see their protocol and allowedRoutes
HTTPRoute default/shop at default/edge: ResolvedRefs=False (BackendNotFound): Service default/missing does not exist: create it or correct the reference
`,
    );
  });

  test('of which parents lead nowhere', () => {
    const rows = routeRows(gathered, 'other');
    expect(rows.map(({ name, gateway, hostnames }) => ({ name, gateway, hostnames }))).toEqual([
      { name: 'lost', gateway: 'other/ours', hostnames: ['more.example.com'] },
      { name: 'lost', gateway: 'other/foreign', hostnames: [] },
      { name: 'lost', gateway: 'other/nowhere', hostnames: [] },
      { name: 'orphan', gateway: '-', hostnames: [] },
    ]);
    expect(rows.flatMap(({ problems }) => problems.map(({ message }) => message))).toEqual([
      'Service other/missing does not exist: create it or correct the reference',
      'Gateway other/foreign is not served. There is no GatewayClass elsewhere: include it with --gateway-class elsewhere, or write gatewayClassName: sluice',
      'Gateway other/nowhere does not exist: create it or correct parentRefs',
      'It names no parent: name the Gateway that is to serve it in parentRefs',
    ]);
  });
});
