/**
 * Endpoints of a Service port.
 * Source: Kubernetes docs, "EndpointSlices"; Envoy docs, config.endpoint.v3.ClusterLoadAssignment.
 */
import type { LbEndpointSchema } from '../../api/envoy/envoy/config/endpoint/v3/endpoint_components_pb.ts';
import { ClusterLoadAssignmentSchema } from '../../api/envoy/envoy/config/endpoint/v3/endpoint_pb.ts';
import { SocketAddress_Protocol as Protocol } from '../../api/envoy/envoy/config/core/v3/address_pb.ts';
import type { Endpoint, EndpointSlice, ServicePort } from '../../api/core.ts';
import type { EncodedResource } from '../../api/resource.ts';
import { encode, resource, type Init } from '../encoding/index.ts';

export interface EndpointAddress {
  address: string;
  port: number;
  /** Other addresses of the same Pod, of its other family. */
  others?: { address: string; port: number }[];
}

type Family = 'IPv4' | 'IPv6';

interface Found {
  family: Family;
  address: string;
  port: number;
}

/**
 * The addresses behind a port, sorted; a Pod with addresses of both families comes once.
 * @param port undefined where there is none
 * @param families of the Service, the preferred one first
 */
export function endpointAddresses(
  port: ServicePort | undefined,
  families: readonly Family[],
  slices: readonly EndpointSlice[],
): EndpointAddress[] {
  if (port === undefined) return [];
  /** By what the addresses belong to. */
  const ready = new Map<string, Found[]>();
  const terminating: typeof ready = new Map();
  for (const slice of slices) {
    if (slice.addressType === 'FQDN') continue;
    const number = slicePort(slice, port);
    if (number === undefined) continue;
    for (const endpoint of slice.endpoints ?? []) {
      // All addresses of an endpoint are the same Pod's; the first is enough. Source: EndpointSlice.endpoints.addresses.
      const [address] = endpoint.addresses;
      if (address === undefined) continue;
      const { conditions } = endpoint;
      const found = { family: slice.addressType, address, port: number };
      if (conditions?.ready !== false) add(ready, ownerOf(endpoint, found), found);
      else if (conditions.serving === true && conditions.terminating === true) {
        add(terminating, ownerOf(endpoint, found), found);
      }
    }
  }
  // As kube-proxy does: with nothing ready left, one that still serves while it terminates is better than none.
  const chosen = ready.size > 0 ? ready : terminating;
  const preferred = families[0] ?? 'IPv4';
  const result = [...chosen.values()].map((found): EndpointAddress => {
    const [first, ...others] = found.toSorted((a, b) => rank(a, preferred) - rank(b, preferred) || compare(a, b));
    const other = others.find(({ family }) => family !== first!.family);
    return {
      address: first!.address,
      port: first!.port,
      ...(other === undefined ? {} : { others: [{ address: other.address, port: other.port }] }),
    };
  });
  return result.toSorted(compare);
}

function rank({ family }: Found, preferred: Family): number {
  return family === preferred ? 0 : 1;
}

function compare(a: { address: string; port: number }, b: { address: string; port: number }): number {
  const [left, right] = [`${a.address} ${a.port}`, `${b.address} ${b.port}`];
  return left < right ? -1 : left > right ? 1 : 0;
}

function slicePort(slice: EndpointSlice, port: ServicePort): number | undefined {
  const transport = port.protocol ?? 'TCP';
  const found = slice.ports?.find(
    ({ name = '', protocol = 'TCP' }) => name === (port.name ?? '') && protocol === transport,
  );
  if (found === undefined) return undefined;
  // A slice that somebody wrote by hand may leave the number to the Service. Source: EndpointPort.port.
  return found.port ?? (typeof port.targetPort === 'number' ? port.targetPort : port.port);
}

/** What an address belongs to: a Pod where that is known, and itself where it is not. */
function ownerOf({ targetRef }: Endpoint, { address, port }: Found): string {
  if (targetRef?.kind === 'Pod' && targetRef.name !== undefined) {
    return `${targetRef.namespace}/${targetRef.name}/${targetRef.uid} ${port}`;
  }
  return `${address} ${port}`;
}

function add(groups: Map<string, Found[]>, owner: string, found: Found): void {
  const group = groups.get(owner);
  if (group === undefined) groups.set(owner, [found]);
  else if (!group.some(({ address }) => address === found.address)) group.push(found);
}

/** @param udp whether they take datagrams */
export function endpoints(cluster: string, addresses: readonly EndpointAddress[], udp = false): EncodedResource {
  const lbEndpoints = addresses.map((address) => lbEndpoint(address, udp));
  const bytes = encode(ClusterLoadAssignmentSchema, {
    clusterName: cluster,
    endpoints: lbEndpoints.length === 0 ? [] : [{ lbEndpoints }],
  });
  return resource(cluster, bytes);
}

export function lbEndpoint({ others = [], ...main }: EndpointAddress, udp = false): Init<typeof LbEndpointSchema> {
  return {
    hostIdentifier: {
      case: 'endpoint',
      value: {
        address: socketAddress(main, udp),
        // Tried where the first does not answer. Source: Envoy docs, "Happy Eyeballs"; datagrams get no answer to tell by.
        additionalAddresses: udp ? [] : others.map((other) => ({ address: socketAddress(other, udp) })),
      },
    },
  };
}

function socketAddress(
  { address, port }: { address: string; port: number },
  udp: boolean,
): {
  address: {
    case: 'socketAddress';
    value: { address: string; protocol: Protocol; portSpecifier: { case: 'portValue'; value: number } };
  };
} {
  const protocol = udp ? Protocol.UDP : Protocol.TCP;
  return {
    address: { case: 'socketAddress', value: { address, protocol, portSpecifier: { case: 'portValue', value: port } } },
  };
}
