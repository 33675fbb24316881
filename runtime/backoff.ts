/** Delays between attempts. */

export interface BackoffOptions {
  /** The first delay, in milliseconds. */
  initialMs: number;
  /** No delay is longer, jitter aside. */
  maximumMs: number;
  /** Each delay is this many times the one before; default 2. */
  factor?: number;
  /** A delay is stretched by a random part of up to this fraction, so that many waiters do not come back at once; default 0.5. */
  jitter?: number;
}

/** The delay before attempt `attempt` (0, 1, 2 …), in milliseconds. */
export function backoffDelay(options: BackoffOptions, attempt: number, random: () => number = Math.random): number {
  const { initialMs, maximumMs, factor = 2, jitter = 0.5 } = options;
  const delay = Math.min(maximumMs, initialMs * factor ** Math.min(attempt, 64));
  return delay * (1 + jitter * random());
}

/** Waits. Ends early, without an error, when the signal aborts. */
export function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) {
      resolve();
      return;
    }
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal?.addEventListener('abort', end, { once: true });
  });
}
