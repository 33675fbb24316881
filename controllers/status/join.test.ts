import { describe, expect, test } from 'vitest';
import type { ConditionContribution } from '../../api/object.ts';
import { mergeConditions } from './conditions.ts';
import { jsonContains, jsonEqual } from './equal.ts';
import { joinAncestors } from './ancestors.ts';
import { FairQueue } from './fairQueue.ts';
import { joinGatewayStatus, type GatewayTranslation } from './gateway.ts';
import { joinListenerSetStatus } from './listenerSet.ts';
import { joinRouteParents, type RouteJoinOptions } from './route.ts';
import { transitions } from './transitions.ts';

const ours = 'sluice.dev/gateway-controller';
const now = '2026-02-01T00:00:00Z';
const earlier = '2026-01-01T00:00:00Z';
const yes = (type: string, reason = type): ConditionContribution => ({ type, status: 'True', reason, message: '' });
const no = (type: string, reason: string): ConditionContribution => ({ type, status: 'False', reason, message: 'why' });
const had = (type: string, status: 'True' | 'False', observedGeneration = 1) => ({
  type,
  status,
  reason: type,
  message: '',
  observedGeneration,
  lastTransitionTime: earlier,
});

const says = (condition: ConditionContribution) => [
  { generation: 1, parents: [{ parentRef: { name: 'web' }, conditions: [condition] }] },
];

const statusOf = (joined: ReturnType<typeof joinGatewayStatus>, type: string) =>
  joined?.conditions?.find((condition) => condition.type === type);

const at = (...conditions: ReturnType<typeof had>[]) => new Map([['', conditions]]);

describe('conditions', () => {
  test('keep their time while their status is the same, and foreign ones stay', () => {
    const merged = mergeConditions(
      [had('Accepted', 'True'), had('Ready', 'False'), had('example.com/Mine', 'True')],
      [yes('Accepted', 'Other'), yes('Ready')],
      {
        generation: 2,
        now,
        keepForeign: true,
      },
    );
    expect(merged).toEqual([
      { ...yes('Accepted', 'Other'), observedGeneration: 2, lastTransitionTime: earlier },
      { ...yes('Ready'), observedGeneration: 2, lastTransitionTime: now },
      had('example.com/Mine', 'True'),
    ]);
  });
});

describe('route parents', () => {
  const options: RouteJoinOptions = { controllerName: ours, generation: 1, now, mayRemove: () => true };
  const foreign = {
    parentRef: { name: 'web' },
    controllerName: 'example.com/other',
    conditions: [had('Accepted', 'True')],
  };
  const contribution = { generation: 1, parents: [{ parentRef: { name: 'web' }, conditions: [yes('Accepted')] }] };
  const own = { parentRef: { name: 'web' }, controllerName: ours, conditions: [had('Accepted', 'True')] };

  test('of other controllers stay, also for the same Gateway', () => {
    expect(joinRouteParents([foreign], [contribution], options)).toEqual([
      foreign,
      {
        parentRef: { name: 'web' },
        controllerName: ours,
        conditions: [{ ...yes('Accepted'), observedGeneration: 1, lastTransitionTime: now }],
      },
    ]);
  });

  test('ours are replaced where they are, whatever defaults the API server filled in', () => {
    const stored = { ...own, parentRef: { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'web' } };
    const joined = joinRouteParents([stored, foreign], [contribution], options);
    expect(joined).toHaveLength(2);
    expect(joined[0]).toMatchObject({ controllerName: ours, conditions: [{ lastTransitionTime: earlier }] });
    expect(joined[1]).toEqual(foreign);
  });

  test('of two ControlPlanes come together', () => {
    const other = { generation: 1, parents: [{ parentRef: { name: 'api' }, conditions: [yes('Accepted')] }] };
    expect(joinRouteParents([], [contribution, other], options).map(({ parentRef }) => parentRef.name)).toEqual([
      'web',
      'api',
    ]);
  });

  test('of nobody go, but not while who would contribute them is starting', () => {
    expect(joinRouteParents([own, foreign], [], options)).toEqual([foreign]);
    expect(joinRouteParents([own, foreign], [], { ...options, mayRemove: () => false })).toEqual([own, foreign]);
  });

  test('Programmed of the same generation is not taken back for want of an acknowledgement', () => {
    const type = 'sluice.dev/Programmed';
    const programmed = { ...own, conditions: [had(type, 'True')] };
    expect(joinRouteParents([programmed], says(no(type, 'Pending')), options)).toMatchObject([
      { conditions: [{ status: 'True', lastTransitionTime: earlier }] },
    ]);
    expect(joinRouteParents([programmed], says(no(type, 'Rejected')), options)).toMatchObject([
      { conditions: [{ status: 'False' }] },
    ]);
    expect(joinRouteParents([programmed], says(no(type, 'Pending')), { ...options, generation: 2 })).toMatchObject([
      { conditions: [{ status: 'False' }] },
    ]);
  });
});

