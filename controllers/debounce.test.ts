import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { KeyedDebounce } from './debounce.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

function setUp(): { debounce: KeyedDebounce; runs: string[] } {
  const runs: string[] = [];
  return { runs, debounce: new KeyedDebounce({ interval: 1000, run: (key) => runs.push(key) }) };
}

test('a quiet key runs at once, and many requests of one tick make one run', () => {
  const { debounce, runs } = setUp();
  debounce.soon('a');
  debounce.soon('a');
  debounce.urgent('a');
  debounce.urgent('b');
  expect(runs).toEqual([]);
  vi.advanceTimersByTime(0);
  expect(runs).toEqual(['a', 'b']);
});

test('a busy key runs once per interval, and the last request is never lost', () => {
  const { debounce, runs } = setUp();
  debounce.soon('a');
  vi.advanceTimersByTime(0);
  for (let tick = 0; tick < 30; tick++) {
    debounce.soon('a');
    vi.advanceTimersByTime(100);
  }
  expect(runs.length).toBe(3);
  vi.advanceTimersByTime(1000);
  expect(runs.length).toBe(4);
  vi.advanceTimersByTime(5000);
  expect(runs.length).toBe(4);
});

test('what is urgent does not wait', () => {
  const { debounce, runs } = setUp();
  debounce.soon('a');
  vi.advanceTimersByTime(0);
  debounce.soon('a');
  debounce.urgent('a');
  vi.advanceTimersByTime(0);
  expect(runs).toEqual(['a', 'a']);
  vi.advanceTimersByTime(5000);
  expect(runs).toEqual(['a', 'a']);
});

test('what is forgotten or stopped does not run', () => {
  const { debounce, runs } = setUp();
  debounce.urgent('a');
  debounce.forget('a');
  debounce.urgent('b');
  debounce.stop();
  vi.advanceTimersByTime(5000);
  expect(runs).toEqual([]);
});
