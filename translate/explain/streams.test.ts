/** Connections and datagrams that are not HTTP, and gRPC, which is. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { sourceChanges } from '../testing/golden.ts';
import { explain, type Explanation, type Question } from './explain.ts';
import { attachedRoute, reachedBackends } from './overview.ts';
import type { HttpRequest } from './request.ts';
import { takeSnapshot } from './snapshot.ts';

const text = readFileSync(join(import.meta.dirname, 'testing/streams.yaml'), 'utf8');
const snapshot = takeSnapshot(sourceChanges(text, Date.now()));

function ask(port: number, asked: Partial<Question> & { serverName?: string } = {}): Explanation {
  const { serverName, ...rest } = asked;
  const connection = { isTls: serverName !== undefined, serverName };
  return explain(snapshot, { transport: 'tcp', port, connection, request: undefined, ...rest });
}

const post = (path: string, contentType: string): HttpRequest => ({
  scheme: 'http',
  method: 'POST',
  authority: 'grpc.example.com',
  path,
  headers: new Map([['content-type', [contentType]]]),
});

describe('connections', () => {
  test('are told apart by server name', () => {
    expect(ask(443, { serverName: 'a.example.com' })).toMatchObject({
      met: true,
      summary: 'TLSRoute default/secure forwards it to Service default/app port 80',
      listener: { name: 'passthrough', protocol: 'TLS', hostname: '*.example.com' },
      hostname: 'a.example.com',
      route: { kind: 'TLSRoute', name: 'secure', rule: 0, match: undefined },
      action: { kind: 'forward', backends: [{ share: 100, endpoints: ['192.0.2.1:3000'], sees: undefined }] },
    });
    expect(ask(443, { serverName: 'a.example.org' })).toMatchObject({
      met: false,
      summary:
        'no connection: no HTTPS or TLS listener on port 443 of Gateway default/edge covers the server name a.example.org: they are for *.example.com',
    });
    expect(ask(443, { serverName: 'b.example.com' })).toMatchObject({ met: false, listener: { name: 'passthrough' } });
    expect(ask(443).summary).toBe('the listeners on port 443 expect TLS: use https:// or tls://');
  });

  test('have a port of their own', () => {
    expect(ask(5432)).toMatchObject({
      met: true,
      summary: 'TCPRoute default/database forwards it to Service default/app port 80, but 25 % of the connections fail',
      action: {
        backends: [
          { backend: 'Service default/app', share: 75, failure: undefined },
          {
            share: 25,
            failure: 'no connection: Service default/missing does not exist: create it or correct the reference',
          },
        ],
      },
    });
    expect(ask(5433)).toMatchObject({ met: false, listener: { name: 'lonely' } });
    expect(ask(5433).summary).toMatch(/^no connection: /);
    expect(ask(9999).summary).toBe(
      'no connection: no listener of Gateway default/edge is on port 9999: the listeners are on 80 (HTTP), 443 (TLS), 5432 (TCP), 5433 (TCP)',
    );
  });

  test('of datagrams', () => {
    expect(ask(53, { transport: 'udp' })).toMatchObject({
      met: true,
      summary: 'UDPRoute default/names forwards it to Service default/app port 53',
      listener: { name: 'dns', protocol: 'UDP' },
      action: { backends: [{ share: 100, endpoints: ['192.0.2.1:5353'] }] },
    });
    expect(ask(54, { transport: 'udp' }).summary).toBe(
      'no connection: no listener of Gateway default/edge is on UDP port 54: the listeners are on 53 (UDP)',
    );
  });

  test('that carry HTTP nobody looks at', () => {
    const { met, notes } = ask(5432, { request: post('/x', 'text/plain') });
    expect({ met, notes }).toEqual({
      met: true,
      notes: ['Listener "database" is for TCP: nothing that HTTP says chooses there'],
    });
  });
});

describe('gRPC', () => {
  test('is met by service and method', () => {
    expect(ask(80, { request: post('/shop.Cart/Add', 'application/grpc') })).toMatchObject({
      met: true,
      summary: 'GRPCRoute default/calls, rule 0, match 0 forwards it to Service default/app port 80',
      route: { kind: 'GRPCRoute', matches: 'gRPC method shop.Cart/Add' },
    });
    expect(ask(80, { request: post('/shop.Cart/Remove', 'application/grpc') })).toMatchObject({
      met: false,
      nearest: [{ differences: ['the path must be /shop.Cart/Add, but is /shop.Cart/Remove'] }],
    });
  });
});

test('routes at a glance', () => {
  expect(attachedRoute(snapshot, 'TLSRoute/default/secure')).toMatchObject([
    { gateway: 'default/edge', listeners: [{ name: 'passthrough' }], hostnames: ['a.example.com'] },
  ]);
  expect(reachedBackends(snapshot, 'UDPRoute/default/names')).toEqual([
    { backend: 'Service default/app', port: 53, ready: 1 },
  ]);
  expect(reachedBackends(snapshot, 'TCPRoute/default/database')).toEqual([
    { backend: 'Service default/app', port: 80, ready: 1 },
  ]);
});
