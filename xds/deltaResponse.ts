/**
 * Encodes a DeltaDiscoveryResponse around resources that are encoded already: each is copied once.
 * A RouteConfiguration of megabytes is pushed for every changed route, so the general encoder, which would build the
 * message twice over, is not used here. Field numbers: envoy/service/discovery/v3/discovery.proto, google/protobuf/any.proto.
 */
import type { EncodedResource } from '../api/resource.ts';

export interface DeltaResponse {
  /** For people who debug; Envoy shows it and does nothing with it. */
  systemVersion: string;
  typeUrl: string;
  nonce: string;
  resources: readonly EncodedResource[];
  /** Names of resources that are gone, or never were. */
  removed: readonly string[];
}

/** A length-delimited field (wire type 2) has the key `number << 3 | 2`; all numbers here are below 16, so it is one byte. */
const key = (fieldNumber: number): number => (fieldNumber << 3) | 2;

const response = {
  systemVersionInfo: key(1),
  resources: key(2),
  typeUrl: key(4),
  nonce: key(5),
  removedResources: key(6),
};
const resourceField = { version: key(1), resource: key(2), name: key(3) };
const anyField = { typeUrl: key(1), value: key(2) };

/** The most memory that an encoder keeps between messages, in bytes. */
const largestKept = 8 * 2 ** 20;

/** Encodes messages one after the other into the same memory: a fresh megabyte costs more than filling it. */
export class DeltaResponseEncoder {
  #memory = Buffer.alloc(0);

  /** The wire form of `message`, valid until the next call. */
  encode(message: DeltaResponse): Buffer {
    const sizes = sizesOf(message);
    if (sizes.total > largestKept) return write(message, sizes, Buffer.allocUnsafe(sizes.total));
    if (sizes.total > this.#memory.byteLength) {
      // Some more than is needed now, for a table grows by one route at a time.
      this.#memory = Buffer.allocUnsafeSlow(Math.min(largestKept, Math.ceil(sizes.total * 1.5)));
    }
    return write(message, sizes, this.#memory.subarray(0, sizes.total));
  }
}

/** The wire form of `message`. */
export function encodeDeltaResponse(message: DeltaResponse): Buffer {
  const sizes = sizesOf(message);
  return write(message, sizes, Buffer.allocUnsafe(sizes.total));
}

/** The length of the wire form of `message`, in bytes. */
export function deltaResponseSize(message: DeltaResponse): number {
  return sizesOf(message).total;
}

interface Sizes {
  total: number;
  /** Of each resource: its `Any`, and the whole. */
  resources: { any: number; wrapped: number }[];
}

function sizesOf(message: DeltaResponse): Sizes {
  const resources = message.resources.map((resource) => {
    const any = fieldSize(Buffer.byteLength(message.typeUrl)) + fieldSize(resource.bytes.byteLength);
    const wrapped =
      fieldSize(Buffer.byteLength(resource.version)) + fieldSize(any) + fieldSize(Buffer.byteLength(resource.name));
    return { any, wrapped };
  });
  const total =
    fieldSize(Buffer.byteLength(message.systemVersion)) +
    fieldSize(Buffer.byteLength(message.typeUrl)) +
    fieldSize(Buffer.byteLength(message.nonce)) +
    resources.reduce((sum, { wrapped }) => sum + fieldSize(wrapped), 0) +
    message.removed.reduce((sum, name) => sum + fieldSize(Buffer.byteLength(name)), 0);
  return { total, resources };
}

function write(message: DeltaResponse, sizes: Sizes, buffer: Buffer): Buffer {
  const writer = new Writer(buffer);
  writer.text(response.systemVersionInfo, message.systemVersion);
  for (const [index, resource] of message.resources.entries()) {
    const { any, wrapped } = sizes.resources[index]!;
    writer.header(response.resources, wrapped);
    writer.text(resourceField.version, resource.version);
    writer.header(resourceField.resource, any);
    writer.text(anyField.typeUrl, message.typeUrl);
    writer.bytes(anyField.value, resource.bytes);
    writer.text(resourceField.name, resource.name);
  }
  writer.text(response.typeUrl, message.typeUrl);
  writer.text(response.nonce, message.nonce);
  for (const name of message.removed) writer.text(response.removedResources, name);
  return writer.buffer;
}

function fieldSize(length: number): number {
  return 1 + varintSize(length) + length;
}

function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) size++;
  return size;
}

class Writer {
  readonly buffer: Buffer;
  #at = 0;

  constructor(buffer: Buffer) {
    this.buffer = buffer;
  }

  header(field: number, length: number): void {
    this.buffer[this.#at++] = field;
    let rest = length;
    for (; rest > 127; rest = Math.floor(rest / 128)) this.buffer[this.#at++] = (rest % 128) | 128;
    this.buffer[this.#at++] = rest;
  }

  text(field: number, value: string): void {
    this.header(field, Buffer.byteLength(value));
    this.#at += this.buffer.write(value, this.#at);
  }

  bytes(field: number, value: Uint8Array): void {
    this.header(field, value.byteLength);
    this.buffer.set(value, this.#at);
    this.#at += value.byteLength;
  }
}
