import { describe, expect, test } from 'vitest';
import { objectKey, type KubernetesObject } from '../api/object.ts';
import type { AdmissionRequest, Verdict } from './admissionReview.ts';
import { objectsOf, surroundingsOf } from './testing/objects.ts';
import { validate } from './validator.ts';

const world = `
{ apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: { name: sluice }, spec: { controllerName: sluice.dev/gateway-controller } }
---
{ apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: { name: other }, spec: { controllerName: example.com/controller } }
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: edge, namespace: default }
spec:
  gatewayClassName: sluice
  listeners: [{ name: http, port: 80, protocol: HTTP, hostname: "*.example.com", allowedRoutes: { namespaces: { from: Same } } }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: theirs, namespace: default }
spec: { gatewayClassName: other, listeners: [{ name: http, port: 80, protocol: HTTP }] }
---
{ apiVersion: v1, kind: Service, metadata: { name: app, namespace: default }, spec: { ports: [{ port: 80 }] } }
---
{ apiVersion: v1, kind: Service, metadata: { name: app, namespace: shared }, spec: { ports: [{ port: 80 }] } }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: old, namespace: default, creationTimestamp: "2026-01-01T00:00:00Z" }
spec:
  parentRefs: [{ name: edge }]
  hostnames: [a.example.com]
  rules: [{ matches: [{ path: { type: PathPrefix, value: /v1 } }], backendRefs: [{ name: app, port: 80 }] }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: visitor, namespace: tenant, creationTimestamp: "2026-01-01T00:00:00Z" }
spec:
  parentRefs: [{ name: edge, namespace: default }]
  hostnames: [a.example.com]
  rules: [{ matches: [{ path: { type: PathPrefix, value: /v1 } }], backendRefs: [{ name: app, namespace: shared, port: 80 }] }]
---
apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: { name: grant, namespace: shared }
spec:
  from: [{ group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: tenant }]
  to: [{ group: "", kind: Service }]
---
{ apiVersion: sluice.dev/v1alpha1, kind: DataPlane, metadata: { name: shared, namespace: default }, spec: {} }
---
{ apiVersion: sluice.dev/v1alpha1, kind: ControlPlane, metadata: { name: shared, namespace: default }, spec: { dataPlaneRef: { name: shared } } }
---
{ apiVersion: sluice.dev/v1alpha1, kind: GatewayConfiguration, metadata: { name: merged, namespace: default }, spec: { controlPlaneRef: { name: shared } } }
`;

function requestFor(object: KubernetesObject, more: Partial<AdmissionRequest> = {}): AdmissionRequest {
  const [group = '', version = ''] = object.apiVersion.includes('/')
    ? object.apiVersion.split('/')
    : ['', object.apiVersion];
  return {
    uid: '1',
    kind: { group, version, kind: object.kind },
    operation: 'CREATE',
    namespace: object.metadata.namespace ?? '',
    name: object.metadata.name,
    object,
    oldObject: undefined,
    ...more,
  };
}

function apply(yaml: string, more: Partial<AdmissionRequest> = {}): Verdict {
  return validate(requestFor(objectsOf(yaml)[0]!, more), surroundingsOf(world));
}

function remove(kind: string, key: string): string[] {
  const object = objectsOf(world).find((each) => each.kind === kind && objectKey(each) === key)!;
  const verdict = validate(
    requestFor(object, { operation: 'DELETE', object: undefined, oldObject: object }),
    surroundingsOf(world),
  );
  expect(verdict.denial).toBeUndefined();
  return verdict.warnings;
}

const route = (spec: string, namespace = 'default'): string => `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: new, namespace: ${namespace}, generation: 1 }
spec: ${spec}
`;
const good =
  '{ parentRefs: [{ name: edge }], hostnames: [b.example.com], rules: [{ backendRefs: [{ name: app, port: 80 }] }] }';

