/**
 * Finds the routes for which proxies refuse a table. A table is taken or refused as a whole, so one bad route in it would
 * hold up all others: the routes that changed since the table was last taken are left out, then let in again in
 * batches; a batch that is refused is halved, and one route that is refused alone stays out until it is edited. Pure.
 */

export interface QuarantineChange {
  /** The id of a route. */
  route: string;
  /** Undefined where the route is let in again. */
  message: string | undefined;
}

export class Quarantine {
  /** Routes that are out until their turn comes. */
  private waiting: string[] = [];
  /** Routes that were let in and that the proxies have not answered yet. */
  private trial: string[] = [];
  private batch = 1;

  /** Whether a route's turn is still to come, so that nothing can be said of it yet. */
  isUndecided(route: string): boolean {
    return this.waiting.includes(route) || this.trial.includes(route);
  }

  /** Whether any route is undecided. */
  get busy(): boolean {
    return this.waiting.length > 0 || this.trial.length > 0;
  }

  /**
   * The proxies refused the table.
   * @param changed the routes that changed since it was last taken
   */
  refused(changed: readonly string[], message: string): QuarantineChange[] {
    const suspects = [...new Set([...this.trial, ...changed])];
    this.trial = [];
    if (suspects.length <= 1) {
      this.batch = 1;
      return suspects.map((route) => ({ route, message }));
    }
    this.waiting = [...suspects, ...this.waiting.filter((route) => !suspects.includes(route))];
    this.batch = Math.max(1, Math.floor(suspects.length / 2));
    return suspects.map((route) => ({ route, message }));
  }

  /** The proxies took the table: the next batch may come in. */
  accepted(): QuarantineChange[] {
    if (this.trial.length > 0) this.batch *= 2;
    this.trial = this.waiting.splice(0, this.batch);
    return this.trial.map((route) => ({ route, message: undefined }));
  }
}
