import {
  decodePdu,
  NO_TTT,
  Opcode,
  readDataIn,
  readR2t,
  readScsiResponse,
  readU32,
  RESERVED_TAG,
  ResidualFlag,
  ScsiResponseCode,
  splitSense,
  TaskManagementFunction,
  type AsyncMessagePdu,
  type DataInHeader,
  type FrameHeader,
  type NopInPdu,
  type R2tHeader,
  type RejectPdu,
  type ScsiResponseHeader,
  type TargetPdu,
} from '@lunbox/iscsi-pdu';
import { parseSense } from '@lunbox/scsi';
import createDebug from 'debug';
import { headerBytes, type Connection, type Phase } from './connection.ts';
import { DataTransfer } from './data-transfer.ts';
import { InitiatorError, protocolError } from './errors.ts';
import { checkTaskManagement, Exchanges, type TaskManagementRequest } from './exchanges.ts';
import type { Numbering } from './numbering.ts';
import type { SessionParameters } from './parameters.ts';
import type { ScsiRequest, ScsiResult } from './request.ts';
import { Task, type TaskOwner } from './task.ts';

const log = createDebug('lunbox:iscsi-initiator:full-feature');

/** What full feature phase tells its session. */
export interface FullFeatureEvents extends TaskOwner {
  /** The window may have opened. */
  windowMoved(): void;
  /** The target sent an Asynchronous Message (RFC 7143 §11.9). */
  asyncMessage(message: AsyncMessagePdu): void;
}

/** Full feature phase of a session's one connection. */
export class FullFeature implements Phase {
  readonly parameters: SessionParameters;
  readonly connection: Connection;
  readonly exchanges: Exchanges;
  readonly #numbering: Numbering;
  readonly #events: FullFeatureEvents;
  readonly #transfer: DataTransfer;
  readonly #tasks = new Map<number, Task>();
  readonly #dataIn = {} as DataInHeader;
  readonly #r2t = {} as R2tHeader;
  readonly #response = {} as ScsiResponseHeader;
  /** The data of the Data-In PDU in hand goes straight to its task. */
  #placed = false;
  #nextTag = 1;

