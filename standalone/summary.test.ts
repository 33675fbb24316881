import { expect, test } from 'vitest';

import type { KubernetesObject } from '../api/object.ts';
import { curlLines, objectVerdict, renderSummary, type SummaryInput, verdictOf } from './summary.ts';

const condition = (type: string, status: string, reason = type, message = `${type} message`) => ({
  type,
  status,
  reason,
  message,
});
const good = [
  condition('Accepted', 'True'),
  condition('ResolvedRefs', 'True'),
  condition('sluice.dev/Programmed', 'True'),
];

const gateway = (listeners: object[]): KubernetesObject => ({
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'Gateway',
  metadata: { name: 'web', namespace: 'default' },
  spec: { gatewayClassName: 'sluice', listeners },
});
const route = (name: string, spec: object): KubernetesObject => ({
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'HTTPRoute',
  metadata: { name, namespace: 'default' },
  spec: { parentRefs: [{ name: 'web' }], ...spec },
});
const parents = (conditions: object[]) => ({
  parents: [{ parentRef: { name: 'web' }, controllerName: 'x', conditions }],
});

function input(objects: SummaryInput['objects'], problems: SummaryInput['problems'] = []): SummaryInput {
  return { objects, problems, boundPort: (port) => port + 10_000, address: '127.0.0.1' };
}

const http = { name: 'http', protocol: 'HTTP', port: 80 };
const servedGateway = {
  object: gateway([http]),
  status: {
    conditions: [condition('Accepted', 'True'), condition('Programmed', 'True')],
    listeners: [{ name: 'http', attachedRoutes: 2, conditions: [condition('Programmed', 'True')] }],
  },
};

test('the first condition that is not as it should be decides', () => {
  expect(verdictOf(good)).toEqual({ state: 'good', text: 'Programmed' });
  expect(verdictOf([condition('Accepted', 'True'), condition('Conflicted', 'False')])).toEqual({
    state: 'good',
    text: 'Accepted',
  });
  expect(verdictOf([...good.slice(0, 2), condition('sluice.dev/Programmed', 'False', 'Pending')])).toMatchObject({
    state: 'pending',
  });
  expect(
    verdictOf([condition('Programmed', 'False', 'Pending'), condition('Accepted', 'False', 'Bad', 'why')]),
  ).toEqual({ state: 'bad', text: 'Bad: why' });
  expect(verdictOf([...good, condition('PartiallyInvalid', 'True', 'UnsupportedValue', 'rule 1 is dropped')])).toEqual({
    state: 'bad',
    text: 'UnsupportedValue: rule 1 is dropped',
  });
  expect(verdictOf([])).toMatchObject({ state: 'pending' });
});

test('a route without parents is nobody’s', () => {
  expect(objectVerdict(route('r', { useDefaultGateways: 'All' }), { parents: [] })?.text).toMatch(
    /^NoParent: no Gateway with defaultScope: All/,
  );
  expect(objectVerdict(route('r', { parentRefs: [] }), { parents: [] })?.text).toMatch(
    /^NoParent: .* name the Gateway/,
  );
});

test('one table', () => {
  const objects = [
    servedGateway,
    { object: route('fine', { hostnames: ['a.test', 'b.test', 'c.test'] }), status: parents(good) },
    {
      object: route('wrong', {}),
      status: parents([condition('Accepted', 'False', 'NoMatchingParent', 'no such Gateway')]),
    },
    { object: { apiVersion: 'v1', kind: 'Service', metadata: { name: 's', namespace: 'default' } }, status: undefined },
  ];
  const problem = {
    reason: 'Invalid' as const,
    file: 'a.yaml',
    position: { line: 3, column: 1 },
    message: 'is wrong.',
  };
  expect(renderSummary(input(objects, [problem]))).toBe(`GATEWAY      LISTENER  ADDRESS                 ROUTES  STATUS
default/web  http      http://127.0.0.1:10080  2       Programmed

ROUTE                    HOSTNAMES          STATUS
HTTPRoute default/wrong  *                  NoMatchingParent: no such Gateway
HTTPRoute default/fine   a.test, b.test, …  Programmed

WRONG IN FILES
a.yaml:3:1: is wrong.
`);
  expect(renderSummary(input([]))).toBe('Nothing is served: the files hold no Gateway.\n');
});

