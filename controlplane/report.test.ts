import { describe, expect, test } from 'vitest';
import type { GatewayContribution, RouteContribution } from '../translate/index.ts';
import { report, type Acknowledgement } from './report.ts';

const route: RouteContribution = {
  kind: 'HTTPRoute',
  key: 'default/app',
  generation: 3,
  clusters: ['service/default/app/80'],
  fingerprint: 'x',
  parents: [
    {
      parentRef: { name: 'edge' },
      gateway: 'default/edge',
      conditions: [{ type: 'Accepted', status: 'True', reason: 'Accepted', message: 'Route is accepted' }],
      resources: [{ type: 'route', name: 'http/80' }],
      unprogrammable: undefined,
    },
  ],
};

const gateway: GatewayContribution = {
  kind: 'Gateway',
  key: 'default/edge',
  generation: 1,
  conditions: [],
  attachedListenerSets: 0,
  fingerprint: 'x',
  listeners: ['good', 'bad'].map((name) => ({
    name,
    attachedRoutes: 1,
    supportedKinds: [],
    conditions: [],
    unprogrammable: name === 'bad' ? { reason: 'Invalid', message: 'it is bad' } : undefined,
    resources: [{ type: 'listener', name: `listener/${name}` }],
  })),
};

const none = (): undefined => undefined;

function routeProgrammed(acknowledgement: Acknowledgement) {
  const made = report(route, acknowledgement);
  return { settled: made.settled, ...(made.kind === 'HTTPRoute' ? made.parents[0]?.conditions.at(-1) : undefined) };
}

describe('report', () => {
  test('a route is programmed when every proxy has it', () => {
    expect(routeProgrammed({ acknowledged: 0, total: 0, rejection: none })).toMatchObject({
      settled: false,
      status: 'False',
      reason: 'Pending',
      message: 'No proxy is connected yet: see the DataPlane',
    });
    expect(routeProgrammed({ acknowledged: 1, total: 2, rejection: none })).toMatchObject({
      settled: false,
      status: 'False',
      message: 'Acknowledged by 1 of 2 proxies',
    });
    expect(routeProgrammed({ acknowledged: 2, total: 2, rejection: none })).toMatchObject({
      settled: true,
      type: 'sluice.dev/Programmed',
      status: 'True',
      message: 'Acknowledged by 2 of 2 proxies',
    });
  });

  test("a refusal of what it rests on is said in Envoy's words", () => {
    const rejection = ({ name }: { name: string }) => (name === 'service/default/app/80' ? 'no such thing' : undefined);
    expect(routeProgrammed({ acknowledged: 2, total: 2, rejection })).toMatchObject({
      settled: true,
      status: 'False',
      reason: 'Invalid',
      message: 'The proxies refuse service/default/app/80: no such thing',
    });
  });

  test('a Gateway is programmed with what of it can be served', () => {
    const made = report(gateway, { acknowledged: 1, total: 1, rejection: none });
    if (made.kind !== 'Gateway') throw new Error('not a Gateway');
    expect(made.conditions.at(-1)).toMatchObject({ type: 'Programmed', status: 'True' });
    expect(made.listeners.map(({ conditions }) => conditions.at(-1)?.status)).toEqual(['True', 'False']);
  });

  test('a Gateway of which nothing can be served says why', () => {
    const made = report(
      { ...gateway, listeners: gateway.listeners.slice(1) },
      { acknowledged: 1, total: 1, rejection: none },
    );
    expect(made.kind === 'Gateway' && made.conditions.at(-1)).toEqual({
      type: 'Programmed',
      status: 'False',
      reason: 'Invalid',
      message: 'No listener is programmed: it is bad',
    });
  });
});
