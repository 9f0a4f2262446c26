import type { Severity } from '@lunbox/storage-object';

/** How `lunbox` ends; `docs/cli.md` lists them. */
export const ExitCode = {
  /** Done, or stopped in order. */
  OK: 0,
  /** A file, a portal or a medium refused: the message says what to do. */
  FAILED: 1,
  /** The command line is wrong. */
  USAGE: 2,
  /** `check`, `repair`: the disk can be served, and somebody should look at it. */
  WARNING: 3,
  /** `check`, `repair`: something is damaged that a repair can mend. */
  DAMAGED: 4,
  /** `check`, `repair`: something is damaged that no repair can mend. */
  LOST: 5,
  /** Stopped by a second Ctrl-C, before everything was in order. */
  FORCED: 130,
} as const;

/** How a command ends that has found something of this severity at worst. */
export const EXIT_CODES: Readonly<Record<Severity, number>> = {
  note: ExitCode.OK,
  warning: ExitCode.WARNING,
  error: ExitCode.DAMAGED,
  loss: ExitCode.LOST,
};
