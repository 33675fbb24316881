import { expect, test } from 'vitest';
import { strategicMerge } from './strategicMerge.ts';

const base = {
  metadata: { labels: { app: 'a' } },
  spec: {
    containers: [
      {
        name: 'envoy',
        image: 'one',
        args: ['-c', 'x'],
        env: [{ name: 'A', value: '1' }],
        ports: [{ containerPort: 19001, name: 'metrics' }],
        volumeMounts: [{ mountPath: '/a', name: 'a' }],
        securityContext: { runAsNonRoot: true },
      },
      { name: 'shutdown-manager', image: 'two' },
    ],
    volumes: [{ name: 'a', emptyDir: {} }],
    tolerations: [{ key: 'x' }],
  },
};

test('containers, env, volumes and ports are merged by their keys', () => {
  const merged = strategicMerge(base, {
    metadata: { labels: { team: 'b' } },
    spec: {
      containers: [
        { name: 'sidecar', image: 'three' },
        {
          name: 'envoy',
          env: [
            { name: 'B', value: '2' },
            { name: 'A', value: '3' },
          ],
          ports: [
            { containerPort: 19001, protocol: 'TCP', name: 'stats' },
            { containerPort: 19001, protocol: 'UDP' },
          ],
          volumeMounts: [{ mountPath: '/b', name: 'b' }],
        },
      ],
      volumes: [
        { name: 'b', emptyDir: {} },
        { name: 'a', configMap: { name: 'c' } },
      ],
    },
  });
  expect(merged).toEqual({
    metadata: { labels: { app: 'a', team: 'b' } },
    spec: {
      containers: [
        {
          name: 'envoy',
          image: 'one',
          args: ['-c', 'x'],
          env: [
            { name: 'A', value: '3' },
            { name: 'B', value: '2' },
          ],
          ports: [
            { containerPort: 19001, protocol: 'TCP', name: 'stats' },
            { containerPort: 19001, protocol: 'UDP' },
          ],
          volumeMounts: [
            { mountPath: '/a', name: 'a' },
            { mountPath: '/b', name: 'b' },
          ],
          securityContext: { runAsNonRoot: true },
        },
        { name: 'shutdown-manager', image: 'two' },
        { name: 'sidecar', image: 'three' },
      ],
      volumes: [
        { name: 'a', configMap: { name: 'c' } },
        { name: 'b', emptyDir: {} },
      ],
      tolerations: [{ key: 'x' }],
    },
  });
});

test('lists without a key are replaced', () => {
  const merged = strategicMerge(base, {
    spec: { tolerations: [{ key: 'y' }], containers: [{ name: 'envoy', args: ['z'] }] },
  });
  expect(merged).toMatchObject({ spec: { tolerations: [{ key: 'y' }], containers: [{ args: ['z'] }, {}] } });
});

test('null and $patch: delete remove, $patch: replace replaces', () => {
  const merged = strategicMerge(base, {
    metadata: { labels: { app: null } },
    spec: {
      containers: [
        { name: 'envoy', image: null, securityContext: { $patch: 'replace', runAsUser: 5 } },
        { name: 'shutdown-manager', $patch: 'delete' },
      ],
      tolerations: null,
    },
  });
  expect(merged).toMatchObject({
    metadata: { labels: {} },
    spec: { containers: [{ name: 'envoy', securityContext: { runAsUser: 5 } }] },
  });
  expect(merged).not.toHaveProperty('spec.tolerations');
  expect(merged).not.toHaveProperty('spec.containers.0.image');
  expect(merged).not.toHaveProperty('spec.containers.1');
});

test('neither side is changed', () => {
  const before = structuredClone(base);
  strategicMerge(base, { spec: { containers: [{ name: 'envoy', env: [{ name: 'Z' }] }] } });
  expect(base).toEqual(before);
});
