import { afterEach, expect, test } from 'vitest';
import { HealthChecks, healthHandler } from './health.ts';
import { HttpEndpoint } from './httpEndpoint.ts';

const endpoints: HttpEndpoint[] = [];

afterEach(() => Promise.all(endpoints.splice(0).map((endpoint) => endpoint.stop())));

async function serve() {
  const liveness = new HealthChecks();
  const readiness = new HealthChecks();
  const endpoint = new HttpEndpoint('health', { host: '127.0.0.1', port: 0 }, healthHandler(liveness, readiness));
  endpoints.push(endpoint);
  await endpoint.start();
  const get = async (path: string, method = 'GET') => {
    const response = await fetch(`http://127.0.0.1:${endpoint.port}${path}`, { method });
    return { status: response.status, text: await response.text() };
  };
  return { liveness, readiness, endpoint, get };
}

test('readiness tells each check and the reason of each that fails', async () => {
  const { readiness, get } = await serve();
  expect(await get('/readyz')).toEqual({ status: 200, text: 'ok\n' });
  readiness.add('caches', () => undefined);
  const remove = readiness.add('certificate', async () => 'The Secret sluice-system/ca is missing.');
  readiness.add('throws', () => {
    throw new Error('out of order');
  });
  expect(await get('/readyz')).toEqual({
    status: 503,
    text: '[+]caches ok\n[-]certificate failed: The Secret sluice-system/ca is missing.\n[-]throws failed: out of order\nreadyz check failed\n',
  });
  expect(await get('/readyz/caches')).toEqual({ status: 200, text: 'ok\n' });
  expect((await get('/readyz/certificate')).status).toBe(503);
  expect((await get('/readyz/nothing')).status).toBe(404);
  expect(await get('/healthz')).toEqual({ status: 200, text: 'ok\n' });
  remove();
  expect((await readiness.failures()).map(({ name }) => name)).toEqual(['throws']);
});

test('verbose lists the checks that pass as well', async () => {
  const { liveness, get } = await serve();
  liveness.add('ping', () => undefined);
  expect(await get('/healthz?verbose')).toEqual({ status: 200, text: '[+]ping ok\nhealthz check passed\n' });
});

test('what is not there and what is not allowed', async () => {
  const { get } = await serve();
  expect((await get('/')).status).toBe(404);
  expect((await get('/readyz', 'POST')).status).toBe(405);
  expect(await get('/readyz', 'HEAD')).toEqual({ status: 200, text: '' });
});

test('a handler that fails is a 500', async () => {
  const endpoint = new HttpEndpoint('test', { host: '127.0.0.1', port: 0 }, () => {
    throw new Error('broken');
  });
  endpoints.push(endpoint);
  await endpoint.start();
  const response = await fetch(`http://127.0.0.1:${endpoint.port}/`);
  expect(response.status).toBe(500);
  expect(await response.text()).toBe('broken\n');
});

test('an address in use is one clear sentence', async () => {
  const { endpoint } = await serve();
  const second = new HttpEndpoint('metrics', { host: '127.0.0.1', port: endpoint.port }, () => undefined);
  await expect(second.start()).rejects.toThrow(
    `The metrics server cannot listen on 127.0.0.1:${endpoint.port} (listen EADDRINUSE: address already in use 127.0.0.1:${endpoint.port}): free that address or configure another.`,
  );
});

test('two checks of one name are a mistake', () => {
  const checks = new HealthChecks();
  checks.add('a', () => undefined);
  expect(() => checks.add('a', () => undefined)).toThrow('There is a check "a" already');
});
