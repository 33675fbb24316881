/**
 * Gateways by the dozen: each with proxies and an address of its own, and many on one fleet. What one of them does, or is
 * made to do, is nothing to the others.
 */
import { expect, test } from 'vitest';
import type { Gateway, HTTPRoute } from '../../api/gateway/index.ts';
import { resources } from '../../controllers/resources.ts';
import { waitFor } from '../fixtures/index.ts';
import { gateway, httpRoute } from './support/objects.ts';
import { send, untilAnswer } from './support/request.ts';
import { SteadyClient } from './support/steadyClient.ts';
import { useScene } from './support/scene.ts';

const scene = useScene('many-gateways');
const apart = Array.from({ length: 20 }, (_, index) => `apart-${index}`);
const merged = Array.from({ length: 20 }, (_, index) => `merged-${index}`);
const addresses = new Map<string, string>();

/** Proxies that take little, so that there is room for all of them. */
const small = {
  apiVersion: 'sluice.dev/v1alpha1',
  kind: 'GatewayConfiguration',
  metadata: { name: 'small' },
  spec: {
    dataPlane: {
      deployment: { resources: { requests: { cpu: '5m', memory: '32Mi' } } },
      envoy: { concurrency: 1, drainTimeout: '5s' },
    },
  },
};

function withParameters(name: string, configuration: string, hostname?: string): Gateway {
  return gateway(name, [{ name: 'http', port: 80, ...(hostname === undefined ? {} : { hostname }) }], {
    infrastructure: { parametersRef: { group: 'sluice.dev', kind: 'GatewayConfiguration', name: configuration } },
  });
}

/** The same host name and path on each Gateway: only the Gateway tells the routes apart. It needs no backend. */
function telling(name: string, hostname = 'same.example'): HTTPRoute {
  return httpRoute({
    name,
    parent: name,
    hostnames: [hostname],
    rules: [
      {
        filters: [
          {
            type: 'RequestRedirect',
            requestRedirect: { path: { type: 'ReplaceFullPath', replaceFullPath: `/${name}` }, statusCode: 302 },
          },
        ],
      },
    ],
  });
}

async function expectServed(name: string, hostname = 'same.example'): Promise<void> {
  const { status, headers } = await send({ address: addresses.get(name)!, port: 80, host: hostname });
  expect({ status, location: headers.location }, name).toEqual({ status: 302, location: `http://${hostname}/${name}` });
}

test(`${apart.length} Gateways have an address each, and serve their own routes there`, async () => {
  await scene().apply(small);
  for (const name of apart) await scene().apply(withParameters(name, 'small'), telling(name));
  for (const name of apart) addresses.set(name, await scene().untilProgrammed(name));
  expect(new Set(addresses.values()).size).toBe(apart.length);
  for (const name of apart) {
    await scene().untilRouteCondition(name, 'sluice.dev/Programmed', 'True');
    await untilAnswer(
      `${name} at its address`,
      { address: addresses.get(name)!, port: 80, host: 'same.example' },
      ({ status }) => status === 302,
    );
  }
  for (const name of apart) await expectServed(name);
});

test('one that is broken and one that goes are nothing to the others', async () => {
  const [broken, gone, ...others] = apart as [string, string, ...string[]];
  const sound = withParameters(broken, 'small');
  await scene().apply({
    ...sound,
    spec: {
      ...sound.spec,
      listeners: [
        { name: 'http', port: 80, protocol: 'HTTP' },
        { name: 'https', port: 443, protocol: 'HTTPS', tls: { certificateRefs: [{ name: 'nowhere' }] } },
      ],
    },
  });
  await scene().untilListenerCondition(broken, 'https', 'ResolvedRefs', 'False');
  await scene().remove(withParameters(gone, 'small'));
  await waitFor('the one to be gone', async () => {
    return (await scene().client.find(resources.gateways, { namespace: scene().namespace, name: gone })) === undefined;
  });
  for (const name of [broken, ...others]) await expectServed(name);
  await scene().applyRoute(telling(others[0]!));
  await expectServed(others[0]!);
});

test(`${merged.length} Gateways on one fleet have one address, and come and go without the others noticing`, async () => {
  for (const kind of ['DataPlane', 'ControlPlane'] as const) {
    await scene().apply({
      apiVersion: 'sluice.dev/v1alpha1',
      kind,
      metadata: { name: 'fleet' },
      spec: kind === 'DataPlane' ? small.spec.dataPlane : { dataPlaneRef: { name: 'fleet' } },
    });
  }
  await scene().apply({
    ...small,
    metadata: { name: 'on-the-fleet' },
    spec: { controlPlaneRef: { name: 'fleet' } },
  });
  const hostname = (name: string): string => `${name}.example`;
  const [steadyOne, ...others] = merged as [string, ...string[]];
  const address = await scene().openGateway(withParameters(steadyOne, 'on-the-fleet', hostname(steadyOne)), [80]);
  await scene().applyRoute(telling(steadyOne, hostname(steadyOne)));
  addresses.set(steadyOne, address);
  const steady = new SteadyClient({
    targets: [{ name: steadyOne, to: { address, port: 80, host: hostname(steadyOne) } }],
    expected: 302,
  });
  try {
    await steady.during('Gateways being merged', async () => {
      for (const name of others)
        await scene().apply(withParameters(name, 'on-the-fleet', hostname(name)), telling(name, hostname(name)));
      for (const name of others) {
        addresses.set(name, await scene().untilProgrammed(name));
        await scene().untilRouteCondition(name, 'sluice.dev/Programmed', 'True');
      }
    });
    expect(new Set(merged.map((name) => addresses.get(name)))).toEqual(new Set([address]));
    for (const name of merged) await expectServed(name, hostname(name));
    await steady.during('Gateways being removed', async () => {
      for (const name of others.slice(5)) await scene().remove(withParameters(name, 'on-the-fleet'));
      await untilAnswer(
        'the last of them to be gone',
        { address, port: 80, host: hostname(others.at(-1)!) },
        ({ status }) => status === 404,
      );
    });
    for (const name of [steadyOne, ...others.slice(0, 5)]) await expectServed(name, hostname(name));
  } finally {
    await steady.stop();
  }
});
