/** Shares the event loop between control planes, in short slices, so that a huge one starves nobody. */

/** Work that can be done in slices. */
export interface Task {
  /** Works until done or out of time. @returns whether it is done */
  slice(outOfTime: () => boolean): boolean;
}

const sliceMilliseconds = 5;

export class Scheduler {
  private readonly due = new Set<Task>();
  private running = false;

  /** Has the task run soon; one that is due already runs once. */
  schedule(task: Task): void {
    this.due.add(task);
    this.wake();
  }

  /** Forgets a task. */
  cancel(task: Task): void {
    this.due.delete(task);
  }

  private wake(): void {
    if (this.running || this.due.size === 0) return;
    this.running = true;
    setImmediate(() => {
      this.running = false;
      this.runOne();
      this.wake();
    });
  }

  /** Runs a slice of the task that waited longest; one that is not done goes to the end. */
  private runOne(): void {
    const [task] = this.due;
    if (task === undefined) return;
    this.due.delete(task);
    const end = performance.now() + sliceMilliseconds;
    if (!task.slice(() => performance.now() >= end)) this.due.add(task);
  }
}
