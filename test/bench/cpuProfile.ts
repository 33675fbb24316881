/** The CPU profiler of this process, for `--profile`: what it writes opens in the developer tools of browsers. */
import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';

export class CpuProfile {
  #session: Session | undefined;

  /** Starts the profiler or, with a file name, ends it and writes its `.cpuprofile` there. */
  async toggle(file: string | null): Promise<null> {
    if (file === null) {
      this.#session = new Session();
      this.#session.connect();
      await this.#session.post('Profiler.enable');
      await this.#session.post('Profiler.setSamplingInterval', { interval: 250 });
      await this.#session.post('Profiler.start');
      return null;
    }
    const stopped = await this.#session?.post('Profiler.stop');
    this.#session?.disconnect();
    this.#session = undefined;
    if (stopped !== undefined) writeFileSync(file, JSON.stringify(stopped.profile));
    return null;
  }
}
