/** Admission on the cluster: what `kubectl apply` says, and what happens while the operator is away. */
import { beforeAll, expect, test } from 'vitest';
import type { HTTPRouteRule } from '../../api/gateway/index.ts';
import { kubectl, run } from './support/cluster.ts';
import { backend, echo, gateway, httpRoute } from './support/objects.ts';
import { useScene } from './support/scene.ts';

const scene = useScene('admission');

function route(rule: HTTPRouteRule, parent = 'edge'): string {
  const object = httpRoute({ name: 'judged', parent, hostnames: ['judged.example'], rules: [rule] });
  return JSON.stringify({ ...object, metadata: { ...object.metadata, namespace: scene().namespace } });
}

/** Everything that kubectl prints: warnings go to standard error. */
async function apply(object: string, ...more: string[]): Promise<string> {
  return await run('bash', ['-c', 'exec kubectl apply -f - "$@" 2>&1', 'kubectl', ...more], object);
}

beforeAll(async () => {
  await scene().apply(...echo('backend'));
  await scene().openGateway(gateway('edge', [{ name: 'http', port: 80 }]), [80]);
});

test('a route that can never be served is denied, also in a dry run', async () => {
  const bad = route({ matches: [{ path: { type: 'RegularExpression', value: '/(?=look)' } }] });
  for (const more of [[], ['--dry-run=server']]) {
    await expect(apply(bad, ...more)).rejects.toThrow(
      /denied the request: rule 0 .*regular expression that RE2 refuses/,
    );
  }
});

test('what leads nowhere yet is let in, with a warning', async () => {
  const printed = await apply(route({ backendRefs: [backend('later')] }));
  expect(printed).toContain(`Warning: Service ${scene().namespace}/later does not exist`);
  expect(printed).toContain('httproute.gateway.networking.k8s.io/judged created');
  expect(await apply(route({ backendRefs: [backend('backend')] }))).not.toContain('Warning');
  expect(await apply(route({ backendRefs: [backend('backend')] }, 'later'), '--dry-run=server')).toContain(
    `Warning: Gateway ${scene().namespace}/later does not exist`,
  );
});

test('deleting what is in use tells what it breaks', async () => {
  const words = ['delete', 'gateway', 'edge', '--dry-run=server', '-n', scene().namespace];
  expect(await run('bash', ['-c', 'exec kubectl "$@" 2>&1', 'kubectl', ...words])).toContain(
    `Warning: Gateway ${scene().namespace}/edge is used by HTTPRoute ${scene().namespace}/judged`,
  );
  expect(await kubectl(['get', 'gateway', 'edge', '-n', scene().namespace, '-o', 'name'])).toContain('edge');
});
