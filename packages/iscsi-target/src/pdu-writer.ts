import {
  BHS_LENGTH,
  NO_TTT,
  RESERVED_TAG,
  ResidualFlag,
  crc32c,
  serializePdu,
  writeDataIn,
  writeR2t,
  writeScsiResponse,
  writeU32,
  type DataInHeader,
  type R2tHeader,
  type ScsiResponseHeader,
  type TargetPdu,
} from '@lunbox/iscsi-pdu';
import type { Numbering } from './numbering.ts';
import type { Outbox, PinnedRegion } from './outbox.ts';
import type { Recovery } from './recovery.ts';
import type { Residual } from './residual.ts';
import type { Task } from './task.ts';

const DIGEST_LENGTH = 4;

/** Where every PDU of the target has its ExpCmdSN and its MaxCmdSN. */
const EXP_CMD_SN_OFFSET = 28;
const MAX_CMD_SN_OFFSET = 32;

/** What a Data-In PDU says about its place in the transfer. */
export interface DataInPlace {
  readonly task: Task;
  readonly bufferOffset: number;
  readonly dataSn: number;
  readonly final: boolean;
  /** Target transfer tag of a PDU that asks for a DataACK (A bit, RFC 7143 §11.7.2); FFFFFFFFh on any other. */
  readonly acknowledgeTag: number;
  /** Set on the PDU that carries GOOD status. */
  readonly residual: Residual | undefined;
}

/**
 * Writes PDUs into the outbox of a connection. Data-In, R2T and SCSI Response, of which there are many, are
 * written in place; the others go through the codec. Header objects are used again for each PDU.
 */
export class PduWriter {
  /** Digests of full feature phase; they stay off until the login is over (RFC 7143 §13.1). */
  headerDigest = false;
  dataDigest = false;
  /** From ErrorRecoveryLevel 1 on: takes note of what uses up a StatSN. */
  recovery: Recovery | undefined = undefined;
  readonly #outbox: Outbox;
  readonly #numbering: Numbering;
  readonly #dataIn: DataInHeader = newDataInHeader();
  readonly #r2t: R2tHeader = newR2tHeader();
  readonly #response: ScsiResponseHeader = newResponseHeader();

  constructor(outbox: Outbox, numbering: Numbering) {
    this.#outbox = outbox;
    this.#numbering = numbering;
  }

  /** Sends a PDU that need not be fast. */
  send(pdu: TargetPdu): void {
    const bytes = serializePdu(pdu, { header: this.headerDigest, data: this.dataDigest });
    const at = this.#outbox.reserve(bytes.length);
    this.#outbox.bytes.set(bytes, at);
    this.#outbox.commit(at, bytes.length);
    // RFC 7143 §11.19: a ping shows the next StatSN and does not use it up.
    const isPing = pdu.type === 'nop-in' && pdu.initiatorTaskTag === RESERVED_TAG;
    if (!isPing) this.recovery?.remember(pdu.statSn, bytes, undefined);
  }

