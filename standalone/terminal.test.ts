import { expect, test } from 'vitest';

import { createLogger } from './terminal.ts';

function log(format: 'text' | 'json', level = 'info'): { lines: string[]; logger: ReturnType<typeof createLogger> } {
  const lines: string[] = [];
  return { lines, logger: createLogger({ level, format, write: (text) => lines.push(text) }) };
}

test('sentences for people, with the level where it is no everyday matter', () => {
  const { lines, logger } = log('text');
  logger.info('All is well.');
  logger.error({ err: new Error('the reason'), proxy: 'x' }, 'It broke.');
  logger.debug('hidden');
  expect(lines.map((line) => line.replace(/^\d\d:\d\d:\d\d /, ''))).toEqual([
    'All is well.\n',
    'error: It broke. (the reason, proxy=x)\n',
  ]);
});

test('JSON for machines', () => {
  const { lines, logger } = log('json');
  logger.warn({ proxy: 'x' }, 'Look.');
  expect(JSON.parse(lines[0]!)).toMatchObject({ level: 40, msg: 'Look.', proxy: 'x' });
});
