import type { Clock } from '@lunbox/block';
import {
  decodePdu,
  NO_TTT,
  Opcode,
  readDataIn,
  readR2t,
  readScsiResponse,
  readU32,
  RejectReason,
  RESERVED_TAG,
  ScsiResponseCode,
  SnackType,
  splitSense,
  TaskManagementFunction,
  TaskManagementResult,
  type AsyncMessagePdu,
  type DataInHeader,
  type FrameHeader,
  type NopInPdu,
  type R2tHeader,
  type RejectPdu,
  type ScsiResponseHeader,
  type TargetPdu,
} from '@lunbox/iscsi-pdu';
import createDebug from 'debug';
import { CommandRetry } from './command-retry.ts';
import { headerBytes, type Connection, type Phase } from './connection.ts';
import { DataTransfer } from './data-transfer.ts';
import { connectionLost, formatError, InitiatorError, protocolError } from './errors.ts';
import { Exchanges } from './exchanges.ts';
import { Keepalive } from './keepalive.ts';
import type { Numbering } from './numbering.ts';
import type { SessionParameters } from './parameters.ts';
import type { ScsiRequest } from './request.ts';
import { Retransmission } from './retransmission.ts';
import { DEFAULT_COMMAND_TIMEOUT_MS, type SessionOptions } from './session-options.ts';
import { resultOf, statusFields } from './task-result.ts';
import { TaskTable } from './task-table.ts';
import { Task, type TaskOwner } from './task.ts';

const log = createDebug('lunbox:iscsi-initiator:full-feature');

const TARGET_OPCODE = 0x20;
/** The low bits of byte 1 of a SNACK. */
const SNACK_TYPE = 0x0f;
/** Where every numbered PDU of a target has its StatSN. */
const STAT_SN_OFFSET = 24;

/** What full feature phase tells its session. */
export interface FullFeatureEvents extends TaskOwner {
  /** The window may have opened. */
  windowMoved(): void;
  /** The target sent an Asynchronous Message (RFC 7143 §11.9). */
  asyncMessage(message: AsyncMessagePdu, connection: FullFeature): void;
}

/** What a connection brings into full feature phase. */
export interface FullFeatureParts {
  readonly connection: Connection;
  readonly cid: number;
  readonly numbering: Numbering;
  readonly parameters: SessionParameters;
  readonly events: FullFeatureEvents;
  /** Makes an Initiator Task Tag that nothing else of the session has. */
  readonly newTag: () => number;
  readonly options: SessionOptions;
  readonly clock: Clock;
}

/** A command whose immediate data is rejected more often than this for its digest is not sent again. */
const MAX_DIGEST_REJECTS = 5;

/** Full feature phase of one connection of a session. */
export class FullFeature implements Phase {
  readonly cid: number;
  readonly parameters: SessionParameters;
  readonly connection: Connection;
  readonly exchanges: Exchanges;
  /** The commands that are allegiant to this connection. */
  readonly tasks: TaskTable;
  readonly transfer: DataTransfer;
  /** Its logout is under way, or waits for its commands: to be asked for it again changes nothing. */
  leaving = false;
  readonly #numbering: Numbering;
  readonly #newTag: () => number;
  readonly #events: FullFeatureEvents;
  readonly #keepalive: Keepalive;
  /** From ErrorRecoveryLevel 1 on. */
  readonly #retransmission: Retransmission | undefined;
  readonly #retry: CommandRetry | undefined;
  readonly #dataIn = {} as DataInHeader;
  readonly #r2t = {} as R2tHeader;
  readonly #response = {} as ScsiResponseHeader;
  /** The task that the data of the Data-In PDU in hand goes straight to. */
  #filling: Task | undefined = undefined;

  constructor({ connection, cid, numbering, parameters, events, newTag, options, clock }: FullFeatureParts) {
    this.connection = connection;
    this.cid = cid;
    this.parameters = parameters;
    this.#numbering = numbering;
    this.#events = events;
    this.#newTag = newTag;
    this.#keepalive = new Keepalive(options);
    const { outbox } = connection;
    const timeoutMs = options.commandTimeoutMs ?? DEFAULT_COMMAND_TIMEOUT_MS;
    this.exchanges = new Exchanges({ outbox, numbering, parameters, clock, timeoutMs, newTag });
    if (parameters.errorRecoveryLevel > 0) this.#retransmission = new Retransmission(outbox, numbering);
    this.tasks = new TaskTable(this.#retransmission);
    if (this.#retransmission !== undefined) {
      this.#retry = new CommandRetry(numbering.window, this.exchanges, this.tasks, (task) => {
        this.transfer.start(task);
      });
    }
    this.transfer = new DataTransfer(outbox, numbering, parameters, this.#retransmission);
  }