  /** Sends a status PDU once more, as it was but with the command window as it is now (RFC 7143 §11.16). */
  sendAgain(pdu: Uint8Array): void {
    const at = this.#outbox.reserve(pdu.length);
    const { bytes } = this.#outbox;
    bytes.set(pdu, at);
    writeU32(bytes, at + EXP_CMD_SN_OFFSET, this.#numbering.expCmdSn);
    writeU32(bytes, at + MAX_CMD_SN_OFFSET, this.#numbering.maxCmdSn);
    if (this.headerDigest) {
      writeDigest(bytes, at + BHS_LENGTH, crc32c(bytes.subarray(at, at + BHS_LENGTH)));
    }
    this.#outbox.commit(at, pdu.length);
  }

  /** Sends a Data-In PDU whose data is elsewhere already. */
  sendDataIn(data: Uint8Array, place: DataInPlace): void {
    const at = this.reserveDataIn(data.length);
    this.dataInView(at, data.length).set(data);
    this.commitDataIn(at, data.length, place);
  }

  /** Room for a Data-In PDU with `lengthBytes` of data. */
  reserveDataIn(lengthBytes: number): number {
    return this.#outbox.reserve(this.#wireLength(lengthBytes));
  }

  /** Where the data of a reserved Data-In PDU goes. */
  dataInView(at: number, lengthBytes: number): Uint8Array {
    const start = at + this.#dataOffset();
    return this.#outbox.bytes.subarray(start, start + lengthBytes);
  }

  /** Gives the latest reservation up. */
  cancelDataIn(at: number): void {
    this.#outbox.cancel(at);
  }

  /** Sends a reserved PDU whose data is in place. */
  commitDataIn(at: number, lengthBytes: number, place: DataInPlace): void {
    this.#writeDataIn(this.#outbox.bytes, at, lengthBytes, place);
    this.#outbox.commit(at, this.#wireLength(lengthBytes));
  }

  /** Keeps a reservation until its data has been read. */
  pinDataIn(at: number, lengthBytes: number): PinnedRegion {
    return this.#outbox.pin(at, this.#wireLength(lengthBytes));
  }

  /** Sends a kept PDU. */
  commitPinnedDataIn(region: PinnedRegion, lengthBytes: number, place: DataInPlace): void {
    this.#writeDataIn(region.slab.bytes, region.offset, lengthBytes, place);
    this.#outbox.unpin(region, true);
  }

  /** Gives a kept PDU up. */
  dropPinnedDataIn(region: PinnedRegion): void {
    this.#outbox.unpin(region, false);
  }

  /** Asks for data (RFC 7143 §11.8). */
  sendR2t(task: Task, tag: number, r2tSn: number, offset: number, lengthBytes: number): void {
    const header = this.#r2t;
    header.lunHigh = task.lunHigh;
    header.lunLow = task.lunLow;
    header.initiatorTaskTag = task.initiatorTaskTag;
    header.targetTransferTag = tag;
    // RFC 7143 §11.8.3: StatSN is the next one, and not used up.
    header.statSn = this.#numbering.statSn;
    header.expCmdSn = this.#numbering.expCmdSn;
    header.maxCmdSn = this.#numbering.maxCmdSn;
    header.r2tSn = r2tSn;
    header.bufferOffset = offset;
    header.desiredDataTransferLength = lengthBytes;
    const at = this.#outbox.reserve(this.#wireLength(0));
    writeR2t(this.#outbox.bytes, at, header);
    this.#seal(this.#outbox.bytes, at, 0);
    this.#outbox.commit(at, this.#wireLength(0));
  }

  /** Ends a command with a status of its own (RFC 7143 §11.4). `sense` becomes the data segment, after its length. */
  sendScsiResponse(
    task: Task,
    status: number,
    statusQualifier: number,
    residual: Residual,
    sense: Uint8Array | undefined,
  ): void {
    const lengthBytes = sense === undefined ? 0 : 2 + sense.length;
    const header = this.#response;
    header.status = status;
    header.statusQualifier = statusQualifier;
    header.flags = residual.flags;
    header.residualCount = residual.count;
    header.dataLength = lengthBytes;
    header.initiatorTaskTag = task.initiatorTaskTag;
    // RFC 7143 §11.4.8: how many Data-In PDUs the command had; R2Ts do not count.
    header.expDataSn = task.read ? task.numberedPdus : 0;
    task.statSn ??= this.#numbering.takeStatSn();
    header.statSn = task.statSn;
    header.snackTag = task.snackTag;
    header.expCmdSn = this.#numbering.expCmdSn;
    header.maxCmdSn = this.#numbering.maxCmdSn;
    const at = this.#outbox.reserve(this.#wireLength(lengthBytes));
    const bytes = this.#outbox.bytes;
    writeScsiResponse(bytes, at, header);
    if (sense !== undefined) {
      const data = at + this.#dataOffset();
      bytes[data] = sense.length >>> 8;
      bytes[data + 1] = sense.length & 0xff;
      bytes.set(sense, data + 2);
    }
    this.#seal(bytes, at, lengthBytes);
    const wireLength = this.#wireLength(lengthBytes);
    this.#outbox.commit(at, wireLength);
    this.recovery?.remember(header.statSn, bytes.slice(at, at + wireLength), task);
  }

  #writeDataIn(bytes: Uint8Array, at: number, lengthBytes: number, place: DataInPlace): void {
    const { task, residual } = place;
    const header = this.#dataIn;
    header.final = place.final;
    header.hasStatus = residual !== undefined;
    header.overflow = residual?.flags === ResidualFlag.OVERFLOW;
    header.underflow = residual?.flags === ResidualFlag.UNDERFLOW;
    header.residualCount = residual?.count ?? 0;
    header.dataLength = lengthBytes;
    header.lunHigh = task.lunHigh;
    header.lunLow = task.lunLow;
    header.initiatorTaskTag = task.initiatorTaskTag;
    // RFC 7143 §11.7.4: without the A bit the target transfer tag is FFFFFFFFh. §11.7: StatSN only with the S bit.
    header.acknowledge = place.acknowledgeTag !== NO_TTT;
    header.targetTransferTag = place.acknowledgeTag;
    header.statSn = residual === undefined ? 0 : this.#numbering.takeStatSn();
    header.expCmdSn = this.#numbering.expCmdSn;
    header.maxCmdSn = this.#numbering.maxCmdSn;
    header.dataSn = place.dataSn;
    header.bufferOffset = place.bufferOffset;
    writeDataIn(bytes, at, header);
    this.#seal(bytes, at, lengthBytes);
  }

  /** Padding and digests of a PDU whose header and data are in place. */
  #seal(bytes: Uint8Array, at: number, lengthBytes: number): void {
    if (this.headerDigest) {
      writeDigest(bytes, at + BHS_LENGTH, crc32c(bytes.subarray(at, at + BHS_LENGTH)));
    }
    if (lengthBytes === 0) return;
    const start = at + this.#dataOffset();
    const padded = padTo4(lengthBytes);
    for (let i = lengthBytes; i < padded; i++) bytes[start + i] = 0;
    if (this.dataDigest) writeDigest(bytes, start + padded, crc32c(bytes.subarray(start, start + padded)));
  }

  #dataOffset(): number {
    return this.headerDigest ? BHS_LENGTH + DIGEST_LENGTH : BHS_LENGTH;
  }

