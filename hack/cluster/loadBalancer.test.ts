import { expect, test } from 'vitest';
import { AddressPool, type Service } from './loadBalancer.ts';

function service(name: string, spec: Service['spec'] = {}, address?: string): Service {
  return {
    metadata: { namespace: 'default', name, resourceVersion: '1' },
    spec: { type: 'LoadBalancer', ...spec },
    ...(address === undefined ? {} : { status: { loadBalancer: { ingress: [{ ip: address }] } } }),
  };
}

test('each Service gets an address of its own, and keeps it', () => {
  const pool = new AddressPool(['a', 'b']);
  expect(pool.assign(service('one'))).toBe('a');
  expect(pool.assign(service('two'))).toBe('b');
  expect(pool.assign(service('one'))).toBe('a');
  expect(pool.assign(service('one', {}, 'a'))).toBeUndefined();
  expect(pool.assign(service('three'))).toBeUndefined();
});

test('an address that a Service already has is not given to another', () => {
  const pool = new AddressPool(['a', 'b']);
  pool.assign(service('one', {}, 'a'));
  expect(pool.assign(service('two'))).toBe('b');
});

test('a wish is met where it can be', () => {
  const pool = new AddressPool(['a', 'b']);
  expect(pool.assign(service('one', { loadBalancerIP: 'b' }))).toBe('b');
  expect(pool.assign(service('two', { loadBalancerIP: 'b' }))).toBeUndefined();
  expect(pool.assign(service('two', { loadBalancerIP: 'elsewhere' }))).toBeUndefined();
});

test('another wish takes the old address away, and is met as soon as it can be', () => {
  const pool = new AddressPool(['a', 'b']);
  pool.assign(service('one', {}, 'a'));
  expect(pool.assign(service('one', { loadBalancerIP: 'b' }, 'a'))).toBe('b');
  expect(pool.assign(service('two', { loadBalancerIP: 'b' }, 'a'))).toBeNull();
  expect(pool.takeWaiting().map(({ metadata }) => metadata.name)).toEqual(['two']);
  pool.forget(service('one', {}, 'b'));
  expect(pool.assign(service('two', { loadBalancerIP: 'b' }))).toBe('b');
  expect(pool.takeWaiting()).toEqual([]);
});

test('a Service that goes, or becomes another type, gives its address back', () => {
  const pool = new AddressPool(['a']);
  pool.assign(service('one'));
  pool.release(service('one'));
  expect(pool.assign(service('two'))).toBe('a');
  pool.assign(service('two', { type: 'ClusterIP' }, 'a'));
  expect(pool.assign(service('three'))).toBe('a');
});

test('a Service of another load balancer class is left alone', () => {
  expect(new AddressPool(['a']).assign(service('one', { loadBalancerClass: 'other' }))).toBeUndefined();
});
