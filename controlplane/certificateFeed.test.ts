import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { ConfigMap, Secret } from '../api/core.ts';
import { createAuthority, issueCertificate } from '../test/fixtures/index.ts';
import type { CertificateSource, SourceChange } from '../translate/index.ts';
import { CertificateFeed } from './certificateFeed.ts';

const authority = await createAuthority('test');

async function secret(notAfter: Date): Promise<Secret> {
  const { certificate, key } = await issueCertificate(authority, {
    commonName: 'a',
    dnsNames: ['a.example.com'],
    notAfter,
  });
  const data = {
    'tls.crt': Buffer.from(certificate).toString('base64'),
    'tls.key': Buffer.from(key).toString('base64'),
  };
  return { apiVersion: 'v1', kind: 'Secret', metadata: { namespace: 'default', name: 'a' }, data };
}

describe('CertificateFeed', () => {
  beforeEach(() => void vi.useFakeTimers({ now: Date.now() }));
  afterEach(() => void vi.useRealTimers());

  function start() {
    const changes: SourceChange[] = [];
    const feed = new CertificateFeed((change) => changes.push(change));
    const last = (): CertificateSource | undefined => changes.at(-1)?.object as CertificateSource | undefined;
    return { feed, last, changes };
  }

  test('keeps the last good certificate while the Secret is broken or gone', async () => {
    const { feed, last } = start();
    const good = await secret(new Date(Date.now() + 3_600_000));
    feed.set('default/a', good);
    const served = last()?.certificate;
    expect(served).toBeDefined();
    expect(last()?.fault).toBeUndefined();
    feed.set('default/a', { ...good, data: { ...good.data, 'tls.key': 'Z2FyYmFnZQ==' } });
    expect(last()?.certificate).toBe(served);
    expect(last()?.fault).toContain('unreadable private key');
    expect(last()?.fault).toContain('the certificate that worked before is still served');
    feed.set('default/a', undefined);
    expect(last()?.certificate).toBe(served);
    expect(last()?.fault).toContain('does not exist');
    feed.set('default/a', good);
    expect(last()?.fault).toBeUndefined();
    feed.close();
  });

  test('says that a certificate has expired when it does', async () => {
    const { feed, last } = start();
    feed.set('default/a', await secret(new Date(Date.now() + 3_600_000)));
    expect(last()?.fault).toBeUndefined();
    vi.advanceTimersByTime(3_601_000);
    expect(last()?.fault).toContain('expired at');
    expect(last()?.certificate).toBeDefined();
    feed.close();
  });

  test('forgets a Secret that never was a certificate', () => {
    const { feed, last, changes } = start();
    feed.set('default/a', {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { namespace: 'default', name: 'a' },
    });
    expect(last()?.fault).toContain('lacks tls.crt and tls.key');
    feed.set('default/a', undefined);
    expect(changes.at(-1)).toEqual({ kind: 'Secret', key: 'default/a', object: undefined });
    feed.close();
  });

  test('reads ConfigMaps, and keeps nothing of one that was broken', () => {
    const { feed, changes } = start();
    const configMap: ConfigMap = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { namespace: 'default', name: 'ca' },
      data: { 'ca.crt': authority.certificate },
    };
    feed.setConfigMap('default/ca', configMap);
    expect(changes.at(-1)).toMatchObject({ kind: 'ConfigMap', object: { fault: undefined } });
    expect([...feed.current()]).toEqual([changes.at(-1)]);
    feed.setConfigMap('default/ca', { ...configMap, data: { 'ca.crt': '' } });
    expect(changes.at(-1)).toMatchObject({ object: { authority: undefined, fault: expect.stringContaining('lacks') } });
    feed.setConfigMap('default/ca', undefined);
    expect(changes.at(-1)).toEqual({ kind: 'ConfigMap', key: 'default/ca', object: undefined });
    const { length } = changes;
    feed.setConfigMap('default/other', undefined);
    expect(changes).toHaveLength(length);
    feed.close();
  });

  test('says that an authority has expired when it does', () => {
    const { feed, changes } = start();
    const data = { 'ca.crt': authority.certificate };
    feed.setConfigMap('default/ca', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'ca' }, data });
    vi.advanceTimersByTime(25 * 3_600_000);
    expect(changes.at(-1)).toMatchObject({
      object: { authority: undefined, fault: expect.stringContaining('expired') },
    });
    feed.close();
  });
});
