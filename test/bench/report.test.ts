import { expect, it } from 'vitest';
import type { LocalMeasurement } from './local.ts';
import type { ClusterMeasurement } from './cluster.ts';
import { Answers } from './prober.ts';
import { page, tables, withDataPath, type Results } from './report.ts';
import { table } from './table.ts';

const mebibyte = 2 ** 20;

function answers(...statuses: number[]): Answers {
  const counted = new Answers();
  for (const status of statuses) counted.count(status);
  return counted;
}

function local(milliseconds: number): LocalMeasurement {
  const times = { served: [milliseconds], programmed: [milliseconds] };
  return {
    added: times,
    switched: times,
    probed: answers(200, 404),
    steady: undefined,
    loaded: { memory: 100 * mebibyte, cpu: 1, milliseconds: 1_000 },
    end: { memory: 120 * mebibyte, cpu: 2 },
  };
}

function cluster(served: number, steady: Answers, memory: number): ClusterMeasurement {
  const times = { served: [served], programmed: [served + 5] };
  return {
    kubernetes: 'v1.2.3',
    gateways: [1_500],
    idleMemory: 90 * mebibyte,
    sizes: [
      {
        routes: 5_000,
        measured: { added: times, switched: times, probed: answers(404, 404, 200), steady },
        memory: memory * mebibyte,
        cpuPerEdit: 0.02,
        load: { routes: 5_000, milliseconds: 30_000, cpu: 12 },
      },
    ],
  };
}

function results(of: ClusterMeasurement): Results {
  return { edits: 1, floor: new Map([[5_000, local(50)]]), inProcess: new Map(), cluster: of, dataPath: undefined };
}

function aims(text: string): string[] {
  const lines = text
    .slice(text.indexOf('## Aims'))
    .split('\n')
    .filter((line) => line.startsWith('|'));
  return lines.slice(2).map((line) => line.split('|').at(-2)!.trim());
}

it('pads columns, numbers to the right', () => {
  expect(
    table(
      ['name', 'a'],
      [
        ['x', 1],
        ['long name', 1234],
      ],
    ),
  ).toBe(['| name      |    a |', '| --------- | ---: |', '| x         |    1 |', '| long name | 1234 |'].join('\n'));
});

it('says that aims are met', () => {
  const text = tables(results(cluster(99, answers(200), 349)));
  expect(aims(text)).toEqual(['yes', 'yes', 'yes', 'yes', 'yes', 'yes']);
  expect(text).toContain('2.0× / 2.0×');
});

it('says which aims are missed', () => {
  const text = tables(results(cluster(101, answers(200, 503, 503, 0), 351)));
  expect(aims(text)).toEqual(['no', 'no', 'yes', 'yes', 'no', 'no']);
  expect(text).toContain('2 × 503, 1 × no answer');
});

it('counts a 404 to the steady client, whose routes are there', () => {
  expect(aims(tables(results(cluster(50, answers(200, 404), 1))))[4]).toBe('no');
});

it('makes a page that names the command and the versions', () => {
  const machine = { cores: 2, memory: 8 * 2 ** 30, versions: [['Envoy', '1.0']] as const };
  const text = page(results(cluster(50, answers(200), 1)), machine);
  expect(text).toContain('    make bench\n');
  expect(text).toContain('2 cores and 8 GiB of memory, with Envoy 1.0.');
});

it('replaces the data path and leaves the rest of the page', () => {
  const dataPath = { requests: [], connections: [], resumption: [] };
  const once = withDataPath('# Page\n\nold words\n', dataPath);
  expect(once).toContain('old words');
  expect(once).toContain('## The data path');
  expect(withDataPath(`${once}\nafter\n`, dataPath)).toBe(`${once}\nafter\n`);
});
