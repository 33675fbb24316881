/**
 * TLSRoutes, TCPRoutes and UDPRoutes while everything around them changes: connections and sessions last, and each edit is
 * served when its status says so.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Gateway, GatewayListener, Route } from '../../api/gateway/index.ts';
import { gatewayGroup } from '../../api/gateway/index.ts';
import { gatewayClassName, conditionTypes } from '../../api/names.ts';
import type { KubernetesObject } from '../../api/object.ts';
import { resources } from '../../controllers/resources.ts';
import type { Resource } from '../../runtime/index.ts';
import { createAuthority, issueCertificate, waitFor } from '../fixtures/index.ts';
import { EchoSocket } from './support/longLived.ts';
import { backend, echo, tlsSecret, udpEcho } from './support/objects.ts';
import { type Endpoint, send } from './support/request.ts';
import { isCurrent, useScene } from './support/scene.ts';

const scene = useScene('streams');
const hosts = { steady: 'steady.stream.example', edited: 'edited.stream.example' };
const rounds = 15;
const clients: Socket[] = [];
let address: string;
let tcp: Endpoint;
let tls: Endpoint;

const base: readonly GatewayListener[] = [
  { name: 'tcp', port: 7000, protocol: 'TCP' },
  {
    name: 'tls',
    port: 8443,
    protocol: 'TLS',
    hostname: '*.stream.example',
    tls: { mode: 'Terminate', certificateRefs: [{ name: 'certificate' }] },
  },
  { name: 'udp', port: 7000, protocol: 'UDP' },
];

function edge(listeners: readonly GatewayListener[]): Gateway {
  return {
    apiVersion: `${gatewayGroup}/v1`,
    kind: 'Gateway',
    metadata: { name: 'edge' },
    spec: {
      gatewayClassName,
      listeners: [...listeners],
      // Chains that change are closed after five seconds: what lasts longer stood on one that did not.
      infrastructure: { parametersRef: { group: 'sluice.dev', kind: 'GatewayConfiguration', name: 'quick' } },
    },
  };
}

type Kind = 'TLSRoute' | 'TCPRoute' | 'UDPRoute';

const byKind = { TLSRoute: resources.tlsRoutes, TCPRoute: resources.tcpRoutes, UDPRoute: resources.udpRoutes };

function route(kind: Kind, name: string, backendRefs: object[], hostname?: string): KubernetesObject {
  return {
    apiVersion: `${gatewayGroup}/v1`,
    kind,
    metadata: { name },
    spec: {
      parentRefs: [{ name: 'edge', sectionName: kind.slice(0, 3).toLowerCase() }],
      ...(hostname === undefined ? {} : { hostnames: [hostname] }),
      rules: [{ backendRefs }],
    },
  };
}

/** Applies a route and waits until the proxies have it. */
async function applyRoute(object: KubernetesObject): Promise<void> {
  await scene().apply(object);
  const { kind, metadata } = object;
  const resource = byKind[kind as Kind] as Resource<Route>;
  await scene().until(`${kind} ${metadata.name} to be programmed`, resource, metadata.name, (candidate) => {
    const parents = candidate.status?.parents ?? [];
    return (
      parents.length === 1 &&
      parents.every(({ conditions }) => isCurrent(candidate, conditions, conditionTypes.routeProgrammed, 'True'))
    );
  });
}

function newClient(): Socket {
  const client = createSocket('udp4');
  clients.push(client);
  return client;
}

/** @returns the name of the Service that answered */
async function ask(client: Socket): Promise<string> {
  const answer = once(client, 'message') as Promise<[Buffer]>;
  client.send('?', 7000, address);
  const [text] = await answer;
  return (JSON.parse(String(text)) as { service: string }).service;
}

