/** From `kubectl apply` to traffic: what is applied is served, and what is edited is served as edited. */
import { join } from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { HTTPRouteRule } from '../../api/gateway/index.ts';
import { resources } from '../../controllers/resources.ts';
import { createAuthority, issueCertificate, waitFor, type KeyPair } from '../fixtures/index.ts';
import { kubectl, root } from './support/cluster.ts';
import {
  backend,
  echo,
  gateway,
  grantRoutes,
  httpRoute,
  type Listener,
  prefix,
  tlsSecret,
  upstream,
} from './support/objects.ts';
import { type Answer, send, untilAnswer } from './support/request.ts';
import { isCurrent, useScene } from './support/scene.ts';

describe('the quickstart', () => {
  const scene = useScene('quickstart');

  test('is applied with kubectl and answers 200 at the address in the status', async () => {
    await kubectl(['apply', '--namespace', scene().namespace, '-f', join(root, 'config/samples/quickstart.yaml')]);
    await kubectl([
      'wait',
      '--namespace',
      scene().namespace,
      '--for=condition=Programmed',
      'gateway/quickstart',
      '--timeout=90s',
    ]);
    const address = await scene().untilProgrammed('quickstart');
    await scene().untilAvailable('echo');

    const to = { address, port: 80, host: 'quickstart.example' };
    const answer = await untilAnswer(
      'the quickstart to answer 200',
      { ...to, path: '/echo/hello' },
      ({ status }) => status === 200,
    );
    expect(answer.echo).toMatchObject({ path: '/echo/hello', namespace: scene().namespace, service: 'echo' });
    expect(answer.headers['x-served-by']).toBe('sluice');
    const redirected = await send({ ...to, path: '/old' });
    expect(redirected.status).toBe(301);
    expect(redirected.headers.location).toBe('http://quickstart.example/echo');
    expect(await send({ ...to, path: '/elsewhere' })).toMatchObject({ status: 404 });
  });
});

