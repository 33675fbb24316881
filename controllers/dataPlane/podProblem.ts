/** What keeps the Pods of a fleet from running, in one sentence. */
import type { ContainerStatus, Pod } from '../kubernetes.ts';

/** Reasons of a waiting container that mean work in progress. Source: kubelet, `ContainerCreating` and its like. */
const normalWaiting = new Set(['ContainerCreating', 'PodInitializing']);

/**
 * The first Pod that fails, and why, in Kubernetes' own words and with what to do; undefined where none does. Pods that are
 * being deleted are left out.
 */
export function podProblem(pods: readonly Pod[]): string | undefined {
  for (const pod of pods.toSorted((one, other) => (one.metadata.name < other.metadata.name ? -1 : 1))) {
    if (pod.metadata.deletionTimestamp !== undefined) continue;
    const problem = problemOf(pod);
    if (problem !== undefined) return `Pod ${pod.metadata.name}: ${problem}`;
  }
  return undefined;
}

function problemOf(pod: Pod): string | undefined {
  const status = pod.status ?? {};
  const scheduled = status.conditions?.find((condition) => condition.type === 'PodScheduled');
  if (scheduled?.status === 'False')
    return `cannot be scheduled: ${sentence(scheduled.message ?? scheduled.reason ?? 'no reason is given')}`;
  if (status.phase === 'Failed') return `failed: ${sentence(status.message ?? status.reason ?? 'no reason is given')}`;
  for (const container of [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])]) {
    const problem = containerProblem(container);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function containerProblem(container: ContainerStatus): string | undefined {
  const waiting = container.state?.waiting;
  if (waiting?.reason === undefined || normalWaiting.has(waiting.reason)) return undefined;
  const { reason, message } = waiting;
  if (reason === 'ImagePullBackOff' || reason === 'ErrImagePull' || reason === 'InvalidImageName') {
    const said = message === undefined ? '' : ` (${message.trim()})`;
    return `the image ${container.image ?? ''} of container ${container.name} cannot be pulled${said}. Check its name and the pull secrets.`;
  }
  if (reason === 'CrashLoopBackOff') {
    const last = container.lastState?.terminated;
    const exit = last?.exitCode === undefined ? '' : `, last with exit code ${last.exitCode}`;
    const said = last?.message === undefined ? '' : ` (${last.message.trim()})`;
    const why = last?.reason === 'OOMKilled' ? ' because it ran out of memory' : '';
    return `container ${container.name} keeps ending${why}${exit}${said}. Its log says why.`;
  }
  return `container ${container.name} does not start: ${sentence(message ?? reason)}`;
}

function sentence(text: string): string {
  const trimmed = text.trim();
  return /[.!?]$/.test(trimmed) ? trimmed : `${trimmed}.`;
}
