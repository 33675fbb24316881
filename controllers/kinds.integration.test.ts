/** All kinds of Gateway API against a real API server: where their definitions are, are missing, are old, or come later. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { BackendTLSPolicy, HTTPRoute, ListenerSet, TLSRoute, UDPRoute } from '../api/gateway/index.ts';
import { controllerName } from '../api/names.ts';
import type { KubernetesObject } from '../api/object.ts';
import { defineResource, loadClusterAccess } from '../runtime/index.ts';
import { waitFor } from '../test/fixtures/index.ts';
import type { Operator } from './operator.ts';
import { resources } from './resources.ts';
import { gateway, httpRoute, own } from './testing/objects.ts';
import { multiclusterDefinitions } from './testing/gatewayApi.ts';
import { World } from './testing/world.ts';

const apiVersion = 'gateway.networking.k8s.io/v1';

function tlsRoute(namespace: string, version = 'v1'): TLSRoute {
  return {
    apiVersion: `gateway.networking.k8s.io/${version}`,
    kind: 'TLSRoute',
    metadata: { namespace, name: 'tls' },
    spec: {
      parentRefs: [{ name: 'web' }],
      hostnames: ['a.example.com'],
      rules: [{ backendRefs: [{ name: 'echo', port: 443 }] }],
    },
  };
}

function udpRoute(namespace: string): UDPRoute {
  return {
    apiVersion,
    kind: 'UDPRoute',
    metadata: { namespace, name: 'dns' },
    spec: { parentRefs: [{ name: 'web' }], rules: [{ backendRefs: [{ name: 'echo', port: 53 }] }] },
  };
}

function listenerSet(namespace: string, name: string, parent: string, port: number): ListenerSet {
  return {
    apiVersion,
    kind: 'ListenerSet',
    metadata: { namespace, name },
    spec: { parentRef: { name: parent }, listeners: [{ name: 'more', port, protocol: 'HTTP' }] },
  };
}

function serviceOf(namespace: string): KubernetesObject {
  const spec = {
    selector: { app: 'echo' },
    ports: [
      { name: 'a', port: 80 },
      { name: 'b', port: 443 },
    ],
  };
  return { apiVersion: 'v1', kind: 'Service', metadata: { namespace, name: 'echo' }, spec };
}

const foreignConditions = [
  { type: 'Accepted', status: 'True', reason: 'Accepted', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' },
];

describe('with all definitions', () => {
  let world: World;
  let operator: Operator;
  beforeAll(async () => {
    world = await World.create({ gatewayApi: 'experimental' });
    operator = await world.operator();
    await world.untilReady(operator);
  });
  afterAll(() => world.close());

  const portsOf = async (key: string): Promise<string[]> => {
    const service = await world.client.find(resources.services, key);
    return (service?.spec?.ports ?? []).map(({ port, protocol }) => `${port}/${protocol}`);
  };

  test('routes of all kinds have a status, and entries of others survive', async () => {
    const namespace = await world.namespace('routes');
    await world.apply(
      gateway(namespace, 'web', [80], {
        listeners: [
          { name: 'http', port: 80, protocol: 'HTTP' },
          { name: 'tls', port: 443, protocol: 'TLS', tls: { mode: 'Passthrough' } },
          { name: 'tcp', port: 53, protocol: 'TCP' },
          { name: 'udp', port: 53, protocol: 'UDP' },
        ],
      }),
      serviceOf(namespace),
      tlsRoute(namespace),
      udpRoute(namespace),
      { ...udpRoute(namespace), kind: 'TCPRoute' },
      { ...httpRoute(namespace, 'calls', ['web'], 'echo'), kind: 'GRPCRoute' },
      httpRoute(namespace, 'all', ['web'], 'echo'),
    );
    const routes = [
      [resources.tlsRoutes, 'tls'],
      [resources.udpRoutes, 'dns'],
      [resources.tcpRoutes, 'dns'],
      [resources.grpcRoutes, 'calls'],
      [resources.httpRoutes, 'all'],
    ] as const;
    for (const [resource, name] of routes) {
      const { kind, plural } = resource;
      const untyped = defineResource<KubernetesObject<unknown, { parents?: { controllerName: string }[] }>>({
        ...resource,
        kind,
        plural,
      });
      const key = `${namespace}/${name}`;
      const ours = (route: KubernetesObject<unknown, { parents?: { controllerName: string }[] }>): boolean =>
        route.status?.parents?.some((parent) => parent.controllerName === controllerName) ?? false;
      const { status } = await world.until(`a status of the ${kind}`, untyped, key, ours);
      const theirs = {
        parentRef: { name: 'other' },
        controllerName: 'example.com/other',
        conditions: foreignConditions,
      };
      await world.client.mergePatch(
        untyped,
        key,
        { status: { parents: [theirs, ...(status?.parents ?? [])] } },
        { subresource: 'status' },
      );
    }
    // Without their listeners: the operator has written again.
    await world.client.mergePatch(resources.gateways, `${namespace}/web`, {
      spec: { listeners: [{ name: 'http', port: 8080, protocol: 'HTTP' }] },
    });
    for (const [resource, name] of routes.slice(0, 3)) {
      const untyped = defineResource<KubernetesObject<unknown, Parents>>({ ...resource });
      const route = await world.until(
        `the ${resource.kind} to be told that its listener is gone`,
        untyped,
        `${namespace}/${name}`,
        ({ status }) =>
          status?.parents?.some(
            (parent) =>
              parent.controllerName === controllerName &&
              parent.conditions.some(({ type, status: value }) => type === 'Accepted' && value === 'False'),
          ) === true,
      );
      expect(route.status?.parents?.map((parent) => parent.controllerName)).toEqual([
        'example.com/other',
        controllerName,
      ]);
    }
  });

  test('a Service has the ports of UDP and TCP and of ListenerSets that are accepted, and no Pod changes', async () => {
    const namespace = await world.namespace('ports');
    const key = `${namespace}/web`;
    const listeners = [
      { name: 'tcp', port: 53, protocol: 'TCP' },
      { name: 'udp', port: 53, protocol: 'UDP' },
    ];
    const allowedListeners = { namespaces: { from: 'Same' as const } };
    await world.apply(gateway(namespace, 'web', [], { listeners, allowedListeners }));
    const deployment = await world.until('the Deployment to exist', resources.deployments, key);
    await waitFor('both', async () => (await portsOf(key)).join(' ') === '53/TCP 53/UDP');

    await world.apply(listenerSet(namespace, 'more', 'web', 8081));
    await world.untilCondition(resources.listenerSets, `${namespace}/more`, 'Accepted', 'True');
    await waitFor('its port', async () => (await portsOf(key)).includes('8081/TCP'));
    await world.until(
      'the Gateway to count it',
      resources.gateways,
      key,
      ({ status }) => status?.attachedListenerSets === 1,
    );
    await world.apply({
      ...httpRoute(namespace, 'more', [], 'echo'),
      spec: { parentRefs: [{ kind: 'ListenerSet', name: 'more' }] },
    });
    await world.until(
      'its listener to count the route',
      resources.listenerSets,
      `${namespace}/more`,
      ({ status }) => status?.listeners?.[0]?.attachedRoutes === 1,
    );
    // Not allowed: no port, and a reason.
    const elsewhere = await world.namespace('ports-elsewhere');
    await world.apply({
      ...listenerSet(elsewhere, 'foreign', 'web', 8082),
      spec: { ...listenerSet(elsewhere, 'foreign', 'web', 8082).spec, parentRef: { name: 'web', namespace } },
    });
    await world.untilCondition(resources.listenerSets, `${elsewhere}/foreign`, 'Accepted', 'False NotAllowed');
    expect(await portsOf(key)).toEqual(['53/TCP', '53/UDP', '8081/TCP']);

    await world.remove(listenerSet(namespace, 'more', 'web', 8081));
    await waitFor('its port to go', async () => (await portsOf(key)).join(' ') === '53/TCP 53/UDP');
    await world.until(
      'the route to lose its entry',
      resources.httpRoutes,
      `${namespace}/more`,
      ({ status }) => status?.parents.length === 0,
    );
    expect((await world.client.get(resources.deployments, key)).metadata.generation).toBe(
      deployment.metadata.generation,
    );
  });

  test("a ListenerSet of another controller's Gateway has no status of ours", async () => {
    const namespace = await world.namespace('theirs');
    await world.apply(
      gateway(namespace, 'theirs', [80], { gatewayClassName: 'other' }),
      listenerSet(namespace, 'theirs', 'theirs', 8080),
      gateway(namespace, 'ours', [80], { allowedListeners: { namespaces: { from: 'Same' } } }),
      listenerSet(namespace, 'ours', 'ours', 8080),
    );
    await world.untilCondition(resources.listenerSets, `${namespace}/ours`, 'Accepted', 'True');
    const { status } = await world.client.get(resources.listenerSets, `${namespace}/theirs`);
    expect(status?.listeners).toBeUndefined();
    expect((status?.conditions ?? []).every((condition) => condition.status === 'Unknown')).toBe(true);
  });

  test('a ListenerSet whose Gateway goes says so, and is served again by another', async () => {
    const namespace = await world.namespace('orphan');
    const key = `${namespace}/more`;
    const web = gateway(namespace, 'web', [80], { allowedListeners: { namespaces: { from: 'Same' } } });
    await world.apply(web, listenerSet(namespace, 'more', 'web', 8080));
    await world.untilCondition(resources.listenerSets, key, 'Accepted', 'True');
    await world.remove(web);
    expect(await world.untilCondition(resources.listenerSets, key, 'Accepted', 'False ParentNotAccepted')).toBe(
      `There is no Gateway ${namespace}/web. Create it, or correct parentRef.`,
    );
    await world.apply(listenerSet(namespace, 'more', 'web', 8081));
    // Of the new generation, too.
    await world.untilCondition(resources.listenerSets, key, 'Programmed', 'False Invalid');
    await world.apply(
      { ...web, metadata: { namespace, name: 'other' } },
      listenerSet(namespace, 'more', 'other', 8081),
    );
    await world.untilCondition(resources.listenerSets, key, 'Accepted', 'True');
  });

  test('a policy has an entry for its Gateway beside those of others', async () => {
    const namespace = await world.namespace('policies');
    const policy: BackendTLSPolicy = {
      apiVersion,
      kind: 'BackendTLSPolicy',
      metadata: { namespace, name: 'tls' },
      spec: {
        targetRefs: [{ group: '', kind: 'Service', name: 'echo' }],
        validation: { hostname: 'echo.example.com', wellKnownCACertificates: 'System' },
      },
    };
    const key = `${namespace}/tls`;
    await world.apply(policy);
    const theirs = {
      ancestorRef: { name: 'other' },
      controllerName: 'example.com/other',
      conditions: foreignConditions,
    };
    await world.client.mergePatch(
      resources.backendTLSPolicies,
      key,
      { status: { ancestors: [theirs] } },
      { subresource: 'status' },
    );
    const route = httpRoute(namespace, 'all', ['web'], 'echo');
    await world.apply(gateway(namespace, 'web', [80]), serviceOf(namespace), route);
    const names = ({ status }: BackendTLSPolicy): string =>
      (status?.ancestors ?? []).map((entry) => `${entry.controllerName} ${entry.ancestorRef.name}`).join(', ');
    await world.until(
      'an entry beside theirs',
      resources.backendTLSPolicies,
      key,
      (object) => names(object) === `example.com/other other, ${controllerName} web`,
    );
    await world.remove(route, gateway(namespace, 'web', [80]));
    await world.until(
      'ours to go',
      resources.backendTLSPolicies,
      key,
      (object) => names(object) === 'example.com/other other',
    );
  });

  test('what a Gateway says of its infrastructure is on everything that is made for it', async () => {
    const namespace = await world.namespace('infrastructure');
    const labels = { team: 'shop' };
    const annotations = { 'example.com/note': 'x' };
    await world.apply(gateway(namespace, 'web', [80], { infrastructure: { labels, annotations } }));
    const made = [
      [resources.dataPlanes, 'web'],
      [resources.controlPlanes, 'web'],
      [resources.deployments, 'web'],
      [resources.services, 'web'],
      [resources.serviceAccounts, 'web'],
      [resources.configMaps, 'web-bootstrap'],
      [resources.secrets, 'web-certificate'],
    ] as const;
    for (const [resource, name] of made) {
      const untyped = defineResource({ ...resource });
      const object = await world.until(`the ${resource.kind}`, untyped, `${namespace}/${name}`);
      expect(object.metadata.labels, resource.kind).toMatchObject({
        ...labels,
        'gateway.networking.k8s.io/gateway-name': 'web',
      });
      expect(object.metadata.annotations, resource.kind).toMatchObject(annotations);
    }
    const { spec } = await world.client.get(resources.deployments, `${namespace}/web`);
    expect(spec).toMatchObject({ template: { metadata: { labels, annotations } } });
  });

  test('addresses that are asked for: of an unknown type, not to be had, had', async () => {
    const namespace = await world.namespace('addresses');
    const key = `${namespace}/web`;
    const asking = (...addresses: { type?: string; value?: string }[]) =>
      gateway(namespace, 'web', [80], { addresses });
    await world.apply(asking({ type: 'example.com/name', value: 'x' }, { value: '192.0.2.1' }));
    expect(await world.untilCondition(resources.gateways, key, 'Accepted', 'False UnsupportedAddress')).toContain(
      'example.com/name',
    );
    await world.apply(asking({ value: '192.0.2.1' }));
    await world.untilCondition(resources.gateways, key, 'Accepted', 'True Accepted');
    const proxy = await world.startProxy(operator, key);
    await proxy.ready();
    await world.runPods(key, 1);
    await world.until(
      'the wish',
      resources.services,
      key,
      ({ spec }) => spec !== undefined && 'loadBalancerIP' in spec && spec.loadBalancerIP === '192.0.2.1',
    );
    expect(await world.untilCondition(resources.gateways, key, 'Programmed', 'False AddressNotUsable')).toContain(
      '192.0.2.1',
    );
    // The load balancer gives another one.
    await world.giveAddress(key, '198.51.100.7');
    expect(await world.untilCondition(resources.gateways, key, 'Programmed', 'False AddressNotUsable')).toContain(
      '192.0.2.1',
    );
    await world.apply(asking({ value: '198.51.100.7' }));
    await world.untilCondition(resources.gateways, key, 'Programmed', 'True');
    const { status } = await world.client.get(resources.gateways, key);
    expect(status?.addresses).toEqual([{ type: 'IPAddress', value: '198.51.100.7' }]);
    // Any address of that type will do.
    await world.apply(asking({ type: 'IPAddress' }));
    await world.untilCondition(resources.gateways, key, 'Programmed', 'True');
  });

  test('a Gateway with a bad controlPlaneRef changes nothing for one beside it on the same pair', async () => {
    const namespace = await world.namespace('beside');
    const on = (name: string) => ({
      infrastructure: { parametersRef: { group: 'sluice.dev', kind: 'GatewayConfiguration', name } },
    });
    await world.apply(
      own('DataPlane', namespace, 'edge', { service: { type: 'ClusterIP' } }),
      own('ControlPlane', namespace, 'edge', { dataPlaneRef: { name: 'edge' } }),
      own('GatewayConfiguration', namespace, 'good', { controlPlaneRef: { name: 'edge' } }),
      own('GatewayConfiguration', namespace, 'bad', { controlPlaneRef: { name: 'nowhere' } }),
      gateway(namespace, 'one', [80], on('good')),
    );
    const proxy = await world.startProxy(operator, `${namespace}/edge`);
    await proxy.ready();
    await world.runPods(`${namespace}/edge`, 1);
    await waitFor('its port', async () => (await portsOf(`${namespace}/edge`)).join(' ') === '80/TCP');
    const service = await world.client.get(resources.services, `${namespace}/edge`);
    await world.untilCondition(resources.gateways, `${namespace}/one`, 'Programmed', 'True');
    const before = await world.client.get(resources.gateways, `${namespace}/one`);
    const version = (await world.client.get(resources.dataPlanes, `${namespace}/edge`)).status?.configuration;

    await world.apply(gateway(namespace, 'two', [80, 8080], on('bad')));
    expect(
      await world.untilCondition(resources.gateways, `${namespace}/two`, 'Accepted', 'False InvalidParameters'),
    ).toContain('nowhere');
    // The other way: one that is valid, and whose listener is not.
    await world.apply(
      gateway(namespace, 'three', [], {
        ...on('good'),
        listeners: [{ name: 'x', port: 90, protocol: 'example.com/X' }],
      }),
    );
    await world.untilCondition(resources.gateways, `${namespace}/three`, 'Accepted', 'False');
    const after = await world.client.get(resources.gateways, `${namespace}/one`);
    expect(after.status).toEqual(before.status);
    expect((await world.client.get(resources.dataPlanes, `${namespace}/edge`)).status?.configuration).toEqual(version);
    expect((await world.client.get(resources.services, `${namespace}/edge`)).spec?.clusterIP).toBe(
      service.spec?.clusterIP,
    );
    expect(await world.client.find(resources.dataPlanes, `${namespace}/two`)).toBeUndefined();
  });

  test('a ServiceImport is a backend as soon as its definition is there', async () => {
    const namespace = await world.namespace('imports');
    const route: HTTPRoute = {
      ...httpRoute(namespace, 'all', ['web'], 'echo'),
      spec: {
        parentRefs: [{ name: 'web' }],
        rules: [{ backendRefs: [{ group: 'multicluster.x-k8s.io', kind: 'ServiceImport', name: 'echo', port: 80 }] }],
      },
    };
    await world.apply(gateway(namespace, 'web', [80]), route);
    const until = (expected: string) =>
      world.until(`ResolvedRefs ${expected}`, resources.httpRoutes, `${namespace}/all`, ({ status }) =>
        (status?.parents ?? []).some(({ conditions }) =>
          conditions.some(
            ({ type, status: value, reason }) => `${type} ${value} ${reason}` === `ResolvedRefs ${expected}`,
          ),
        ),
      );
    await until('False BackendNotFound');
    await world.apiServer.applyCrds(await multiclusterDefinitions());
    await world.apply({
      apiVersion: 'multicluster.x-k8s.io/v1alpha1',
      kind: 'ServiceImport',
      metadata: { namespace, name: 'echo' },
      spec: { type: 'ClusterSetIP', ips: ['192.0.2.7'], ports: [{ name: 'http', port: 80, protocol: 'TCP' }] },
    });
    await until('True ResolvedRefs');
  });

  test('all kinds are watched over a few connections', () => {
    const port = new URL(world.apiServer.url).port;
    const connections = connectionsTo(Number(port));
    expect(connections).toBeGreaterThan(0);
    expect(connections).toBeLessThan(10);
  });
});

describe('definitions', () => {
  let ends: World | undefined;
  afterEach(async () => {
    await ends?.close();
    ends = undefined;
  });
  const lines: Record<string, unknown>[] = [];
  const logger = pino({ level: 'info' }, { write: (line) => lines.push(JSON.parse(line)) });
  const told = () => lines.filter(({ kinds, features }) => kinds !== undefined && features !== undefined);
  const featuresOf = async (world: World): Promise<string[]> =>
    ((await world.client.get(resources.gatewayClasses, 'sluice')).status?.supportedFeatures ?? []).map(
      ({ name }) => name,
    );

  test('that are old do not hold up the start, and newer ones are taken up without one', async () => {
    ends = await World.create({ gatewayApi: 'experimental', gatewayApiVersion: 'v1.4.1' });
    const world = ends;
    lines.length = 0;
    const operator = await world.operator({ logger });
    await world.untilReady(operator);
    const namespace = await world.namespace('old');
    const alpha = defineResource<TLSRoute>({ ...resources.tlsRoutes, version: 'v1alpha2' });
    await world.client.apply(alpha, tlsRoute(namespace, 'v1alpha2'));
    await world.apply(
      gateway(namespace, 'web', [], {
        listeners: [{ name: 'tls', port: 443, protocol: 'TLS', tls: { mode: 'Passthrough' } }],
      }),
      serviceOf(namespace),
    );
    const key = `${namespace}/tls`;
    const isTold = ({ status }: TLSRoute): boolean => status?.parents.length === 1;
    const before = await world.until('a status in the old version', alpha, key, isTold);
    expect(before.status?.parents[0]).toMatchObject({ controllerName });
    // TCPRoute is of the experimental channel there and of an older version; ListenerSet does not exist.
    await waitFor('the features', async () => (await featuresOf(world)).includes('TLSRoute'));
    expect(await featuresOf(world)).not.toContain('ListenerSet');
    await waitFor('the log', () => told().length > 0);
    expect(told().at(-1)).toMatchObject({ kinds: expect.arrayContaining(['ListenerSet', 'XBackend']) });
    const { status } = await world.client.get(resources.gateways, `${namespace}/web`);
    expect(status).not.toHaveProperty('attachedListenerSets');

    // Grants are only served as v1beta1 there.
    const elsewhere = await world.namespace('old-elsewhere');
    const granted: HTTPRoute = {
      ...httpRoute(namespace, 'granted', ['web'], 'echo'),
      spec: {
        parentRefs: [{ name: 'plain' }],
        rules: [{ backendRefs: [{ name: 'echo', namespace: elsewhere, port: 80 }] }],
      },
    };
    const resolved = (expected: string) => (route: HTTPRoute) =>
      (route.status?.parents ?? []).some(({ conditions }) =>
        conditions.some(
          ({ type, status: value, reason }) => `${type} ${value} ${reason}` === `ResolvedRefs ${expected}`,
        ),
      );
    const untilResolved = (expected: string) =>
      world.until(`ResolvedRefs ${expected}`, resources.httpRoutes, `${namespace}/granted`, resolved(expected));
    await world.apply(gateway(namespace, 'plain', [80]), serviceOf(elsewhere), granted);
    await untilResolved('False RefNotPermitted');
    await world.client.apply(defineResource({ ...resources.referenceGrants, version: 'v1beta1' }), {
      metadata: { namespace: elsewhere, name: 'routes' },
      spec: {
        from: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace }],
        to: [{ group: '', kind: 'Service' }],
      },
    });
    await untilResolved('True ResolvedRefs');

    await world.installGatewayApi('experimental');
    await world.apply(listenerSet(namespace, 'more', 'web', 8443));
    await world.client.mergePatch(resources.gateways, `${namespace}/web`, {
      spec: { allowedListeners: { namespaces: { from: 'All' } } },
    });
    await world.untilCondition(resources.listenerSets, `${namespace}/more`, 'Accepted', 'True');
    await waitFor('the log to say less', () => {
      const last = told().at(-1);
      return Array.isArray(last?.['kinds']) && last['kinds'].join(' ') === 'ServiceImport';
    });
    // The same grant, as v1 now.
    await world.client.delete(resources.referenceGrants, `${elsewhere}/routes`);
    await untilResolved('False RefNotPermitted');
    await world.client.mergePatch(resources.tlsRoutes, key, { spec: { hostnames: ['b.example.com'] } });
    await world.until('a status in the new version', resources.tlsRoutes, key, ({ metadata, status: now }) =>
      (now?.parents ?? []).some(({ conditions }) =>
        conditions.some(({ observedGeneration }) => observedGeneration === metadata.generation),
      ),
    );
  });

  test('of the standard channel only are enough, what is off is logged once, and a kind that goes takes its features along', async () => {
    ends = await World.create({ gatewayApi: 'standard' });
    const world = ends;
    lines.length = 0;
    const operator = await world.operator({ logger });
    await world.untilReady(operator);
    await waitFor('the features', async () => (await featuresOf(world)).includes('UDPRoute'));
    expect(await featuresOf(world)).not.toContain('HTTPRouteRetry');
    expect(told()).toHaveLength(1);
    expect(told()[0]).toMatchObject({
      kinds: ['ServiceImport', 'XBackend', 'XBackendTrafficPolicy'],
      features: expect.arrayContaining(['HTTPRouteRetry: HTTPRoute is of the standard channel']),
      install: expect.arrayContaining([expect.stringContaining('experimental-install.yaml')]),
    });
    await world.client.delete(resources.customResourceDefinitions, 'udproutes.gateway.networking.k8s.io');
    await waitFor('the feature to go', async () => !(await featuresOf(world)).includes('UDPRoute'));
    expect((await world.readiness(operator)).trim()).toBe('ok');
    await world.installGatewayApi('experimental');
    await waitFor('the features', async () => {
      const features = await featuresOf(world);
      return features.includes('UDPRoute') && features.includes('HTTPRouteRetry');
    });
  });
});

test('without the namespace of the operator readiness says what to create', async () => {
  const world = await World.create({ gatewayApi: 'standard' });
  try {
    // Who may do everything, so that nothing else is missing.
    const access = loadClusterAccess({ kubeconfig: world.apiServer.kubeconfigPath });
    for (const leaderElection of [true, false]) {
      const operator = await world.operator({ access, namespace: 'missing', leaderElection });
      await waitFor('readiness to say so', async () =>
        (await world.readiness(operator)).includes('Create the namespace missing'),
      );
      await world.stop(operator);
    }
  } finally {
    await world.close();
  }
});

interface Parents {
  parents?: { controllerName: string; conditions: { type: string; status: string }[] }[];
}

/** Connections of this process to a port of loopback. Source: proc(5), /proc/net/tcp. */
function connectionsTo(port: number): number {
  const sockets = new Set(
    readdirSync('/proc/self/fd').flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1] ?? [];
      } catch {
        return []; // Closed in the meantime.
      }
    }),
  );
  const established = '01';
  const remote = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return readFileSync('/proc/self/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(
      (fields) => fields[2]?.endsWith(remote) === true && fields[3] === established && sockets.has(fields[9] ?? ''),
    ).length;
}
