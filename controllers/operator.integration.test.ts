/** The operator against a real API server, with a real Envoy; kubelet, Deployment controller and load balancer are played. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Service } from '../api/core.ts';
import { apiVersion, conditionTypes, controllerName } from '../api/names.ts';
import type { KubernetesObject } from '../api/object.ts';
import { waitFor } from '../test/fixtures/index.ts';
import { decodeAuthority, defaultCertificatePolicy } from './certificates/index.ts';
import type { Operator } from './operator.ts';
import { resources } from './resources.ts';
import { gateway, httpRoute, own } from './testing/objects.ts';
import { operatorNamespace, World } from './testing/world.ts';

let world: World;
let operator: Operator;

describe('an operator', () => {
  beforeAll(async () => {
    world = await World.create({ gatewayApi: 'experimental' });
    operator = await world.operator();
    await world.untilReady(operator);
  });
  afterAll(() => world.close());

  test('gives a Gateway proxies, configures them, and says so in one write', async () => {
    const namespace = await world.namespace('first');
    const key = `${namespace}/web`;
    await world.apply(
      gateway(namespace, 'web', [80, 8080], {
        infrastructure: { labels: { team: 'shop' }, annotations: { 'example.com/note': 'x' } },
      }),
    );
    const deployment = await world.until('the Deployment to exist', resources.deployments, key);
    const service = await world.until('the Service to exist', resources.services, key);
    const dataPlane = await world.client.get(resources.dataPlanes, key);
    for (const object of [deployment, service]) {
      expect(object.metadata.ownerReferences).toMatchObject([
        { apiVersion, kind: 'DataPlane', name: 'web', uid: dataPlane.metadata.uid, controller: true },
      ]);
      expect(object.metadata.labels).toMatchObject({
        team: 'shop',
        'gateway.networking.k8s.io/gateway-name': 'web',
        'app.kubernetes.io/managed-by': 'sluice',
      });
      expect(object.metadata.annotations).toMatchObject({ 'example.com/note': 'x' });
    }
    expect(service.spec).toMatchObject({ type: 'LoadBalancer', ports: [{ port: 80 }, { port: 8080 }] });
    const message = await world.untilCondition(resources.dataPlanes, key, 'Ready', 'False Pending');
    expect(message).toBe('0 of 1 proxies are ready.');

    const proxy = await world.startProxy(operator, key);
    await proxy.ready();
    await world.runPods(key, 1);
    expect(await world.untilCondition(resources.gateways, key, 'Programmed', 'False AddressNotAssigned')).toContain(
      'MetalLB',
    );
    expect(await world.untilCondition(resources.dataPlanes, key, 'Ready', 'False AddressPending')).toContain(
      'service.type to NodePort or ClusterIP',
    );
    await world.giveAddress(key, '198.51.100.9');
    await world.untilCondition(resources.gateways, key, 'Programmed', 'True');
    expect((await world.client.get(resources.gateways, key)).status?.addresses).toEqual([
      { type: 'IPAddress', value: '198.51.100.9' },
    ]);
    await world.untilCondition(resources.dataPlanes, key, 'Ready', 'True');
    await world.untilCondition(resources.dataPlanes, key, 'Programmed', 'True');
    await world.untilCondition(resources.controlPlanes, key, 'Programmed', 'True');
    const status = (await world.client.get(resources.dataPlanes, key)).status;
    expect(status).toMatchObject({ replicas: 1, readyReplicas: 1, configuration: { acknowledged: 1, total: 1 } });

    const before = await world.metric(operator, 'sluice_status_writes_total{kind="HTTPRoute",result="success"}');
    await world.apply(serviceOf(namespace, 'echo'), httpRoute(namespace, 'all', ['web'], 'echo'));
    await untilProgrammed(`${namespace}/all`);
    expect(await world.metric(operator, 'sluice_status_writes_total{kind="HTTPRoute",result="success"}')).toBe(
      before + 1,
    );
    expect(await proxy.admin('/config_dump?resource=dynamic_route_configs')).toContain('first/echo');
  });

  test('leaves alone what others own, and repairs what is its own', async () => {
    const namespace = await world.namespace('shared-fields');
    const key = `${namespace}/dp`;
    await world.apply(own('DataPlane', namespace, 'dp', { service: { type: 'ClusterIP' } }));
    const made = await world.until('the Deployment to exist', resources.deployments, key);
    const restarted = '2026-01-01T00:00:00Z';
    await world.client.mergePatch(resources.deployments, key, {
      metadata: { annotations: { 'example.com/theirs': 'kept' } },
      spec: {
        revisionHistoryLimit: 9,
        template: { metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': restarted } } },
      },
    });
    // The repair of the one field is the sign that the operator has looked at the others.
    const repaired = await world.until('the repair', resources.deployments, key, (deployment) =>
      JSON.stringify(deployment.spec).includes('"revisionHistoryLimit":3'),
    );
    expect(JSON.stringify(repaired.spec)).toContain(restarted);
    expect(repaired.metadata.annotations).toMatchObject({ 'example.com/theirs': 'kept' });
    expect(repaired.metadata.uid).toBe(made.metadata.uid);

    await world.client.setScale(resources.dataPlanes, key, 3);
    await world.until(
      'the Deployment to have three replicas',
      resources.deployments,
      key,
      (deployment) => deployment.spec?.replicas === 3,
    );
    await world.runPods(key, 2);
    await world.until('the status to count them', resources.dataPlanes, key, ({ status }) => status?.replicas === 3);
    const scale = await world.client.getScale(resources.dataPlanes, key);
    expect(scale).toMatchObject({
      spec: { replicas: 3 },
      status: { replicas: 3, selector: expect.stringContaining('app.kubernetes.io/instance=dp') },
    });
    await world.remove(own('DataPlane', namespace, 'dp', {}));
  });

  test('does not take over what someone else made', async () => {
    const namespace = await world.namespace('taken');
    const key = `${namespace}/web`;
    const theirs = serviceOf(namespace, 'web');
    await world.apply(theirs, gateway(namespace, 'web', [80]));
    const message = await world.untilCondition(resources.dataPlanes, key, 'Accepted', 'False Conflict');
    expect(message).toBe(
      `Service ${key} is needed by DataPlane web, but nobody made it for this object. Rename one of them, or delete that Service.`,
    );
    const service = await world.client.get(resources.services, key);
    expect(service.metadata.ownerReferences).toBeUndefined();
    expect(service.spec?.selector).toEqual({ app: 'web' });
  });

  test("tells the API server's words where a template is refused, and what runs goes on", async () => {
    const namespace = await world.namespace('refused');
    const key = `${namespace}/dp`;
    await world.apply(own('DataPlane', namespace, 'dp', {}));
    const before = await world.until('the Deployment to exist', resources.deployments, key);
    await world.apply(
      own('DataPlane', namespace, 'dp', {
        deployment: { podTemplate: { spec: { containers: [{ name: 'Not_A_Name', image: 'x' }] } } },
      }),
    );
    const message = await world.untilCondition(resources.dataPlanes, key, 'Accepted', 'False InvalidPodTemplate');
    expect(message).toContain('RFC 1123 label');
    expect((await world.client.get(resources.deployments, key)).metadata.generation).toBe(before.metadata.generation);
    await world.remove(own('DataPlane', namespace, 'dp', {}));
  });

  test('a DataPlane alone has an empty configuration and says that no ControlPlane names it', async () => {
    const namespace = await world.namespace('alone');
    const key = `${namespace}/dp`;
    await world.apply(own('DataPlane', namespace, 'dp', {}));
    expect(await world.untilCondition(resources.dataPlanes, key, 'Programmed', 'False NoControlPlane')).toContain(
      'dataPlaneRef',
    );
    const proxy = await world.startProxy(operator, key);
    await proxy.ready();
    expect(await proxy.admin('/listeners')).toContain('readiness');
    await proxy.stop();
    expect(await world.client.find(resources.services, key)).toBeUndefined();
  });

  test('Gateways that name one ControlPlane are merged onto it, and leave their own pair', async () => {
    const namespace = await world.namespace('merged');
    const configuration = own('GatewayConfiguration', namespace, 'shared', { controlPlaneRef: { name: 'edge' } });
    const parameters = {
      infrastructure: { parametersRef: { group: 'sluice.dev', kind: 'GatewayConfiguration', name: 'shared' } },
    };
    await world.apply(gateway(namespace, 'one', [80]));
    await world.until('its own DataPlane', resources.dataPlanes, `${namespace}/one`);
    await world.apply(
      configuration,
      gateway(namespace, 'one', [80], parameters),
      gateway(namespace, 'two', [8080], parameters),
    );
    const condition = await world.until(
      'the Gateway to say what is missing',
      resources.gateways,
      `${namespace}/two`,
      ({ status }) =>
        (status?.conditions ?? []).some(({ type, reason }) => type === 'Accepted' && reason === 'InvalidParameters'),
    );
    expect(JSON.stringify(condition.status)).toContain(`ControlPlane ${namespace}/edge, which does not exist`);
    expect(
      await world.untilCondition(
        resources.gatewayConfigurations,
        `${namespace}/shared`,
        'Accepted',
        'False ControlPlaneNotFound',
      ),
    ).toContain('edge');
    // What ran before goes on.
    expect(await world.client.find(resources.dataPlanes, `${namespace}/one`)).toBeDefined();

    await world.apply(
      own('DataPlane', namespace, 'edge', {}),
      own('ControlPlane', namespace, 'edge', { dataPlaneRef: { name: 'edge' } }),
      own('ControlPlane', namespace, 'late', { dataPlaneRef: { name: 'edge' } }),
    );
    await world.until('a Service with the ports of both', resources.services, `${namespace}/edge`, ({ spec }) => {
      const ports = (spec?.ports ?? []).map(({ port }) => port);
      return ports.includes(80) && ports.includes(8080);
    });
    await waitFor(
      'its own pair to go',
      async () => (await world.client.find(resources.dataPlanes, `${namespace}/one`)) === undefined,
    );
    expect(
      await world.untilCondition(resources.controlPlanes, `${namespace}/late`, 'Accepted', 'False DataPlaneTaken'),
    ).toContain('edge');
    expect(
      await world.untilCondition(resources.gatewayConfigurations, `${namespace}/shared`, 'Referenced', 'True'),
    ).toBe(`Used by Gateway ${namespace}/one, Gateway ${namespace}/two.`);
    await world.untilCondition(resources.gatewayConfigurations, `${namespace}/shared`, 'Accepted', 'True');
  });

  test("keeps other controllers' entries in a route, and takes its own away with the Gateway", async () => {
    const namespace = await world.namespace('foreign');
    const key = `${namespace}/all`;
    const web = gateway(namespace, 'web', [80]);
    await world.apply(serviceOf(namespace, 'echo'), httpRoute(namespace, 'all', ['web', 'theirs'], 'echo'));
    const theirs = {
      parentRef: { name: 'theirs' },
      controllerName: 'example.com/other',
      conditions: [
        {
          type: 'Accepted',
          status: 'True',
          reason: 'Accepted',
          message: '',
          observedGeneration: 1,
          lastTransitionTime: '2026-01-01T00:00:00Z',
        },
      ],
    };
    await world.client.mergePatch(
      resources.httpRoutes,
      key,
      { status: { parents: [theirs] } },
      { subresource: 'status' },
    );
    await world.apply(web);
    const both = await world.until(
      'entries of both',
      resources.httpRoutes,
      key,
      ({ status }) => status?.parents?.length === 2,
    );
    expect(both.status?.parents.map((parent) => parent.controllerName)).toEqual(['example.com/other', controllerName]);
    expect(both.status?.parents[0]).toMatchObject({ ...theirs, parentRef: { name: 'theirs' } });
    await world.remove(web);
    const left = await world.until(
      'its own entry to go',
      resources.httpRoutes,
      key,
      ({ status }) => status?.parents?.length === 1,
    );
    expect(left.status?.parents[0]).toMatchObject({ controllerName: 'example.com/other' });
  });

  test('accepts its class and says what it supports', async () => {
    await world.untilCondition(resources.gatewayClasses, 'sluice', 'Accepted', 'True');
    const { status } = await world.client.get(resources.gatewayClasses, 'sluice');
    expect(JSON.stringify(status)).toContain('"HTTPRouteMethodMatching"');
    expect(status?.conditions).toMatchObject([{ type: 'Accepted' }, { type: 'SupportedVersion', status: 'True' }]);
  });

  test('a class with bad parameters is refused, with what to do', async () => {
    const gatewayClass: KubernetesObject = {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'GatewayClass',
      metadata: { name: 'bad' },
      spec: {
        controllerName,
        parametersRef: { group: 'sluice.dev', kind: 'GatewayConfiguration', namespace: 'none', name: 'none' },
      },
    };
    await world.apply(gatewayClass);
    expect(
      await world.untilCondition(resources.gatewayClasses, 'bad', 'Accepted', 'False InvalidParameters'),
    ).toContain('names GatewayConfiguration none/none, which does not exist');
  });

  test('adds what sessions of clients are resumed with to the Secret of an operator that knew nothing of them', async () => {
    const key = `${operatorNamespace}/sluice-certificate-authority`;
    const authority = (await world.client.get(resources.secrets, key)).data?.['tls.crt'];
    await world.client.mergePatch(resources.secrets, key, { data: { 'session-tickets': null } });
    const { data } = await world.until(
      'session tickets to be there',
      resources.secrets,
      key,
      (secret) => secret.data?.['session-tickets'] !== undefined,
    );
    expect(data?.['tls.crt']).toBe(authority);
  });

  test('keeps its authority when its Secret is deleted, and trusts a next one', async () => {
    const key = `${operatorNamespace}/sluice-certificate-authority`;
    const before = await world.client.get(resources.secrets, key);
    await world.client.delete(resources.secrets, key);
    const after = await world.until('the authority to be back', resources.secrets, key);
    const [old, restored] = [decodeAuthority(before.data), decodeAuthority(after.data)];
    if ('problem' in old || 'problem' in restored) throw new Error('no authority');
    expect(restored.authority.signing).toEqual(old.authority.signing);
    expect(restored.authority.next).toBeDefined();
    // And what sessions of clients are resumed with.
    expect(before.data?.['session-tickets']).toBeDefined();
    expect(after.data?.['session-tickets']).toBe(before.data?.['session-tickets']);
    const leaf = await world.until(
      'a leaf with both in its bundle',
      resources.secrets,
      'first/web-certificate',
      ({ data }) => data?.['ca.crt'] === after.data?.['ca.crt'],
    );
    expect(leaf.data?.['tls.crt']).toBeDefined();
  });

  test('makes a certificate anew that is deleted or spoiled', async () => {
    const key = 'first/web-certificate';
    await world.client.mergePatch(resources.secrets, key, {
      data: { 'tls.key': Buffer.from('garbage').toString('base64') },
    });
    await world.until('the key to be good again', resources.secrets, key, ({ data }) =>
      Buffer.from(data?.['tls.key'] ?? '', 'base64')
        .toString()
        .includes('PRIVATE KEY'),
    );
    const { data: before } = await world.client.get(resources.secrets, key);
    await world.client.delete(resources.secrets, key);
    await world.until(
      'another certificate',
      resources.secrets,
      key,
      ({ data }) => data?.['tls.crt'] !== before?.['tls.crt'],
    );
  });
});

describe('a start', () => {
  let ends: World | undefined;
  afterEach(async () => {
    await ends?.close();
    ends = undefined;
  });

  test('without the definitions of Gateway API waits for them, and goes on by itself', async () => {
    ends = await World.create({ gatewayApi: 'none' });
    const starting = await ends.operator();
    await waitFor('readiness to say what is missing', async () =>
      /gateways\.gateway\.networking\.k8s\.io/.test(await ends!.readiness(starting)),
    );
    await ends.installGatewayApi('standard');
    await ends.untilReady(starting);
    await ends.apply(gateway(await ends.namespace('late'), 'web', [80]));
    await ends.until('the Deployment to exist', resources.deployments, 'late/web');
  });

  test('with definitions that are too old says so', async () => {
    ends = await World.create({ gatewayApi: 'standard' });
    const annotations = { 'gateway.networking.k8s.io/bundle-version': 'v1.1.0' };
    await ends.client.mergePatch(resources.customResourceDefinitions, 'gateways.gateway.networking.k8s.io', {
      metadata: { annotations },
    });
    const starting = await ends.operator();
    await waitFor('readiness to say so', async () =>
      (await ends!.readiness(starting)).includes('are of v1.1.0: Sluice needs v1.4 or newer'),
    );
    await ends.untilCondition(resources.gatewayClasses, 'sluice', 'Accepted', 'False UnsupportedVersion');
  });

  test('without permissions says which are missing, and goes on when they are granted', async () => {
    ends = await World.create({ gatewayApi: 'standard', permissions: false });
    const starting = await ends.operator();
    await waitFor('readiness to say so', async () =>
      /cannot (list|watch) resource "gateways"/.test(await ends!.readiness(starting)),
    );
    await ends.grantPermissions();
    await ends.untilReady(starting);
  });

  test('again writes nothing that is written already, though no proxy has come back yet', async () => {
    ends = await World.create({ gatewayApi: 'experimental' });
    const namespace = await ends.namespace('again');
    const key = `${namespace}/web`;
    const first = await ends.operator();
    await ends.untilReady(first);
    await ends.apply(
      gateway(namespace, 'web', [80]),
      serviceOf(namespace, 'echo'),
      httpRoute(namespace, 'all', ['web'], 'echo'),
    );
    const proxy = await ends.startProxy(first, key);
    await proxy.ready();
    await ends.runPods(key, 1);
    await ends.giveAddress(key, '198.51.100.9');
    await ends.untilCondition(resources.gateways, key, 'Programmed', 'True');
    const before = await ends.until(
      'the route to be programmed',
      resources.httpRoutes,
      `${namespace}/all`,
      isProgrammed,
    );
    await ends.stop(first);
    await proxy.stop();
    const second = await ends.operator();
    await ends.untilReady(second);
    // Its own statuses tell that it has got as far as writing.
    await ends.untilCondition(resources.dataPlanes, key, 'Programmed', 'False');
    const after = await ends.client.get(resources.httpRoutes, `${namespace}/all`);
    expect(after.metadata.resourceVersion).toBe(before.metadata.resourceVersion);
    await ends.untilCondition(resources.gateways, key, 'Programmed', 'True');
    expect(await ends.metric(second, 'sluice_status_writes_total{kind="HTTPRoute",result="success"}')).toBe(0);
  });

  test('with two replicas: both serve proxies, one writes, and the other goes on when it stops', async () => {
    ends = await World.create({ gatewayApi: 'experimental' });
    const namespace = await ends.namespace('replicas');
    const key = `${namespace}/web`;
    const leader = await ends.operator({ leaderElection: true });
    await ends.untilReady(leader);
    const follower = await ends.operator({ leaderElection: true });
    await ends.untilReady(follower);
    await ends.apply(gateway(namespace, 'web', [80]), serviceOf(namespace, 'echo'));
    await ends.until('the Deployment to exist', resources.deployments, key);
    for (const replica of [leader, follower]) {
      const proxy = await ends.startProxy(replica, key);
      await proxy.ready();
      await proxy.stop();
    }
    await ends.untilCondition(resources.dataPlanes, key, 'Accepted', 'True');
    const writes = 'sluice_status_writes_total{kind="DataPlane",result="success"}';
    expect(await ends.metric(leader, writes)).toBeGreaterThan(0);
    expect(await ends.metric(follower, writes)).toBe(0);
    await ends.stop(leader);
    await ends.apply(own('DataPlane', namespace, 'another', {}));
    await ends.untilCondition(resources.dataPlanes, `${namespace}/another`, 'Accepted', 'True');
    expect(await ends.metric(follower, writes)).toBeGreaterThan(0);
  });

  test('with leaves that are about to expire rotates them, and the proxies stay', async () => {
    ends = await World.create({ gatewayApi: 'experimental' });
    const namespace = await ends.namespace('rotation');
    let ahead = 0;
    const now = (): Date => new Date(Date.now() + ahead);
    const first = await ends.operator({ now });
    await ends.untilReady(first);
    await ends.apply(gateway(namespace, 'web', [80]));
    const before = await ends.until('a certificate', resources.secrets, `${namespace}/web-certificate`);
    await ends.stop(first);
    ahead = defaultCertificatePolicy.leafLifetime * 0.7;
    const second = await ends.operator({ now });
    await ends.untilReady(second);
    const after = await ends.until(
      'a new certificate',
      resources.secrets,
      `${namespace}/web-certificate`,
      ({ data }) => data?.['tls.crt'] !== before.data?.['tls.crt'],
    );
    expect(after.data?.['ca.crt']).toBe(before.data?.['ca.crt']);
  });
});

function serviceOf(namespace: string, name: string): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace, name },
    spec: { selector: { app: name }, ports: [{ port: 80, targetPort: 8080 }] },
  };
}

function isProgrammed({
  status,
}: {
  status?: { parents?: readonly { conditions: readonly { type: string; status: string }[] }[] } | undefined;
}): boolean {
  return (status?.parents ?? []).some((parent) =>
    parent.conditions.some(({ type, status: value }) => type === conditionTypes.routeProgrammed && value === 'True'),
  );
}

async function untilProgrammed(route: string): Promise<void> {
  await world.until('the route to be programmed', resources.httpRoutes, route, isProgrammed);
}
