import fc from 'fast-check';
import { Registry } from 'prom-client';
import { afterEach, expect, test, vi } from 'vitest';
import { logger, turn } from './testing/fixtures.ts';
import { WorkQueue, type WorkQueueOptions } from './workQueue.ts';

const queues: WorkQueue<string>[] = [];

afterEach(async () => {
  vi.useRealTimers();
  await Promise.all(queues.splice(0).map((queue) => queue.stop({ discard: true })));
});

function queueOf(handle: WorkQueueOptions<string>['handle'], options: Partial<WorkQueueOptions<string>> = {}) {
  const queue = new WorkQueue<string>({ name: 'test', handle, logger, ...options });
  queues.push(queue);
  return queue;
}

/** A handler whose calls are ended by the test. */
function manual() {
  const calls: { key: string; end: PromiseWithResolvers<void | { requeueAfter?: number }> }[] = [];
  return {
    calls,
    handle: (key: string) => {
      const end = Promise.withResolvers<void | { requeueAfter?: number }>();
      calls.push({ key, end });
      return end.promise;
    },
  };
}

test('keys are handled in their order, each once however often it was added', async () => {
  const handled: string[] = [];
  const queue = queueOf(async (key) => void handled.push(key));
  for (const key of ['a', 'b', 'a', 'c', 'b']) queue.add(key);
  queue.start();
  queue.add('d');
  queue.add('a');
  expect(handled).toEqual([]);
  await queue.stop();
  expect(handled).toEqual(['a', 'b', 'c', 'd']);
});

test('a key that is added while it is handled is handled again afterwards, once', async () => {
  const { calls, handle } = manual();
  const queue = queueOf(handle, { concurrency: 5 });
  queue.start();
  queue.add('a');
  await turn();
  queue.add('a');
  queue.add('a');
  queue.add('b');
  await turn();
  expect(calls.map(({ key }) => key)).toEqual(['a', 'b']);
  calls[0]!.end.resolve();
  await turn();
  await turn();
  expect(calls.map(({ key }) => key)).toEqual(['a', 'b', 'a']);
  for (const { end } of calls) end.resolve();
  await queue.stop();
  expect(calls.length).toBe(3);
});

test('no key is handled twice at once and none is forgotten, under any load', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e'), fc.nat(3)), { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 1, max: 4 }),
      async (steps, concurrency) => {
        const inWork = new Set<string>();
        const wanted = new Map<string, number>();
        const done = new Map<string, number>();
        let most = 0;
        const queue = new WorkQueue<string>({
          name: 'test',
          logger,
          concurrency,
          backoff: { initialMs: 0.01, maximumMs: 0.1 },
          onError: () => 'retry',
          async handle(key) {
            expect(inWork.has(key)).toBe(false);
            inWork.add(key);
            most = Math.max(most, inWork.size);
            const version = wanted.get(key)!;
            await turn();
            inWork.delete(key);
            if (version % 3 === 1 && done.get(key) !== version) {
              done.set(key, version);
              throw new Error('once');
            }
            done.set(key, version);
          },
        });
        queue.start();
        for (const [key, pause] of steps) {
          wanted.set(key, (wanted.get(key) ?? 0) + 1);
          queue.add(key);
          for (let i = 0; i < pause; i++) await turn();
        }
        await queue.stop();
        expect(done).toEqual(wanted);
        expect(most).toBeLessThanOrEqual(concurrency);
      },
    ),
    { numRuns: 50 },
  );
});

test('at most `concurrency` keys are handled at the same time', async () => {
  const { calls, handle } = manual();
  const queue = queueOf(handle, { concurrency: 2 });
  queue.start();
  for (const key of ['a', 'b', 'c']) queue.add(key);
  await turn();
  expect(queue.working).toBe(2);
  expect(queue.length).toBe(1);
  calls[0]!.end.resolve();
  await turn();
  await turn();
  expect(calls.map(({ key }) => key)).toEqual(['a', 'b', 'c']);
  for (const { end } of calls) end.resolve();
});

test('a handler that takes no time does not keep other work of the process waiting', async () => {
  let spins = 0;
  const queue: WorkQueue<string> = queueOf(async (key) => {
    spins++;
    const end = performance.now() + 1;
    while (performance.now() < end);
    queue.add(key);
  });
  queue.start();
  queue.add('a');
  // A queue that never yields would not let this come back.
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setTimeout(resolve, 1));
  expect(spins).toBeGreaterThan(0);
});

test('what is ready is handled at a stop, what would come later is not', async () => {
  const handled: string[] = [];
  const queue = queueOf(async (key) => {
    await turn();
    handled.push(key);
    queue.add(`after ${key}`);
    return { requeueAfter: 1 };
  });
  queue.start();
  queue.add('a');
  queue.add('b');
  queue.addAfter('c', 1_000_000);
  await queue.stop();
  expect(handled).toEqual(['a', 'b']);
  queue.start();
  queue.add('d');
  await queue.stop({ discard: true });
  expect(handled).toEqual(['a', 'b']);
});