  /** What this connection has acknowledged. */
  get expStatSn(): number {
    return this.#numbering.expStatSn;
  }

  start(): void {
    const { outbox, framer } = this.connection;
    outbox.headerDigest = framer.headerDigest = this.parameters.headerDigest;
    outbox.dataDigest = framer.dataDigest = this.parameters.dataDigest;
    framer.maxDataSegmentLength = this.parameters.maxReceiveSegmentBytes;
  }

  /** Sends a command. The window must be open. */
  submit(request: ScsiRequest): Task {
    const task = new Task(this.#events, request, this.#newTag(), this.#numbering.window.take());
    this.reissue(task);
    return task;
  }

  /** Sends a command that the target does not have, under its own CmdSN and Initiator Task Tag. */
  reissue(task: Task): void {
    this.#adopt(task);
    task.begin();
    this.transfer.start(task);
  }

  /**
   * Goes on with a command whose connection is gone and logged out (RFC 7143 §7.2.2). Rejects when this connection is
   * lost, too: the command is then in the same case again.
   */
  async reassign(task: Task): Promise<void> {
    this.#adopt(task);
    const request = { function: TaskManagementFunction.TASK_REASSIGN };
    const { response } = await this.exchanges.manage(request, task, task.nextDataSn);
    if (response === TaskManagementResult.FUNCTION_COMPLETE || task.connection !== this) return;
    log('task %d is not reassigned: response %d', task.initiatorTaskTag, response);
    this.tasks.end(task, connectionLost(`TASK REASSIGN was answered with ${response}`));
  }

  /** Aborts one command; it ends by itself when it was faster (RFC 7143 §11.5.1, ABORT TASK). */
  async abort(task: Task): Promise<void> {
    await this.exchanges.manage({ function: TaskManagementFunction.ABORT_TASK }, task);
    if (task.connection === this) this.tasks.drop(task);
  }

  /** Time passes: a silent target is pinged, what is missing for too long is asked for, or sent, again. */
  tick(nowMs: number): void {
    this.#keepalive.tick(this, nowMs);
    if (this.#retransmission === undefined || this.connection.ended) return;
    try {
      this.#retransmission.statuses.tick(nowMs);
    } catch (error) {
      return this.connection.fail(error as InitiatorError);
    }
    this.#retry?.tick();
  }

  onHeader(header: FrameHeader): Uint8Array | undefined {
    if (header.opcode !== Opcode.DATA_IN) return undefined;
    readDataIn(header.bytes, header.offset, this.#dataIn);
    const task = this.tasks.get(this.#dataIn.initiatorTaskTag);
    const place = task === undefined ? undefined : this.transfer.placeDataIn(task, this.#dataIn);
    if (place === undefined) return undefined;
    // Whatever ends the task meanwhile, its buffers are in use until the PDU is here.
    this.#filling = task;
    task?.lend();
    return place;
  }

  onPdu(header: FrameHeader, data: Uint8Array, dataDigestOk: boolean): void {
    // RFC 7143 §11.2.1.2: this bit says that a PDU comes from a target.
    if ((header.opcode & TARGET_OPCODE) === 0) throw formatError(`opcode ${header.opcode} from a target`);
    if (dataDigestOk) this.#onSound(header, data);
    else this.#onSpoilt(header);
    this.#filled();
  }

  #onSound(header: FrameHeader, data: Uint8Array): void {
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

  /** The session decides about the commands. */
  closed(error: InitiatorError): void {
    this.#filled();
    this.exchanges.failAll(error);
  }

  #filled(): void {
    const task = this.#filling;
    this.#filling = undefined;
    task?.returned();
  }

  #adopt(task: Task): void {
    task.connection = this;
    this.tasks.add(task);
  }

  /** RFC 7143 §7.8: a PDU with a wrong data digest is discarded; without error recovery nobody can be asked for it. */
  #onSpoilt(frame: FrameHeader): void {
    const retransmission = this.#retransmission;
    if (retransmission === undefined) throw new InitiatorError({ code: 'INITIATOR_DIGEST', part: 'data' });
    const tag = readU32(frame.bytes, frame.offset + 16);
    log('a wrong data digest, opcode %d, tag %d', frame.opcode, tag);
    if (frame.opcode === Opcode.DATA_IN) {
      const task = this.tasks.get(tag);
      if (task !== undefined) retransmission.spoiltDataIn(task, this.#dataIn);
      else if (this.#dataIn.hasStatus) retransmission.statuses.discarded(this.#dataIn.statSn);
    } else if (frame.opcode !== Opcode.NOP_IN || tag !== RESERVED_TAG) {
      retransmission.statuses.discarded(readU32(frame.bytes, frame.offset + STAT_SN_OFFSET));
    }
  }

  #onDataIn(data: Uint8Array): void {
    const header = this.#dataIn;
    const { hasStatus, statSn } = header;
    let newStatus = hasStatus && this.#takeStatus(statSn);
    this.#numbering.window.update(header.expCmdSn, header.maxCmdSn);
    const task = this.tasks.get(header.initiatorTaskTag);
    if (task === undefined) {
      // A late PDU of a command that has been aborted.
      if (newStatus) this.tasks.settle(statSn);
      return;
    }
    const isNew = this.transfer.takeDataIn(task, header);
    if (isNew && this.#filling === undefined) this.transfer.storeDataIn(task, header.bufferOffset, data);
    if (header.acknowledge) this.#retransmission?.acknowledgeData(task, header);
    if (newStatus && task.awaitsTag) {
      this.#retransmission?.statuses.reopen(statSn);
      newStatus = false;
    }
    if (newStatus) {
      if (task.lacksData) this.tasks.hold(task, statSn, { ...header }, undefined);
      else this.tasks.end(task, resultOf(task, header, undefined), statSn);
    } else if (task.holes !== undefined) this.tasks.filled(task);
    this.#events.windowMoved();
  }

  #onScsiResponse(frame: FrameHeader, data: Uint8Array): void {
    const header = this.#response;
    readScsiResponse(frame.bytes, frame.offset, header);
    const { statSn, response } = header;
    const task = this.tasks.get(header.initiatorTaskTag);
    const isNew = !(task !== undefined && this.#isSuperseded(task, header)) && this.#takeStatus(statSn);
    this.#numbering.window.update(header.expCmdSn, header.maxCmdSn);
    if (!isNew) return;
    if (task === undefined) this.tasks.settle(statSn);
    else if (response !== ScsiResponseCode.COMMAND_COMPLETED) {
      this.tasks.end(task, new InitiatorError({ code: 'INITIATOR_TARGET_FAILURE', response }), statSn);
    } else {
      const fields = statusFields(header, this.parameters);
      const { sense } = splitSense(data);
      // RFC 7143 §7.9: ExpDataSN tells of data that was sent last and is missing.
      const reads = task.request.read !== undefined;
      if (reads && !task.dataLost) this.#retransmission?.numberedBefore(task, header.expDataSn);
      if (reads && (task.lacksData || task.dataLost)) {
        this.tasks.hold(task, statSn, fields, sense?.slice());
      } else this.tasks.end(task, resultOf(task, fields, sense), statSn);
    }
    this.#events.windowMoved();
  }

  /**
   * True when another response takes the place of this one, under the same StatSN: an R-Data SNACK is on its way, or
   * goes out now, since data is missing that was cut for another segment length (RFC 7143 §11.16.3).
   */
  #isSuperseded(task: Task, { statSn, snackTag, expDataSn }: ScsiResponseHeader): boolean {
    const retransmission = this.#retransmission;
    const again = task.resegmented || task.snackTag !== 0;
    if (retransmission === undefined || !again || task.dataLost) return false;
    const isAnswer = snackTag === task.snackTag;
    const isCutAnew = !task.resegmented && !task.restarting;
    if (isAnswer && (isCutAnew || expDataSn <= task.nextDataSn)) return false;
    retransmission.statuses.postponed(statSn);
    if (isAnswer) retransmission.restart(task);
    return true;
  }

  #onR2t(frame: FrameHeader): void {
    const header = this.#r2t;
    readR2t(frame.bytes, frame.offset, header);
    this.#retransmission?.statuses.sentBefore(header.statSn);
    this.#numbering.window.update(header.expCmdSn, header.maxCmdSn);
    const task = this.tasks.get(header.initiatorTaskTag);
    if (task !== undefined && !task.ended) this.transfer.answerR2t(task, header);
    this.#events.windowMoved();
  }

  #onOther(pdu: TargetPdu): void {
    // A NOP-In that we did not ask for carries the next StatSN without using it up (RFC 7143 §11.19.1).
    const unsolicited = pdu.type === 'nop-in' && pdu.initiatorTaskTag === RESERVED_TAG;
    const isNew = unsolicited || this.#takeStatusInTurn(pdu);
    if (unsolicited) this.#retransmission?.statuses.sentBefore(pdu.statSn);
    this.#numbering.window.update(pdu.expCmdSn, pdu.maxCmdSn);
    if (isNew && !unsolicited) this.tasks.settle(pdu.statSn);
    if (!isNew) return;
    if (pdu.type === 'reject') this.#onReject(pdu);
    else if (pdu.type === 'async-message')
      this.#events.asyncMessage({ ...pdu, data: pdu.data.slice() }, this);
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
  #onReject({ reason, data }: RejectPdu): void {
    const error = new InitiatorError({ code: 'INITIATOR_REJECTED', reason });
    log('%s', error.message);
    if (data.length < 20) return;
    const opcode = (data[0] as number) & 0x3f;
    const tag = readU32(data, 16);
    const task = this.tasks.get(tag);
    if (opcode === Opcode.SNACK) this.#onSnackRejected((data[1] as number) & SNACK_TYPE, task, error);
    else if (task === undefined) this.exchanges.failOne(tag, error);
    else if (opcode === Opcode.SCSI_COMMAND) this.#onCommandRejected(task, error);
    // RFC 7143 §7.3: the rejection of any other PDU of a command does not end it; its response is still to come.
  }

  /** The target does not send again what is missing: that ends the command, or the connection with a status. */
  #onSnackRejected(snackType: number, task: Task | undefined, error: InitiatorError): void {
    if (snackType === SnackType.STATUS) this.connection.fail(error);
    else if (task !== undefined && (task.lacksData || task.awaitsTag)) {
      task.dataLost = true;
      this.tasks.filled(task);
    }
  }