describe('a Gateway', () => {
  const scene = useScene('first-light');
  const listeners: Listener[] = [
    { name: 'http', port: 80 },
    { name: 'https', port: 443, hostname: '*.secure.example', secrets: ['certificate'] },
  ];
  let address = '';
  let authority: KeyPair;

  beforeAll(async () => {
    authority = await createAuthority('first light');
    const certificate = await issueCertificate(authority, { commonName: 'secure', dnsNames: ['*.secure.example'] });
    await scene().apply(...echo('one'), ...echo('two'), ...upstream('recorder'), tlsSecret('certificate', certificate));
    await scene().untilAvailable('one', 'two', 'recorder');
    address = await scene().openGateway(gateway('edge', listeners), [80]);
  });

  /** Applies a route of these rules under a hostname of its own, and answers how to send requests to it. */
  async function serve(name: string, rules: HTTPRouteRule[]) {
    const host = `${name}.example`;
    const route = httpRoute({ name, parent: 'edge', hostnames: [host], rules });
    await scene().applyRoute(route);
    onTestFinished(() => scene().remove(route));
    return {
      host,
      ask: (path: string, more: { method?: string; headers?: Record<string, string> } = {}): Promise<Answer> =>
        send({ address, port: 80, host, path, ...more }),
      edit: (edited: HTTPRouteRule[]): Promise<void> =>
        scene().applyRoute({ ...route, spec: { ...route.spec, rules: edited } }),
    };
  }

  test('has the address of its LoadBalancer', async () => {
    const { status } = await scene().get(resources.gateways, 'edge');
    const dataPlane = await scene().get(resources.dataPlanes, await scene().dataPlaneOf('edge'));
    expect(status?.addresses).toEqual([{ type: 'IPAddress', value: address }]);
    expect(dataPlane.status?.addresses).toEqual([{ type: 'IPAddress', value: address }]);
    const { items: services } = await scene().client.list(resources.services, {
      namespace: scene().namespace,
      labelSelector: 'gateway.networking.k8s.io/gateway-name=edge',
    });
    expect(services.map((service) => service.status?.loadBalancer?.ingress?.[0]?.ip)).toEqual([address]);
  });

  test('serves what is programmed with the first request, and each edit likewise', async () => {
    const { ask, edit } = await serve('edits', [prefix('/', { backendRefs: [backend('one')] })]);
    expect(await ask('/')).toMatchObject({ status: 200, echo: { service: 'one' } });
    await edit([prefix('/', { backendRefs: [backend('two')] })]);
    expect(await ask('/')).toMatchObject({ status: 200, echo: { service: 'two' } });
    await edit([prefix('/only', { backendRefs: [backend('two')] })]);
    expect(await ask('/')).toMatchObject({ status: 404 });
    expect(await ask('/only/here')).toMatchObject({ status: 200 });
  });

  test('matches paths, methods, headers and queries by their precedence', async () => {
    const to = (name: string): HTTPRouteRule => ({ backendRefs: [backend('one')], filters: [mark(name)] });
    const { ask, edit } = await serve('matches', [
      { ...to('all') },
      { matches: [{ path: { type: 'PathPrefix', value: '/a' } }], ...to('prefix') },
      { matches: [{ path: { type: 'PathPrefix', value: '/a/b' } }], ...to('longer prefix') },
      { matches: [{ path: { type: 'Exact', value: '/a/b' } }], ...to('exact') },
      { matches: [{ path: { type: 'RegularExpression', value: '/r/[0-9]+' } }], ...to('expression') },
      { matches: [{ path: { type: 'PathPrefix', value: '/a' }, method: 'POST' }], ...to('method') },
      {
        matches: [{ path: { type: 'PathPrefix', value: '/a' }, headers: [{ name: 'x-tier', value: 'gold' }] }],
        ...to('header'),
      },
      {
        matches: [{ path: { type: 'PathPrefix', value: '/a' }, queryParams: [{ name: 'q', value: '1' }] }],
        ...to('query'),
      },
    ]);
    const markOf = async (...request: Parameters<typeof ask>): Promise<unknown> =>
      (await ask(...request)).headers['x-rule'];
    expect(await markOf('/')).toBe('all');
    expect(await markOf('/ab')).toBe('all');
    expect(await markOf('/a')).toBe('prefix');
    expect(await markOf('/a/c')).toBe('prefix');
    expect(await markOf('/a/b/c')).toBe('longer prefix');
    expect(await markOf('/a/b')).toBe('exact');
    expect(await markOf('/r/42')).toBe('expression');
    expect(await markOf('/r/x')).toBe('all');
    expect(await markOf('/a/c', { method: 'POST' })).toBe('method');
    expect(await markOf('/a/c', { headers: { 'x-tier': 'gold' } })).toBe('header');
    expect(await markOf('/a/c?q=1', { headers: { 'x-tier': 'gold' } })).toBe('header');
    expect(await markOf('/a/c?q=1')).toBe('query');
    expect(await markOf('/a/b/c', { method: 'POST' })).toBe('longer prefix');

    await edit([{ matches: [{ path: { type: 'Exact', value: '/a' }, method: 'PUT' }], ...to('edited') }]);
    expect(await markOf('/a', { method: 'PUT' })).toBe('edited');
    expect(await ask('/a')).toMatchObject({ status: 404 });
  });

  test('divides requests by weight', async () => {
    const weights = (one: number, two: number): HTTPRouteRule[] => [
      { backendRefs: [backend('one', { weight: one }), backend('two', { weight: two })] },
    ];
    const { ask, edit } = await serve('weights', weights(1, 1));
    const services = async (requests: number): Promise<Set<string | undefined>> => {
      const seen = new Set<string | undefined>();
      for (let i = 0; i < requests; i++) seen.add((await ask('/')).echo?.service);
      return seen;
    };
    await waitFor('both backends to be asked', async () => (await services(4)).size === 2);
    await edit(weights(1, 0));
    expect(await services(20)).toEqual(new Set(['one']));
    await edit(weights(0, 1));
    expect(await services(20)).toEqual(new Set(['two']));
    await edit(weights(0, 0));
    expect(await ask('/')).toMatchObject({ status: 500 });
  });

  test('modifies headers of requests and answers', async () => {
    const { ask, edit } = await serve('headers', [
      {
        filters: [
          {
            type: 'RequestHeaderModifier',
            requestHeaderModifier: {
              set: [{ name: 'x-set', value: 'new' }],
              add: [{ name: 'x-add', value: 'second' }],
              remove: ['x-remove'],
            },
          },
          {
            type: 'ResponseHeaderModifier',
            responseHeaderModifier: { add: [{ name: 'x-answer', value: 'added' }], remove: ['x-content-type-options'] },
          },
        ],
        backendRefs: [backend('one')],
      },
    ]);
    const headers = { 'x-set': 'old', 'x-add': 'first', 'x-remove': 'here', 'x-other': 'stays' };
    const answer = await ask('/', { headers });
    expect(answer.echo?.headers).toMatchObject({
      'X-Set': ['new'],
      'X-Add': ['first', 'second'],
      'X-Other': ['stays'],
    });
    expect(answer.echo?.headers).not.toHaveProperty('X-Remove');
    expect(answer.headers['x-answer']).toBe('added');
    expect(answer.headers).not.toHaveProperty('x-content-type-options');

    await edit([{ backendRefs: [backend('one')] }]);
    const plain = await ask('/', { headers });
    expect(plain.echo?.headers).toMatchObject({ 'X-Set': ['old'], 'X-Add': ['first'], 'X-Remove': ['here'] });
    expect(plain.headers).toHaveProperty('x-content-type-options');
  });

  test('redirects', async () => {
    const { host, ask, edit } = await serve('redirects', [
      { filters: [{ type: 'RequestRedirect', requestRedirect: { scheme: 'https', statusCode: 301 } }] },
    ]);
    const first = await ask('/path?q=1');
    expect(first.status).toBe(301);
    expect(first.headers.location).toBe(`https://${host}/path?q=1`);
    await edit([
      prefix('/old', {
        filters: [
          {
            type: 'RequestRedirect',
            requestRedirect: {
              hostname: 'new.example',
              path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/new' },
            },
          },
        ],
      }),
    ]);
    const second = await ask('/old/page');
    expect(second.status).toBe(302);
    expect(second.headers.location).toBe('http://new.example/new/page');
  });

  test('rewrites hosts and paths', async () => {
    const { ask, edit } = await serve('rewrites', [
      prefix('/strip', {
        filters: [
          { type: 'URLRewrite', urlRewrite: { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/' } } },
        ],
        backendRefs: [backend('one')],
      }),
    ]);
    expect((await ask('/strip/a/b?q=1')).echo?.path).toBe('/a/b?q=1');
    expect((await ask('/strip')).echo?.path).toBe('/');
    await edit([
      prefix('/strip', {
        filters: [
          {
            type: 'URLRewrite',
            urlRewrite: { hostname: 'inner.example', path: { type: 'ReplaceFullPath', replaceFullPath: '/one' } },
          },
        ],
        backendRefs: [backend('one')],
      }),
    ]);
    expect((await ask('/strip/a/b')).echo).toMatchObject({ path: '/one', host: 'inner.example' });
  });

  test('mirrors requests', async () => {
    const mirror: HTTPRouteRule = {
      filters: [{ type: 'RequestMirror', requestMirror: { backendRef: backend('recorder') } }],
      backendRefs: [backend('one')],
    };
    const { ask, edit } = await serve('mirrors', [mirror, prefix('/record', { backendRefs: [backend('recorder')] })]);
    const recorded = async (id: string): Promise<unknown[]> =>
      (JSON.parse((await ask(`/record/${id}`)).body) as { requests: unknown[] }).requests;
    const [first, second] = [crypto.randomUUID(), crypto.randomUUID()];
    expect(await ask('/mirrored', { headers: { 'x-record': first } })).toMatchObject({
      status: 200,
      echo: { service: 'one' },
    });
    const requests = await waitFor('the mirrored request', async () => {
      const all = await recorded(first);
      return all.length > 0 && all;
    });
    expect(requests).toEqual([{ method: 'GET', path: '/mirrored', host: 'mirrors.example' }]);

    await edit([{ backendRefs: [backend('one')] }, prefix('/record', { backendRefs: [backend('recorder')] })]);
    expect(await ask('/mirrored', { headers: { 'x-record': second } })).toMatchObject({ status: 200 });
    // Mirrored requests are sent before the answer of the backend comes, and this one comes after them.
    expect(await ask('/record/none', { headers: { 'x-record': first } })).toMatchObject({ status: 200 });
    expect(await recorded(second)).toEqual([]);
  });

  test('ends requests that take too long', async () => {
    const { ask, edit } = await serve('timeouts', [
      { timeouts: { request: '100ms' }, backendRefs: [backend('recorder')] },
    ]);
    expect(await ask('/hold/long')).toMatchObject({ status: 504 });
    await edit([{ timeouts: { request: '0s' }, backendRefs: [backend('recorder')] }]);
    const held = ask('/hold/free');
    await waitFor('the request to be held and released', async () => (await ask('/release/free')).body === '1\n');
    expect(await held).toMatchObject({ status: 200, body: 'released\n' });
  });

  test('serves a backend of another namespace while a ReferenceGrant permits it', async () => {
    const other = await scene().another('granting');
    await other.apply(...echo('far'));
    await other.untilAvailable('far');
    const route = httpRoute({
      name: 'granted',
      parent: 'edge',
      hostnames: ['granted.example'],
      rules: [{ backendRefs: [backend('far', { namespace: other.namespace })] }],
    });
    await scene().apply(route);
    onTestFinished(() => scene().remove(route));
    const to = { address, port: 80, host: 'granted.example' };
    const refused = await scene().untilRouteCondition('granted', 'ResolvedRefs', 'False');
    expect(refused.reason).toBe('RefNotPermitted');
    await untilAnswer('500 without a grant', to, ({ status }) => status === 500);

    const grant = grantRoutes('routes', scene().namespace);
    await other.apply(grant);
    await scene().untilRouteCondition('granted', 'ResolvedRefs', 'True');
    await untilAnswer('200 with the grant', to, ({ echo: from }) => from?.namespace === other.namespace);

    await other.remove(grant);
    await scene().untilRouteCondition('granted', 'ResolvedRefs', 'False');
    await untilAnswer('500 after the grant is revoked', to, ({ status }) => status === 500);
  });

  test('serves routes of another namespace, where its listener lets them attach', async () => {
    const other = await scene().another('attaching');
    await other.apply(...echo('theirs'));
    await other.untilAvailable('theirs');
    const parent = { name: 'edge', namespace: scene().namespace, sectionName: 'http' };
    const rules = [{ backendRefs: [backend('theirs')] }];
    await other.applyRoute(httpRoute({ name: 'theirs', parent, hostnames: ['theirs.example'], rules }));
    expect((await send({ address, port: 80, host: 'theirs.example' })).echo?.namespace).toBe(other.namespace);

    await scene().apply(gateway('edge', [{ ...listeners[0]!, from: 'Same' }, listeners[1]!]));
    onTestFinished(async () => void (await scene().applyGateway(gateway('edge', listeners))));
    const refused = await other.untilRouteCondition('theirs', 'Accepted', 'False');
    expect(refused.reason).toBe('NotAllowedByListeners');
    await untilAnswer(
      '404 for a route that may not attach',
      { address, port: 80, host: 'theirs.example' },
      ({ status }) => status === 404,
    );
  });

  test('tells routes apart by hostname, the most specific one first', async () => {
    const route = (name: string, hostnames: string[]) => {
      const made = httpRoute({
        name,
        parent: 'edge',
        hostnames,
        rules: [{ filters: [mark(name)], backendRefs: [backend('one')] }],
      });
      onTestFinished(() => scene().remove(made));
      return made;
    };
    await scene().applyRoute(route('wildcard', ['*.hosts.example']));
    await scene().applyRoute(route('exact', ['a.hosts.example']));
    const ruleOf = async (host: string): Promise<unknown> =>
      (await send({ address, port: 80, host })).headers['x-rule'];
    expect(await ruleOf('a.hosts.example')).toBe('exact');
    expect(await ruleOf('b.hosts.example')).toBe('wildcard');
    expect(await ruleOf('c.b.hosts.example')).toBe('wildcard');
    expect(await send({ address, port: 80, host: 'hosts.example' })).toMatchObject({ status: 404 });
    await scene().applyRoute(route('exact', ['b.hosts.example']));
    expect(await ruleOf('a.hosts.example')).toBe('wildcard');
    expect(await ruleOf('b.hosts.example')).toBe('exact');
  });

  test('serves HTTPS with the certificate of its Secret', async () => {
    const host = 'www.secure.example';
    const route = httpRoute({
      name: 'secure',
      parent: { name: 'edge', sectionName: 'https' },
      hostnames: [host],
      rules: [{ backendRefs: [backend('one')] }],
    });
    await scene().applyRoute(route);
    onTestFinished(() => scene().remove(route));
    const answer = await send({ address, port: 443, host, authorities: authority.certificate });
    expect(answer).toMatchObject({ status: 200, echo: { service: 'one', host } });
    // Its own section only.
    expect(await send({ address, port: 80, host })).toMatchObject({ status: 404 });
    // A name that no listener has.
    await expect(
      send({ address, port: 443, host: 'other.example', authorities: authority.certificate }),
    ).rejects.toThrow();
  });

  test('opens and closes ports as listeners come and go, those below 1024 as well', async () => {
    const route = httpRoute({
      name: 'ports',
      parent: 'edge',
      hostnames: ['ports.example'],
      rules: [{ backendRefs: [backend('one')] }],
    });
    await scene().applyRoute(route);
    onTestFinished(() => scene().remove(route));
    for (const port of [81, 8080]) {
      await scene().applyGateway(gateway('edge', [...listeners, { name: 'more', port }]));
      const to = { address, port, host: 'ports.example' };
      // The Service is open once kube-proxy has it, which is not the proxies' to tell.
      const answer = await untilAnswer(`200 on port ${port}`, to, ({ status }) => status === 200);
      expect(answer.echo?.service).toBe('one');
      await scene().applyGateway(gateway('edge', listeners));
      await waitFor(
        `port ${port} to be closed`,
        async () =>
          await send(to).then(
            () => false,
            () => true,
          ),
      );
    }
    expect(await send({ address, port: 80, host: 'ports.example' })).toMatchObject({ status: 200 });
    const pods = await scene().client.list(resources.pods, {
      namespace: scene().namespace,
      labelSelector: 'app.kubernetes.io/component=data-plane',
    });
    // The same Pods all the while: none was replaced for a port.
    expect(pods.items.map(({ status }) => status?.containerStatuses?.map(({ restartCount }) => restartCount))).toEqual([
      [0, 0],
    ]);
    const edge = await scene().get(resources.gateways, 'edge');
    expect(
      edge.status?.listeners?.map(({ name, conditions }) => [name, isCurrent(edge, conditions, 'Programmed', 'True')]),
    ).toEqual([
      ['http', true],
      ['https', true],
    ]);
  });
});

/** Says in the answer which rule it came from. */
function mark(name: string): NonNullable<HTTPRouteRule['filters']>[number] {
  return {
    type: 'ResponseHeaderModifier',
    responseHeaderModifier: { set: [{ name: 'x-rule', value: name }] },
  };
}
