/**
 * Secrets as the translation takes them: parsed once, with the last good certificate while a Secret has a fault, and read
 * again when a certificate expires.
 */
import type { Secret } from '../api/core.ts';
import type { ObjectKey } from '../api/object.ts';
import { readCertificate, type CertificateSource, type SourceChange } from '../translate/index.ts';

// setTimeout takes no more than a signed 32-bit number of milliseconds.
const longestTimeout = 2 ** 31 - 1;

export class CertificateFeed {
  private readonly known = new Map<ObjectKey, { secret: Secret | undefined; source: CertificateSource }>();
  private readonly emit: (change: SourceChange) => void;
  private readonly now: () => number;
  private timer: NodeJS.Timeout | undefined;

  /** @param emit called for every change of what is served or of its fault */
  constructor(emit: (change: SourceChange) => void, now: () => number = Date.now) {
    this.emit = emit;
    this.now = now;
  }

  /** Takes a Secret that was added, changed or, where it is undefined, deleted. */
  set(key: ObjectKey, secret: Secret | undefined): void {
    const lastGood = this.known.get(key)?.source.certificate;
    if (secret === undefined && lastGood === undefined) {
      this.known.delete(key);
      this.emit({ kind: 'Secret', key, object: undefined });
      return;
    }
    const source = readCertificate(secret, lastGood, this.now());
    this.known.set(key, { secret, source });
    this.emit({ kind: 'Secret', key, object: source });
    this.arm();
  }

  /** What is known now, for a control plane that begins later. */
  *current(): Iterable<SourceChange> {
    for (const [key, { source }] of this.known) yield { kind: 'Secret', key, object: source };
  }

  close(): void {
    clearTimeout(this.timer);
  }

  private arm(): void {
    clearTimeout(this.timer);
    let next = Infinity;
    for (const { source } of this.known.values()) {
      if (source.certificate !== undefined && source.fault === undefined)
        next = Math.min(next, source.certificate.notAfter);
    }
    if (next === Infinity) return;
    this.timer = setTimeout(() => this.expire(), Math.min(longestTimeout, Math.max(0, next - this.now())));
    this.timer.unref();
  }

  private expire(): void {
    const now = this.now();
    const due = [...this.known].filter(
      ([, { source }]) => source.fault === undefined && (source.certificate?.notAfter ?? Infinity) <= now,
    );
    for (const [key, { secret }] of due) this.set(key, secret);
    this.arm();
  }
}
