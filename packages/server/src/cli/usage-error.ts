/** The command line asks for something that makes no sense; ends with the exit code for wrong usage. */
export class UsageError extends Error {
  override readonly name: string = 'UsageError';
}
