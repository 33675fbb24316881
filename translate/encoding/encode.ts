/** Protobuf encoding of Envoy's messages: each message once, and its bytes reused inside what contains it. */
import { hash } from 'node:crypto';
import { create, toBinary, type DescMessage, type MessageInitShape } from '@bufbuild/protobuf';
import { anyPack, type Any } from '@bufbuild/protobuf/wkt';
import type { EncodedResource } from '../../api/resource.ts';

/** What a message is made from: its fields, each optional. */
export type Init<Schema extends DescMessage> = Extract<MessageInitShape<Schema>, { $typeName?: never }>;

/** The binary form of a message. Source: protobuf docs, "Encoding". */
export function encode<Schema extends DescMessage>(schema: Schema, init: Init<Schema>): Uint8Array {
  return toBinary(schema, create(schema, init as MessageInitShape<Schema>));
}

/** A message as `google.protobuf.Any`, in which Envoy takes extensions. */
export function pack<Schema extends DescMessage>(schema: Schema, init: Init<Schema>): Any {
  return anyPack(schema, create(schema, init as MessageInitShape<Schema>));
}

/** A message made of `head` and, as one repeated field, of messages that are encoded already. */
export function appendRepeated(head: Uint8Array, field: number, messages: Iterable<Uint8Array>): Uint8Array {
  const tag = (field << 3) | 2;
  if (tag > 127) throw new Error(`field ${field} needs a longer tag than this function writes`);
  const list = [...messages];
  let size = head.length;
  for (const message of list) size += 1 + varintLength(message.length) + message.length;
  const bytes = new Uint8Array(size);
  bytes.set(head);
  let offset = head.length;
  for (const message of list) {
    bytes[offset++] = tag;
    let rest = message.length;
    while (rest > 127) {
      bytes[offset++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    bytes[offset++] = rest;
    bytes.set(message, offset);
    offset += message.length;
  }
  return bytes;
}

function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest > 127; rest >>>= 7) length++;
  return length;
}

/** A resource whose version is the hash of its content, so that every replica gives it the same. */
export function resource(name: string, bytes: Uint8Array, clusters?: () => Iterable<string>): EncodedResource {
  const version = hash('sha1', bytes, 'base64url');
  return clusters === undefined ? { name, version, bytes } : { name, version, bytes, clusters };
}

/** Whether two resources have the same content. */
export function sameResource(before: EncodedResource, after: EncodedResource): boolean {
  return before.version === after.version;
}

/** Whether two byte strings are the same. */
export function sameBytes(before: Uint8Array, after: Uint8Array): boolean {
  return before === after || Buffer.compare(before, after) === 0;
}
