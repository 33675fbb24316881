/** Says each problem once when it appears, and once that it is gone. */
import type { Logger } from 'pino';

import { formatProblem, type Problem } from './problem.ts';

export class ProblemLog {
  readonly #logger: Logger;
  #known = new Map<string, Problem>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** States all problems there are. */
  set(problems: readonly Problem[]): void {
    const current = new Map(problems.map((problem) => [`${problem.file}\n${problem.message}`, problem]));
    for (const [key, problem] of current) {
      if (!this.#known.has(key)) this.#logger.error(formatProblem(problem));
    }
    const filesBefore = new Set([...this.#known.values()].map(({ file }) => file));
    const filesNow = new Set([...current.values()].map(({ file }) => file));
    for (const file of filesBefore) {
      if (!filesNow.has(file)) this.#logger.info(`${file} is in order again.`);
    }
    this.#known = current;
  }

  /** All problems there are. */
  current(): Problem[] {
    return [...this.#known.values()];
  }
}
