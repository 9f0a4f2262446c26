import { cutBuffers } from '@lunbox/block';
import {
  extendedCdbAhsLength,
  NO_TTT,
  TaskAttributeCode,
  writeDataOut,
  writeExtendedCdb,
  writeScsiCommand,
  type DataInHeader,
  type R2tHeader,
} from '@lunbox/iscsi-pdu';
import type { DataOutHeader, ScsiCommandHeader } from '@lunbox/iscsi-pdu';
import type { TaskAttribute } from '@lunbox/scsi';
import { formatError, protocolError } from './errors.ts';
import type { Numbering } from './numbering.ts';
import type { Outbox } from './outbox.ts';
import type { SessionParameters } from './parameters.ts';
import type { Retransmission } from './retransmission.ts';
import type { OutSequence, Task } from './task.ts';

const NO_DATA: readonly Uint8Array[] = [];
/** R2Ts for a command that is being ended, beyond which the target is out of its mind. */
const MAX_UNSENT = 1024;

const ATTRIBUTE_CODES: Readonly<Record<TaskAttribute, number>> = {
  simple: TaskAttributeCode.SIMPLE,
  ordered: TaskAttributeCode.ORDERED,
  'head-of-queue': TaskAttributeCode.HEAD_OF_QUEUE,
  aca: TaskAttributeCode.ACA,
};

/** Sends commands and their data, and judges where incoming data belongs. Headers are written in place. */
export class DataTransfer {
  readonly #outbox: Outbox;
  readonly #numbering: Numbering;
  readonly #parameters: SessionParameters;
  readonly #retransmission: Retransmission | undefined;
  readonly #command: ScsiCommandHeader = newCommandHeader();
  readonly #dataOut: DataOutHeader = newDataOutHeader();

  /** @param retransmission - From ErrorRecoveryLevel 1 on: PDUs may be missing, and are asked for again. */
  constructor(
    outbox: Outbox,
    numbering: Numbering,
    parameters: SessionParameters,
    retransmission: Retransmission | undefined,
  ) {
    this.#outbox = outbox;
    this.#numbering = numbering;
    this.#parameters = parameters;
    this.#retransmission = retransmission;
  }

