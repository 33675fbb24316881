import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';

import { afterEach, expect, test } from 'vitest';

import { HostResolver } from './hostResolver.ts';

const resolvers: HostResolver[] = [];
afterEach(() => {
  for (const resolver of resolvers.splice(0)) resolver.close();
});

function start(resolve: (host: string) => Promise<string[]>): { resolver: HostResolver; changed: () => Promise<void> } {
  let notify = (): void => undefined;
  const resolver = new HostResolver({ interval: 5, resolve, onChange: () => notify() });
  resolvers.push(resolver);
  return {
    resolver,
    changed: () =>
      new Promise((done) => {
        notify = done;
      }),
  };
}

test('a name is looked up before `need` ends, and again later', async () => {
  let answer = ['192.0.2.2', '192.0.2.1', '192.0.2.1'];
  const { resolver, changed } = start(() => Promise.resolve(answer));
  await resolver.need(new Map([['api.test', new Set([80])]]));
  expect(resolver.addresses('api.test')).toEqual(['192.0.2.1', '192.0.2.2']);
  answer = ['192.0.2.3'];
  await changed();
  expect(resolver.addresses('api.test')).toEqual(['192.0.2.3']);
});

test('a name server that is away takes nothing away', async () => {
  let fails = false;
  const { resolver, changed } = start(() =>
    fails ? Promise.reject(Object.assign(new Error('no'), { code: 'EAI_AGAIN' })) : Promise.resolve(['192.0.2.1']),
  );
  await resolver.need(new Map([['api.test', new Set([80])]]));
  fails = true;
  await changed();
  expect(resolver.addresses('api.test')).toEqual(['192.0.2.1']);
  expect(resolver.fault('api.test')).toBe(
    'The host name api.test cannot be resolved (EAI_AGAIN); the addresses found before stay in use.',
  );
  fails = false;
  await changed();
  expect(resolver.fault('api.test')).toBeUndefined();
});

test('a name that appears later is found', async () => {
  let answer: string[] | undefined;
  const { resolver, changed } = start(() =>
    answer === undefined
      ? Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' }))
      : Promise.resolve(answer),
  );
  await resolver.need(new Map([['api.test', new Set([80])]]));
  expect(resolver.fault('api.test')).toBe('The host name api.test cannot be resolved (ENOTFOUND).');
  answer = ['192.0.2.1'];
  await changed();
  expect(resolver.addresses('api.test')).toEqual(['192.0.2.1']);
});

test('of both families the one that answers is taken', async () => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const { resolver } = start(() => Promise.resolve(['::1', '127.0.0.1']));
  await resolver.need(new Map([['localhost.test', new Set([port])]]));
  expect(resolver.addresses('localhost.test')).toEqual(['127.0.0.1']);
  server.close();
});
