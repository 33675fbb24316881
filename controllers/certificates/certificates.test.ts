import { once } from 'node:events';
import { connect, createServer, type Server, type TLSSocket } from 'node:tls';
import { X509Certificate } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import {
  advanceAuthority,
  createAuthority,
  decodeAuthority,
  defaultCertificatePolicy as policy,
  encodeAuthority,
  identityOf,
  issueLeaf,
  leafProblem,
  nextAuthorityStep,
  trustBundle,
  type Authority,
  type Leaf,
} from './index.ts';

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server listens on no port');
  return address.port;
}

const hour = 60 * 60 * 1000;
const start = new Date();
const at = (milliseconds: number): Date => new Date(start.getTime() + milliseconds);
const dataPlane = { namespace: 'shop', name: 'web' };
const serverNames = ['sluice.sluice-system.svc', 'sluice.sluice-system.svc.cluster.local'];

describe('leaf', () => {
  test('lives 24 h and is due at two thirds', async () => {
    const authority = await createAuthority(policy, start);
    const leaf = await issueLeaf({ dataPlane }, authority, policy, start);
    expect(new X509Certificate(leaf.certificate).validToDate.getTime() - start.getTime()).toBeLessThanOrEqual(
      24 * hour,
    );
    expect(leafProblem(leaf, { dataPlane }, authority, policy, at(15.9 * hour))).toBeUndefined();
    expect(leafProblem(leaf, { dataPlane }, authority, policy, at(16.1 * hour))).toBe('it is due for renewal');
  });

  test('of another DataPlane, another authority, another key or of garbage is issued anew', async () => {
    const authority = await createAuthority(policy, start);
    const other = await createAuthority(policy, start);
    const leaf = await issueLeaf({ dataPlane }, authority, policy, start);
    expect(leafProblem(leaf, { dataPlane: { namespace: 'shop', name: 'api' } }, authority, policy, start)).toContain(
      'it names',
    );
    expect(leafProblem(leaf, { dataPlane }, other, policy, start)).toBe('its issuer is trusted no longer');
    const second = await issueLeaf({ dataPlane }, authority, policy, start);
    expect(leafProblem({ ...leaf, privateKey: second.privateKey }, { dataPlane }, authority, policy, start)).toContain(
      'does not belong',
    );
    expect(leafProblem({ certificate: 'x', privateKey: 'y' }, { dataPlane }, authority, policy, start)).toContain(
      'cannot be read',
    );
  });
});

describe('identity', () => {
  test('is the one URI of the certificate', async () => {
    const authority = await createAuthority(policy, start);
    const leaf = await issueLeaf({ dataPlane }, authority, policy, start);
    const name = new X509Certificate(leaf.certificate).subjectAltName ?? '';
    expect(identityOf([name.replace('URI:', '')])).toEqual({ identity: dataPlane });
  });

  test.each([
    [[]],
    [['spiffe://sluice.dev/ns/a/dataplane/b', 'spiffe://sluice.dev/ns/c/dataplane/d']],
    [['spiffe://evil.dev/ns/a/dataplane/b']],
    [['spiffe://sluice.dev/ns/a/b/dataplane/c']],
    [['spiffe://sluice.dev/ns/a/dataplane/b/c']],
    [['https://sluice.dev/ns/a/dataplane/b']],
  ])('%s is refused', (uris) => {
    expect(identityOf(uris)).toHaveProperty('problem');
  });
});

