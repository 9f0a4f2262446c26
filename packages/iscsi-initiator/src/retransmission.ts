import { RESERVED_TAG, SnackType, writeU32, type DataInHeader } from '@lunbox/iscsi-pdu';
import { InitiatorError } from './errors.ts';
import type { Numbering } from './numbering.ts';
import type { Outbox } from './outbox.ts';
import { StatusSequence } from './status-sequence.ts';
import type { Task } from './task.ts';

const NO_LUN = new Uint8Array(8);
/** All data of one command is asked for again so many times. */
const MAX_RESTARTS = 8;

/**
 * Asks for PDUs again that were lost or unreadable: what a connection of ErrorRecoveryLevel 1 or 2 has beyond one of
 * level 0 (RFC 7143 §7.8, §7.9, §11.16).
 */
export class Retransmission {
  /** The statuses of the connection. */
  readonly statuses: StatusSequence;
  readonly #outbox: Outbox;
  readonly #numbering: Numbering;

  constructor(outbox: Outbox, numbering: Numbering) {
    this.#outbox = outbox;
    this.#numbering = numbering;
    this.statuses = new StatusSequence(numbering, (begRun, runLength) => {
      this.#snack(SnackType.STATUS, RESERVED_TAG, begRun, runLength);
    });
  }

  /** A Data-In PDU (DataSN) or R2T (R2TSN) up to `end` is to be there: asks for those before that are not. */
  numberedBefore(task: Task, end: number): void {
    if (end <= task.nextDataSn) return;
    if (task.resegmented) return this.restart(task);
    const count = end - task.nextDataSn;
    task.makeHoles().open(task.nextDataSn, end, task.nextOffset);
    this.#snack(SnackType.DATA_OR_R2T, task.initiatorTaskTag, task.nextDataSn, count);
    task.nextDataSn = end;
  }

  /**
   * A Data-In PDU has a wrong data digest: it is as if it had not come, and asked for.
   *
   * @throws InitiatorError `INITIATOR_DIGEST` when asking again is of no use.
   */
  spoiltDataIn(task: Task, { dataSn, bufferOffset, dataLength }: DataInHeader): void {
    if (task.restarting) {
      if (dataSn !== task.nextDataSn || bufferOffset !== task.nextOffset) return;
      task.restarting = false;
    }
    if (dataSn >= task.nextDataSn) {
      this.numberedBefore(task, dataSn + 1);
      if (!task.restarting) task.nextOffset = bufferOffset + dataLength;
      return;
    }
    if (task.holes?.has(dataSn) !== true) return;
    if (!task.holes.mayAskAgain()) throw new InitiatorError({ code: 'INITIATOR_DIGEST', part: 'data' });
    this.#snack(SnackType.DATA_OR_R2T, task.initiatorTaskTag, dataSn, 1);
  }

  /**
   * Asks for all data that was not acknowledged, cut anew, and for a response with a tag of its own: what is missing
   * was cut for another MaxRecvDataSegmentLength (R-Data SNACK, RFC 7143 §11.16.3).
   *
   * @throws InitiatorError `INITIATOR_DIGEST` when asking again is of no use.
   */
  restart(task: Task): void {
    if (task.held !== undefined) this.statuses.reopen(task.held.statSn);
    task.restart();
    if (task.snackTag > MAX_RESTARTS) throw new InitiatorError({ code: 'INITIATOR_DIGEST', part: 'data' });
    this.#snack(SnackType.R_DATA, task.initiatorTaskTag, 0, 0, task.snackTag);
  }

  /** The A bit asks for an acknowledgement, which waits until nothing is missing (RFC 7143 §11.16.2). */
  acknowledgeData(task: Task, { targetTransferTag, lunHigh, lunLow }: DataInHeader): void {
    const lun = new Uint8Array(8);
    writeU32(lun, 0, lunHigh);
    writeU32(lun, 4, lunLow);
    task.wantedAck = { targetTransferTag, lun };
    this.sendDataAck(task);
  }

  /** Sends the acknowledgement that the A bit asked for, if nothing is missing. */
  sendDataAck(task: Task): void {
    if (task.wantedAck === undefined || task.lacksData) return;
    const { targetTransferTag, lun } = task.wantedAck;
    task.wantedAck = undefined;
    task.ackedDataSn = task.nextDataSn;
    task.ackedOffset = task.nextOffset;
    this.#snack(SnackType.DATA_ACK, RESERVED_TAG, task.nextDataSn, 0, targetTransferTag, lun);
  }

  #snack(
    snackType: number,
    initiatorTaskTag: number,
    begRun: number,
    runLength: number,
    targetTransferTag: number = RESERVED_TAG,
    lun: Uint8Array = NO_LUN,
  ): void {
    const { expStatSn } = this.#numbering;
    const tags = { lun, initiatorTaskTag, targetTransferTag };
    this.#outbox.send({ type: 'snack', snackType, ...tags, expStatSn, begRun, runLength });
  }
}
