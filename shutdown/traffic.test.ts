import { expect, test } from 'vitest';
import { readTraffic } from './traffic.ts';

test('counts callers and leaves out what the proxy serves for itself', () => {
  const stats = [
    { name: 'listener.0.0.0.0_80.downstream_cx_active', value: 3 },
    { name: 'listener.0.0.0.0_80.worker_0.downstream_cx_active', value: 3 },
    { name: 'listener.[__]_443.downstream_cx_active', value: 2 },
    { name: 'listener.0.0.0.0_19003.downstream_cx_active', value: 7 },
    { name: 'listener.admin.downstream_cx_active', value: 1 },
    { name: 'listener.admin.main_thread.downstream_cx_active', value: 1 },
    { name: 'listener.0.0.0.0_5432.downstream_cx_active', value: 4 },
    { name: 'http.http-80.downstream_cx_active', value: 3 },
    { name: 'http.https_443_a.downstream_cx_active', value: 1 },
    { name: 'http.admin.downstream_cx_active', value: 1 },
    { name: 'http.readiness.downstream_cx_active', value: 7 },
    { name: 'http.http-80.downstream_rq_active', value: 2 },
    { name: 'http.http-80.downstream_rq_total', value: 40 },
    { name: 'http.admin.downstream_rq_active', value: 1 },
    { name: 'http.readiness.downstream_rq_total', value: 900 },
    { histograms: {} },
  ];
  expect(readTraffic({ stats })).toEqual({ connections: 9, requests: 2, streams: 5, requestsTotal: 40 });
});

test('a connection that came between the two counts is no stream', () => {
  const stats = [
    { name: 'listener.0.0.0.0_80.downstream_cx_active', value: 1 },
    { name: 'http.http-80.downstream_cx_active', value: 2 },
  ];
  expect(readTraffic({ stats }).streams).toBe(0);
});

test('another answer is an error, not an idle proxy', () => {
  expect(() => readTraffic({})).toThrow('not its JSON form');
});
