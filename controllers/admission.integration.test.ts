/** Admission as the operator serves it, and what it writes into the configuration that is installed. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { KubernetesObject } from '../api/object.ts';
import { waitFor } from '../test/fixtures/index.ts';
import { webhookConfigurationName } from './admission.ts';
import type { ValidatingWebhookConfiguration } from './kubernetes.ts';
import type { Operator } from './operator.ts';
import { resources } from './resources.ts';
import { gateway } from './testing/objects.ts';
import { World } from './testing/world.ts';

let world: World;
let operator: Operator;

const configuration = (): ValidatingWebhookConfiguration =>
  parse(
    readFileSync(join(import.meta.dirname, '../config/webhook/validating.yaml'), 'utf8'),
  ) as ValidatingWebhookConfiguration;

beforeAll(async () => {
  world = await World.create({ gatewayApi: 'experimental' });
  operator = await world.operator({ webhookPort: 0 });
  await world.untilReady(operator);
});
afterAll(() => world.close());

/** The authority that API servers are told to trust, once they are. */
async function trusted(): Promise<string> {
  return await waitFor('caBundle in every webhook', async () => {
    const { webhooks = [] } = await world.client.get(
      resources.validatingWebhookConfigurations,
      webhookConfigurationName,
    );
    const bundles = new Set(webhooks.map(({ clientConfig }) => clientConfig.caBundle));
    const [bundle] = bundles;
    return bundles.size === 1 && bundle !== undefined && Buffer.from(bundle, 'base64').toString();
  });
}

/** Asks as an API server does that finds the operator by its Service. */
async function review(ca: string, object: KubernetesObject): Promise<unknown> {
  const agent = new Agent({ connect: { ca, servername: 'sluice.sluice-system.svc' } });
  const [group, version] = object.apiVersion.split('/');
  try {
    const { body } = await request(`https://127.0.0.1:${operator.webhookPort}/validate`, {
      method: 'POST',
      dispatcher: agent,
      body: JSON.stringify({
        apiVersion: 'admission.k8s.io/v1',
        kind: 'AdmissionReview',
        request: {
          uid: 'one',
          kind: { group, version, kind: object.kind },
          operation: 'CREATE',
          namespace: object.metadata.namespace,
          name: object.metadata.name,
          object,
        },
      }),
    });
    return await body.json();
  } finally {
    await agent.destroy();
  }
}

test('API servers are told whom to trust, and are answered from the objects that there are', async () => {
  await world.client.create(resources.validatingWebhookConfigurations, configuration());
  const ca = await trusted();
  const namespace = await world.namespace('admission');
  const missing = gateway(namespace, 'web', [80], {
    infrastructure: { parametersRef: { group: 'sluice.dev', kind: 'GatewayConfiguration', name: 'gone' } },
  });
  expect(await review(ca, missing as KubernetesObject)).toMatchObject({
    response: {
      uid: 'one',
      allowed: true,
      warnings: [expect.stringContaining(`${namespace}/gone, which does not exist`)],
    },
  });

  // Whoever installs anew removes it for a moment, or writes it without the authority.
  await world.client.delete(resources.validatingWebhookConfigurations, { name: webhookConfigurationName });
  await world.client.create(resources.validatingWebhookConfigurations, configuration());
  expect(await trusted()).toBe(ca);
});
