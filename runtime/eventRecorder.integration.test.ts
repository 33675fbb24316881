import { afterEach, beforeEach, expect, test } from 'vitest';
import { Registry } from 'prom-client';
import { type KubeApiServerConnection, sharedKubeApiServer } from '../test/fixtures/index.ts';
import { waitFor } from '../test/fixtures/waitFor.ts';
import type { Client } from './client.ts';
import { type Event, EventRecorder, type EventRecorderOptions, events } from './eventRecorder.ts';
import { FaultProxy } from './testing/faultProxy.ts';
import { accessTo, clientOf, type ConfigMap, configMap, configMaps, logger } from './testing/fixtures.ts';

let server: KubeApiServerConnection;
let namespace: string;
let client: Client & AsyncDisposable;
let object: ConfigMap;
let registry: Registry;
const recorders: EventRecorder[] = [];

beforeEach(async () => {
  server = sharedKubeApiServer();
  namespace = await server.createNamespace('events');
  client = clientOf(accessTo(server));
  object = await client.create(configMaps, configMap(namespace, 'subject'));
  registry = new Registry();
});

afterEach(async () => {
  await Promise.all(recorders.splice(0).map((recorder) => recorder.stop(1000)));
  await client.close();
});

function recorderOf(options: Partial<EventRecorderOptions> = {}): EventRecorder {
  const recorder = new EventRecorder({ client, controller: 'sluice.dev/tests', logger, registry, ...options });
  recorders.push(recorder);
  return recorder;
}

/** The Events there are, the oldest first: their names end with a rising number. */
async function written(): Promise<Event[]> {
  const { items } = await client.list(events, { namespace });
  const age = ({ metadata }: Event): string => metadata.name.slice(metadata.name.lastIndexOf('.') + 1);
  return items.toSorted((a, b) => age(a).localeCompare(age(b)));
}

test('an event says what happened to which object', async () => {
  const recorder = recorderOf({ instance: 'operator-0' });
  recorder.record(object, 'Warning', 'Refused', 'The listener was refused.', 'Program');
  await recorder.stop(5000);
  expect(await written()).toEqual([
    expect.objectContaining({
      type: 'Warning',
      reason: 'Refused',
      note: 'The listener was refused.',
      action: 'Program',
      reportingController: 'sluice.dev/tests',
      reportingInstance: 'operator-0',
      regarding: expect.objectContaining({ kind: 'ConfigMap', name: 'subject', namespace, uid: object.metadata.uid }),
    }),
  ]);
});

test('equal events become one with a series; another message makes another', async () => {
  const recorder = recorderOf();
  for (let i = 0; i < 5; i++) recorder.record(object, 'Normal', 'Programmed', 'All is well.');
  recorder.record(object, 'Normal', 'Programmed', 'All is better.');
  await recorder.stop(5000);
  const [first, second, ...rest] = await written();
  expect(rest).toEqual([]);
  expect([first!, second!].map(({ note, series }) => `${note} ${series?.count}`)).toEqual([
    'All is well. 5',
    'All is better. undefined',
  ]);
});

test('a series that goes on is written together, and the last count at a stop', async () => {
  const recorder = recorderOf({ seriesIntervalMs: 1_000_000 });
  const count = async (): Promise<number | undefined> => (await written())[0]?.series?.count;
  recorder.record(object, 'Normal', 'Programmed', 'All is well.');
  await waitFor('the event', async () => (await written()).length === 1);
  recorder.record(object, 'Normal', 'Programmed', 'All is well.');
  await waitFor('the series', async () => (await count()) === 2);
  for (let i = 0; i < 5; i++) recorder.record(object, 'Normal', 'Programmed', 'All is well.');
  expect(await count()).toBe(2);
  await recorder.stop(5000);
  expect(await count()).toBe(7);
});

test('a series whose Event has expired is written anew', async () => {
  const recorder = recorderOf();
  recorder.record(object, 'Normal', 'Programmed', 'All is well.');
  const [event] = await waitFor('the event', async () => {
    const list = await written();
    return list.length === 1 && list;
  });
  await client.delete(events, event!.metadata);
  recorder.record(object, 'Normal', 'Programmed', 'All is well.');
  await waitFor('the new event', async () => (await written())[0]?.series?.count === 2);
});

test('many messages about one thing are combined, and each object has a budget', async () => {
  const recorder = recorderOf({ burst: 15, refillPerMinute: 0 });
  for (let i = 0; i < 30; i++) recorder.record(object, 'Warning', 'Failed', `Attempt ${i} failed.`);
  for (let i = 0; i < 30; i++) recorder.record(object, 'Warning', `Reason${i}`, 'Failed.');
  await recorder.stop(5000);
  const list = await written();
  expect(list.length).toBe(15);
  expect(list.filter(({ reason }) => reason === 'Failed').length).toBe(11);
  expect(list.find(({ note }) => note === '(combined from similar events)')?.series?.count).toBe(20);
  expect(await registry.metrics()).toContain('events_discarded_total{reason="rate_limited"} 26');
});

test('recording never waits, throws or piles up, and what can be written later is', async () => {
  await using proxy = await FaultProxy.start(server);
  await using through = clientOf(proxy.access);
  const released = Promise.withResolvers<undefined>();
  proxy.onRequest = () => (proxy.requests.length === 1 ? { status: 500, body: 'no' } : released.promise);
  const recorder = recorderOf({ client: through, queueSize: 3, burst: 100 });
  for (let i = 0; i < 8; i++) recorder.record(object, 'Normal', `Reason${i}`, 'Something happened.');
  await waitFor('the second attempt', () => proxy.requests.length === 2);
  expect(await registry.metrics()).toContain('events_discarded_total{reason="queue_full"} 5');
  released.resolve(undefined);
  await recorder.stop(5000);
  expect((await written()).map(({ reason }) => reason)).toEqual(['Reason0', 'Reason1', 'Reason2']);
});

test('what the API server refuses is counted and holds up nothing', async () => {
  const recorder = recorderOf();
  recorder.record(
    { ...object, metadata: { ...object.metadata, namespace: 'does-not-exist' } },
    'Normal',
    'Lost',
    'No such namespace.',
  );
  recorder.record(object, 'Normal', 'Written', 'Something happened.');
  await recorder.stop(5000);
  expect((await written()).map(({ reason }) => reason)).toEqual(['Written']);
  expect(await registry.metrics()).toContain('events_discarded_total{reason="refused"} 1');
});

test('a long message is cut to what the API server takes, between two characters', async () => {
  const recorder = recorderOf();
  recorder.record(object, 'Normal', 'Long', 'x'.repeat(5000));
  recorder.record(object, 'Normal', 'LongToo', `x${'ä'.repeat(5000)}`);
  await recorder.stop(5000);
  expect((await written()).map(({ note }) => note)).toEqual([`${'x'.repeat(1021)}…`, `x${'ä'.repeat(510)}…`]);
});
