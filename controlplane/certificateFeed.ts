/**
 * Secrets and ConfigMaps as the translation takes them: parsed once, and read again when what is in them expires. Of a
 * Secret the last good certificate is kept while it has a fault.
 */
import type { ConfigMap, Secret } from '../api/core.ts';
import type { ObjectKey } from '../api/object.ts';
import {
  readAuthorityConfigMap,
  readCertificate,
  type CertificateAuthoritySource,
  type CertificateSource,
  type SourceChange,
} from '../translate/index.ts';

// setTimeout takes no more than a signed 32-bit number of milliseconds.
const longestTimeout = 2 ** 31 - 1;

export class CertificateFeed {
  private readonly secrets = new Map<ObjectKey, { secret: Secret | undefined; source: CertificateSource }>();
  private readonly configMaps = new Map<ObjectKey, { configMap: ConfigMap; source: CertificateAuthoritySource }>();
  private readonly emit: (change: SourceChange) => void;
  private readonly now: () => number;
  private timer: NodeJS.Timeout | undefined;
  /** When it wakes; Infinity where nothing expires. */
  private next = Infinity;

  /** @param emit called for every change of what is served or of its fault */
  constructor(emit: (change: SourceChange) => void, now: () => number = Date.now) {
    this.emit = emit;
    this.now = now;
  }

  /** Takes a Secret that was added, changed or, where it is undefined, deleted. */
  set(key: ObjectKey, secret: Secret | undefined): void {
    const lastGood = this.secrets.get(key)?.source.certificate;
    if (secret === undefined && lastGood === undefined) {
      this.secrets.delete(key);
      this.emit({ kind: 'Secret', key, object: undefined });
      return;
    }
    const source = readCertificate(secret, lastGood, this.now());
    this.secrets.set(key, { secret, source });
    this.emit({ kind: 'Secret', key, object: source });
    this.arm(expiryOf(source));
  }

  /** Takes a ConfigMap that was added, changed or, where it is undefined, deleted. */
  setConfigMap(key: ObjectKey, configMap: ConfigMap | undefined): void {
    if (configMap === undefined) {
      if (this.configMaps.delete(key)) this.emit({ kind: 'ConfigMap', key, object: undefined });
      return;
    }
    const source = readAuthorityConfigMap(configMap, this.now());
    this.configMaps.set(key, { configMap, source });
    this.emit({ kind: 'ConfigMap', key, object: source });
    this.arm(authorityExpiry(source));
  }

  /** What is known now, for a control plane that begins later. */
  *current(): Iterable<SourceChange> {
    for (const [key, { source }] of this.secrets) yield { kind: 'Secret', key, object: source };
    for (const [key, { source }] of this.configMaps) yield { kind: 'ConfigMap', key, object: source };
  }

  close(): void {
    clearTimeout(this.timer);
  }

  /** Wakes at that time at the latest: not all are looked at for each that comes. */
  private arm(time: number): void {
    if (time >= this.next) return;
    clearTimeout(this.timer);
    this.next = time;
    this.timer = setTimeout(() => this.expire(), Math.min(longestTimeout, Math.max(0, time - this.now())));
    this.timer.unref();
  }

  private expire(): void {
    this.next = Infinity;
    const now = this.now();
    const secrets = [...this.secrets].filter(([, { source }]) => expiryOf(source) <= now);
    const configMaps = [...this.configMaps].filter(([, { source }]) => authorityExpiry(source) <= now);
    for (const [key, { secret }] of secrets) this.set(key, secret);
    for (const [key, { configMap }] of configMaps) this.setConfigMap(key, configMap);
    let next = Infinity;
    for (const { source } of this.secrets.values()) next = Math.min(next, expiryOf(source));
    for (const { source } of this.configMaps.values()) next = Math.min(next, authorityExpiry(source));
    this.arm(next);
  }
}

function authorityExpiry({ authority }: CertificateAuthoritySource): number {
  return authority?.notAfter ?? Infinity;
}

/** When a Secret must be read again: the next of its certificates that is not known to have expired ends. */
function expiryOf({ certificate, fault, authority }: CertificateSource): number {
  const own = fault === undefined ? (certificate?.notAfter ?? Infinity) : Infinity;
  return Math.min(own, authority === undefined ? Infinity : authorityExpiry(authority));
}
