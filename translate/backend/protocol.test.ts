import { describe, expect, test } from 'vitest';
import { applicationProtocol, backendProtocol } from './protocol.ts';

describe('applicationProtocol', () => {
  test.each([
    [undefined, 'http1', false],
    ['kubernetes.io/h2c', 'http2', false],
    ['kubernetes.io/ws', 'http1', false],
    ['kubernetes.io/wss', 'http1', true],
    ['HTTPS', 'http1', true],
    ['grpc', 'http2', false],
  ])('%s', (name, protocol, tls) => {
    expect(applicationProtocol(name)).toEqual({ protocol, tls });
  });

  test.each(['redis', 'kubernetes.io/h3', 'example.com/mine'])('%s is none', (name) => {
    expect(applicationProtocol(name)).toBeUndefined();
  });
});

describe('backendProtocol', () => {
  test('gRPC is HTTP/2 whatever the port says, and a stream is looked into by nobody', () => {
    expect(backendProtocol('grpc', 'http')).toBe('http2');
    expect(backendProtocol('tcp', 'http')).toBe('stream');
    expect(backendProtocol('http', 'kubernetes.io/h2c')).toBe('http2');
  });
});