describe('rotation of the authority', () => {
  test('trusts the next before it signs and the previous until its leaves have expired', async () => {
    let authority = await createAuthority(policy, start);
    const first = authority.signing.certificate;
    expect(await advanceAuthority(authority, policy, at(hour))).toBe(authority);

    let now = nextAuthorityStep(authority, policy);
    authority = await advanceAuthority(authority, policy, now);
    const second = authority.next?.certificate;
    expect(second).toBeDefined();
    expect(authority.signing.certificate).toBe(first);
    expect(trustBundle(authority)).toBe(`${first}${second}`);

    now = nextAuthorityStep(authority, policy);
    const lastOfFirst = await issueLeaf({ dataPlane }, authority, policy, now);
    authority = await advanceAuthority(authority, policy, now);
    expect(authority.signing.certificate).toBe(second);
    expect(trustBundle(authority)).toBe(`${second}${first}`);
    expect(leafProblem(lastOfFirst, { dataPlane }, authority, policy, now)).toBeUndefined();

    now = nextAuthorityStep(authority, policy);
    expect(new X509Certificate(lastOfFirst.certificate).validToDate.getTime()).toBeLessThanOrEqual(now.getTime());
    authority = await advanceAuthority(authority, policy, now);
    expect(trustBundle(authority)).toBe(second);
  });

  test('survives its Secret in each step', async () => {
    let authority = await createAuthority(policy, start);
    for (let step = 0; step < 4; step++) {
      const decoded = decodeAuthority(encodeAuthority(authority));
      expect(decoded).toEqual({ authority });
      authority = await advanceAuthority(authority, policy, nextAuthorityStep(authority, policy));
    }
  });

  test('a Secret with garbage is told by the key that is wrong', async () => {
    const data = encodeAuthority(await createAuthority(policy, start));
    const other = encodeAuthority(await createAuthority(policy, start));
    expect(decodeAuthority(undefined)).toEqual({ problem: 'its key tls.crt is missing' });
    expect(decodeAuthority({ ...data, 'tls.crt': 'Z2FyYmFnZQ==' })).toHaveProperty('problem');
    expect(decodeAuthority({ ...data, 'tls.key': other['tls.key']! })).toEqual({
      problem: 'its key tls.key does not belong to tls.crt',
    });
    const leaf = await issueLeaf({ dataPlane }, await createAuthority(policy, start), policy, start);
    expect(decodeAuthority({ 'tls.crt': btoa(leaf.certificate), 'tls.key': btoa(leaf.privateKey) })).toEqual({
      problem: 'its key tls.crt is not the certificate of an authority',
    });
  });
});

describe('a TLS handshake', () => {
  const closing: (() => void)[] = [];
  afterEach(() => {
    for (const close of closing.splice(0)) close();
  });

  /** The name that the server sees of the client, or the error of either side. */
  async function handshake(server: Leaf, client: Leaf): Promise<string> {
    const listener = createServer({
      key: server.privateKey,
      cert: server.certificate,
      ca: server.trustBundle,
      requestCert: true,
      rejectUnauthorized: true,
    });
    listener.listen(0, '127.0.0.1');
    closing.push(() => listener.close());
    await once(listener, 'listening');
    return new Promise((resolve) => {
      listener.on('secureConnection', (socket: TLSSocket) => {
        resolve(socket.getPeerX509Certificate()?.subjectAltName ?? 'no name');
        socket.destroy();
      });
      listener.on('tlsClientError', (error) => resolve(error.message));
      const socket = connect({
        port: portOf(listener),
        host: '127.0.0.1',
        servername: serverNames[0]!,
        key: client.privateKey,
        cert: client.certificate,
        ca: client.trustBundle,
      });
      socket.on('error', (error) => resolve(error.message));
    });
  }

  test('succeeds between old and new in every order of rotation, and with nobody else', async () => {
    const before: Authority = await createAuthority(policy, start);
    const staged = { ...before, next: (await createAuthority(policy, start)).signing };
    const after: Authority = { signing: staged.next, signingSince: start, previous: before.signing.certificate };
    const stages = [staged, after];
    for (const serverStage of stages) {
      for (const clientStage of stages) {
        const server = await issueLeaf({ serverNames }, serverStage, policy, start);
        const client = await issueLeaf({ dataPlane }, clientStage, policy, start);
        expect(await handshake(server, client)).toBe('URI:spiffe://sluice.dev/ns/shop/dataplane/web');
      }
    }
    const server = await issueLeaf({ serverNames }, after, policy, start);
    const stranger = await createAuthority(policy, start);
    const forged = { ...(await issueLeaf({ dataPlane }, stranger, policy, start)), trustBundle: trustBundle(after) };
    expect(await handshake(server, forged)).not.toContain('spiffe');
  });
});