  constructor(
    connection: Connection,
    numbering: Numbering,
    parameters: SessionParameters,
    events: FullFeatureEvents,
  ) {
    this.connection = connection;
    this.parameters = parameters;
    this.#numbering = numbering;
    this.#events = events;
    this.#transfer = new DataTransfer(connection.outbox, numbering, parameters);
    this.exchanges = new Exchanges(connection.outbox, numbering, () => this.#newTag());
  }

  /** True when a command may be sent. */
  get windowOpen(): boolean {
    return this.#numbering.windowOpen;
  }

  start(): void {
    const { outbox, framer } = this.connection;
    outbox.headerDigest = framer.headerDigest = this.parameters.headerDigest;
    outbox.dataDigest = framer.dataDigest = this.parameters.dataDigest;
    framer.maxDataSegmentLength = this.parameters.maxReceiveSegmentBytes;
  }

  /** Sends a command. The window must be open. */
  submit(request: ScsiRequest): Task {
    const task = new Task(this.#events, request, this.#newTag(), this.#numbering.takeCmdSn());
    this.#tasks.set(task.initiatorTaskTag, task);
    this.#transfer.start(task);
    return task;
  }

  /** Aborts one command; it ends by itself when it was faster (RFC 7143 §11.5.1, ABORT TASK). */
  async abort(task: Task): Promise<void> {
    await this.exchanges.manage({ function: TaskManagementFunction.ABORT_TASK }, task);
    this.#drop(task);
  }

  /** Does a task management function; the commands that it ends are told so (RFC 7143 §4.2.3.3). */
  async manage(request: TaskManagementRequest): Promise<void> {
    const before = [...this.#tasks.values()];
    checkTaskManagement(await this.exchanges.manage(request));
    const ofUnit = UNIT_FUNCTIONS.has(request.function);
    if (!ofUnit && !TARGET_FUNCTIONS.has(request.function)) return;
    for (const task of before) {
      if (!ofUnit || task.request.lun === (request.lun ?? 0)) this.#drop(task);
    }
  }

  onHeader(header: FrameHeader): Uint8Array | undefined {
    if (header.opcode !== Opcode.DATA_IN) return undefined;
    readDataIn(header.bytes, header.offset, this.#dataIn);
    const task = this.#tasks.get(this.#dataIn.initiatorTaskTag);
    const place = task === undefined ? undefined : this.#transfer.placeDataIn(task, this.#dataIn);
    this.#placed = place !== undefined;
    return place;
  }

  onPdu(header: FrameHeader, data: Uint8Array, dataDigestOk: boolean): void {
    // RFC 7143 §7.8: without error recovery there is nobody to ask for the data again.
    if (!dataDigestOk) throw new InitiatorError({ code: 'INITIATOR_DIGEST', part: 'data' });
    // RFC 7143 §11.2.1.2: this bit says that a PDU comes from a target.
    if ((header.opcode & TARGET_OPCODE) === 0) throw protocolError(`opcode ${header.opcode} from a target`);
    switch (header.opcode) {
      case Opcode.DATA_IN:
        this.#onDataIn(data);
        break;
      case Opcode.SCSI_RESPONSE:
        this.#onScsiResponse(header, data);
        break;
      case Opcode.R2T:
        this.#onR2t(header);
        break;
      default:
        this.#onOther(decodePdu(headerBytes(header), data) as TargetPdu);
    }
  }

  closed(error: InitiatorError): void {
    const tasks = [...this.#tasks.values()];
    this.#tasks.clear();
    for (const task of tasks) task.lost(error);
    this.exchanges.failAll(error);
  }

  #onDataIn(data: Uint8Array): void {
    const header = this.#dataIn;
    this.#numbered(header.hasStatus ? header.statSn : undefined, header.expCmdSn, header.maxCmdSn);
    const task = this.#tasks.get(header.initiatorTaskTag);
    // A late PDU of a command that has been aborted.
    if (task === undefined) return;
    if (!this.#placed) this.#transfer.storeDataIn(task, header.bufferOffset, data);
    if (header.hasStatus) this.#end(task, resultOf(task, header.status, header, undefined));
    this.#events.windowMoved();
  }

  #onScsiResponse(frame: FrameHeader, data: Uint8Array): void {
    const header = this.#response;
    readScsiResponse(frame.bytes, frame.offset, header);
    this.#numbered(header.statSn, header.expCmdSn, header.maxCmdSn);
    const task = this.#tasks.get(header.initiatorTaskTag);
    if (task === undefined) return;
    if (header.response !== ScsiResponseCode.COMMAND_COMPLETED) {
      const { response } = header;
      this.#end(task, new InitiatorError({ code: 'INITIATOR_TARGET_FAILURE', response }));
    } else {
      const underflow = (header.flags & ResidualFlag.UNDERFLOW) !== 0;
      const overflow = (header.flags & ResidualFlag.OVERFLOW) !== 0;
      const residual = { underflow, overflow, residualCount: header.residualCount };
      this.#end(task, resultOf(task, header.status, residual, splitSense(data).sense));
    }
    this.#events.windowMoved();
  }

  #onR2t(frame: FrameHeader): void {
    readR2t(frame.bytes, frame.offset, this.#r2t);
    this.#numbered(undefined, this.#r2t.expCmdSn, this.#r2t.maxCmdSn);
    const task = this.#tasks.get(this.#r2t.initiatorTaskTag);
    if (task !== undefined && !task.ended) this.#transfer.answerR2t(task, this.#r2t);
    this.#events.windowMoved();
  }

  #onOther(pdu: TargetPdu): void {
    // A NOP-In that we did not ask for carries the next StatSN without using it up (RFC 7143 §11.19.1).
    const unsolicited = pdu.type === 'nop-in' && pdu.initiatorTaskTag === RESERVED_TAG;
    this.#numbered(unsolicited ? undefined : pdu.statSn, pdu.expCmdSn, pdu.maxCmdSn);
    if (pdu.type === 'reject') this.#onReject(pdu);
    else if (pdu.type === 'async-message') this.#events.asyncMessage({ ...pdu, data: pdu.data.slice() });
    else if (unsolicited) this.#onPing(pdu);
    else if ('initiatorTaskTag' in pdu && !this.exchanges.answered(pdu.initiatorTaskTag, pdu)) {
      log('%s for tag %d, which nobody waits for', pdu.type, pdu.initiatorTaskTag);
    }
    this.#events.windowMoved();
  }

  #onPing(pdu: NopInPdu): void {
    // T-K2: only a ping with a valid Target Transfer Tag asks for an answer.
    if (pdu.targetTransferTag !== NO_TTT) {
      this.exchanges.pong(pdu.lun.slice(), pdu.targetTransferTag, pdu.data.slice());
    }
  }

  /** RFC 7143 §11.17: the data segment is the header of what was rejected. */
  #onReject(pdu: RejectPdu): void {
    const error = new InitiatorError({ code: 'INITIATOR_REJECTED', reason: pdu.reason });
    const tag = pdu.data.length >= 20 ? readU32(pdu.data, 16) : RESERVED_TAG;
    const task = this.#tasks.get(tag);
    if (task !== undefined) this.#end(task, error);
    else if (!this.exchanges.failOne(tag, error)) log('%s', error.message);
  }

  #numbered(statSn: number | undefined, expCmdSn: number, maxCmdSn: number): void {
    if (statSn !== undefined && !this.#numbering.acknowledge(statSn)) {
      throw protocolError(`StatSN ${statSn}, not ${this.#numbering.expStatSn}`);
    }
    this.#numbering.update(expCmdSn, maxCmdSn);
  }

  #drop(task: Task): void {
    if (!task.ended) this.#end(task, new InitiatorError({ code: 'INITIATOR_ABORTED' }));
  }

  #end(task: Task, outcome: ScsiResult | InitiatorError): void {
    this.#tasks.delete(task.initiatorTaskTag);
    task.end(outcome);
  }

  /** Initiator Task Tags are unique among what is outstanding (RFC 7143 §11.2.1.8). */
  #newTag(): number {
    do this.#nextTag = (this.#nextTag + 1) & 0x7fffffff;
    while (this.#tasks.has(this.#nextTag));
    return this.#nextTag;
  }
}

const TARGET_OPCODE = 0x20;

const UNIT_FUNCTIONS = new Set<number>([
  TaskManagementFunction.ABORT_TASK_SET,
  TaskManagementFunction.CLEAR_TASK_SET,
  TaskManagementFunction.LOGICAL_UNIT_RESET,
]);

const TARGET_FUNCTIONS = new Set<number>([
  TaskManagementFunction.TARGET_WARM_RESET,
  TaskManagementFunction.TARGET_COLD_RESET,
  TaskManagementFunction.I_T_NEXUS_RESET,
]);

interface ResidualFields {
  readonly underflow: boolean;
  readonly overflow: boolean;
  readonly residualCount: number;
}

function resultOf(
  task: Task,
  status: number,
  residual: ResidualFields,
  sense: Uint8Array | undefined,
): ScsiResult {
  const sign = residual.underflow ? 1 : residual.overflow ? -1 : 0;
  return {
    status,
    receivedBytes: task.receivedBytes,
    residualBytes: sign * residual.residualCount,
    sense: sense === undefined ? undefined : parseSense(sense),
  };
}