describe('Gateway', () => {
  const translation: GatewayTranslation = {
    generation: 1,
    conditions: [yes('Accepted'), yes('Programmed')],
    listeners: [
      {
        name: 'http',
        supportedKinds: [{ kind: 'HTTPRoute' }],
        attachedRoutes: 3,
        conditions: [yes('Accepted'), yes('Programmed')],
      },
    ],
  };
  const address = { type: 'IPAddress', value: '198.51.100.100' };
  const reached = { generation: 1, addresses: [address] };
  const options = { generation: 1, now };
  test('is programmed with an address', () => {
    const joined = joinGatewayStatus(undefined, translation, reached, options);
    expect(statusOf(joined, 'Programmed')).toMatchObject({ status: 'True' });
    expect(joined).toMatchObject({ addresses: [address], listeners: [{ name: 'http', attachedRoutes: 3 }] });
  });

  test('is not programmed without one', () => {
    const joined = joinGatewayStatus(
      undefined,
      translation,
      { generation: 1, addresses: [], pending: { reason: 'AddressNotAssigned', message: 'x' } },
      options,
    );
    expect(statusOf(joined, 'Programmed')).toMatchObject({ status: 'False', reason: 'AddressNotAssigned' });
  });

  test('that is refused says so, and what runs is left', () => {
    const refusal = { reason: 'InvalidParameters', message: 'no such GatewayConfiguration' };
    const fresh = joinGatewayStatus(undefined, undefined, { generation: 1, addresses: [], refusal }, options);
    expect(statusOf(fresh, 'Accepted')).toMatchObject({ status: 'False', reason: 'InvalidParameters' });
    expect(statusOf(fresh, 'Programmed')).toMatchObject({ status: 'False', reason: 'Invalid' });
    const running = joinGatewayStatus(undefined, translation, { ...reached, refusal }, options);
    expect(statusOf(running, 'Accepted')).toMatchObject({ status: 'False' });
    expect(statusOf(running, 'Programmed')).toMatchObject({ status: 'True' });
  });

  test('waits for the translation of its generation', () => {
    expect(joinGatewayStatus(undefined, undefined, reached, options)).toBeUndefined();
    expect(joinGatewayStatus(undefined, translation, reached, { generation: 2, now })).toBeUndefined();
  });
});

describe('transitions', () => {
  test('a good new object is no news, a bad one is', () => {
    expect(transitions(at(), at(had('Accepted', 'True'), had('Conflicted', 'False')))).toEqual([]);
    expect(transitions(at(), at(had('Accepted', 'False')))).toMatchObject([
      { type: 'Warning', condition: { type: 'Accepted' } },
    ]);
  });
  test('bad to good and back', () => {
    expect(transitions(at(had('Accepted', 'False')), at(had('Accepted', 'True')))).toMatchObject([{ type: 'Normal' }]);
    expect(transitions(at(had('Accepted', 'True')), at(had('Accepted', 'False')))).toMatchObject([{ type: 'Warning' }]);
    expect(transitions(at(had('Accepted', 'False')), at(had('Accepted', 'False')))).toEqual([]);
  });
  test('what is under way is no news', () => {
    expect(transitions(at(), at({ ...had('Programmed', 'False'), reason: 'Pending' }))).toEqual([]);
    expect(
      transitions(at({ ...had('Programmed', 'False'), reason: 'Pending' }), at(had('Programmed', 'True'))),
    ).toEqual([]);
  });
});

test('the queue takes from each group in turn', () => {
  const queue = new FairQueue();
  for (const key of ['a1', 'a2', 'a3']) queue.add('a', key);
  queue.add('b', 'b1');
  queue.add('a', 'a2');
  expect(queue.size).toBe(4);
  const taken = Array.from({ length: 5 }, () => queue.take());
  expect(taken).toEqual(['a1', 'b1', 'a2', 'a3', undefined]);
  expect(queue.size).toBe(0);
});

test('equality and containment of JSON', () => {
  expect(jsonEqual({ a: [1, { b: 2 }], c: undefined }, { a: [1, { b: 2 }] })).toBe(true);
  expect(jsonEqual({ a: [1, 2] }, { a: [2, 1] })).toBe(false);
  expect(jsonEqual({ a: null }, {})).toBe(false);
  expect(jsonContains({ a: [{ b: 1, c: 2 }], d: 1 }, { a: [{ b: 1 }] })).toBe(true);
  expect(jsonContains({ a: [{ b: 1 }, { b: 2 }] }, { a: [{ b: 1 }] })).toBe(false);
});

