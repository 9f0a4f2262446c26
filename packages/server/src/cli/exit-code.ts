/** How `lunbox` ends; `docs/cli.md` lists them. */
export const ExitCode = {
  /** Done, or stopped in order. */
  OK: 0,
  /** A file, a portal or a medium refused: the message says what to do. */
  FAILED: 1,
  /** The command line is wrong. */
  USAGE: 2,
  /** Stopped by a second Ctrl-C, before everything was in order. */
  FORCED: 130,
} as const;
