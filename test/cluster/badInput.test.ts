/** Bad input: one clear sentence where the user looks, and what worked before keeps working. */
import { X509Certificate } from 'node:crypto';
import { beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import type { HTTPRouteRule } from '../../api/gateway/index.ts';
import type { Condition } from '../../api/object.ts';
import { resources } from '../../controllers/resources.ts';
import { createAuthority, issueCertificate, type KeyPair } from '../fixtures/index.ts';
import { backend, echo, gateway, httpRoute, prefix, tlsSecret } from './support/objects.ts';
import { send, untilAnswer } from './support/request.ts';
import { findCondition, useScene } from './support/scene.ts';

const scene = useScene('bad-input');
const host = 'good.example';
const http = { name: 'http', port: 80 };
const https = { name: 'https', port: 443, secrets: ['certificate'] };
let address = '';
let authority: KeyPair;
/** The certificate that the Gateway has outside of the tests about it. */
let good: KeyPair;

async function certificate(notAfter?: Date): Promise<KeyPair> {
  const validity = notAfter === undefined ? {} : { notAfter, notBefore: new Date(notAfter.getTime() - 86_400_000) };
  return await issueCertificate(authority, { commonName: 'good', dnsNames: [host], ...validity });
}

/** One line that tells what is wrong, as a person would write it. */
function expectSentence(message: string, ...parts: readonly (string | RegExp)[]): void {
  expect(message).not.toContain('\n');
  expect(message.length).toBeLessThan(400);
  for (const part of parts) {
    if (typeof part === 'string') expect(message).toContain(part);
    else expect(message).toMatch(part);
  }
}

async function expectGoodServed(): Promise<void> {
  expect(await send({ address, port: 80, host })).toMatchObject({ status: 200, echo: { service: 'backend' } });
}

/** Applies rules that are bad, on a route of their own, although admission may deny them. */
async function applyBad(rules: HTTPRouteRule[]): Promise<void> {
  const route = httpRoute({ name: 'bad', parent: 'edge', hostnames: ['bad.example'], rules });
  await scene().applyUnjudged(route);
  onTestFinished(() => scene().remove(route));
}

beforeAll(async () => {
  authority = await createAuthority('bad input');
  good = await certificate();
  await scene().apply(...echo('backend'), tlsSecret('certificate', good));
  address = await scene().openGateway(gateway('edge', [http, https]), [80]);
  await scene().untilAvailable('backend');
  await scene().applyRoute(
    httpRoute({ name: 'good', parent: 'edge', hostnames: [host], rules: [{ backendRefs: [backend('backend')] }] }),
  );
});

beforeEach(expectGoodServed);

test('a Secret that does not exist', async () => {
  const more = { name: 'more', port: 444, secrets: ['absent'] };
  await scene().apply(gateway('edge', [http, https, more]));
  const condition = await scene().untilListenerCondition('edge', 'more', 'ResolvedRefs', 'False');
  expect(condition.reason).toBe('InvalidCertificateRef');
  expectSentence(condition.message, `Secret ${scene().namespace}/absent does not exist`);
  await scene().untilListenerCondition('edge', 'more', 'Programmed', 'False');
  await scene().untilListenerCondition('edge', 'https', 'Programmed', 'True');
  await expectGoodServed();

  await scene().apply(tlsSecret('absent', await certificate()));
  await scene().untilListenerCondition('edge', 'more', 'Programmed', 'True');
  await untilAnswer(
    '200 with the Secret that came late',
    { address, port: 444, host, authorities: authority.certificate },
    ({ status }) => status === 200,
  );
  await scene().applyGateway(gateway('edge', [http, https]));
});

/** Replaces the certificate of the Gateway until the test is over, and waits for what the status says. */
async function untilRefused(pair: KeyPair, says: RegExp): Promise<Condition> {
  onTestFinished(async () => {
    await scene().apply(tlsSecret('certificate', good));
    await scene().untilListenerCondition('edge', 'https', 'ResolvedRefs', 'True');
  });
  await scene().apply(tlsSecret('certificate', pair));
  const condition = await scene().untilListenerCondition('edge', 'https', 'ResolvedRefs', 'False', ({ message }) =>
    says.test(message),
  );
  expect(condition.reason).toBe('InvalidCertificateRef');
  expectSentence(condition.message, `Secret ${scene().namespace}/certificate`);
  await expectGoodServed();
  return condition;
}

test('a certificate that is not that of its key', async () => {
  const to = { address, port: 443, host, authorities: authority.certificate };
  const other = await certificate();
  const serialOf = ({ certificate: pem }: KeyPair): string => new X509Certificate(pem).serialNumber;
  const condition = await untilRefused(
    { certificate: other.certificate, key: good.key },
    /not the key of the certificate/,
  );
  expectSentence(condition.message, 'the certificate that worked before is still served');
  const answer = await send(to);
  expect(answer).toMatchObject({ status: 200, serialNumber: serialOf(good) });

  await scene().apply(tlsSecret('certificate', other));
  await scene().untilListenerCondition('edge', 'https', 'ResolvedRefs', 'True');
  await untilAnswer('the mended certificate', to, ({ serialNumber }) => serialNumber === serialOf(other));
});

test('a certificate that has expired', async () => {
  const condition = await untilRefused(await certificate(new Date(Date.now() - 3_600_000)), /expired at \d{4}-/);
  expectSentence(condition.message, 'renew it');
});

test('a Secret without what it must hold', async () => {
  const { certificate: pem } = await certificate();
  await untilRefused({ certificate: pem, key: 'no key' }, /unreadable private key in tls\.key/);
});

test('a regular expression that RE2 refuses', async () => {
  const refused: HTTPRouteRule = {
    matches: [{ path: { type: 'RegularExpression', value: '/(?=look)' } }],
    backendRefs: [backend('backend')],
  };
  await applyBad([refused]);
  const condition = await scene().untilRouteCondition('bad', 'Accepted', 'False');
  expect(condition.reason).toBe('UnsupportedValue');
  expectSentence(condition.message, 'regular expression that RE2 refuses');
  await scene().untilEvent(
    { kind: 'HTTPRoute', name: 'bad' },
    ({ type, note }) => type === 'Warning' && note.includes('RE2 refuses'),
  );
  await expectGoodServed();

  // Beside a rule that is good, only the rule is dropped.
  await applyBad([refused, prefix('/', { backendRefs: [backend('backend')] })]);
  const partially = await scene().untilRouteCondition('bad', 'PartiallyInvalid', 'True');
  expectSentence(partially.message, 'Dropped Rule', 'RE2 refuses');
  await scene().untilRouteCondition('bad', 'sluice.dev/Programmed', 'True');
  expect(await send({ address, port: 80, host: 'bad.example' })).toMatchObject({ status: 200 });
});

test('a backend that does not exist', async () => {
  await applyBad([
    prefix('/', { backendRefs: [backend('absent')] }),
    prefix('/good', { backendRefs: [backend('backend')] }),
  ]);
  const condition = await scene().untilRouteCondition('bad', 'ResolvedRefs', 'False');
  expect(condition.reason).toBe('BackendNotFound');
  expectSentence(condition.message, `Service ${scene().namespace}/absent does not exist`);
  await scene().untilRouteCondition('bad', 'sluice.dev/Programmed', 'True');
  expect(await send({ address, port: 80, host: 'bad.example' })).toMatchObject({ status: 500 });
  expect(await send({ address, port: 80, host: 'bad.example', path: '/good' })).toMatchObject({ status: 200 });
  await expectGoodServed();
});

test('a listener of a protocol that is not served', async () => {
  const edge = gateway('edge', [http, https]);
  const quic = { name: 'quic', port: 9000, protocol: 'example.com/quic' } as const;
  await scene().apply({ ...edge, spec: { ...edge.spec, listeners: [...edge.spec.listeners, quic] } });
  const condition = await scene().untilListenerCondition('edge', 'quic', 'Accepted', 'False');
  expect(condition.reason).toBe('UnsupportedProtocol');
  expectSentence(condition.message, 'example.com/quic', 'use HTTP, HTTPS, TLS, TCP or UDP');
  await scene().untilProgrammed('edge');
  await expectGoodServed();
  await scene().applyGateway(edge);
});

test('two listeners in the way of each other', async () => {
  const one = { name: 'one', port: 85 };
  const other = { name: 'two', port: 85, hostname: 'two.example', secrets: ['certificate'] };
  await scene().apply(gateway('edge', [http, https, one, other]));
  const condition = await scene().untilListenerCondition('edge', 'two', 'Conflicted', 'True');
  expect(condition.reason).toBe('ProtocolConflict');
  expectSentence(condition.message, 'Port 85', '"one"', 'give one of the two another port');
  await expectGoodServed();
  await scene().applyGateway(gateway('edge', [http, https]));
});

test('no load balancer that gives an address', async () => {
  const configuration = {
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'GatewayConfiguration',
    metadata: { name: 'no-load-balancer' },
    spec: { dataPlane: { service: { loadBalancerClass: 'example.com/nobody' } } },
  };
  const parametersRef = { group: 'sluice.dev', kind: 'GatewayConfiguration', name: 'no-load-balancer' };
  await scene().apply(configuration, gateway('unreachable', [http], { infrastructure: { parametersRef } }));
  const condition = await scene().untilCondition(
    resources.gateways,
    'unreachable',
    'Programmed',
    'False',
    ({ reason }) => reason === 'AddressNotAssigned',
  );
  expectSentence(condition.message, `${scene().namespace}/`, 'LoadBalancer', 'MetalLB', 'ClusterIP');
  const { status } = await scene().get(resources.gateways, 'unreachable');
  expect(findCondition(status?.conditions, 'Accepted')?.status).toBe('True');
  const dataPlane = await scene().untilCondition(
    resources.dataPlanes,
    await scene().dataPlaneOf('unreachable'),
    'Ready',
    'False',
    ({ reason }) => reason === 'AddressPending',
  );
  expectSentence(dataPlane.message, 'MetalLB');
  await expectGoodServed();
  await scene().remove(gateway('unreachable', [http]));
});

test('parameters that do not exist', async () => {
  const parametersRef = { group: 'sluice.dev', kind: 'GatewayConfiguration', name: 'absent' };
  await scene().apply(gateway('edge', [http, https], { infrastructure: { parametersRef } }));
  const condition = await scene().untilCondition(resources.gateways, 'edge', 'Accepted', 'False');
  expect(condition.reason).toBe('InvalidParameters');
  expectSentence(condition.message, 'GatewayConfiguration', 'absent');
  // It goes on as it was.
  await expectGoodServed();
  await scene().applyGateway(gateway('edge', [http, https]));
});