describe('ancestors of policies', () => {
  const options = { controllerName: ours, generation: 1, now, maximum: 16, mayRemove: () => true };
  const ancestor = (name: string, controllerName: string) => ({
    ancestorRef: { group: 'gateway.networking.k8s.io', kind: 'Gateway', name, namespace: 'infra' },
    controllerName,
    conditions: [had('Accepted', 'True')],
  });
  const said = (...names: string[]) => ({
    ancestors: names.map((name) => ({ ancestorRef: { name, namespace: 'infra' }, conditions: [yes('Accepted')] })),
  });

  test('of other controllers stay, ours are replaced where they are, and what nobody says goes', () => {
    const foreign = ancestor('web', 'example.com/other');
    const joined = joinAncestors(
      [ancestor('web', ours), foreign, ancestor('old', ours)],
      [said('web', 'api')],
      options,
    );
    expect(joined.map(({ ancestorRef, controllerName }) => `${ancestorRef.name} ${controllerName}`)).toEqual([
      `web ${ours}`,
      'web example.com/other',
      `api ${ours}`,
    ]);
    expect(joined[0]).toMatchObject({ conditions: [{ lastTransitionTime: earlier, observedGeneration: 1 }] });
    expect(joined[1]).toEqual(foreign);
  });

  test('are at most as many as the API admits, and none of another controller is pushed out', () => {
    const foreign = Array.from({ length: 15 }, (_, index) => ancestor(`gateway-${index}`, 'example.com/other'));
    const joined = joinAncestors(foreign, [said('web', 'api')], options);
    expect(joined).toHaveLength(16);
    expect(joined.slice(0, 15)).toEqual(foreign);
    expect(joined[15]).toMatchObject({ ancestorRef: { name: 'web' } });
  });

  test('stay while who would speak of them is starting', () => {
    expect(joinAncestors([ancestor('web', ours)], [], { ...options, mayRemove: () => false })).toHaveLength(1);
  });
});

test('a condition that only stands while there is a cause goes with it, and one of others stays', () => {
  const existing = { conditions: [had('InsecureFrontendValidationMode', 'True'), had('example.com/Mine', 'True')] };
  const translation = { generation: 1, conditions: [yes('Accepted')], listeners: [] };
  const joined = joinGatewayStatus(existing, translation, { generation: 1, addresses: [] }, { generation: 1, now });
  expect(joined?.conditions?.map(({ type }) => type)).toEqual(['Accepted', 'example.com/Mine']);
  const still = { ...translation, conditions: [yes('InsecureFrontendValidationMode')] };
  expect(
    joinGatewayStatus(existing, still, { generation: 1, addresses: [] }, { generation: 1, now })?.conditions,
  ).toMatchObject([{ type: 'InsecureFrontendValidationMode', lastTransitionTime: earlier }, {}]);
});

test('a Gateway tells how many ListenerSets are attached, where definitions have the field', () => {
  const infrastructure = { generation: 1, addresses: [] };
  const translation = { generation: 1, conditions: [yes('Accepted')], listeners: [] };
  const options = { generation: 1, now };
  expect(
    joinGatewayStatus(undefined, { ...translation, attachedListenerSets: 2 }, infrastructure, options),
  ).toMatchObject({ attachedListenerSets: 2 });
  expect(joinGatewayStatus(undefined, translation, infrastructure, options)).not.toHaveProperty('attachedListenerSets');
});

test('a ListenerSet has the conditions of its control plane, of its generation', () => {
  const listeners = [{ name: 'http', supportedKinds: [], attachedRoutes: 1, conditions: [yes('Accepted')] }];
  const joined = joinListenerSetStatus(
    { conditions: [had('Accepted', 'True'), had('Programmed', 'True')] },
    { conditions: [yes('Accepted'), no('Programmed', 'Pending')], listeners },
    { generation: 1, now },
  );
  expect(joined).toMatchObject({
    conditions: [
      { type: 'Accepted', observedGeneration: 1, lastTransitionTime: earlier },
      { type: 'Programmed', status: 'True', lastTransitionTime: earlier },
    ],
    listeners: [{ name: 'http', attachedRoutes: 1, conditions: [{ type: 'Accepted', observedGeneration: 1 }] }],
  });
});

test('one cause that turns several conditions is told once', () => {
  const bad = (type: string) => ({ ...had(type, 'False'), message: 'The Secret is missing.' });
  const after = new Map([
    ['', [bad('Accepted'), bad('Programmed'), { ...bad('ResolvedRefs'), message: 'Something else.' }]],
    ['Listener a', [bad('Programmed')]],
  ]);
  expect(transitions(new Map(), after).map(({ about, condition }) => `${about}${condition.type}`)).toEqual([
    'Accepted',
    'ResolvedRefs',
  ]);
});
