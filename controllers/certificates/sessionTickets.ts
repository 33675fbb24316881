/**
 * What the session ticket keys of all DataPlanes are made from, and its rotation, as pure functions of a state and the time.
 *
 * A ticket is what a client of TLS brings to resume its session without a full handshake; whoever has the key can read it.
 * All proxies of a DataPlane have the same keys, so that a client may come back to any of them. A key is known to all proxies
 * for a period before it encrypts, and decrypts for some after: nobody meets a proxy that does not know its ticket. What is
 * older is forgotten, so that it cannot be taken from here to read what was recorded.
 * Source: Envoy docs, TlsSessionTicketKeys; RFC 5077, 8446; RFC 5869 (HKDF).
 */
import { hkdfSync, randomBytes } from 'node:crypto';

export interface SessionTicketSecrets {
  /** 32 bytes each, as base64: the present one, those before it from young to old, and the next one last. */
  secrets: readonly string[];
  /** When the present one began to encrypt. */
  since: Date;
}

const hour = 60 * 60 * 1000;
/** How long a key encrypts. */
const period = 12 * hour;
/** How many keys that encrypted before still decrypt: longer than a session can be resumed with TLS 1.2. */
const kept = 2;
const secretLength = 32;
/** Bytes of Envoy's key: a name of 16, and 32 each for HMAC and AES. */
const keyLength = 80;

export function createSessionTicketSecrets(now: Date): SessionTicketSecrets {
  return { secrets: [makeSecret(), makeSecret()], since: now };
}

function makeSecret(): string {
  return randomBytes(secretLength).toString('base64');
}

/** When {@link advanceSessionTicketSecrets} has something to do next. */
export function nextSessionTicketStep({ since }: SessionTicketSecrets): Date {
  return new Date(since.getTime() + period);
}

/** The secrets as they must be now: the same object where nothing is due. */
export function advanceSessionTicketSecrets(state: SessionTicketSecrets, now: Date): SessionTicketSecrets {
  if (now.getTime() < nextSessionTicketStep(state).getTime()) return state;
  const past = state.secrets.slice(0, -1);
  return { secrets: [state.secrets.at(-1)!, ...past.slice(0, kept), makeSecret()], since: now };
}

/** The keys of a DataPlane as its proxies take them. Nobody can tell from them those of another. */
export function sessionTicketKeysOf({ secrets }: SessionTicketSecrets, dataPlane: string): Uint8Array[] {
  const info = `sluice session tickets ${dataPlane}`;
  return secrets.map(
    (secret) => new Uint8Array(hkdfSync('sha256', Buffer.from(secret, 'base64'), '', info, keyLength)),
  );
}

const keys = { secrets: 'session-tickets', since: 'session-tickets-since' } as const;

/** Their part of a Secret's `data`. */
export function encodeSessionTicketSecrets({ secrets, since }: SessionTicketSecrets): Record<string, string> {
  const encode = (text: string): string => Buffer.from(text).toString('base64');
  return { [keys.secrets]: encode(secrets.join('\n')), [keys.since]: encode(since.toISOString()) };
}

/** Those that a Secret holds; undefined where it holds none that can be used: new ones cost each client one handshake. */
export function decodeSessionTicketSecrets(data: Record<string, string> | undefined): SessionTicketSecrets | undefined {
  const decode = (key: string): string => Buffer.from(data?.[key] ?? '', 'base64').toString('utf8');
  const secrets = decode(keys.secrets).split('\n');
  const since = new Date(decode(keys.since));
  const isSound = secrets.length >= 2 && secrets.every((each) => Buffer.from(each, 'base64').length === secretLength);
  return isSound && !Number.isNaN(since.getTime()) ? { secrets, since } : undefined;
}
