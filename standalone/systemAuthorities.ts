/** Where systems keep the authorities that they trust. */
import { existsSync } from 'node:fs';

/** Debian and Alpine, Red Hat, SUSE, macOS and FreeBSD. */
const places = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

/**
 * The file of this system; undefined where there is none of those that are known.
 * @param exists whether a file exists
 */
export function systemAuthorities(exists: (path: string) => boolean = existsSync): string | undefined {
  return places.find(exists);
}
