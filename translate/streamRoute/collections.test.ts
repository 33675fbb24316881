import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, test } from 'vitest';
import { FilterChainSchema } from '../../api/envoy/envoy/config/listener/v3/listener_components_pb.ts';
import { ListenerSchema } from '../../api/envoy/envoy/config/listener/v3/listener_pb.ts';
import type { EncodedResource } from '../../api/resource.ts';
import type { StatusContribution } from '../status/index.ts';
import type { Translator } from '../translator.ts';
import { newTranslator, sourceChanges } from '../testing/golden.ts';

const gateway = `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { namespace: default, name: edge }
spec:
  gatewayClassName: sluice
  listeners:
    - { name: tls, port: 443, protocol: TLS, hostname: '*.example.com', tls: { mode: Passthrough } }
    - { name: tcp, port: 5432, protocol: TCP }
    - { name: udp, port: 53, protocol: UDP }
`;

function route(kind: string, name: string, sectionName: string, backends: string, hostnames?: string): string {
  return `
---
apiVersion: gateway.networking.k8s.io/v1
kind: ${kind}
metadata: { namespace: default, name: ${name}, creationTimestamp: '2026-01-01T00:00:00Z' }
spec:
  parentRefs: [{ name: edge, sectionName: ${sectionName} }]
  ${hostnames === undefined ? '' : `hostnames: [${hostnames}]`}
  rules: [{ backendRefs: [${backends}] }]
`;
}

function service(name: string, address?: string): string {
  return `
---
apiVersion: v1
kind: Service
metadata: { namespace: default, name: ${name} }
spec: { ports: [{ name: tcp, port: 1 }, { name: udp, port: 1, protocol: UDP }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { namespace: default, name: ${name}-1, labels: { kubernetes.io/service-name: ${name} } }
addressType: IPv4
endpoints: ${address === undefined ? '[]' : `[{ addresses: [${address}] }]`}
ports: [{ name: tcp, port: 1 }, { name: udp, port: 1, protocol: UDP }]
`;
}

/** What was last said, by `kind key`. */
const statuses = new Map<string, StatusContribution>();

/** What changed, by `type name`. */
function apply(translator: Translator, yaml: string): Map<string, EncodedResource | undefined> {
  translator.apply(sourceChanges(yaml, 0));
  while (!translator.step(() => false));
  const { resources, faults, statuses: said } = translator.takeOutput();
  expect(faults).toEqual([]);
  for (const { kind, key, contribution } of said) {
    if (contribution === undefined) statuses.delete(`${kind} ${key}`);
    else statuses.set(`${kind} ${key}`, contribution);
  }
  return new Map(resources.map(({ type, name, resource }) => [`${type} ${name}`, resource]));
}

function chains(resource: EncodedResource | undefined): Map<string, string> {
  const { filterChains } = fromBinary(ListenerSchema, resource!.bytes);
  return new Map(
    filterChains.map((chain) => [chain.name, Buffer.from(toBinary(FilterChainSchema, chain)).toString('base64')]),
  );
}

const backend = '{ name: app, port: 1 }';

describe('stream routes', () => {
  test('an edit of one TLSRoute changes its own chains and no others', () => {
    const translator = newTranslator();
    const before = apply(
      translator,
      gateway +
        service('app') +
        route('TLSRoute', 'a', 'tls', backend, 'a.example.com') +
        route('TLSRoute', 'b', 'tls', backend, 'b.example.com'),
    );
    const after = apply(translator, route('TLSRoute', 'b', 'tls', '{ name: gone, port: 1 }', 'b.example.com'));
    const was = chains(before.get('listener listener/443'));
    const is = chains(after.get('listener listener/443'));
    expect([...is.keys()]).toEqual(['tcp/443/a.example.com', 'tcp/443/b.example.com', 'tcp/443/*.example.com']);
    expect([...is.keys()].filter((name) => is.get(name) !== was.get(name))).toEqual(['tcp/443/b.example.com']);
    // A route that is not served changes nothing at all.
    const younger = route('TLSRoute', 'c', 'tls', backend, 'a.example.com');
    expect([...apply(translator, younger).keys()]).toEqual([]);
  });

  test('endpoints change no listener', () => {
    const translator = newTranslator();
    apply(
      translator,
      gateway +
        service('app', '10.0.0.1') +
        route('TLSRoute', 'a', 'tls', backend, 'a.example.com') +
        route('TCPRoute', 'a', 'tcp', backend) +
        route('UDPRoute', 'a', 'udp', backend),
    );
    expect([...apply(translator, service('app', '10.0.0.2')).keys()].toSorted()).toEqual([
      'endpoint service/default/app/1/tcp',
      'endpoint udp/53',
    ]);
  });

  test('nothing that a UDPRoute says changes a listener or a cluster', () => {
    const translator = newTranslator();
    apply(translator, gateway + service('app', '10.0.0.1') + service('other', '10.0.0.2'));
    for (const backends of [
      backend,
      '{ name: app, port: 1, weight: 3 }, { name: other, port: 1 }',
      '{ name: gone, port: 1 }',
    ]) {
      expect([...apply(translator, route('UDPRoute', 'a', 'udp', backends)).keys()]).toEqual(['endpoint udp/53']);
    }
  });

  test('a listener waits for the clusters that its chains lead to', () => {
    const translator = newTranslator();
    const output = apply(
      translator,
      gateway +
        service('app') +
        route('TCPRoute', 'a', 'tcp', `${backend}, { name: gone, port: 1 }`) +
        route('TLSRoute', 'a', 'tls', backend, 'a.example.com'),
    );
    expect([...output.get('listener listener/5432')!.clusters!()]).toEqual(['service/default/app/1/tcp']);
    expect([...output.get('listener listener/443')!.clusters!()]).toEqual(['service/default/app/1/tcp']);
    expect([...output.get('listener listener/udp/53')!.clusters!()]).toEqual(['udp/53']);
  });

  test('when the route that is served goes, the next one takes its place', () => {
    const translator = newTranslator();
    const objects =
      gateway +
      service('app') +
      service('other') +
      route('TCPRoute', 'a', 'tcp', backend) +
      route('TCPRoute', 'b', 'tcp', '{ name: other, port: 1 }');
    const before = apply(translator, objects);
    expect([...before.get('listener listener/5432')!.clusters!()]).toEqual(['service/default/app/1/tcp']);
    const waiting = statuses.get('TCPRoute default/b');
    expect(waiting).toMatchObject({ parents: [{ resources: [], unprogrammable: { reason: 'Overridden' } }] });
    translator.apply([{ kind: 'TCPRoute', key: 'default/a', object: undefined }]);
    const after = apply(translator, '');
    const served = statuses.get('TCPRoute default/b');
    expect(served).toMatchObject({ parents: [{ resources: [{ type: 'listener', name: 'listener/5432' }] }] });
    // That proxies have it is not known from what they acknowledged before.
    expect(served?.fingerprint).not.toBe(waiting?.fingerprint);
    expect([...after.get('listener listener/5432')!.clusters!()]).toEqual(['service/default/other/1/tcp']);
    expect(after.get('cluster service/default/app/1/tcp')).toBeUndefined();
    expect(after.has('cluster service/default/app/1/tcp')).toBe(true);
  });
});
