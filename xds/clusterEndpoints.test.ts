import { expect, test } from 'vitest';
import { endpointsNameOf } from './clusterEndpoints.ts';
import { edsCluster, endpoints, staticCluster, upstreamTls } from './testing/resources.ts';

test('an EDS cluster asks for its endpoints under its own name', () => {
  expect(endpointsNameOf(edsCluster('shop/api:80').bytes)).toBe('shop/api:80');
  expect(endpointsNameOf(edsCluster('a', upstreamTls('trust', 'a.test')).bytes)).toBe('a');
});

test('unless it names them', () => {
  const cluster = edsCluster('a', { eds_cluster_config: { eds_config: { ads: {} }, service_name: 'service' } });
  expect(endpointsNameOf(cluster.bytes)).toBe('service');
});

test('other clusters ask for none', () => {
  expect(endpointsNameOf(staticCluster('a', [80]).bytes)).toBeUndefined();
});

test('what is not a message is not taken for a cluster without endpoints', () => {
  const { bytes } = edsCluster('a');
  expect(() => endpointsNameOf(bytes.subarray(0, bytes.length - 1))).toThrow(RangeError);
  expect(() => endpointsNameOf(Buffer.from([0x0f]))).toThrow('wire type 7');
  expect(() => endpointsNameOf(Buffer.from([0x08, 0x80]))).toThrow('ends within a number');
});

test('messages of other types do no harm', () => {
  expect(endpointsNameOf(endpoints('a', [80]).bytes)).toBeUndefined();
});