describe('routes', () => {
  test('one that is right passes without a word', () => {
    expect(apply(route(good))).toEqual({ warnings: [] });
  });

  test('an expression that does not compile is denied, also before its Gateway exists', () => {
    for (const parent of ['edge', 'later']) {
      const { denial } = apply(
        route(
          `{ parentRefs: [{ name: ${parent} }], rules: [{ matches: [{ path: { type: RegularExpression, value: "/(" } }] }, { matches: [{}] }] }`,
        ),
      );
      expect(denial).toMatch(/rule 0 .*the path match has a regular expression that RE2 refuses/);
    }
  });

  test('what leads nowhere yet is told', () => {
    expect(
      apply(route('{ parentRefs: [{ name: later }], rules: [{ backendRefs: [{ name: gone, port: 80 }] }] }')),
    ).toEqual({
      warnings: [
        'Gateway default/later does not exist: nothing serves the route there until it does',
        'Service default/gone does not exist: create it or correct the reference',
      ],
    });
    const { warnings } = apply(
      route(
        '{ parentRefs: [{ name: edge }], hostnames: [c.example.org], rules: [{ backendRefs: [{ name: app, namespace: shared, port: 80 }] }] }',
      ),
    );
    expect(warnings).toEqual([
      'no ReferenceGrant in namespace shared lets an HTTPRoute of namespace default refer to Service shared/app',
      'No hostname of this route (c.example.org) is covered by a listener it names (*.example.com)',
    ]);
  });

  test('a match that another route of the namespace has is told, and routes of others are not named', () => {
    const rules =
      'rules: [{ matches: [{ path: { value: /v1, type: PathPrefix } }], backendRefs: [{ name: app, port: 80 }] }]';
    expect(apply(route(`{ parentRefs: [{ name: edge }], hostnames: [A.example.com], ${rules} }`)).warnings).toEqual([
      'HTTPRoute default/old has the same match for hostname a.example.com as rule 0 of this route: where both are attached, only HTTPRoute default/old, the older one, is asked',
    ]);
    const stranger = apply(
      route(`{ parentRefs: [{ name: edge, namespace: default }], hostnames: [a.example.com], ${rules} }`, 'stranger'),
    );
    expect(JSON.stringify(stranger)).not.toMatch(/visitor|tenant|old/);
  });

  test('a route of another controller, an update of metadata, and one that is being deleted are left alone', () => {
    const bad = 'rules: [{ matches: [{ path: { type: RegularExpression, value: "(" } }] }]';
    expect(apply(route(`{ parentRefs: [{ name: theirs }], ${bad} }`))).toEqual({ warnings: [] });
    const object = objectsOf(route(`{ parentRefs: [{ name: edge }], ${bad} }`))[0]!;
    const relabelled = { ...object, metadata: { ...object.metadata, labels: { a: 'b' } } };
    const update = requestFor(relabelled, { operation: 'UPDATE', oldObject: object });
    expect(validate(update, surroundingsOf(world))).toEqual({ warnings: [] });
    const going = { ...object, metadata: { ...object.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
    expect(validate(requestFor(going), surroundingsOf(world))).toEqual({ warnings: [] });
  });
});

describe('Gateways and ListenerSets', () => {
  const gateway = (spec: string): string => `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: new, namespace: default }
spec: ${spec}`;

  test('options that no proxy takes are denied', () => {
    const listener =
      '{ name: https, port: 443, protocol: HTTPS, tls: { certificateRefs: [{ name: c }], options: { sluice.dev/tls-minimum-version: "1.0" } } }';
    expect(apply(gateway(`{ gatewayClassName: sluice, listeners: [${listener}] }`)).denial).toMatch(
      /^Listener "https": tls.options has "1.0" in sluice.dev\/tls-minimum-version/,
    );
    expect(apply(gateway(`{ gatewayClassName: other, listeners: [${listener}] }`))).toEqual({ warnings: [] });
  });

  test('references that lead nowhere yet are told', () => {
    const listeners = 'listeners: [{ name: http, port: 80, protocol: HTTP }]';
    expect(apply(gateway(`{ gatewayClassName: none, ${listeners} }`)).warnings).toEqual([
      'GatewayClass none does not exist: nothing serves the Gateway until it does',
    ]);
    const https = '{ name: https, port: 443, protocol: HTTPS, tls: { certificateRefs: [{ name: gone }] } }';
    expect(apply(gateway(`{ gatewayClassName: sluice, listeners: [${https}] }`)).warnings).toEqual([
      'Listener "https": Secret default/gone does not exist: create it or correct the reference',
    ]);
    const parameters =
      'infrastructure: { parametersRef: { group: sluice.dev, kind: GatewayConfiguration, name: gone } }';
    expect(apply(gateway(`{ gatewayClassName: sluice, ${listeners}, ${parameters} }`)).warnings[0]).toMatch(
      /names GatewayConfiguration default\/gone, which does not exist/,
    );
    const set = `
apiVersion: gateway.networking.k8s.io/v1
kind: ListenerSet
metadata: { name: set, namespace: team }
spec: { parentRef: { name: edge, namespace: default }, listeners: [{ name: http, port: 81, protocol: HTTP }] }`;
    expect(apply(set).warnings).toEqual([
      'Gateway default/edge takes no ListenerSets: its owner has to set allowedListeners',
    ]);
  });
});

test('kinds of ours: what they name and is not there, or is named twice', () => {
  const own = (kind: string, spec: string): string =>
    `{ apiVersion: sluice.dev/v1alpha1, kind: ${kind}, metadata: { name: new, namespace: default }, spec: ${spec} }`;
  expect(apply(own('ControlPlane', '{ dataPlaneRef: { name: gone } }')).warnings).toEqual([
    'DataPlane default/gone does not exist: the ControlPlane configures nothing until it does',
  ]);
  expect(apply(own('ControlPlane', '{ dataPlaneRef: { name: shared } }')).warnings).toEqual([
    'ControlPlane default/shared names DataPlane default/shared, too: only the older one configures it',
  ]);
  expect(apply(own('GatewayConfiguration', '{ controlPlaneRef: { name: gone } }')).warnings).toEqual([
    'ControlPlane default/gone does not exist: Gateways stay where they are until it does',
  ]);
  expect(apply(own('DataPlane', '{}'))).toEqual({ warnings: [] });
});

describe('deletion of what is in use', () => {
  test.each([
    [
      'Gateway',
      'default/edge',
      'Gateway default/edge is used by HTTPRoute default/old and 1 more object: they are not served any more',
    ],
    [
      'GatewayClass',
      'sluice',
      'GatewayClass sluice is used by 1 object: they are served as they are until they are deleted, and not kept current',
    ],
    [
      'ControlPlane',
      'default/shared',
      'ControlPlane default/shared is used by GatewayConfiguration default/merged: they are not served any more',
    ],
    [
      'DataPlane',
      'default/shared',
      'DataPlane default/shared is used by ControlPlane default/shared: they are not served any more',
    ],
    [
      'ReferenceGrant',
      'shared/grant',
      'ReferenceGrant shared/grant is used by 1 object: unless another ReferenceGrant lets them, they may not refer to this namespace any more',
    ],
  ])('%s %s', (kind, key, words) => {
    expect(remove(kind, key)).toEqual([words]);
  });

  test('of what nothing uses there is nothing to say', () => {
    expect(remove('HTTPRoute', 'default/old')).toEqual([]);
    expect(remove('GatewayConfiguration', 'default/merged')).toEqual([]);
  });
});
