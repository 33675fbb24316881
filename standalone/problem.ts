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

/** What kind of problem it is. */
export type ProblemReason =
  | 'Unreadable'
  | 'InvalidSyntax'
  | 'NotAnObject'
  | 'UnknownKind'
  | 'UnknownVersion'
  | 'Invalid'
  | 'Duplicate'
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
