import { expect, it } from 'vitest';
import type { DataPathMeasurement, Pairs } from './dataPath.ts';
import { dataPathTables, median, ratio } from './report.ts';

function pairs(bare: number, gateway: number): Pairs {
  return { bare: [bare, bare, bare], gateway: [gateway, gateway, gateway] };
}

function measurement({ throughput = 95, p99 = 1.1, resumed = 0.85 }): DataPathMeasurement {
  return {
    requests: [
      {
        scenario: { shape: 'paths', routes: 5_000 },
        protocol: 'HTTPS',
        throughput: pairs(100, throughput),
        busy: pairs(0.98, 0.99),
        cpu: pairs(30, 31),
        rate: 50,
        p50: pairs(1, 1),
        p99: pairs(1, p99),
      },
    ],
    connections: [{ version: '1.3', handshakes: pairs(100, throughput), busy: pairs(1, 1) }],
    resumption: [
      { version: '1.2', proxies: 1, reconnects: 1_000, bare: 1, gateway: 1 },
      { version: '1.3', proxies: 2, reconnects: 1_000, bare: 0.5, gateway: resumed },
    ],
  };
}

function met(text: string): string[] {
  const lines = text
    .slice(text.indexOf('### Aims'))
    .split('\n')
    .filter((line) => line.startsWith('|'));
  return lines.slice(2).map((line) => line.split('|').at(-2)!.trim());
}

it('takes the ratio within each pair, so that what changes from pair to pair cancels', () => {
  const drifting = { bare: [100, 1_000, 10], gateway: [90, 900, 9] };
  expect(ratio(drifting)).toBeCloseTo(0.9);
  expect(median(drifting.bare)).toBe(100);
});

it('takes the mean of the two in the middle of an even number', () => {
  expect(median([4, 1, 2, 8])).toBe(3);
  expect(median([5])).toBe(5);
  expect(median([1, 2, 3])).toBe(2);
});

it('says that something else took the time, where it did', () => {
  const { requests, ...rest } = measurement({});
  expect(dataPathTables({ requests, ...rest })).not.toContain('something else');
  const disturbed = requests.map((each) => ({ ...each, busy: pairs(0.5, 0.6) }));
  expect(dataPathTables({ requests: disturbed, ...rest })).toContain('In 1 of 2 measurements something else');
});

it('leaves a pair that was disturbed out of account', () => {
  expect(ratio({ bare: [100, 100, 100], gateway: [98, 1, 99] })).toBe(0.98);
});

it('says that aims are met, at their limits', () => {
  expect(met(dataPathTables(measurement({})))).toEqual(['yes', 'yes', 'yes', 'yes']);
});

it.each([
  [{ throughput: 94.9 }, ['no', 'yes', 'no', 'yes']],
  [{ p99: 1.11 }, ['yes', 'no', 'yes', 'yes']],
  [{ resumed: 0.84 }, ['yes', 'yes', 'yes', 'no']],
])('says which aims are missed: %j', (values, expected) => {
  expect(met(dataPathTables(measurement(values)))).toEqual(expected);
});

it('says what thousands of routes on one host name cost', () => {
  const { requests, ...rest } = measurement({});
  const plain = requests.map((each) => ({ ...each, protocol: 'HTTP' as const }));
  const apart = plain.map((each) => ({
    ...each,
    scenario: { shape: 'hosts' as const, routes: 5_000 },
    cpu: pairs(9, 10),
  }));
  expect(dataPathTables({ requests: [...plain, ...apart], ...rest })).toContain(
    'With 5,000 routes on one host name a request takes 3.1 times the CPU time',
  );
  expect(dataPathTables({ requests, ...rest })).not.toContain('times the CPU time');
});

it('names scenarios and shows both sides', () => {
  const text = dataPathTables(measurement({}));
  expect(text).toContain('| 5,000 routes, one host name, HTTPS |');
  expect(text).toContain('100 / 95');
  expect(text).toContain('98 % / 99 %');
  expect(text).toContain('| TLS 1.3, 2 proxies |');
});
