import { describe, expect, test } from 'vitest';
import { SluiceError } from '../../standalone/sluiceError.ts';
import { parseRequest } from './request.ts';

const request = (words: string[], headers: string[] = [], serverName?: string) => {
  const { question } = parseRequest(words, headers, serverName);
  const { request: http, connection, ...rest } = question;
  return {
    ...rest,
    ...connection,
    ...(http === undefined ? {} : { ...http, headers: Object.fromEntries(http.headers) }),
  };
};

describe('a request as for curl', () => {
  test('with method, port, query and headers', () => {
    expect(
      request(['POST', 'http://Shop.example.com:8080/cart?x=1#part'], ['X-Env: one', 'x-env:two', 'Accept:']),
    ).toEqual({
      transport: 'tcp',
      port: 8080,
      isTls: false,
      serverName: undefined,
      scheme: 'http',
      method: 'POST',
      authority: 'shop.example.com:8080',
      path: '/cart?x=1',
      headers: { 'x-env': ['one', 'two'], accept: [''] },
    });
  });

  test.each([
    [['http://a'], { method: 'GET', path: '/', authority: 'a', port: 80 }],
    [['https://a/'], { isTls: true, serverName: 'a', port: 443, authority: 'a', scheme: 'https' }],
    [['https://a:443/'], { authority: 'a' }],
    [['https://[2001:db8::1]:8443/x'], { serverName: undefined, authority: '[2001:db8::1]:8443', port: 8443 }],
    [['http://a/b c/ü'], { path: '/b%20c/%C3%BC' }],
    [['http://a/%2e%2e/x'], { path: '/%2e%2e/x' }],
    [['post', 'http://a/'], { method: 'POST' }],
    [['Purge', 'http://a/'], { method: 'Purge' }],
    [['http://a?x=1'], { path: '/?x=1' }],
    [['http://user:secret@a/'], { authority: 'a' }],
    [['ws://a/'], { headers: { upgrade: ['websocket'] } }],
    [['grpc://a:50051/pkg.Service/Method'], { method: 'POST', headers: { 'content-type': ['application/grpc'] } }],
    [['tls://a:8443'], { isTls: true, serverName: 'a', port: 8443, transport: 'tcp' }],
    [['tcp://:5432'], { isTls: false, port: 5432, transport: 'tcp' }],
    [['udp://:53'], { port: 53, transport: 'udp' }],
  ])('%s', (words, expected) => {
    expect(request(words)).toMatchObject(expected);
  });

  test('whose Host and server name differ from the URL', () => {
    expect(request(['https://192.0.2.1/'], ['Host: a.example.com'], 'b.example.com')).toMatchObject({
      authority: 'a.example.com',
      serverName: 'b.example.com',
      headers: {},
    });
  });
});

describe('each mistake is one sentence that says what to do', () => {
  test.each<[string[], string[], string | undefined, string]>([
    [
      ['shop.example.com/cart'],
      [],
      undefined,
      'shop.example.com/cart is no URL; write it with its scheme, for example http://shop.example.com/cart.',
    ],
    [[''], [], undefined, ' is no URL; write it with its scheme, for example http://shop.example.com/cart.'],
    [
      ['ftp://a'],
      [],
      undefined,
      'ftp:// is not asked about; write one of http://, https://, ws://, wss://, grpc://, grpcs://, tls://, tcp://, udp://.',
    ],
    [['http://a:99999/'], [], undefined, '99999 is no port; write a number from 1 to 65535.'],
    [['http://a:b/'], [], undefined, 'b is no port; write a number from 1 to 65535.'],
    [['http:///x'], [], undefined, 'http:///x names no host; write for example http://shop.example.com/x.'],
    [['http://[::x]/'], [], undefined, '[::x] is no IPv6 address; write for example http://[2001:db8::1]/.'],
    [['tcp://db'], [], undefined, 'tcp://db names no port; write for example tcp://db:5432.'],
    [['GET', 'tcp://db:1'], [], undefined, 'A tcp:// connection has no method and no headers; write only the URL.'],
    [['tls://a:1/x'], [], undefined, 'A tls:// connection has no path; write tls://a:1.'],
    [['G T', 'http://a'], [], undefined, 'G T is no HTTP method; write for example GET.'],
    [
      ['GET', 'http://a', 'b'],
      [],
      undefined,
      'There are 3 arguments, but only METHOD and URL are taken; put the URL in quotes.',
    ],
    [['http://a'], ['x-env'], undefined, `-H "x-env" cannot be read; write -H 'Name: value'.`],
    [['http://a'], [': x'], undefined, `-H ": x" cannot be read; write -H 'Name: value'.`],
    [
      ['http://a'],
      [],
      'b',
      '--server-name is for TLS, but the URL begins with http://; leave it out or ask with https://.',
    ],
  ])('%s %s %s', (words, headers, serverName, message) => {
    expect(() => parseRequest(words, headers, serverName)).toThrow(new SluiceError('InvalidArgument', message));
  });
});
