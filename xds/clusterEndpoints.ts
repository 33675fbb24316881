/** Reads the one thing about a cluster that its delivery depends on, without decoding the rest of it. */

// envoy/config/cluster/v3/cluster.proto: name = 1, type = 2 (EDS = 3), eds_cluster_config = 3; EdsClusterConfig: service_name = 2.
const clusterField = { name: 1, type: 2, edsClusterConfig: 3 };
const discoveryTypeEds = 3;
const serviceNameField = 2;

/**
 * The name under which a cluster asks for its endpoints over EDS; undefined if it has its endpoints otherwise.
 * @param bytes an `envoy.config.cluster.v3.Cluster`
 * @throws RangeError if `bytes` is not a protobuf message
 */
export function endpointsNameOf(bytes: Uint8Array): string | undefined {
  let name = '';
  let type = 0;
  let serviceName = '';
  for (const field of fields(bytes)) {
    if (field.number === clusterField.name && field.bytes !== undefined) name = text(field.bytes);
    else if (field.number === clusterField.type && field.varint !== undefined) type = field.varint;
    else if (field.number === clusterField.edsClusterConfig && field.bytes !== undefined) {
      for (const inner of fields(field.bytes)) {
        if (inner.number === serviceNameField && inner.bytes !== undefined) serviceName = text(inner.bytes);
      }
    }
  }
  if (type !== discoveryTypeEds) return undefined;
  return serviceName === '' ? name : serviceName;
}

interface Field {
  number: number;
  varint?: number;
  bytes?: Uint8Array;
}

/** The fields of a message, in the order they stand (protobuf.dev, "Encoding"). */
function* fields(bytes: Uint8Array): Generator<Field> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++];
      if (byte === undefined) throw new RangeError('the message ends within a number: it is not a protobuf message');
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  const skip = (length: number): Uint8Array => {
    if (at + length > bytes.byteLength) {
      throw new RangeError('the message ends within a field: it is not a protobuf message');
    }
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.byteLength) {
    const header = varint();
    const number = Math.floor(header / 8);
    switch (header % 8) {
      case 0:
        yield { number, varint: varint() };
        break;
      case 1:
        skip(8);
        break;
      case 2:
        yield { number, bytes: skip(varint()) };
        break;
      case 5:
        skip(4);
        break;
      default:
        throw new RangeError(`field ${number} has wire type ${header % 8}: the bytes are not a protobuf message`);
    }
  }
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}