  /**
   * Sends the command, with as much data as may go without being asked for (RFC 7143 §4.2.5.2); or sends it again,
   * which is the same PDUs.
   */
  start(task: Task): void {
    const { request } = task;
    const { immediateData, initialR2t, firstBurstBytes, protocolLevel } = this.#parameters;
    const firstBurst = request.write === undefined ? 0 : Math.min(firstBurstBytes, task.lengthBytes);
    const immediate = immediateData ? Math.min(firstBurst, this.#segmentBytes) : 0;
    const unsolicited = initialR2t ? immediate : firstBurst;
    const header = this.#command;
    const ahsLength = extendedCdbAhsLength(request.cdb.length);
    header.ahsLength = ahsLength;
    header.final = unsolicited === immediate;
    header.attribute = ATTRIBUTE_CODES[request.attribute ?? 'simple'];
    header.read = request.read !== undefined;
    header.write = request.write !== undefined;
    // RFC 7144 §5.1.1: 0 below level 2.
    header.priority = protocolLevel >= 2 ? (request.priority ?? 0) : 0;
    header.dataLength = immediate;
    header.lunHigh = task.lunHigh;
    header.initiatorTaskTag = task.initiatorTaskTag;
    header.expectedDataTransferLength = task.lengthBytes;
    header.cmdSn = task.cmdSn;
    header.expStatSn = this.#numbering.expStatSn;
    const at = this.#outbox.reserve();
    writeScsiCommand(this.#outbox.slab, at, header, request.cdb);
    if (ahsLength > 0) writeExtendedCdb(this.#outbox.slab, at, request.cdb);
    this.#commit(task, at, 0, immediate, ahsLength);
    if (unsolicited > immediate) this.#sendDataOut(task, NO_TTT, immediate, unsolicited - immediate);
  }

  /**
   * Sends what an R2T asks for (RFC 7143 §11.8); also what it asks for again, since a recovery R2T is an R2T with the
   * next R2TSN. Duplicates are dropped (RFC 7143 §7.9).
   *
   * @throws InitiatorError `INITIATOR_PROTOCOL` when it asks for what the command does not have.
   */
  answerR2t(task: Task, r2t: R2tHeader): void {
    const { bufferOffset, desiredDataTransferLength, r2tSn } = r2t;
    if (task.request.write === undefined) throw formatError('R2T for a command without Data-Out');
    // RFC 7143 §11.8: the LUN of its command. Some targets leave the field zero; the tag names the command anyway.
    const isOwnLun = r2t.lunHigh === task.lunHigh >>> 0 || r2t.lunHigh === 0;
    if (!isOwnLun || r2t.lunLow !== 0) throw formatError('R2T for another unit');
    const inside = bufferOffset + desiredDataTransferLength <= task.lengthBytes;
    const withinBurst = desiredDataTransferLength <= this.#parameters.maxBurstBytes;
    if (!inside || !withinBurst || desiredDataTransferLength === 0) {
      throw formatError(`R2T for ${desiredDataTransferLength} bytes at ${bufferOffset}`);
    }
    if (!this.#takeR2tSn(task, r2tSn)) return;
    this.#sendDataOut(task, r2t.targetTransferTag, bufferOffset, desiredDataTransferLength);
  }

  /** Sends what was held back: the task goes on after all. */
  resume(task: Task): void {
    const { unsent = [] } = task;
    task.unsent = undefined;
    for (const { targetTransferTag, bufferOffset, lengthBytes } of unsent) {
      this.#sendDataOut(task, targetTransferTag, bufferOffset, lengthBytes);
    }
  }

  /**
   * Where the data of a Data-In PDU goes: a view of the task's buffer, or undefined when it has none: it spans several
   * and has to be copied ({@link DataTransfer.storeDataIn}), or is there already.
   *
   * @throws InitiatorError `INITIATOR_PROTOCOL` when it is out of order or more than was asked for.
   */
  placeDataIn(task: Task, header: DataInHeader): Uint8Array | undefined {
    if (task.request.read === undefined) throw formatError('Data-In for a command without it');
    const { bufferOffset, dataLength, dataSn } = header;
    // RFC 7143 §11.7.5, and §13.18, §13.19: both order keys are Yes, as we offered them.
    const inTurn = dataSn === task.nextDataSn && bufferOffset === task.nextOffset;
    if (!inTurn && !this.#mayBeOutOfTurn(task, header)) {
      throw protocolError(
        `DataSN ${dataSn} at ${bufferOffset}, not ${task.nextDataSn} at ${task.nextOffset}`,
      );
    }
    if (bufferOffset + dataLength > task.lengthBytes) {
      throw formatError(`Data-In of ${dataLength} bytes at ${bufferOffset} of ${task.lengthBytes}`);
    }
    if (dataLength === 0 || !isNew(task, header)) return undefined;
    const [only, ...more] = cutBuffers(task.buffers, bufferOffset, dataLength);
    return more.length === 0 ? only : undefined;
  }

  /** A Data-In PDU has come whole. False when it came before (RFC 7143 §7.9). */
  takeDataIn(task: Task, header: DataInHeader): boolean {
    const { dataSn, bufferOffset, dataLength } = header;
    const end = bufferOffset + dataLength;
    if (task.restarting) {
      if (!isNew(task, header)) return false;
      task.restarting = false;
    }
    if (dataSn < task.nextDataSn) {
      if (task.holes?.fill(dataSn, end) !== true) return false;
    } else {
      this.#retransmission?.numberedBefore(task, dataSn);
      // All of it comes again.
      if (task.restarting) return false;
      task.nextDataSn = dataSn + 1;
      task.nextOffset = end;
    }
    task.receivedBytes += dataLength;
    return true;
  }

  /** Copies the data of a PDU that had no single place. */
  storeDataIn(task: Task, bufferOffset: number, data: Uint8Array): void {
    let at = 0;
    for (const part of cutBuffers(task.buffers, bufferOffset, data.length)) {
      part.set(data.subarray(at, at + part.length));
      at += part.length;
    }
  }

  /** RFC 7143 §11.8.2: R2TSN counts up from 0 for each command. False when this one has come before. */
  #takeR2tSn(task: Task, r2tSn: number): boolean {
    if (r2tSn !== task.nextDataSn) {
      if (this.#retransmission === undefined) throw protocolError(`R2TSN ${r2tSn}, not ${task.nextDataSn}`);
      if (r2tSn < task.nextDataSn) return task.holes?.fill(r2tSn, 0) === true;
      this.#retransmission.numberedBefore(task, r2tSn);
    }
    task.nextDataSn = r2tSn + 1;
    return true;
  }

  /** From ErrorRecoveryLevel 1 on: after a hole, in a hole, or again. */
  #mayBeOutOfTurn(task: Task, header: DataInHeader): boolean {
    const { dataSn, bufferOffset, dataLength } = header;
    if (this.#retransmission === undefined) return false;
    // What was under way when all data was asked for again is dropped.
    if (task.restarting) return true;
    if (dataSn > task.nextDataSn) return bufferOffset >= task.nextOffset;
    if (dataSn === task.nextDataSn) return false;
    return !isNew(task, header) || task.receivedBytes + dataLength <= task.lengthBytes;
  }

  /** RFC 7143 §11.7.7: whole words, so that only a last PDU is padded. */
  get #segmentBytes(): number {
    return this.#parameters.maxSendSegmentBytes & ~3;
  }

  /** One sequence of Data-Out PDUs: DataSN from 0, the F bit on the last (RFC 7143 §11.7.1, §11.7.5). */
  #sendDataOut(task: Task, targetTransferTag: number, offset: number, lengthBytes: number): void {
    if (task.unsent !== undefined) return keepBack(task.unsent, targetTransferTag, offset, lengthBytes);
    const header = this.#dataOut;
    const end = offset + lengthBytes;
    header.lunHigh = task.lunHigh;
    header.initiatorTaskTag = task.initiatorTaskTag;
    header.targetTransferTag = targetTransferTag;
    header.expStatSn = this.#numbering.expStatSn;
    header.dataSn = 0;
    for (let at = offset; at < end; at += this.#segmentBytes) {
      const length = Math.min(end - at, this.#segmentBytes);
      header.final = at + length === end;
      header.dataLength = length;
      header.bufferOffset = at;
      const place = this.#outbox.reserve();
      writeDataOut(this.#outbox.slab, place, header);
      this.#commit(task, place, at, length);
      header.dataSn++;
    }
  }

  #commit(task: Task, at: number, offset: number, lengthBytes: number, ahsLength = 0): void {
    if (lengthBytes === 0) {
      this.#outbox.commit(at, NO_DATA, 0, undefined, ahsLength);
      return;
    }
    task.lend();
    this.#outbox.commit(at, cutBuffers(task.buffers, offset, lengthBytes), lengthBytes, task, ahsLength);
  }
}

/** A command that is sent again brings its unsolicited data again. */
function keepBack(
  unsent: OutSequence[],
  targetTransferTag: number,
  offset: number,
  lengthBytes: number,
): void {
  const known = targetTransferTag === NO_TTT && unsent.some((one) => one.targetTransferTag === NO_TTT);
  if (known) return;
  if (unsent.length === MAX_UNSENT) throw protocolError(`${MAX_UNSENT} R2Ts of one command`);
  unsent.push({ targetTransferTag, bufferOffset: offset, lengthBytes });
}

function isNew(task: Task, { dataSn, bufferOffset }: DataInHeader): boolean {
  if (task.restarting) return dataSn === task.nextDataSn && bufferOffset === task.nextOffset;
  return dataSn >= task.nextDataSn || task.holes?.has(dataSn) === true;
}

function newCommandHeader(): ScsiCommandHeader {
  return {
    immediate: false,
    final: true,
    read: false,
    write: false,
    attribute: TaskAttributeCode.SIMPLE,
    priority: 0,
    ahsLength: 0,
    dataLength: 0,
    lunHigh: 0,
    lunLow: 0,
    initiatorTaskTag: 0,
    expectedDataTransferLength: 0,
    cmdSn: 0,
    expStatSn: 0,
  };
}

function newDataOutHeader(): DataOutHeader {
  return {
    final: true,
    dataLength: 0,
    lunHigh: 0,
    lunLow: 0,
    initiatorTaskTag: 0,
    targetTransferTag: NO_TTT,
    expStatSn: 0,
    dataSn: 0,
    bufferOffset: 0,
  };
}
