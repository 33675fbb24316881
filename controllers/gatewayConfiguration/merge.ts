/** The configuration of a Gateway: that of its class under its own, field by field. Pure. */
import type { GatewayConfigurationSpec } from '../../api/gatewayConfiguration.ts';
import { type JsonObject, strategicMerge } from '../dataPlane/strategicMerge.ts';

/**
 * `over` merged over `under`: maps by key, a Pod template by strategic merge, lists and `watchNamespaces` as one. A
 * `controlPlaneRef` and templates exclude each other; of the two configurations the one that is `over` decides.
 */
export function mergeConfigurations(
  under: GatewayConfigurationSpec | undefined,
  over: GatewayConfigurationSpec | undefined,
): GatewayConfigurationSpec {
  if (over?.controlPlaneRef !== undefined) return { controlPlaneRef: over.controlPlaneRef };
  if (under?.controlPlaneRef !== undefined) {
    if (over?.dataPlane === undefined && over?.controlPlane === undefined)
      return { controlPlaneRef: under.controlPlaneRef };
    return over;
  }
  const dataPlane = mergeSections(under?.dataPlane, over?.dataPlane);
  const watchNamespaces = over?.controlPlane?.watchNamespaces ?? under?.controlPlane?.watchNamespaces;
  return {
    ...(dataPlane === undefined ? {} : { dataPlane }),
    ...(watchNamespaces === undefined ? {} : { controlPlane: { watchNamespaces } }),
  };
}

type Template = NonNullable<GatewayConfigurationSpec['dataPlane']>;

function mergeSections(under: Template | undefined, over: Template | undefined): Template | undefined {
  if (under === undefined || over === undefined) return over ?? under;
  const deployment = {
    ...under.deployment,
    ...over.deployment,
    ...both(under.deployment?.podTemplate, over.deployment?.podTemplate, (one, other) => ({
      podTemplate: strategicMerge(json(one), json(other)),
    })),
    ...both(under.deployment?.resources, over.deployment?.resources, (one, other) => ({
      resources: {
        ...one,
        ...other,
        ...both(one.limits, other.limits, (less, more) => ({ limits: { ...less, ...more } })),
        ...both(one.requests, other.requests, (less, more) => ({ requests: { ...less, ...more } })),
      },
    })),
  };
  const service = {
    ...under.service,
    ...over.service,
    ...both(under.service?.annotations, over.service?.annotations, (one, other) => ({
      annotations: { ...one, ...other },
    })),
    ...both(under.service?.labels, over.service?.labels, (one, other) => ({ labels: { ...one, ...other } })),
  };
  const envoy = { ...under.envoy, ...over.envoy };
  return {
    ...(Object.keys(deployment).length === 0 ? {} : { deployment }),
    ...(Object.keys(service).length === 0 ? {} : { service }),
    ...(Object.keys(envoy).length === 0 ? {} : { envoy }),
  };
}

/** What is made of two values, where there are two. */
function both<Value, Result extends object>(
  one: Value | undefined,
  other: Value | undefined,
  merge: (one: Value, other: Value) => Result,
): Result | undefined {
  return one === undefined || other === undefined ? undefined : merge(one, other);
}

function json(value: Record<string, unknown>): JsonObject {
  const copy: JsonObject = JSON.parse(JSON.stringify(value));
  return copy;
}
