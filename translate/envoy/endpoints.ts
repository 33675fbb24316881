/**
 * Endpoints of a Service port.
 * Source: Kubernetes docs, "EndpointSlices"; Envoy docs, config.endpoint.v3.ClusterLoadAssignment.
 */
import type { LbEndpointSchema } from '../../api/envoy/envoy/config/endpoint/v3/endpoint_components_pb.ts';
import { ClusterLoadAssignmentSchema } from '../../api/envoy/envoy/config/endpoint/v3/endpoint_pb.ts';
import type { EndpointSlice, Service } from '../../api/core.ts';
import type { EncodedResource } from '../../api/resource.ts';
import { encode, resource, type Init } from '../encoding/index.ts';

/** The addresses behind a port of a Service, sorted, each once. */
export function endpointAddresses(
  service: Service | undefined,
  port: number,
  slices: readonly EndpointSlice[],
): { address: string; port: number }[] {
  const servicePort = service?.spec?.ports?.find((candidate) => candidate.port === port);
  if (servicePort === undefined) return [];
  const ready = new Map<string, { address: string; port: number }>();
  const terminating: typeof ready = new Map();
  for (const slice of slices) {
    if (slice.addressType === 'FQDN') continue;
    const slicePort = slice.ports?.find((candidate) => (candidate.name ?? '') === (servicePort.name ?? ''))?.port;
    if (slicePort === undefined) continue;
    for (const { addresses, conditions } of slice.endpoints ?? []) {
      // All addresses of an endpoint are the same Pod's; the first is enough. Source: EndpointSlice.endpoints.addresses.
      const [address] = addresses;
      if (address === undefined) continue;
      const endpoint = { address, port: slicePort };
      if (conditions?.ready !== false) ready.set(`${address} ${slicePort}`, endpoint);
      else if (conditions.serving === true && conditions.terminating === true) {
        terminating.set(`${address} ${slicePort}`, endpoint);
      }
    }
  }
  // As kube-proxy does: with nothing ready left, one that still serves while it terminates is better than none.
  const chosen = ready.size > 0 ? ready : terminating;
  return [...chosen.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, endpoint]) => endpoint);
}

export function endpoints(cluster: string, addresses: readonly { address: string; port: number }[]): EncodedResource {
  const lbEndpoints = addresses.map(lbEndpoint);
  const bytes = encode(ClusterLoadAssignmentSchema, {
    clusterName: cluster,
    endpoints: lbEndpoints.length === 0 ? [] : [{ lbEndpoints }],
  });
  return resource(cluster, bytes);
}

function lbEndpoint({ address, port }: { address: string; port: number }): Init<typeof LbEndpointSchema> {
  const socketAddress = { address, portSpecifier: { case: 'portValue', value: port } } as const;
  return {
    hostIdentifier: {
      case: 'endpoint',
      value: { address: { address: { case: 'socketAddress', value: socketAddress } } },
    },
  };
}
