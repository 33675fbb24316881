/** The webhook as a real API server asks it, by the configuration that is installed, and as kubectl shows what it says. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { cacheDirectory } from '../hack/tools/versions.ts';
import { gatewayApiDefinitions } from '../controllers/testing/gatewayApi.ts';
import {
  createAuthority,
  issueCertificate,
  type KeyPair,
  type KubeApiServer,
  startKubeApiServer,
  waitFor,
} from '../test/fixtures/index.ts';
import { WebhookServer } from './server.ts';
import type { Surroundings } from './surroundings.ts';
import { surroundingsOf } from './testing/objects.ts';
import { validate } from './validator.ts';

const root = join(import.meta.dirname, '..');
const webhookPath = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';
const directory = mkdtempSync(join(tmpdir(), 'sluice-webhook-'));
let apiServer: KubeApiServer;
let authority: KeyPair;
let leaf: KeyPair;
let webhook: WebhookServer;
let port: number;
let surroundings: Surroundings;
let judge = validate;

const world = `
{ apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: { name: sluice }, spec: { controllerName: sluice.dev/gateway-controller } }
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: edge, namespace: default }
spec: { gatewayClassName: sluice, listeners: [{ name: http, port: 80, protocol: HTTP }] }
---
{ apiVersion: sluice.dev/v1alpha1, kind: DataPlane, metadata: { name: here, namespace: default }, spec: {} }
`;

async function issue(): Promise<KeyPair> {
  return await issueCertificate(authority, { commonName: 'webhook', ipAddresses: ['127.0.0.1'] });
}

/** The configuration that is installed, except that the operator is no Service here. */
async function configure(caBundle: string): Promise<void> {
  const configuration = parse(readFileSync(join(root, 'config/webhook/validating.yaml'), 'utf8')) as {
    webhooks: { clientConfig: object }[];
  };
  for (const one of configuration.webhooks) {
    one.clientConfig = {
      url: `https://127.0.0.1:${port}/validate`,
      caBundle: Buffer.from(caBundle).toString('base64'),
    };
  }
  const path = `${webhookPath}/sluice?fieldManager=tests&force=true`;
  const { status, body } = await apiServer.request('PATCH', path, configuration);
  expect(status, JSON.stringify(body)).toBeLessThan(300);
}

async function kubectl(text: string, ...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const file = join(directory, 'object.yaml');
  writeFileSync(file, text);
  const command = join(cacheDirectory(), 'node/bin/kubectl');
  const words = [`--kubeconfig=${apiServer.kubeconfigPath}`, ...args, '-f', file];
  try {
    const { stdout, stderr } = await promisify(execFile)(command, words);
    return { code: 0, out: stdout, err: stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, out: stdout, err: stderr };
  }
}

const dryRun = ['apply', '--dry-run=server'];
const route = (path: string): string => `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: app, namespace: default }
spec:
  parentRefs: [{ name: edge }]
  rules: [{ matches: [{ path: { type: RegularExpression, value: "${path}" } }], backendRefs: [{ name: gone, port: 80 }] }]
`;
const controlPlane = (dataPlane: string): string => `
apiVersion: sluice.dev/v1alpha1
kind: ControlPlane
metadata: { name: shared, namespace: default }
spec: { dataPlaneRef: { name: ${dataPlane} } }
`;

beforeAll(async () => {
  apiServer = await startKubeApiServer();
  await apiServer.applyCrds(join(root, 'config/crd'));
  await apiServer.applyCrds(await gatewayApiDefinitions('experimental'));
  authority = await createAuthority('webhooks');
  leaf = await issue();
  surroundings = surroundingsOf(world);
  webhook = new WebhookServer({
    tls: () => ({ cert: leaf.certificate, key: leaf.key }),
    validate: (request) => judge(request, surroundings),
    logger: pino({ level: 'silent' }),
  });
  port = await webhook.listen('127.0.0.1', 0);
  await configure(authority.certificate);
  // The API server takes a moment to ask by a new configuration.
  await waitFor('the webhook to be asked', async () => (await kubectl(route('/('), ...dryRun)).code !== 0);
});

afterAll(async () => {
  await webhook.close(1000);
  await apiServer.stop();
  rmSync(directory, { recursive: true, force: true });
});

test('kubectl apply --dry-run=server tells what is denied and what leads nowhere yet', async () => {
  const denied = await kubectl(route('/('), ...dryRun);
  expect(denied.err).toMatch(
    /admission webhook "gateway-api.sluice.dev" denied the request: rule 0 .*regular expression that RE2 refuses/,
  );
  const warned = await kubectl(route('/[0-9]+'), ...dryRun);
  expect(warned).toMatchObject({ code: 0, out: 'httproute.gateway.networking.k8s.io/app created (server dry run)\n' });
  expect(warned.err).toBe('Warning: Service default/gone does not exist: create it or correct the reference\n');
  const own = await kubectl(controlPlane('gone'), ...dryRun);
  expect(own.err).toBe(
    'Warning: DataPlane default/gone does not exist: the ControlPlane configures nothing until it does\n',
  );
  expect(await kubectl(controlPlane('here'), ...dryRun)).toMatchObject({ code: 0, err: '' });
});

test('deleting what is in use is told, and done', async () => {
  const gateway = `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: edge, namespace: default }
spec: { gatewayClassName: sluice, listeners: [{ name: http, port: 80, protocol: HTTP }] }
`;
  surroundings = surroundingsOf(`${world}\n---\n${route('/')}`);
  expect(await kubectl(gateway, 'apply')).toMatchObject({ code: 0 });
  const { code, err } = await kubectl(gateway, 'delete');
  expect({ code, err }).toEqual({
    code: 0,
    err: 'Warning: Gateway default/edge is used by HTTPRoute default/app: they are not served any more\n',
  });
  surroundings = surroundingsOf(world);
});

test('a certificate that rotates is taken without a restart', async () => {
  const old = authority;
  authority = await createAuthority('webhooks');
  leaf = await issue();
  webhook.reloadCertificate();
  // Both authorities are trusted while one follows the other.
  await configure(`${old.certificate}\n${authority.certificate}`);
  await waitFor('the new certificate to be trusted', async () => {
    const { err } = await kubectl(route('/('), ...dryRun);
    return err.includes('RE2 refuses');
  });
});

test('a defect of ours keeps nobody from working', async () => {
  judge = () => {
    throw new Error('a defect');
  };
  const { code, err } = await kubectl(route('/('), ...dryRun);
  expect({ code, err }).toEqual({
    code: 0,
    err: 'Warning: Sluice could not validate this object, and let it in: see the log of the operator\n',
  });
  judge = validate;
});

test('without an operator, kinds of Gateway API are let in and kinds of ours are not', async () => {
  await webhook.close(0);
  expect(await kubectl(route('/('), ...dryRun)).toMatchObject({ code: 0 });
  const { code, err } = await kubectl(controlPlane('here'), ...dryRun);
  expect(code).not.toBe(0);
  expect(err).toContain('failed calling webhook "kinds.sluice.dev"');
});
