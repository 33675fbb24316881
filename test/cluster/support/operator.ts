/** The operator's Pods, and ways to make them suffer. */
import { resources } from '../../../controllers/resources.ts';
import { systemNamespace } from '../../../api/names.ts';
import type { Pod } from '../../../controllers/kubernetes.ts';
import type { Client } from '../../../runtime/index.ts';
import { waitFor } from '../../fixtures/index.ts';
import { kubectl, run } from './cluster.ts';

const selector = 'app.kubernetes.io/name=sluice,app.kubernetes.io/component=operator';

async function operatorPods(client: Client): Promise<Pod[]> {
  const { items } = await client.list(resources.pods, { namespace: systemNamespace, labelSelector: selector });
  if (items.length === 0) throw new Error(`No Pod in ${systemNamespace} has the labels ${selector}`);
  return items;
}

/** Until as many operator Pods as there shall be are ready, and none of them is one of `gone`. */
async function untilReady(client: Client, wanted: number, gone: ReadonlySet<string> = new Set()): Promise<void> {
  await waitFor('the operator to be ready again', async () => {
    const pods = await operatorPods(client);
    const ready = pods.filter(
      ({ metadata, status }) =>
        metadata.deletionTimestamp === undefined &&
        !gone.has(metadata.uid ?? '') &&
        status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True'),
    );
    return ready.length >= wanted;
  });
}

/** Deletes the operator's Pods without grace, and waits for those that come in their place. */
export async function deleteOperator(client: Client): Promise<void> {
  const pods = await operatorPods(client);
  const names = pods.map(({ metadata }) => metadata.name);
  await kubectl(['delete', 'pod', '--namespace', systemNamespace, '--force', '--grace-period=0', ...names]);
  await untilReady(client, pods.length, new Set(pods.map(({ metadata }) => metadata.uid ?? '')));
}

/**
 * Sends SIGKILL to the operator's processes on the node.
 * @param meanwhile is done just before, and while the kubelet starts them again
 */
export async function killOperator(
  client: Client,
  meanwhile: { before: () => Promise<void>; after: () => Promise<void> },
): Promise<void> {
  const pods = await operatorPods(client);
  const state = `/tmp/cluster-${process.env['SLUICE_CLUSTER_NAME'] ?? 'sluice'}`;
  const containerd = ['--address', `${state}/containerd/containerd.sock`, '--namespace', 'k8s.io'];
  const containers: string[] = [];
  for (const { metadata } of pods) {
    const id = '--output=jsonpath={.status.containerStatuses[0].containerID}';
    const container = await kubectl(['get', 'pod', '--namespace', systemNamespace, metadata.name, id]);
    containers.push(container.replace('containerd://', ''));
  }
  await meanwhile.before();
  for (const container of containers)
    await run('ctr', [...containerd, 'tasks', 'kill', '--signal', 'SIGKILL', container]);
  await meanwhile.after();
  const restarts = (pod: Pod | undefined): number => pod?.status?.containerStatuses?.[0]?.restartCount ?? 0;
  await waitFor('the kubelet to start the operator again', async () => {
    const now = await operatorPods(client);
    return pods.every((pod) => restarts(now.find(({ metadata }) => metadata.uid === pod.metadata.uid)) > restarts(pod));
  });
  await untilReady(client, pods.length);
}