test('a stop waits for what is in work', async () => {
  const { calls, handle } = manual();
  const queue = queueOf(handle);
  queue.start();
  queue.add('a');
  await turn();
  let stopped = false;
  const stop = queue.stop({ discard: true }).then(() => (stopped = true));
  await turn();
  expect(stopped).toBe(false);
  calls[0]!.end.resolve();
  await stop;
});

test('metrics have the names of controller-runtime', async () => {
  const registry = new Registry();
  const queue = queueOf(
    async (key) => {
      if (key === 'bad' && queue.failures('bad') === 0) throw new Error('no');
    },
    { registry, backoff: { initialMs: 1, maximumMs: 1 } },
  );
  queue.start();
  queue.add('good');
  queue.add('bad');
  await vi.waitFor(async () => {
    const text = await registry.metrics();
    expect(text).toContain('workqueue_adds_total{name="test"} 3');
    expect(text).toContain('workqueue_retries_total{name="test"} 1');
    expect(text).toContain('workqueue_depth{name="test"} 0');
    expect(text).toContain('workqueue_queue_duration_seconds_count{name="test"} 3');
    expect(text).toContain('workqueue_work_duration_seconds_count{name="test"} 3');
    expect(text).toContain('workqueue_longest_running_processor_seconds{name="test"} 0');
    expect(text).toContain('workqueue_unfinished_work_seconds{name="test"} 0');
  });
});

test('the gauges of running work tell how long', async () => {
  const registry = new Registry();
  const { calls, handle } = manual();
  const queue = queueOf(handle, { registry });
  queue.start();
  queue.add('a');
  await turn();
  const metric = await registry.getSingleMetric('workqueue_longest_running_processor_seconds')!.get();
  await registry.metrics();
  const later = await registry.getSingleMetric('workqueue_longest_running_processor_seconds')!.get();
  expect(later.values[0]!.value).toBeGreaterThan(0);
  expect(metric.values.length).toBeLessThanOrEqual(1);
  calls[0]!.end.resolve();
});

test('an error brings the key back after a growing delay; a success forgets the failures', async () => {
  vi.useFakeTimers();
  const attempts: number[] = [];
  let fail = true;
  const queue = queueOf(
    async () => {
      attempts.push(performance.now());
      if (fail) throw new Error('no');
    },
    { backoff: { initialMs: 100, maximumMs: 1000, jitter: 0.5 } },
  );
  queue.start();
  queue.add('a');
  await vi.advanceTimersByTimeAsync(6000);
  const gaps = attempts.slice(1).map((at, i) => at - attempts[i]!);
  for (const [i, expected] of [100, 200, 400, 800, 1000].entries()) {
    expect(gaps[i]).toBeGreaterThanOrEqual(expected);
    expect(gaps[i]).toBeLessThanOrEqual(expected * 1.5 + 2);
  }
  expect(queue.failures('a')).toBe(attempts.length);
  fail = false;
  await vi.advanceTimersByTimeAsync(2000);
  expect(queue.failures('a')).toBe(0);
  const { length } = attempts;
  await vi.advanceTimersByTimeAsync(10_000);
  expect(attempts.length).toBe(length);
});

test('of several later times for one key the earliest counts', async () => {
  vi.useFakeTimers();
  const handled: number[] = [];
  const queue = queueOf(async () => void handled.push(performance.now()));
  queue.start();
  const start = performance.now();
  queue.addAfter('a', 500);
  queue.addAfter('a', 100);
  queue.addAfter('a', 300);
  await vi.advanceTimersByTimeAsync(1000);
  expect(handled.map((at) => Math.round(at - start))).toEqual([expect.closeTo(100, -1)]);
});

test('a key may come back after longer than a timer can be', async () => {
  vi.useFakeTimers();
  const sixtyDays = 60 * 86_400_000;
  let handled = 0;
  const queue = queueOf(async () => void handled++);
  queue.start();
  queue.addAfter('a', sixtyDays);
  await vi.advanceTimersByTimeAsync(sixtyDays - 1000);
  expect(handled).toBe(0);
  await vi.advanceTimersByTimeAsync(2000);
  expect(handled).toBe(1);
});

test('requeueAfter brings a key back', async () => {
  vi.useFakeTimers();
  let handled = 0;
  const queue = queueOf(async () => (++handled < 3 ? { requeueAfter: 1000 } : undefined));
  queue.start();
  queue.add('a');
  await vi.advanceTimersByTimeAsync(900);
  expect(handled).toBe(1);
  await vi.advanceTimersByTimeAsync(5000);
  expect(handled).toBe(3);
});
