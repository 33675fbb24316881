/**
 * `listeners[].tls.options` under our domain: what Gateway API leaves to implementations. Options of other domains are others'.
 * Source: Gateway API, ListenerTLSConfig.options; Envoy docs, extensions.transport_sockets.tls.v3.TlsParameters.
 */
import { group } from '../../api/names.ts';

/** What a listener that terminates TLS offers its clients; undefined is the default. */
export interface TLSOptions {
  minimumVersion?: TLSVersion;
  maximumVersion?: TLSVersion;
  /** OpenSSL's names, in order of preference; for TLS 1.2. */
  cipherSuites?: string[];
  /** In order of preference. */
  curves?: string[];
  /** Application protocols, in order of preference. */
  alpn?: string[];
}

export type TLSVersion = '1.2' | '1.3';

const versions: readonly string[] = ['1.2', '1.3'] satisfies TLSVersion[];

/** All that BoringSSL has for TLS 1.2. Source: Envoy docs, TlsParameters.cipher_suites. */
const cipherSuites: readonly string[] = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
  'ECDHE-ECDSA-AES128-SHA',
  'ECDHE-RSA-AES128-SHA',
  'ECDHE-ECDSA-AES256-SHA',
  'ECDHE-RSA-AES256-SHA',
  'AES128-GCM-SHA256',
  'AES256-GCM-SHA384',
  'AES128-SHA',
  'AES256-SHA',
];

/** Source: Envoy docs, TlsParameters.ecdh_curves. */
const curves: readonly string[] = ['X25519', 'P-256', 'P-384', 'P-521', 'X25519MLKEM768'];

const protocols: readonly string[] = ['h2', 'http/1.1'];

const keys = {
  minimumVersion: `${group}/tls-minimum-version`,
  maximumVersion: `${group}/tls-maximum-version`,
  cipherSuites: `${group}/tls-cipher-suites`,
  curves: `${group}/tls-curves`,
  alpn: `${group}/tls-alpn`,
} as const;

/**
 * The options of a listener, or one sentence on what is wrong with them.
 * @param applications whether the listener speaks HTTP, so that the application protocols are known
 */
export function tlsOptions(
  options: Readonly<Record<string, string>> | undefined,
  applications: boolean,
): TLSOptions | string {
  const result: TLSOptions = {};
  for (const [key, value] of Object.entries(options ?? {})) {
    if (!key.startsWith(`${group}/`)) continue;
    const fault = take(result, key, value, applications);
    if (fault !== undefined) return fault;
  }
  if (result.minimumVersion === '1.3' && result.maximumVersion === '1.2') {
    return `tls.options allow no version: ${keys.minimumVersion} is above ${keys.maximumVersion}`;
  }
  return result;
}

function take(result: TLSOptions, key: string, value: string, applications: boolean): string | undefined {
  switch (key) {
    case keys.minimumVersion:
    case keys.maximumVersion:
      if (!versions.includes(value)) return wrong(key, value, versions);
      result[key === keys.minimumVersion ? 'minimumVersion' : 'maximumVersion'] = value as TLSVersion;
      return undefined;
    case keys.cipherSuites:
      return takeList(key, value, cipherSuites, (list) => (result.cipherSuites = list));
    case keys.curves:
      return takeList(key, value, curves, (list) => (result.curves = list));
    case keys.alpn:
      return takeList(key, value, applications ? protocols : undefined, (list) => (result.alpn = list));
    default:
      return `tls.options has the unknown key ${key}: use ${Object.values(keys).join(', ')}`;
  }
}

function takeList(
  key: string,
  value: string,
  known: readonly string[] | undefined,
  put: (list: string[]) => void,
): string | undefined {
  const list = [...new Set(value.split(',').map((item) => item.trim()))];
  const unknown = list.find((item) => (known === undefined ? item === '' || item.length > 255 : !known.includes(item)));
  if (unknown !== undefined) return wrong(key, unknown, known ?? ['names of protocols, each up to 255 characters']);
  put(list);
  return undefined;
}

function wrong(key: string, value: string, known: readonly string[]): string {
  const shown = value.length <= 60 ? value : `${value.slice(0, 57)}...`;
  return `tls.options has "${shown}" in ${key}: use ${known.join(', ')}`;
}
