import type { SessionIdentity } from '../session.ts';

/** A SCSI command as an observer sees it. Its bytes may be used again once the call is over. */
export interface ObservedCommand {
  readonly initiatorTaskTag: number;
  /** The 8 bytes of the SAM LUN. */
  readonly lun: Uint8Array;
  readonly cdb: Uint8Array;
  readonly read: boolean;
  readonly write: boolean;
  readonly expectedDataTransferLength: number;
  /** SAM status; undefined while the command runs, and when it ended without one because it was aborted. */
  readonly status: number | undefined;
  /** Data moved in either direction. */
  readonly movedBytes: number;
  /** For the observer: when the command started, on a clock of its own. */
  startedMs: number;
}

/**
 * Hears of every SCSI command: when the device server gets it, and when it has its status or is aborted. Called
 * on the data path: it must be quick, and must not throw.
 */
export interface CommandObserver {
  /** The device server gets the command. */
  started(command: ObservedCommand, session: SessionIdentity): void;
  /** The command has its status, or is over without one. */
  finished(command: ObservedCommand, session: SessionIdentity): void;
  /** The session is over; commands that it left behind may still finish, aborted. */
  sessionEnded(session: SessionIdentity): void;
}
