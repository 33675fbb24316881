import { expect, test } from 'vitest';
import { refusedResources, withoutDump } from './rejectionMessage.ts';

test('clusters are told apart, each with its own words', () => {
  const message =
    "Error adding/updating cluster(s) a/b: cluster manager: no LB for 'a/b', c: duplicate cluster c found, or worse";
  expect(refusedResources(message, ['good', 'c', 'a/b'])).toEqual(
    new Map([
      ['a/b', "cluster manager: no LB for 'a/b'"],
      ['c', 'duplicate cluster c found, or worse'],
    ]),
  );
});

test('so are listeners, which stand on lines', () => {
  const message = "Error adding/updating listener(s) http: address in use\nhttps: no 'tls_certificates'\n";
  expect(refusedResources(message, ['https', 'http', 's'])).toEqual(
    new Map([
      ['http', 'address in use'],
      ['https', "no 'tls_certificates'"],
    ]),
  );
});

test('a name that is part of another one is not meant', () => {
  const message = 'Error adding/updating cluster(s) shop-api: bad';
  expect(refusedResources(message, ['api', 'shop-api'])).toEqual(new Map([['shop-api', 'bad']]));
});

test.each([
  ['Proto constraint validation failed (ClusterValidationError.ConnectTimeout: value must be greater than 0s)'],
  ['Error adding/updating cluster(s) unknown: bad'],
  [`Error adding/updating cluster(s) unknown: bad, a: bad`],
  [`Error adding/updating cluster(s) a: ${'x'.repeat(4050)}...(truncated)`],
])('a text that does not tell whom it is about is not guessed at: %s', (message) => {
  expect(refusedResources(message, ['a', 'b'])).toBeUndefined();
});

test('the dump of a refused message is left out, for it may hold a key', () => {
  const message =
    'goo.gle/debugonly    \nname: "s"\ntls_certificate { private_key { inline_string: "KEY" } }\n: Proto constraint validation failed (SecretValidationError.Name: too short)';
  expect(withoutDump(message)).toBe('Proto constraint validation failed (SecretValidationError.Name: too short)');
  expect(withoutDump('Failed to load certificate chain')).toBe('Failed to load certificate chain');
});
