/** Judges Gateways and ListenerSets: their references, and what of them no proxy would take. */
import { type Gateway, type GatewayListener, type ListenerEntry, type ListenerSet } from '../api/gateway/index.ts';
import { gatewayReference, referenceProblem } from '../controllers/gateway/parameters.ts';
import { isOurs } from '../controllers/topology.ts';
import { listenerSetGateway, tlsOptions } from '../translate/index.ts';
import { admitted, type Verdict } from './admissionReview.ts';
import { dryRunListeners } from './dryRun.ts';
import type { Surroundings } from './surroundings.ts';

export function judgeGateway(gateway: Gateway, surroundings: Surroundings): Verdict {
  const gatewayClass = surroundings.gatewayClasses.get(gateway.spec.gatewayClassName);
  if (gatewayClass === undefined) {
    const message = `GatewayClass ${gateway.spec.gatewayClassName} does not exist: nothing serves the Gateway until it does`;
    return { warnings: [message] };
  }
  if (!isOurs(gatewayClass)) return admitted;
  const reference = gatewayReference(gateway);
  const problem =
    reference === undefined
      ? undefined
      : referenceProblem(reference, (key) => surroundings.gatewayConfigurations.get(key));
  const own = { kind: 'Gateway', object: gateway } as const;
  const warnings = [...(problem === undefined ? [] : [problem]), ...listenerWarnings(own, surroundings)];
  return { ...denialOf(gateway.spec.listeners), warnings };
}

export function judgeListenerSet(listenerSet: ListenerSet, surroundings: Surroundings): Verdict {
  const key = listenerSetGateway(listenerSet);
  if (key === undefined) return admitted;
  const gateway = surroundings.gateways.get(key);
  if (gateway === undefined) {
    return { warnings: [`Gateway ${key} does not exist: nothing serves the ListenerSet until it does`] };
  }
  if (!isOurs(surroundings.gatewayClasses.get(gateway.spec.gatewayClassName))) return admitted;
  const warnings =
    (gateway.spec.allowedListeners?.namespaces?.from ?? 'None') === 'None'
      ? [`Gateway ${key} takes no ListenerSets: its owner has to set allowedListeners`]
      : listenerWarnings({ kind: 'ListenerSet', object: listenerSet }, surroundings);
  return { ...denialOf(listenerSet.spec.listeners), warnings };
}

/** What of its listeners leads nowhere yet, is not served, or stands in the way of another. */
function listenerWarnings(owner: Parameters<typeof dryRunListeners>[0], surroundings: Surroundings): string[] {
  return [...dryRunListeners(owner, surroundings)].flatMap(([name, conditions]) =>
    conditions
      .filter(
        ({ type, status }) =>
          ((type === 'ResolvedRefs' || type === 'Accepted') && status === 'False') ||
          (type === 'Conflicted' && status === 'True'),
      )
      .map(({ message }) => `Listener "${name}": ${message}`),
  );
}

function denialOf(listeners: readonly (GatewayListener | ListenerEntry)[]): Pick<Verdict, 'denial'> {
  for (const { name, protocol, tls } of listeners) {
    const options = tlsOptions(tls?.options, protocol === 'HTTPS');
    if (typeof options === 'string') return { denial: `Listener "${name}": ${options}` };
  }
  return {};
}
