import { cutBuffers } from '@lunbox/block';
import { NO_TTT, writeDataOut, writeScsiCommand, type DataInHeader, type R2tHeader } from '@lunbox/iscsi-pdu';
import type { DataOutHeader, ScsiCommandHeader } from '@lunbox/iscsi-pdu';
import { protocolError } from './errors.ts';
import type { Numbering } from './numbering.ts';
import type { Outbox } from './outbox.ts';
import type { SessionParameters } from './parameters.ts';
import type { Task } from './task.ts';

const NO_DATA: readonly Uint8Array[] = [];

/** Sends commands and their data, and judges where incoming data belongs. Headers are written in place. */
export class DataTransfer {
  readonly #outbox: Outbox;
  readonly #numbering: Numbering;
  readonly #parameters: SessionParameters;
  readonly #command: ScsiCommandHeader = newCommandHeader();
  readonly #dataOut: DataOutHeader = newDataOutHeader();

  constructor(outbox: Outbox, numbering: Numbering, parameters: SessionParameters) {
    this.#outbox = outbox;
    this.#numbering = numbering;
    this.#parameters = parameters;
  }

  /** Sends the command, with as much data as may go without being asked for (RFC 7143 §4.2.5.2). */
  start(task: Task): void {
    const { request } = task;
    const { immediateData, initialR2t, firstBurstBytes, maxSendSegmentBytes } = this.#parameters;
    const firstBurst = request.write === undefined ? 0 : Math.min(firstBurstBytes, task.lengthBytes);
    const immediate = immediateData ? Math.min(firstBurst, maxSendSegmentBytes) : 0;
    const unsolicited = initialR2t ? immediate : firstBurst;
    const header = this.#command;
    header.final = unsolicited === immediate;
    header.read = request.read !== undefined;
    header.write = request.write !== undefined;
    header.dataLength = immediate;
    header.lunHigh = task.lunHigh;
    header.initiatorTaskTag = task.initiatorTaskTag;
    header.expectedDataTransferLength = task.lengthBytes;
    header.cmdSn = task.cmdSn;
    header.expStatSn = this.#numbering.expStatSn;
    const at = this.#outbox.reserve();
    writeScsiCommand(this.#outbox.slab, at, header, request.cdb);
    this.#commit(task, at, 0, immediate);
    if (unsolicited > immediate) this.#sendDataOut(task, NO_TTT, immediate, unsolicited - immediate);
  }

  /**
   * Sends what an R2T asks for (RFC 7143 §11.8).
   *
   * @throws InitiatorError `INITIATOR_PROTOCOL` when it asks for what the command does not have.
   */
  answerR2t(task: Task, r2t: R2tHeader): void {
    const { bufferOffset, desiredDataTransferLength } = r2t;
    if (task.request.write === undefined) throw protocolError('R2T for a command without Data-Out');
    // RFC 7143 §11.8.2: R2TSN counts up from 0 for each command.
    if (r2t.r2tSn !== task.nextDataSn) throw protocolError(`R2TSN ${r2t.r2tSn}, not ${task.nextDataSn}`);
    task.nextDataSn++;
    const inside = bufferOffset + desiredDataTransferLength <= task.lengthBytes;
    const withinBurst = desiredDataTransferLength <= this.#parameters.maxBurstBytes;
    if (!inside || !withinBurst || desiredDataTransferLength === 0) {
      throw protocolError(`R2T for ${desiredDataTransferLength} bytes at ${bufferOffset}`);
    }
    this.#sendDataOut(task, r2t.targetTransferTag, bufferOffset, desiredDataTransferLength);
  }

  /**
   * Where the data of a Data-In PDU goes: a view of the task's buffer, or undefined when it spans several and
   * has to be copied ({@link DataTransfer.storeDataIn}).
   *
   * @throws InitiatorError `INITIATOR_PROTOCOL` when it is out of order or more than was asked for.
   */
  placeDataIn(task: Task, header: DataInHeader): Uint8Array | undefined {
    if (task.request.read === undefined) throw protocolError('Data-In for a command without it');
    const { bufferOffset, dataLength, dataSn } = header;
    // RFC 7143 §11.7.5, and §13.18, §13.19: both order keys are Yes, as we offered them.
    if (dataSn !== task.nextDataSn) throw protocolError(`DataSN ${dataSn}, not ${task.nextDataSn}`);
    if (bufferOffset !== task.receivedBytes || bufferOffset + dataLength > task.lengthBytes) {
      throw protocolError(`Data-In of ${dataLength} bytes at ${bufferOffset} of ${task.lengthBytes}`);
    }
    task.nextDataSn++;
    task.receivedBytes += dataLength;
    if (dataLength === 0) return undefined;
    const [only, ...more] = cutBuffers(task.buffers, bufferOffset, dataLength);
    return more.length === 0 ? only : undefined;
  }

  /** Copies the data of a PDU that had no single place. */
  storeDataIn(task: Task, bufferOffset: number, data: Uint8Array): void {
    let at = 0;
    for (const part of cutBuffers(task.buffers, bufferOffset, data.length)) {
      part.set(data.subarray(at, at + part.length));
      at += part.length;
    }
  }

  /** One sequence of Data-Out PDUs: DataSN from 0, the F bit on the last (RFC 7143 §11.7.1, §11.7.5). */
  #sendDataOut(task: Task, targetTransferTag: number, offset: number, lengthBytes: number): void {
    const header = this.#dataOut;
    const end = offset + lengthBytes;
    header.lunHigh = task.lunHigh;
    header.initiatorTaskTag = task.initiatorTaskTag;
    header.targetTransferTag = targetTransferTag;
    header.expStatSn = this.#numbering.expStatSn;
    header.dataSn = 0;
    for (let at = offset; at < end; at += this.#parameters.maxSendSegmentBytes) {
      const length = Math.min(end - at, this.#parameters.maxSendSegmentBytes);
      header.final = at + length === end;
      header.dataLength = length;
      header.bufferOffset = at;
      const place = this.#outbox.reserve();
      writeDataOut(this.#outbox.slab, place, header);
      this.#commit(task, place, at, length);
      header.dataSn++;
    }
  }

  #commit(task: Task, at: number, offset: number, lengthBytes: number): void {
    if (lengthBytes === 0) {
      this.#outbox.commit(at, NO_DATA, 0);
      return;
    }
    task.lend();
    this.#outbox.commit(at, cutBuffers(task.buffers, offset, lengthBytes), lengthBytes, task);
  }
}

function newCommandHeader(): ScsiCommandHeader {
  return {
    immediate: false,
    final: true,
    read: false,
    write: false,
    // SIMPLE: the device server may reorder (SAM-5 8.1).
    attribute: 1,
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
