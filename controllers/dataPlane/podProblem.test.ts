import { expect, test } from 'vitest';
import type { Pod, PodStatus } from '../kubernetes.ts';
import { podProblem } from './podProblem.ts';

const pod = (status: PodStatus, name = 'web-1'): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'shop' },
  status,
});

test.each<[string, PodStatus, string | undefined]>([
  ['a running one', { phase: 'Running', containerStatuses: [{ name: 'envoy', ready: true }] }, undefined],
  [
    'a starting one',
    { phase: 'Pending', containerStatuses: [{ name: 'envoy', state: { waiting: { reason: 'ContainerCreating' } } }] },
    undefined,
  ],
  [
    'an image that does not exist',
    {
      containerStatuses: [
        {
          name: 'envoy',
          image: 'nope:1',
          state: { waiting: { reason: 'ImagePullBackOff', message: 'Back-off pulling image "nope:1"' } },
        },
      ],
    },
    'Pod web-1: the image nope:1 of container envoy cannot be pulled (Back-off pulling image "nope:1"). Check its name and the pull secrets.',
  ],
  [
    'a container that crashes',
    {
      containerStatuses: [
        {
          name: 'envoy',
          state: { waiting: { reason: 'CrashLoopBackOff' } },
          lastState: { terminated: { exitCode: 137, reason: 'OOMKilled' } },
        },
      ],
    },
    'Pod web-1: container envoy keeps ending because it ran out of memory, last with exit code 137. Its log says why.',
  ],
  [
    'one without a node',
    {
      phase: 'Pending',
      conditions: [
        {
          type: 'PodScheduled',
          status: 'False',
          reason: 'Unschedulable',
          message: '0/1 nodes are available: 1 Insufficient cpu',
        },
      ],
    },
    'Pod web-1: cannot be scheduled: 0/1 nodes are available: 1 Insufficient cpu.',
  ],
  [
    'one that cannot be configured',
    {
      containerStatuses: [
        {
          name: 'envoy',
          state: { waiting: { reason: 'CreateContainerConfigError', message: 'secret "x" not found' } },
        },
      ],
    },
    'Pod web-1: container envoy does not start: secret "x" not found.',
  ],
  [
    'an evicted one',
    { phase: 'Failed', reason: 'Evicted', message: 'The node was low on memory.' },
    'Pod web-1: failed: The node was low on memory.',
  ],
])('%s', (_what, status, expected) => {
  expect(podProblem([pod({ phase: 'Running' }, 'web-0'), pod(status)])).toBe(expected);
});

test('Pods that are being deleted have no problem', () => {
  const going = pod({ phase: 'Failed', message: 'gone' });
  expect(
    podProblem([{ ...going, metadata: { ...going.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } }]),
  ).toBeUndefined();
});
