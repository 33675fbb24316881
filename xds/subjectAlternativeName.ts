/**
 * The URI names in Node's text form of a certificate's subject alternative names, e.g. `DNS:a, URI:spiffe://b/c`.
 * Values with characters that could be taken for separators come as JSON strings
 * (Node.js documentation, `X509Certificate.subjectAltName`), so a crafted name cannot pass for two.
 */
export function uriNames(subjectAlternativeName: string): string[] {
  const names: string[] = [];
  const entry = /(?:^|, )([^:,"]+):("(?:[^"\\]|\\.)*"|[^,"]*)/gy;
  for (const [, kind, value] of subjectAlternativeName.matchAll(entry)) {
    if (kind === 'URI') names.push(value!.startsWith('"') ? String(JSON.parse(value!)) : value!);
  }
  return names;
}
