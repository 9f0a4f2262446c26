import type { MaybePromise } from '@lunbox/block';

/** SAM-5 5.3.1 status codes that this device server answers with. */
export const Status = {
  GOOD: 0x00,
  CHECK_CONDITION: 0x02,
  CONDITION_MET: 0x04,
  BUSY: 0x08,
  RESERVATION_CONFLICT: 0x18,
  TASK_SET_FULL: 0x28,
  ACA_ACTIVE: 0x30,
  TASK_ABORTED: 0x40,
} as const;

/** SAM-5 8.1 task attributes. */
export type TaskAttribute = 'simple' | 'ordered' | 'head-of-queue' | 'aca';

/** One command as a transport hands it to the device server. */
export interface ScsiCommand {
  /** The CDB: at least 16 bytes (padded as the transport received it), 32 or more with an extended CDB. */
  readonly cdb: Uint8Array;
  readonly attribute: TaskAttribute;
  /**
   * Bytes that the initiator said it will send (iSCSI: Expected Data Transfer Length of a write), where the
   * transport knows.
   */
  readonly dataOutLengthBytes?: number;
  /**
   * Set by the transport when a task management function aborts the command; long commands look at it between
   * steps.
   */
  aborted: boolean;
}

/** The command has ended. */
export interface Finished {
  readonly kind: 'finished';
  readonly status: number;
  /** More about the status, 16 bits (SAM-5 5.3.2); nothing when left out. */
  readonly statusQualifier?: number;
  /** Autosense: with CHECK CONDITION always, with GOOD when the initiator asked for it (G_SENSE of EXTENDED COPY). */
  readonly sense?: Uint8Array;
  /** Data-In of a command that answers with a parameter block; already cut to the allocation length. */
  readonly data?: Uint8Array;
}

/**
 * The command sends `lengthBytes` to the initiator; the transport pulls them, in any order and piece size,
 * and the status is then GOOD.
 */
export interface DataIn {
  readonly kind: 'data-in';
  readonly lengthBytes: number;
  /**
   * Fills `into` from byte `offsetBytes` of the transfer. Throws or rejects only with a
   * `CheckConditionError`.
   */
  read(into: readonly Uint8Array[], offsetBytes: number): MaybePromise<void>;
  /** Called once when the transfer is over or the task is dropped: the task has left the task set. */
  end?(): void;
}

/**
 * The command wants `lengthBytes` from the initiator; the transport pushes what it gets, then asks for the
 * end.
 */
export interface DataOut {
  readonly kind: 'data-out';
  readonly lengthBytes: number;
  /**
   * Consumes a piece at byte `offsetBytes` of the transfer; pieces may arrive in any order, each once. Throws
   * or rejects only with a `CheckConditionError`.
   */
  write(from: readonly Uint8Array[], offsetBytes: number): MaybePromise<void>;
  /**
   * Called once, after every `write` has completed; `receivedBytes` may be less than `lengthBytes` when the
   * initiator's transfer length was shorter.
   */
  finish(receivedBytes: number): MaybePromise<Finished>;
  /**
   * Called once after {@link DataOut.finish} has completed, or when the task is dropped: the task has left
   * the task set.
   */
  end?(): void;
}

/** What a command asks of its transport next. */
export type Execution = Finished | DataIn | DataOut;