beforeAll(async () => {
  const authority = await createAuthority('streams');
  const certificate = await issueCertificate(authority, { commonName: 'edge', dnsNames: ['*.stream.example'] });
  await scene().apply(
    ...echo('one'),
    ...echo('other'),
    ...udpEcho('datagrams-one'),
    ...udpEcho('datagrams-other'),
    tlsSecret('certificate', certificate),
    {
      apiVersion: 'sluice.dev/v1alpha1',
      kind: 'GatewayConfiguration',
      metadata: { name: 'quick' },
      spec: { dataPlane: { envoy: { drainTimeout: '5s' } } },
    },
  );
  address = await scene().applyGateway(edge(base));
  tcp = { address, port: 7000 };
  tls = { address, port: 8443, authorities: authority.certificate };
  await scene().untilAvailable('one', 'other', 'datagrams-one', 'datagrams-other');
  await applyRoute(route('TCPRoute', 'steady', [backend('one')]));
  await applyRoute(route('TLSRoute', 'steady', [backend('one')], hosts.steady));
  await applyRoute(route('TLSRoute', 'edited', [backend('other')], hosts.edited));
  await applyRoute(route('UDPRoute', 'steady', [{ name: 'datagrams-one', port: 53 }]));
  // The way to the address is the node's to open, once the Service has it: nothing in the cluster tells when it has.
  await waitFor('the TCP listener to be reached', () => send({ ...tcp, host: 'any.example' }));
  await waitFor('the TLS listener to be reached', () => send({ ...tls, host: hosts.edited }));
});

afterAll(() => {
  for (const client of clients) client.close();
});

test('connections outlive edits of other routes, of listeners and of endpoints', async () => {
  const lasting = [
    await EchoSocket.open('the WebSocket over TCP', { ...tcp, host: 'any.example' }),
    await EchoSocket.open('the WebSocket over TLS', { ...tls, host: hosts.steady }),
  ];
  const replaced = await EchoSocket.open('the WebSocket of the edited route', { ...tls, host: hosts.edited });
  for (let index = 1; index <= rounds; index++) {
    const [first, second] = index % 2 === 0 ? ['other', 'one'] : ['one', 'other'];
    await applyRoute(route('TLSRoute', 'edited', [backend(first, { weight: index }), backend(second)], hosts.edited));
    await applyRoute(route('TLSRoute', `more-${index}`, [backend('other')], `more-${index}.stream.example`));
    const more: GatewayListener[] = [
      { name: 'apart', port: 7001, protocol: 'TCP' },
      {
        name: 'beside',
        port: 8443,
        protocol: 'TLS',
        hostname: '*.beside.example',
        tls: { mode: index % 4 < 2 ? 'Passthrough' : 'Terminate', certificateRefs: [{ name: 'certificate' }] },
      },
    ];
    await scene().applyGateway(edge([...base, ...more.filter((_, position) => (index & (1 << position)) !== 0)]));
  }
  const scaled = echo('one', { replicas: 2 });
  await scene().apply(...scaled);
  await scene().untilAvailable('one');
  // The edited route's own connection ends with the drain time of its chain, which began with the first edit.
  await waitFor('the connection of the edited route to end', async () => {
    try {
      await replaced.expectAlive();
      return false;
    } catch {
      return true;
    }
  });
  for (const socket of lasting) await socket.finish();
});

test('each edit is served when its status says so', async () => {
  for (let index = 0; index < rounds; index++) {
    const name = index % 2 === 0 ? 'one' : 'other';
    await applyRoute(route('TLSRoute', 'edited', [backend(name)], hosts.edited));
    expect((await send({ ...tls, host: hosts.edited })).echo?.service).toBe(name);
    await applyRoute(route('TCPRoute', 'steady', [backend(name)]));
    expect((await send({ ...tcp, host: 'any.example' })).echo?.service).toBe(name);
  }
});

test('a client keeps its backend when weights and routes change, and new ones get what the status says', async () => {
  const client = newClient();
  expect(await ask(client)).toBe('datagrams-one');
  const rare = { name: 'datagrams-one', port: 53, weight: 0 };
  for (let index = 0; index < rounds; index++) {
    // Of both the first keeps its endpoint only as long as it has a weight.
    const refs = [
      { ...rare, weight: 1 },
      { name: 'datagrams-other', port: 53, weight: 1_000_000 - index },
    ];
    await applyRoute(route('UDPRoute', 'steady', refs));
    expect(await ask(client)).toBe('datagrams-one');
    expect(await ask(newClient())).toBe('datagrams-other');
  }
  await applyRoute(route('UDPRoute', 'steady', [rare, { name: 'datagrams-other', port: 53 }]));
  expect(await ask(client)).toBe('datagrams-other');
});
