/**
 * Finds out whom a NACK is about.
 *
 * Envoy takes the clusters and listeners of a response one by one, keeps the good ones, and reports the bad ones in one
 * text: `Error adding/updating cluster(s) NAME: WHY, NAME: WHY`, `Error adding/updating listener(s) NAME: WHY\n…`
 * (source/common/upstream/cds_api_impl.cc, source/common/listener_manager/lds_api.cc). Any other text means that the whole
 * response was thrown out at the first fault, and says nothing reliable about which resource had it.
 * Envoy cuts the text at 4,096 bytes and marks that (`Utility::truncateGrpcStatusMessage`).
 */
const partialPrefix = /^Error adding\/updating (?:cluster|listener)\(s\) /;
const truncationMark = '...(truncated)';

/**
 * Envoy's words about each refused resource, by name; every other name of the response was accepted.
 * Undefined if the text does not tell: then some were perhaps accepted, and nobody knows which.
 * @param message `error_detail.message` of the NACK
 * @param names the resources that the refused response carried
 */
export function refusedResources(message: string, names: Iterable<string>): Map<string, string> | undefined {
  const prefix = partialPrefix.exec(message);
  if (prefix === null || message.endsWith(truncationMark)) return undefined;
  const starts: { name: string; from: number; wordsFrom: number }[] = [];
  for (const name of names) {
    const at = reportOf(name, message, prefix[0].length);
    if (at !== undefined) starts.push({ name, from: at, wordsFrom: at + name.length + 2 });
  }
  if (starts.length === 0) return undefined;
  starts.sort((left, right) => left.from - right.from);
  // Anything between the prefix and the first name would be the report on a resource that we do not recognise.
  if (starts[0]!.from !== prefix[0].length) return undefined;
  return new Map(
    starts.map(({ name, wordsFrom }, index) => {
      const words = message.slice(wordsFrom, starts[index + 1]?.from ?? message.length);
      return [name, words.replace(/[,\s]+$/, '')];
    }),
  );
}

/**
 * A NACK's text without the dump of the refused message that Envoy puts before a failed proto constraint: it says nothing
 * to a reader, and for a secret it would carry the key into logs and status.
 */
export function withoutDump(message: string): string {
  const reason = message.lastIndexOf('Proto constraint validation failed');
  return message.startsWith('goo.gle/debug') && reason !== -1 ? message.slice(reason) : message;
}

/** Where the report on `name` starts: after the prefix, or after the separator that ends another report. */
function reportOf(name: string, message: string, start: number): number | undefined {
  const report = `${name}: `;
  for (let at = message.indexOf(report, start); at !== -1; at = message.indexOf(report, at + 1)) {
    if (at === start || message[at - 1] === '\n' || message.slice(at - 2, at) === ', ') return at;
  }
  return undefined;
}