  /** RFC 7143 §7.3: the command has not been received, and the gap that its CmdSN leaves has to be filled. */
  #onCommandRejected(task: Task, error: InitiatorError): void {
    const digest = (error.detail as { reason: number }).reason === RejectReason.DATA_DIGEST_ERROR;
    const again = digest && this.#retransmission !== undefined && task.digestRejects < MAX_DIGEST_REJECTS;
    if (again) {
      task.digestRejects++;
      return this.transfer.start(task);
    }
    this.tasks.end(task, error);
    if (this.#numbering.window.acknowledged(task.cmdSn)) return;
    // RFC 7143 §11.6.1: an ABORT TASK for a command that the target does not have stands in for it.
    this.exchanges.manage({ function: TaskManagementFunction.ABORT_TASK }, task).catch(() => undefined);
  }

  /** True when the status is new; without error recovery a missing one ends the connection. */
  #takeStatus(statSn: number): boolean {
    if (this.#retransmission !== undefined) return this.#retransmission.statuses.arrived(statSn);
    if (this.#numbering.acknowledge(statSn)) return true;
    throw protocolError(`StatSN ${statSn}, not ${this.#numbering.expStatSn}`);
  }

  /** What tells of ended commands must not overtake their statuses; one of the two is acknowledged at once, too. */
  #takeStatusInTurn({ type, statSn }: TargetPdu): boolean {
    const statuses = this.#retransmission?.statuses;
    const inTurn = type === 'task-management-response' || type === 'async-message';
    if (!inTurn || statuses === undefined || statuses.isNext(statSn)) return this.#takeStatus(statSn);
    statuses.postponed(statSn);
    return false;
  }
}
