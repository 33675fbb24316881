/**
 * The string formats that the API server checks. Others are documentation.
 * Source: k8s.io/apiextensions-apiserver, `pkg/apiserver/validation/formats.go`.
 */
import { isIPv4, isIPv6 } from 'node:net';

/** Whether the text is an address without a zone and not an IPv4 address in IPv6 notation. Source: Kubernetes CEL library, `isIP`. */
export function isAddress(text: string): boolean {
  return isIPv4(text) || (isIPv6(text) && !text.includes('%') && !isMappedIPv4(text));
}

/** Whether the text is an address block. Source: Kubernetes CEL library, `isCIDR`. */
export function isAddressBlock(text: string): boolean {
  const match = /^([^/]+)\/(0|[1-9][0-9]{0,2})$/.exec(text);
  if (match === null || !isAddress(match[1]!)) return false;
  return Number(match[2]) <= (isIPv4(match[1]!) ? 32 : 128);
}

function isMappedIPv4(text: string): boolean {
  const groups = new URL(`http://[${text}]`).hostname;
  return groups.startsWith('[::ffff:');
}

/** The year, month and day exist, the time does, and it says its offset. Source: RFC 3339, section 5.6. */
function isDateTime(text: string): boolean {
  const match = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/.exec(text);
  if (match === null) return false;
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const last = new Date(Date.UTC(year, month, 0)).getUTCDate();
  return month >= 1 && month <= 12 && day >= 1 && day <= last && hour < 24 && minute < 60 && second < 60;
}

function isBase64(text: string): boolean {
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);
}

interface Format {
  /** To stand after "must be". */
  inWords: string;
  accepts: (text: string) => boolean;
}

/** Formats by name. Numeric formats are in `structural.ts`. */
export const formats: ReadonlyMap<string, Format> = new Map([
  ['ipv4', { inWords: 'an IPv4 address such as 192.0.2.1', accepts: isIPv4 }],
  ['ipv6', { inWords: 'an IPv6 address such as 2001:db8::1', accepts: (text) => isIPv6(text) && !text.includes('%') }],
  ['cidr', { inWords: 'an address block such as 192.0.2.0/24', accepts: isAddressBlock }],
  ['date-time', { inWords: 'a time such as 2026-01-31T12:00:00Z', accepts: isDateTime }],
  ['byte', { inWords: 'base64', accepts: isBase64 }],
]);