test('a thousand routes stay readable, and what is wrong is shown', () => {
  const many = Array.from({ length: 1000 }, (_, index) => ({ object: route(`r${index}`, {}), status: parents(good) }));
  const wrong = { object: route('wrong', {}), status: parents([condition('Accepted', 'False', 'Bad')]) };
  const text = renderSummary(input([servedGateway, ...many, wrong]));
  expect(text).toContain('… and 981 more');
  expect(text).toContain('HTTPRoute default/wrong');
});

test('what to try', () => {
  const https = { name: 'https', protocol: 'HTTPS', port: 443, hostname: '*.a.test' };
  const match = {
    path: { type: 'PathPrefix', value: '/x' },
    method: 'POST',
    headers: [{ name: 'a', value: 'b c' }],
    queryParams: [{ name: 'q', value: '1&2' }],
  };
  const objects = [
    {
      object: gateway([http, https]),
      status: { listeners: ['http', 'https'].map((name) => ({ name, conditions: [condition('Programmed', 'True')] })) },
    },
    { object: route('one', { hostnames: ['h.test'], rules: [{ matches: [match] }] }), status: parents(good) },
    {
      object: route('two', { parentRefs: [{ name: 'web', sectionName: 'https' }], rules: [{}] }),
      status: { parents: [{ parentRef: { name: 'web', sectionName: 'https' }, conditions: good }] },
    },
    { object: route('broken', { rules: [{}] }), status: parents([condition('Accepted', 'False', 'Bad')]) },
  ];
  expect(curlLines(input(objects))).toEqual([
    "curl -i -X POST -H 'a: b c' -H 'Host: h.test' 'http://127.0.0.1:10080/x?q=1%262'",
    'curl -i -k --resolve www.a.test:10443:127.0.0.1 https://www.a.test:10443/',
  ]);
});

test('nothing to try where the port of a listener is taken', () => {
  const taken = { name: 'http', conditions: [condition('Programmed', 'False', 'PortUnavailable')] };
  const objects = [
    { object: gateway([http]), status: { listeners: [taken] } },
    { object: route('one', { rules: [{}] }), status: parents(good) },
  ];
  expect(curlLines(input(objects))).toEqual([]);
});

test('a listener that is served with its last good certificate keeps its address', () => {
  const conditions = [
    condition('Accepted', 'True'),
    condition('ResolvedRefs', 'False', 'InvalidCertificateRef', 'why'),
  ];
  const rows = (programmed: string): string =>
    renderSummary(
      input([
        {
          object: gateway([http]),
          status: {
            listeners: [
              { name: 'http', attachedRoutes: 1, conditions: [...conditions, condition('Programmed', programmed)] },
            ],
          },
        },
      ]),
    );
  expect(rows('True')).toContain('http://127.0.0.1:10080  1       InvalidCertificateRef: why');
  expect(rows('False')).toContain('http      -        1       InvalidCertificateRef: why');
});

test('listeners of a ListenerSet, and what to try on them', () => {
  const listenerSet = { ...gateway([{ ...http, port: 81 }]), kind: 'ListenerSet' };
  const parentRef = { kind: 'ListenerSet', name: 'web' };
  const objects = [
    { ...servedGateway, object: listenerSet },
    {
      object: route('one', { parentRefs: [parentRef], rules: [{}] }),
      status: { parents: [{ parentRef, controllerName: 'x', conditions: good }] },
    },
  ];
  expect(renderSummary(input(objects))).toContain('ListenerSet default/web  http      http://127.0.0.1:10081  2');
  expect(curlLines(input(objects))).toEqual(['curl -i http://127.0.0.1:10081/']);
});
