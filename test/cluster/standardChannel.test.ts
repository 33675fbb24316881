/**
 * A cluster with the standard channel of Gateway API alone: the operator goes on, starts anew, says what is off, and takes up
 * the rest when its definitions come. The definitions of the cluster are replaced meanwhile, and put back at the end.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { experimentalGatewayGroup } from '../../api/gateway/index.ts';
import { gatewayClassName, systemNamespace } from '../../api/names.ts';
import { resources } from '../../controllers/resources.ts';
import { readVersions } from '../../hack/tools/versions.ts';
import { waitFor } from '../fixtures/index.ts';
import { kubectl, run } from './support/cluster.ts';
import { backend, echo, gateway, httpRoute } from './support/objects.ts';
import { deleteOperator } from './support/operator.ts';
import { send } from './support/request.ts';
import { isCurrent, useScene } from './support/scene.ts';
import { SteadyClient } from './support/steadyClient.ts';

type Channel = 'standard' | 'experimental';

// The definitions of a cluster that somebody else runs are not ours to replace.
const isOurs = process.env['SLUICE_CLUSTER_KIND'] !== 'existing';
const ofExperimentsOnly = ['xbackends', 'xbackendtrafficpolicies', 'xmeshes'].map(
  (plural) => `${plural}.gateway.networking.x-k8s.io`,
);
const whatGuardsTheChannel = ['validatingadmissionpolicybinding', 'validatingadmissionpolicy'].map(
  (kind) => `${kind}/safe-upgrades.gateway.networking.k8s.io`,
);
/** Off without the experimental channel, and never so with it. */
const experimentalFeatures = ['HTTPRouteRetry', 'HTTPRouteRetryBackendTimeout', 'HTTPRouteRetryConnectionError'];

