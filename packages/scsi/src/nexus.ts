import type { MaybePromise } from '@lunbox/block';
import type { SupportedTmf } from './data/supported-tmf.ts';
import type { Execution, ScsiCommand } from './execution.ts';

/** What a transport tells about a new I_T nexus, and how it wants to be called back. */
export interface NexusOptions {
  /**
   * SCSI name of the initiator port, e.g. `iqn.…,i,0x00023d000001` (RFC 7143 §2.4.1.1). Persistent
   * reservations are keyed by it and by `relativePort`.
   */
  readonly initiatorPort: string;
  /** iSCSI name of the target, for the SCSI name string designators of VPD page 83h. */
  readonly targetName: string;
  /**
   * Relative target port identifier and target portal group tag, 1–65535 (VPD page 83h). The former is another
   * one for each target port through which a unit can be reached.
   */
  readonly relativePort: number;
  readonly portalGroupTag: number;
  /**
   * What the initiator may see: LUNs as it names them, and the LUN of the target behind each; no LUN of the
   * target twice. Without it, every LUN under its own number.
   */
  readonly lunMap?: ReadonlyMap<number, number>;
  /**
   * True when every unit is write protected for this initiator, whatever it is for others. It may not change modes,
   * stop a unit or reserve it either, which others would feel.
   */
  readonly readOnly?: boolean;
  /**
   * What the initiator has proven itself to be, by whatever means; equal texts stand for the same proof. Third-party
   * copies reach units of other targets only where the same initiator port has proven the same; without it they reach
   * those of this nexus only. See `CopyDomain`.
   */
  readonly principal?: string;
  /**
   * Who the initiator is to units that are not for everybody, see `RightsSource`: the name that it has proven, or else
   * the one that it goes by. Undefined is nobody that such a unit could know.
   */
  readonly user?: string;
  /**
   * The task management functions that the transport carries out for this nexus, for REPORT SUPPORTED TASK MANAGEMENT
   * FUNCTIONS. Default: ABORT TASK, ABORT TASK SET, CLEAR ACA, CLEAR TASK SET and LOGICAL UNIT RESET.
   */
  readonly taskManagement?: Partial<SupportedTmf>;
  /**
   * Tasks of this nexus on `lun` were aborted by someone else (LOGICAL UNIT RESET, PREEMPT AND ABORT), or by the
   * failure of another command (QERR), which is the `except`ed one and goes on: the transport sets `aborted` of the
   * others, drops them without status, and calls `end` of each when nothing of it is at work any more. PREEMPT AND
   * ABORT is answered after that.
   */
  onTasksAborted(lun: number, except?: ScsiCommand): void;
  /**
   * A unit has another capacity, or the LUNs have changed: a transport that can tells the initiator at once, with
   * this sense data. The unit attention stays pending all the same.
   */
  onUnitChanged?(lun: number, sense: Uint8Array): void;
}

/** A unit attention condition that a nexus has yet to hear of. */
export interface PendingAttention {
  readonly asc: number;
  readonly ascq: number;
  /** How many conditions are pending, this one included. */
  readonly count: number;
}

/** One I_T nexus: an initiator port talking to a target. */
export interface Nexus {
  /** Starts a command addressed to the 8-byte SAM LUN. Never throws: every failure is a status. */
  execute(lun: Uint8Array, command: ScsiCommand): MaybePromise<Execution>;
  /** True when the 8-byte LUN addresses a logical unit of this target (task management needs to know). */
  hasUnit(lun: Uint8Array): boolean;
  /**
   * LOGICAL UNIT RESET task management function (SAM-5 7.7): aborts, releases, raises unit attentions; the
   * caller's own tasks are reported by `onTasksAborted` too. Returns false when there is no such unit.
   */
  resetUnit(lun: Uint8Array): boolean;
  /**
   * CLEAR TASK SET task management function (SAM-5 7.5): the tasks of every nexus on the unit, with TST 001b those of
   * this one, are aborted and reported by `onTasksAborted`, the caller's own too. Returns false when there is no such
   * unit.
   */
  clearTaskSet(lun: Uint8Array): boolean;
  /**
   * What QUERY ASYNCHRONOUS EVENT answers (SAM-5 7.9): the unit attention condition that is pending, which stays
   * so; undefined when there is none, or no such unit.
   */
  pendingAttention(lun: Uint8Array): PendingAttention | undefined;
  /**
   * The transport has ended tasks of this nexus on the unit without status, as with a connection that is gone: the
   * next command hears of it by the unit attention 47h/7Fh (RFC 7143 §11.14.5).
   */
  commandsCleared(lun: Uint8Array): void;
  /**
   * The transport has set `aborted` of commands of this nexus on the unit: those that wait for their turn, or that an
   * ACA condition blocks, end now.
   */
  commandsAborted(lun: Uint8Array): void;
  /**
   * A command of this nexus ends with CHECK CONDITION, whoever made that status. To be called before a later command
   * is handed over: with NACA it establishes an ACA condition, and QERR may abort others (SAM-5 5.9). What
   * {@link Nexus.execute} has answered with needs no such call, and does no harm.
   */
  commandFailed(lun: Uint8Array, command: ScsiCommand): void;
  /**
   * CLEAR ACA task management function (SAM-5 7.3): the ACA condition of this nexus ends, if there is one, and what it
   * blocked goes on. The transport has aborted the commands with the ACA attribute. Returns false when there is no such
   * unit.
   */
  clearAca(lun: Uint8Array): boolean;
  /** TARGET WARM/COLD RESET: every unit is reset. */
  resetTarget(): void;
  /**
   * I_T nexus loss (SAM-5 6.3.4): reservations of RESERVE(6) and ACA conditions of the nexus end, pending unit
   * attentions go. The transport has aborted the commands of the nexus, and said so, before. Idempotent.
   */
  close(): void;
}
