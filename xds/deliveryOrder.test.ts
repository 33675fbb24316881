/**
 * Whatever happens, and in whatever order: no caller sees an error because of a push, nothing is sent twice, and in the end
 * the proxy has what the store has. A model of Envoy plays the proxy (simulatedProxy.ts); the stream is in-process, so that
 * every order of events can be had.
 */
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { EncodedResource, ResourceChange, ResourceType } from '../api/resource.ts';
import { ResourceStore } from './resourceStore.ts';
import { differences, type ProxyWorld, SimulatedProxy, type Verdict } from './testing/simulatedProxy.ts';
import { edsCluster, put, remove } from './testing/resources.ts';

const clusterNames = ['c0', 'c1', 'c2', 'c3'];
const listenerNames = ['l0', 'l1'];
const graceMs = 1000;

/** What is to be: for each cluster its variant, for each table its variant and clusters. Absent: removed. */
interface Intent {
  clusters: (number | undefined)[];
  endpoints: number[];
  /** Of each listener: its variant, and what its table sends traffic to. */
  listeners: ({ variant: number; routeVariant: number; uses: number[] } | undefined)[];
}

/** Variant 8 is bad, variant 9 breaks its response; the others are good. */
const variant = fc.oneof({ weight: 12, arbitrary: fc.nat(3) }, { weight: 1, arbitrary: fc.constantFrom(8, 9) });
const intent: fc.Arbitrary<Intent> = fc.record({
  clusters: fc.tuple(...clusterNames.map(() => fc.option(variant, { nil: undefined, freq: 4 }))),
  endpoints: fc.tuple(...clusterNames.map(() => variant)),
  listeners: fc.tuple(
    ...listenerNames.map(() =>
      fc.option(fc.record({ variant, routeVariant: variant, uses: fc.subarray([0, 1, 2, 3]) }), {
        nil: undefined,
        freq: 6,
      }),
    ),
  ),
});
const step = fc.oneof(
  { weight: 4, arbitrary: intent.map((to) => ({ do: 'update' as const, to })) },
  { weight: 8, arbitrary: fc.nat(4).map((count) => ({ do: 'handle' as const, count })) },
  { weight: 1, arbitrary: fc.boolean().map((sentOnTime) => ({ do: 'reconnect' as const, sentOnTime })) },
  { weight: 1, arbitrary: fc.constant({ do: 'ask again' as const }) },
  { weight: 2, arbitrary: fc.constantFrom(1, 500, graceMs + 1).map((ms) => ({ do: 'pass time' as const, ms })) },
);

const clusterByVariant = new Map<string, EncodedResource>();
function cluster(name: string, index: number): EncodedResource {
  const key = `${name} ${index}`;
  let made = clusterByVariant.get(key);
  if (made === undefined) {
    made = { ...edsCluster(name), version: `cluster-${index}` };
    clusterByVariant.set(key, made);
  }
  return made;
}

/** The versions say what is in it: `KIND-VARIANT CLUSTER,CLUSTER`. The bytes do not matter. */
function content(type: ResourceType, name: string, index: number, uses: string[] = []): EncodedResource {
  const version = `${type}-${index} ${uses.join(',')}`;
  return { name, version, bytes: new Uint8Array(), clusters: () => uses };
}

const world: ProxyWorld = {
  verdict(_type, version): Verdict {
    const index = /-(\d)/.exec(version)?.[1];
    if (index === '8') return 'bad';
    return index === '9' ? 'breaks its response' : 'good';
  },
  clustersOf: (version) => version.split(' ')[1]?.split(',').filter(Boolean) ?? [],
  routeOf: (listener) => listener.replace('l', 'r'),
};

function* changes({ clusters, endpoints, listeners }: Intent): Generator<ResourceChange> {
  for (const [index, name] of clusterNames.entries()) {
    const chosen = clusters[index];
    if (chosen === undefined) {
      yield remove('cluster', name);
      yield remove('endpoint', name);
    } else {
      yield put('cluster', cluster(name, chosen));
      yield put('endpoint', content('endpoint', name, endpoints[index]!));
    }
  }
  for (const [index, name] of listenerNames.entries()) {
    const chosen = listeners[index];
    if (chosen === undefined) {
      yield remove('listener', name);
      yield remove('route', world.routeOf(name));
    } else {
      // As the translation does: only clusters that are there.
      const uses = chosen.uses.filter((each) => clusters[each] !== undefined).map((each) => clusterNames[each]!);
      yield put('listener', content('listener', name, chosen.variant, uses.slice(0, 1)));
      yield put('route', content('route', world.routeOf(name), chosen.routeVariant, uses));
    }
  }
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Lets microtasks run. */
async function tick(): Promise<void> {
  await Promise.resolve();
  await Promise.resolve();
}

/** Handles everything, and lets all windows pass. */
async function settle(proxy: SimulatedProxy): Promise<void> {
  for (let round = 0; round < 5; round++) {
    // oxlint-disable no-await-in-loop -- one after the other is the point
    await tick();
    for (let count = 0; proxy.waiting > 0; count++) {
      if (count > 500) throw new Error('the server does not come to an end');
      proxy.handleNext();
      await tick();
    }
    await vi.advanceTimersByTimeAsync(graceMs + 1);
    // oxlint-enable no-await-in-loop
  }
}

test('no order of events breaks traffic, repeats a resource or leaves a difference', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), fc.boolean(), async (steps, sentOnTime) => {
      const store = new ResourceStore({ removalGraceMs: graceMs });
      const proxy = new SimulatedProxy(store, world);
      // What is said to be acknowledged is in force at that moment; removals may take their time.
      const overstated: string[] = [];
      store.onAcknowledgement(() => {
        if (store.revision === 0 || store.proxies()[0]?.acknowledged !== store.revision) return;
        overstated.push(...differences(store, proxy, world).filter((text) => !text.endsWith('left over')));
      });
      proxy.connect(sentOnTime);
      let last: Intent | undefined;
      for (const each of steps) {
        if (each.do === 'update') {
          last = each.to;
          store.update(changes(each.to));
        } else if (each.do === 'handle') {
          for (let count = 0; count <= each.count; count++) proxy.handleNext();
        } else if (each.do === 'reconnect') proxy.connect(each.sentOnTime);
        else if (each.do === 'ask again') proxy.askAgain();
        // oxlint-disable no-await-in-loop -- one after the other is the point
        else await vi.advanceTimersByTimeAsync(each.ms);
        await tick();
        // oxlint-enable no-await-in-loop
      }
      await settle(proxy);
      expect(overstated).toEqual([]);
      const [state] = store.proxies();
      const refused = state!.rejections.flatMap(({ type, names }) => names.map((name) => `${type} ${name}`));
      if (last !== undefined) {
        expect(state!.acknowledged).toBe(store.revision);
        // Nothing that was mended, removed or never bad is reported; what is reported is what the proxy does not have.
        for (const name of refused) {
          const [type, resource] = name.split(' ') as [ResourceType, string];
          expect(world.verdict(type, store.current(type, resource)!.resource.version)).not.toBe('good');
        }
      }
      const standing = refused.some((name) => /^(?:listener|route)/.test(name));
      // While routes are refused, the clusters of the last good ones stay.
      const left = differences(store, proxy, world).filter(
        (text) => !(standing && /^cluster .* left over$/.test(text)),
      );
      expect(left).toEqual([]);
      store.close();
    }),
    { numRuns: 2000 },
  );
});
