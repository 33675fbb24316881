import { expect, test } from 'vitest';
import { Scheduler } from './scheduler.ts';

test('a task with much to do takes turns with others, and timers run between its slices', async () => {
  const order: string[] = [];
  const scheduler = new Scheduler();
  const spin = (outOfTime: () => boolean): void => {
    while (!outOfTime());
  };
  let huge = 0;
  const done = new Promise<void>((resolve) => {
    scheduler.schedule({
      slice: (outOfTime) => {
        spin(outOfTime);
        order.push('huge');
        if (++huge < 4) return false;
        resolve();
        return true;
      },
    });
  });
  scheduler.schedule({ slice: () => order.push('small') > 0 });
  setImmediate(() => order.push('other work'));
  await done;
  expect(order.slice(0, 2)).toEqual(['huge', 'other work']);
  expect(order.indexOf('small')).toBeLessThan(order.lastIndexOf('huge'));
});

test('a task that was cancelled does not run', async () => {
  const scheduler = new Scheduler();
  let runs = 0;
  const task = { slice: () => ++runs > 0 };
  scheduler.schedule(task);
  scheduler.cancel(task);
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  expect(runs).toBe(0);
});
