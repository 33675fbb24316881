/** What the real Envoy answers where a connection and its requests are for different HTTPS listeners. */
import { createServer, type Server } from 'node:http';
import { connect } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fillCertificates, makeGoldenCertificates } from '../testing/certificates.ts';
import { startGateway, type RunningGateway } from '../testing/gateway.ts';

// As in the conformance suite's Gateway `same-namespace-with-https-listener`.
const objects = `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge, namespace: default}
spec:
  gatewayClassName: sluice
  listeners:
  - {name: any, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: valid}]}}
  - {name: second, port: 443, protocol: HTTPS, hostname: second-example.org, tls: {certificateRefs: [{name: valid}]}}
  - {name: wildcard, port: 443, protocol: HTTPS, hostname: "*.wildcard.org", tls: {certificateRefs: [{name: valid}]}}
  - {name: fourth, port: 443, protocol: HTTPS, hostname: fourth-example.wildcard.org, tls: {certificateRefs: [{name: valid}]}}
---
apiVersion: v1
kind: Secret
metadata: {name: valid, namespace: default}
type: kubernetes.io/tls
data: {tls.crt: "\${valid.crt}", tls.key: "\${valid.key}"}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: first, namespace: default}
spec:
  parentRefs: [{name: edge, sectionName: any}]
  hostnames: [example.org]
  rules: [{backendRefs: [{name: app, port: 80}]}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: others, namespace: default}
spec:
  parentRefs: [{name: edge, sectionName: second}, {name: edge, sectionName: wildcard}, {name: edge, sectionName: fourth}]
  rules: [{backendRefs: [{name: app, port: 80}]}]
`;

let upstream: Server;
let gateway: RunningGateway;

beforeAll(async () => {
  upstream = createServer((_, response) => response.end());
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  const now = Date.now();
  const text = fillCertificates(objects, await makeGoldenCertificates(now));
  gateway = await startGateway(text, [443], { 'app:80': [(upstream.address() as AddressInfo).port] }, now);
});

afterAll(async () => {
  await gateway.envoy.stop();
  upstream.close().closeAllConnections();
});

function status(serverName: string | undefined, authority: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const session = connect(`https://127.0.0.1:${gateway.ports[443]}`, {
      rejectUnauthorized: false, // Names are what this is about, not trust.
      ...(serverName === undefined ? {} : { servername: serverName }),
    });
    session.on('error', reject);
    const stream = session.request({ ':path': '/', ':authority': authority });
    stream.on('error', reject).on('response', (headers) => {
      resolve(headers[':status']);
      session.destroy();
    });
  });
}

describe('a request', () => {
  test.each([
    ['example.org', 'example.org', 200],
    ['example.org', 'second-example.org', 421],
    ['example.org', 'unknown-example.org', 404],
    ['second-example.org', 'second-example.org', 200],
    ['second-example.org', 'SECOND-example.org:443', 200],
    ['second-example.org', 'example.org', 421],
    ['second-example.org', 'unknown-example.org', 421],
    ['third-example.wildcard.org', 'third-example.wildcard.org', 200],
    ['third-example.wildcard.org', 'fifth-example.wildcard.org', 200],
    ['third-example.wildcard.org', 'fourth-example.wildcard.org', 421],
    ['third-example.wildcard.org', 'second-example.org', 421],
    ['fourth-example.wildcard.org', 'fourth-example.wildcard.org', 200],
    ['fourth-example.wildcard.org', 'fifth-example.wildcard.org', 421],
    ['unknown-example.org', 'example.org', 200],
    ['unknown-example.org', 'unknown-example.org', 404],
    [undefined, 'example.org', 200],
    [undefined, 'second-example.org', 421],
  ])('over a connection to %s for %s is answered with %i', async (serverName, authority, expected) => {
    expect(await status(serverName, authority)).toBe(expected);
  });
});
