import { fromBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DeltaDiscoveryResponseSchema } from '../api/envoy/envoy/service/discovery/v3/discovery_pb.ts';
import { DeltaResponseEncoder, deltaResponseSize, encodeDeltaResponse } from './deltaResponse.ts';

const text = fc.string({ unit: 'grapheme', maxLength: 200 });
const resource = fc.record({ name: text, version: text, bytes: fc.uint8Array({ maxLength: 300 }) });

test('any decoder reads what was encoded', () => {
  fc.assert(
    fc.property(
      fc.record({
        systemVersion: text,
        typeUrl: text,
        nonce: text,
        resources: fc.array(resource, { maxLength: 5 }),
        removed: fc.array(text, { maxLength: 5 }),
      }),
      (message) => {
        const decoded = fromBinary(DeltaDiscoveryResponseSchema, encodeDeltaResponse(message));
        expect({
          systemVersion: decoded.systemVersionInfo,
          typeUrl: decoded.typeUrl,
          nonce: decoded.nonce,
          resources: decoded.resources.map(({ name, version, resource: any }) => {
            expect(any?.typeUrl).toBe(message.typeUrl);
            return { name, version, bytes: Uint8Array.from(any?.value ?? []) };
          }),
          removed: decoded.removedResources,
        }).toEqual(message);
      },
    ),
  );
});

test('an encoder uses its memory again, whatever comes', () => {
  const encoder = new DeltaResponseEncoder();
  for (const length of [10, 0, 5000, 20, 9 * 2 ** 20, 3]) {
    const resources = [{ name: 'n', version: 'v', bytes: new Uint8Array(length).fill(length) }];
    const message = { systemVersion: '1', typeUrl: 't', nonce: '1', resources, removed: ['gone'] };
    expect(deltaResponseSize(message)).toBe(encodeDeltaResponse(message).byteLength);
    expect(encoder.encode(message).equals(encodeDeltaResponse(message))).toBe(true);
  }
});

test('lengths of more than one byte per seven bits', () => {
  for (const length of [127, 128, 16_383, 16_384, 2_097_151, 2_097_152]) {
    const bytes = Buffer.alloc(length, 7);
    const encoded = encodeDeltaResponse({
      systemVersion: '1',
      typeUrl: 't',
      nonce: '1',
      resources: [{ name: 'n', version: 'v', bytes }],
      removed: [],
    });
    const decoded = fromBinary(DeltaDiscoveryResponseSchema, encoded);
    expect(Buffer.compare(bytes, decoded.resources[0]!.resource!.value)).toBe(0);
  }
});
