/** What the real Envoy does with backends that are no plain Services. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { request } from 'undici';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startGateway, type RunningGateway } from '../testing/gateway.ts';

let gateway: RunningGateway;
let server: Server;

beforeAll(async () => {
  server = createServer(({ socket }, response) => response.end(socket.localAddress));
  // Of the Pod's two families, one alone is listened on.
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const slice = (family: string, address: string, service: string, label: string): string => `
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: ${service}-${family}, namespace: default, labels: {${label}: ${service}}}
addressType: ${family}
ports: [{name: http, port: ${port}}]
endpoints: [{addresses: ["${address}"], targetRef: {kind: Pod, namespace: default, name: a, uid: "1"}}]`;
  const dual = (name: string, first: string, second: string): string => `
---
apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: default}
spec: {ipFamilies: [${first}, ${second}], ports: [{name: http, port: 80}]}${slice('IPv4', '127.0.0.1', name, 'kubernetes.io/service-name')}${slice('IPv6', '::1', name, 'kubernetes.io/service-name')}`;
  const objects = `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge, namespace: default}
spec: {gatewayClassName: sluice, listeners: [{name: http, port: 80, protocol: HTTP}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: app, namespace: default}
spec:
  parentRefs: [{name: edge}]
  rules:
  - matches: [{path: {type: Exact, value: /six}}]
    backendRefs: [{name: six, port: 80}]
  - matches: [{path: {type: Exact, value: /four}}]
    backendRefs: [{name: four, port: 80}]
  - matches: [{path: {type: Exact, value: /import}}]
    backendRefs: [{group: multicluster.x-k8s.io, kind: ServiceImport, name: imported, port: 80}]
---
apiVersion: multicluster.x-k8s.io/v1alpha1
kind: ServiceImport
metadata: {name: imported, namespace: default}
spec: {type: ClusterSetIP, ips: [192.0.2.1], ports: [{name: http, port: 80}]}${slice('IPv4', '127.0.0.1', 'imported', 'multicluster.kubernetes.io/service-name')}${dual('six', 'IPv6', 'IPv4')}${dual('four', 'IPv4', 'IPv6')}
`;
  gateway = await startGateway(objects, [80], {});
});

afterAll(async () => {
  await gateway?.envoy.stop();
  server.close();
});

test.each(['/six', '/four', '/import'])('%s leads to the address that answers', async (path) => {
  const answer = await request(`http://127.0.0.1:${gateway.ports[80]}${path}`);
  expect({ status: answer.statusCode, body: await answer.body.text() }).toEqual({ status: 200, body: '127.0.0.1' });
});