describe.skipIf(!isOurs)('the standard channel', () => {
  const scene = useScene('standard-channel');
  const host = 'steady.example';
  let definitions = '';
  let address = '';
  let steady: SteadyClient;
  let isSwapped = false;

  /** Puts the definitions of a channel in place of the other's. */
  async function install(channel: Channel): Promise<void> {
    // Made against accidents: it denies the way from the standard to the experimental channel.
    await kubectl(['delete', '--ignore-not-found', ...whatGuardsTheChannel]);
    isSwapped = channel === 'standard';
    if (isSwapped) await kubectl(['delete', 'crd', '--ignore-not-found', '--timeout=60s', ...ofExperimentsOnly]);
    const files = readdirSync(join(definitions, channel)).filter((file) => file.startsWith('gateway.'));
    const apply = async (some: readonly string[]): Promise<true> => {
      const named = some.flatMap((file) => ['-f', join(definitions, channel, file)]);
      await kubectl(['apply', '--server-side', '--force-conflicts', ...named]);
      return true;
    };
    // The API server denies on for a moment. The guard comes back when all else is there.
    const isGuard = (file: string): boolean => file.includes('safeupgrades');
    await waitFor(`the definitions of the ${channel} channel to be taken`, () =>
      apply(files.filter((file) => !isGuard(file))),
    );
    await apply(files.filter(isGuard));
    await kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s']);
  }

  async function supportedFeatures(): Promise<string[]> {
    const { status } = await scene().client.get(resources.gatewayClasses, gatewayClassName);
    return (status?.supportedFeatures ?? []).map(({ name }) => name);
  }

  async function untilFeatures(isRight: (names: readonly string[]) => boolean): Promise<readonly string[]> {
    return await waitFor('the features of the GatewayClass to follow', async () => {
      const names = await supportedFeatures();
      if (!isRight(names)) throw new Error(`They are ${names.join(', ')}`);
      return names;
    });
  }

  /** Until the operator has said what is off, after a moment. */
  async function untilToldOff(since: Date): Promise<{ kinds: string[]; features: string[]; install: string[] }> {
    const selector = 'app.kubernetes.io/name=sluice,app.kubernetes.io/component=operator';
    return await waitFor('the operator to log what is off', async () => {
      const where = ['--namespace', systemNamespace, '--selector', selector, `--since-time=${since.toISOString()}`];
      const log = await kubectl(['logs', '--tail=-1', ...where]);
      const line = log.split('\n').findLast((each) => each.includes('Some kinds or features of Gateway API are off'));
      if (line === undefined) throw new Error(`The log is ${log.slice(-2000)}`);
      return JSON.parse(line) as { kinds: string[]; features: string[]; install: string[] };
    });
  }

  function expectExperimentsOff(told: { kinds: string[]; features: string[]; install: string[] }): void {
    expect(told.kinds).toEqual(expect.arrayContaining(['XBackend', 'XBackendTrafficPolicy']));
    expect(told.kinds).not.toContain('TCPRoute');
    const off = told.features.map((feature) => feature.split(':')[0]);
    expect(off).toEqual(expect.arrayContaining(experimentalFeatures));
    expect(told.install.join(' ')).toContain('experimental-install.yaml');
  }

  function edited(name: string, value: string) {
    return httpRoute({
      name,
      parent: 'edge',
      hostnames: [`${name}.example`],
      rules: [
        {
          filters: [{ type: 'ResponseHeaderModifier', responseHeaderModifier: { set: [{ name: 'x-edit', value }] } }],
          backendRefs: [backend('backend')],
        },
      ],
    });
  }

  async function expectEditServed(value: string): Promise<void> {
    await scene().applyRoute(edited('edited', value));
    expect((await send({ address, port: 80, host: 'edited.example' })).headers['x-edit']).toBe(value);
  }

  beforeAll(async () => {
    const version = readVersions().get('GATEWAY_API_VERSION')!;
    const module = await run('go', ['mod', 'download', '-json', `sigs.k8s.io/gateway-api@v${version}`]);
    definitions = join((JSON.parse(module) as { Dir: string }).Dir, 'config/crd');
    await scene().apply(...echo('backend'));
    address = await scene().openGateway(gateway('edge', [{ name: 'http', port: 80 }]), [80]);
    await scene().untilAvailable('backend');
    await scene().applyRoute(edited('steady', 'always'));
    steady = new SteadyClient({ targets: [{ name: 'http', to: { address, port: 80, host } }] });
    await steady.goOn();
  });

  afterAll(async () => {
    if (isSwapped) await install('experimental');
    await steady?.stop();
  });

  test('comes in place of the experimental one while the operator runs', async () => {
    expect(await supportedFeatures()).toEqual(expect.arrayContaining(experimentalFeatures));
    const since = new Date();
    await steady.during('the loss of the experimental channel', async () => {
      await install('standard');
      const names = await untilFeatures((found) => !found.includes('HTTPRouteRetry'));
      expect(names.filter((name) => experimentalFeatures.includes(name))).toEqual([]);
      // What is in the standard channel stays on.
      expect(names).toEqual(expect.arrayContaining(['Gateway', 'HTTPRoute', 'HTTPRouteCORS', 'ReferenceGrant']));
      expectExperimentsOff(await untilToldOff(since));
      await expectEditServed('standard');
    });
  });

  test('is enough to start with', async () => {
    const since = new Date();
    await steady.during('a start with the standard channel', async () => {
      await deleteOperator(scene().client);
      expectExperimentsOff(await untilToldOff(since));
      await expectEditServed('started anew');
    });
  });

  test('gives way to the experimental one again, whose kinds are taken up without a restart', async () => {
    await steady.during('the return of the experimental channel', async () => {
      await install('experimental');
      await untilFeatures((found) => experimentalFeatures.every((name) => found.includes(name)));
      await scene().apply(
        {
          apiVersion: `${experimentalGatewayGroup}/v1alpha1`,
          kind: 'XBackend',
          metadata: { name: 'outside' },
          spec: {
            type: 'ExternalHostname',
            externalHostname: { hostname: 'outside.example' },
            port: { port: 80 },
          },
        },
        httpRoute({
          name: 'outside',
          parent: 'edge',
          hostnames: ['outside.example'],
          rules: [{ backendRefs: [{ group: experimentalGatewayGroup, kind: 'XBackend', name: 'outside' }] }],
        }),
      );
      await scene().untilRouteCondition('outside', 'ResolvedRefs', 'True');
      await scene().until('the XBackend to be accepted', resources.xBackends, 'outside', (object) =>
        (object.status?.parents ?? []).some(({ conditions }) => isCurrent(object, conditions, 'Accepted', 'True')),
      );
      await expectEditServed('experimental again');
    });
    steady.expectNone();
  });
});
