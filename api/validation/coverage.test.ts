/** The objects that are tried against a real API server break every CEL rule: none is only believed to work. */
import { expect, test } from 'vitest';
import { findKind, knownKinds, validateObject } from './index.ts';
import { mutations } from './mutations.fixture.ts';
import type { Node } from './node.ts';
import { badObjects, goodObjects } from './objects.fixture.ts';

/** Rules that another part of the schema speaks before, or that only an update can break. */
const unreachable = [
  // Only an update breaks it; api/rules.integration.test.ts tries ours.
  'ControlPlane: dataPlaneRef cannot be changed: make another ControlPlane for the other DataPlane',
  'GatewayClass: Value is immutable',
  'XMesh: Value is immutable',
  // The keys of the list say so first.
  'Gateway: Listener name must be unique within the Gateway',
  'Gateway: Port for TLS configuration must be unique within the Gateway',
  'ListenerSet: Listener name must be unique within the Gateway',
  // The enum says so first.
  "HTTPRoute: type must be one of ['Exact', 'PathPrefix', 'RegularExpression']",
  // The pattern of a host name says so first.
  'TLSRoute: Hostnames must be valid based on RFC-1123',
  'TLSRoute: Wildcards on hostnames must be the first label, and the rest of hostname must be valid based on RFC-1123',
];

function* messagesBelow(node: Node): Generator<string> {
  for (const { source } of node.rules) yield source.message ?? source.rule;
  for (const { node: property } of node.properties.values()) yield* messagesBelow(property);
  if (node.items !== undefined) yield* messagesBelow(node.items);
  if (node.values !== undefined) yield* messagesBelow(node.values);
}

function specOf(kind: (typeof knownKinds)[number]): Node | undefined {
  const found = findKind(kind.group === '' ? kind.version : `${kind.group}/${kind.version}`, kind.kind);
  return 'known' in found ? found.known.node(found.version).properties.get('spec')?.node : undefined;
}

test('every rule is broken by an object that a real API server has judged too', () => {
  const said = new Set<string>();
  const objects = [
    ...badObjects,
    ...goodObjects.flatMap((object) => [...mutations(object)].map((change) => change.object)),
  ];
  for (const object of objects) {
    for (const { message } of validateObject(object).errors ?? []) {
      said.add(`${(object as { kind: string }).kind}: ${message}`);
    }
  }
  const declared = knownKinds.flatMap((kind) => {
    const spec = specOf(kind);
    return spec === undefined ? [] : [...messagesBelow(spec)].map((message) => `${kind.kind}: ${message}`);
  });
  expect(declared.length).toBeGreaterThan(150);
  expect([...new Set(declared)].filter((message) => !said.has(message)).toSorted()).toEqual(unreachable.toSorted());
});