  #wireLength(lengthBytes: number): number {
    const digest = this.dataDigest && lengthBytes > 0 ? DIGEST_LENGTH : 0;
    return this.#dataOffset() + padTo4(lengthBytes) + digest;
  }
}

function padTo4(lengthBytes: number): number {
  return (lengthBytes + 3) & ~3;
}

/** Digests go on the wire low byte first (T-K9). */
function writeDigest(bytes: Uint8Array, at: number, digest: number): void {
  bytes[at] = digest;
  bytes[at + 1] = digest >>> 8;
  bytes[at + 2] = digest >>> 16;
  bytes[at + 3] = digest >>> 24;
}

function newDataInHeader(): DataInHeader {
  return {
    final: false,
    acknowledge: false,
    overflow: false,
    underflow: false,
    hasStatus: false,
    status: 0,
    dataLength: 0,
    lunHigh: 0,
    lunLow: 0,
    initiatorTaskTag: 0,
    targetTransferTag: NO_TTT,
    statSn: 0,
    expCmdSn: 0,
    maxCmdSn: 0,
    dataSn: 0,
    bufferOffset: 0,
    residualCount: 0,
  };
}

function newR2tHeader(): R2tHeader {
  return {
    lunHigh: 0,
    lunLow: 0,
    initiatorTaskTag: 0,
    targetTransferTag: 0,
    statSn: 0,
    expCmdSn: 0,
    maxCmdSn: 0,
    r2tSn: 0,
    bufferOffset: 0,
    desiredDataTransferLength: 0,
  };
}

function newResponseHeader(): ScsiResponseHeader {
  return {
    response: 0,
    status: 0,
    statusQualifier: 0,
    flags: 0,
    dataLength: 0,
    initiatorTaskTag: 0,
    snackTag: 0,
    statSn: 0,
    expCmdSn: 0,
    maxCmdSn: 0,
    expDataSn: 0,
    bidirectionalResidualCount: 0,
    residualCount: 0,
  };
}
