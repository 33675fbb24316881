import { expect, test } from 'vitest';
import {
  advanceSessionTicketSecrets,
  createSessionTicketSecrets,
  decodeSessionTicketSecrets,
  encodeSessionTicketSecrets,
  nextSessionTicketStep,
  sessionTicketKeysOf,
} from './sessionTickets.ts';

const start = new Date('2026-01-01T00:00:00Z');

test('a key is known before it encrypts, decrypts after it did, and is forgotten', () => {
  let state = createSessionTicketSecrets(start);
  const next = state.secrets.at(-1)!;
  const periods: (readonly string[])[] = [];
  for (let step = 0; step < 5; step++) {
    periods.push(state.secrets);
    state = advanceSessionTicketSecrets(state, nextSessionTicketStep(state));
  }
  const places = periods.map((secrets) =>
    secrets[0] === next ? 'encrypts' : secrets.includes(next) ? 'decrypts' : '',
  );
  expect(places).toEqual(['decrypts', 'encrypts', 'decrypts', 'decrypts', '']);
  // What encrypted in one period is known in the next, whichever replica of the proxies was told first.
  for (const [index, secrets] of periods.slice(1).entries()) expect(secrets).toContain(periods[index]![0]);
});

test('nothing happens before it is due', () => {
  const state = createSessionTicketSecrets(start);
  expect(advanceSessionTicketSecrets(state, new Date(nextSessionTicketStep(state).getTime() - 1))).toBe(state);
});

test('keys are 80 bytes, the same on every replica, and of one DataPlane alone', () => {
  const state = createSessionTicketSecrets(start);
  const decoded = decodeSessionTicketSecrets(encodeSessionTicketSecrets(state))!;
  expect(decoded).toEqual(state);
  const keys = sessionTicketKeysOf(state, 'shop/web');
  expect(keys.map(({ length }) => length)).toEqual([80, 80]);
  expect(sessionTicketKeysOf(decoded, 'shop/web')).toEqual(keys);
  expect(sessionTicketKeysOf(state, 'shop/api')).not.toEqual(keys);
});

test.each([[undefined], [{}], [{ 'session-tickets': 'Z2FyYmFnZQ==', 'session-tickets-since': 'Z2FyYmFnZQ==' }]])(
  'a Secret with %j holds none',
  (data) => {
    expect(decodeSessionTicketSecrets(data)).toBeUndefined();
  },
);
