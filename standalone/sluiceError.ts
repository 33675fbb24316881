/**
 * Errors that a user can do something about. Each code stands here once, with the exit code that the `sluice` command
 * ends with; docs/standalone.md lists them.
 */

/** The error codes, and the exit code of the process that each of them ends. */
export const exitCodes = {
  /** The command line is wrong: an unknown flag, a value that cannot be read. */
  InvalidArgument: 2,
  /** There is no Envoy binary, or it does not run. */
  EnvoyNotFound: 3,
  /** A file or directory named on the command line is not there or cannot be read. */
  FileNotFound: 4,
  /** A directory that has to be written to cannot be written to. */
  NotWritable: 5,
  /** A cluster cannot be reached, or may not be read. */
  ClusterUnreachable: 6,
} as const;

export type ErrorCode = keyof typeof exitCodes;

/** An error whose message is one sentence that says what to do. */
export class SluiceError extends Error {
  override readonly name = 'SluiceError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The words of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The code of an error of the operating system (`ENOENT`), where it has one. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
