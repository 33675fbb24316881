/** What is wrong with the user's files: one sentence each, at a place. */

/** Lines and columns count from 1, as editors do. */
export interface Position {
  line: number;
  column: number;
}

export interface Place extends Position {
  /** As the user named it, or below a directory that the user named. */
  file: string;
}

/** CamelCase reasons of problems; docs/standalone.md explains them. */
export type ProblemReason =
  | 'Unreadable'
  | 'InvalidSyntax'
  | 'NotAnObject'
  | 'UnknownKind'
  | 'UnknownVersion'
  | 'Invalid'
  | 'Duplicate'
  | 'NotOurClass'
  | 'ServiceAddress';

export interface Problem {
  reason: ProblemReason;
  file: string;
  /** Absent where the whole file is meant. */
  position?: Position;
  /** One sentence. */
  message: string;
}

/** `file:line:column`, which terminals and editors make clickable. */
export function formatPlace(file: string, position: Position | undefined): string {
  return position === undefined ? file : `${file}:${position.line}:${position.column}`;
}

/** One line for the terminal. */
export function formatProblem(problem: Problem): string {
  return `${formatPlace(problem.file, problem.position)}: ${problem.message}`;
}

/** Joins names as a sentence does: `a`, `a and b`, `a, b and c`. */
export function enumerate(names: readonly string[], conjunction: 'and' | 'or' = 'and'): string {
  if (names.length < 2) return names.join('');
  return `${names.slice(0, -1).join(', ')} ${conjunction} ${names.at(-1)}`;
}
