/** Waiting for what the operator says in status. */
import type { Gateway, HTTPRoute } from '../../api/gateway/index.ts';
import { conditionTypes } from '../../api/names.ts';
import type { Condition, KubernetesObject, ObjectKey } from '../../api/object.ts';
import type { Cache } from '../../runtime/index.ts';

function isTrue(conditions: readonly Condition[] | undefined, type: string, generation: number | undefined): boolean {
  return (
    conditions?.some(
      (condition) =>
        condition.type === type && condition.status === 'True' && condition.observedGeneration === generation,
    ) ?? false
  );
}

/** Whether all proxies have the route as it is specified now. */
export function isRouteProgrammed({ metadata, status }: HTTPRoute): boolean {
  const parents = status?.parents ?? [];
  const { generation } = metadata;
  return (
    parents.length > 0 &&
    parents.every(({ conditions }) => isTrue(conditions, conditionTypes.routeProgrammed, generation))
  );
}

/** Whether the Gateway serves as it is specified now. */
export function isGatewayProgrammed({ metadata, status }: Gateway): boolean {
  return isTrue(status?.conditions, conditionTypes.programmed, metadata.generation);
}

/**
 * Waits until an object is as asked for.
 * @throws Error with the object's status where it is not within `timeout` milliseconds, or the reason of `signal`
 */
export async function until<T extends KubernetesObject>(
  cache: Cache<T>,
  key: ObjectKey,
  isSo: (object: T) => boolean,
  { signal, timeout = 60_000 }: { signal: AbortSignal; timeout?: number },
): Promise<T> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeout)]);
  const present = cache.get(key);
  if (present !== undefined && isSo(present)) return present;
  return await new Promise((resolve, reject) => {
    const stop = (): void => {
      stopListening();
      limit.removeEventListener('abort', fail);
    };
    const fail = (): void => {
      stop();
      const status = JSON.stringify(cache.get(key)?.status);
      reject(
        new Error(`waited for ${cache.resource.kind} ${key} in vain; its status: ${status}`, { cause: limit.reason }),
      );
    };
    const stopListening = cache.onChange((change) => {
      if (change.key !== key || change.after === undefined || !isSo(change.after)) return;
      stop();
      resolve(change.after);
    });
    limit.addEventListener('abort', fail);
    if (limit.aborted) fail();
  });
}
